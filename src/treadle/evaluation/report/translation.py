"""The report about a translator: scores by length of the source, the worst sentences, a picture of attention."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from treadle.evaluation.intervals import bootstrap_interval
from treadle.evaluation.plots.attention import attention_map
from treadle.evaluation.report.content import LengthBins, Report, Section, SystemScores
from treadle.evaluation.report.html import Html, element, figure, join
from treadle.evaluation.scores import Estimate
from treadle.evaluation.translation import (
    PRIMARY,
    bleu_counts,
    bleu_of,
    compare_translations,
    exact,
    translation_scores,
)
from treadle.evaluation.wording import METRIC_LABELS

SHOWN_SENTENCES = 25
_LENGTH_BINS = 6
_LETTERS_SHOWN = 600


@dataclass(frozen=True)
class TranslatedSplit:
    """A part of the data.

    Attributes:
        sources: What was read.
        targets: What is true.
        places: Where each stands: "test.tsv, line 7".
        lengths: `[texts]` symbols of every source.
    """

    sources: Sequence[str]
    targets: Sequence[str]
    places: Sequence[str]
    lengths: npt.NDArray[np.int64]


@dataclass(frozen=True)
class TranslatingSystem:
    """A model or a baseline, with its translations of every split.

    Attributes:
        name: A few words.
        answers: Split name to what it said.
        description: One phrase on what it is.
        seconds: How long its training took, or None.
    """

    name: str
    answers: Mapping[str, Sequence[str]]
    description: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Looked:
    """A sentence whose attention is shown.

    Attributes:
        source: Its symbols.
        target: Those of the translation.
        weights: `[target, source]`.
        where: Where it stands.
    """

    source: Sequence[str]
    target: Sequence[str]
    weights: npt.NDArray[np.float32]
    where: str


def build_translation_report(
    title: str,
    splits: Mapping[str, TranslatedSplit],
    model: TranslatingSystem,
    *,
    sentences: bool,
    unspaced: bool,
    baseline: TranslatingSystem | None = None,
    floor: TranslatingSystem | None = None,
    looked: Sequence[Looked] = (),
    attention: Sequence[Html] | None = None,
    picture: Callable[[int], Html] | None = None,
    kind: str | None = None,
    **content: Any,
) -> Report:
    """Compute scores, verdict and results by length, and choose the sentences that are shown.

    The headline split is "test" where there is one, else the first.

    Args:
        title: Headline of the page.
        splits: The data, by split.
        model: The model, with answers for every split.
        sentences: Whether targets are sentences, or single words that are right or wrong as a whole.
        unspaced: Whether they are in a script without spaces.
        baseline: The baseline, with answers for the headline split at least.
        floor: A weaker one.
        looked: Sentences whose attention is shown.
        attention: What is shown of attention in their place.
        picture: What stands in the place of a source's text among the worst sentences.
        kind: What the model does; by default that it translates.
        **content: What else a `Report` holds: `summary`, `history`, `data_notes`, `config`, `commands`, `facts`.
    """
    shown = "test" if "test" in splits else next(iter(splits))
    split, said = splits[shown], model.answers[shown]
    beside = baseline.answers.get(shown) if baseline else None
    comparison = None
    if baseline is not None and beside is not None:
        how = {"sentences": sentences, "unspaced": unspaced}
        comparison = compare_translations(split.targets, said, beside, baseline.name, **how)

    def scored(system: TranslatingSystem | None) -> SystemScores | None:
        if system is None:
            return None
        scores = {
            name: translation_scores(splits[name].targets, given, unspaced) for name, given in system.answers.items()
        }
        return SystemScores(system.name, scores, system.description, system.seconds)

    of_model = scored(model)
    assert of_model is not None
    sections = [
        Section("attention", "Where it looks", _attention(looked) if attention is None else attention),
        Section(
            "sentences", "Worst sentences", worst_sentences(split, said, beside, sentences=sentences, picture=picture)
        ),
    ]
    return Report(
        title=title,
        kind=kind or ("Translation" if sentences else "One sequence to another"),
        metric=PRIMARY[sentences],
        model=of_model,
        split=shown,
        baseline=scored(baseline),
        floor=scored(floor),
        comparison=comparison,
        lengths=_length_bins(split, said, beside, sentences=sentences, unspaced=unspaced),
        unit="sentence" if sentences else "text",
        sections=[section for section in sections if section.parts],
        **content,
    )


def worst_sentences(
    split: TranslatedSplit,
    said: Sequence[str],
    beside: Sequence[str] | None,
    *,
    sentences: bool,
    picture: Callable[[int], Html] | None = None,
) -> list[Html]:
    """The translations that are furthest from the truth, by chrF of each, with source, truth and answer."""
    wrong = np.flatnonzero(~exact(split.targets, said))
    if not len(wrong):
        return []
    closeness = np.array([chrf_like(split.targets[row], said[row]) for row in wrong.tolist()])
    order = wrong[np.argsort(closeness, kind="stable")][:SHOWN_SENTENCES]
    entries = []
    for row in order.tolist():
        lines = {"source": split.sources[row], "truth": split.targets[row], "answer": said[row]}
        if beside is not None and sentences:
            lines["baseline"] = beside[row]
        parts = [element("p", element("span", split.places[row], class_="where"), class_="said")]
        if picture is not None:
            del lines["source"]
            parts.append(element("p", picture(row), class_="seen"))
        for name, text in lines.items():
            shown = text if len(text) <= _LETTERS_SHOWN else f"{text[:_LETTERS_SHOWN]} …"
            line = join([element("span", name, class_="side"), " ", shown])
            parts.append(element("p", line, class_="text", dir="auto"))
        entries.append(element("li", join(parts)))
    noun = "sentences" if sentences else "texts"
    note = f"{len(wrong):,} of {len(said):,} {noun} are not the truth to the letter; those furthest from it are shown."
    return [element("p", note, class_="legend"), element("ol", join(entries), class_="worst sentences")]


def chrf_like(true: str, given: str) -> float:
    """How many pairs and triples of letters two texts share, from 0 to 1, to put sentences in order.

    Example:
        >>> chrf_like("abc", "abc"), chrf_like("abc", "xyz")
        (1.0, 0.0)
    """
    shares = []
    for size in (2, 3):
        some, others = ({text[at : at + size] for at in range(max(1, len(text) - size + 1))} for text in (true, given))
        shares.append(2 * len(some & others) / (len(some) + len(others)))
    return sum(shares) / len(shares)


def _attention(looked: Sequence[Looked]) -> list[Html]:
    if not looked:
        return []
    legend = "A row for every symbol that was written, a column for every one that was read; the stronger, the more it "
    parts = [element("p", f"{legend}counted. Every row adds up to one.", class_="legend")]
    for one in looked:
        svg = attention_map(one.source, one.target, one.weights)
        parts.append(figure(svg, f"Attention for the sentence of {one.where}.", "Attention"))
    return parts


def _length_bins(
    split: TranslatedSplit, said: Sequence[str], beside: Sequence[str] | None, *, sentences: bool, unspaced: bool
) -> LengthBins | None:
    """Bins of about equally many texts; None where all are equally long or there are too few."""
    lengths = split.lengths
    if len(lengths) < 2 * _LENGTH_BINS:
        return None
    upper = np.unique(np.quantile(lengths, np.linspace(0, 1, _LENGTH_BINS + 1)[1:], method="inverted_cdf"))
    bin_of = np.searchsorted(upper, lengths)
    if len(np.unique(bin_of)) < 2:
        return None
    figure_of = bleu_of if sentences else _share
    ours, theirs = (
        None if given is None else _counts(split.targets, given, sentences=sentences, unspaced=unspaced)
        for given in (said, beside)
    )
    assert ours is not None
    labels, rows, values, others = [], [], [], []
    for number in np.unique(bin_of):
        chosen = bin_of == number
        low, high = int(lengths[chosen].min()), int(lengths[chosen].max())
        labels.append(str(low) if low == high else f"{low}–{high}")
        rows.append(int(chosen.sum()))
        interval = bootstrap_interval(figure_of, ours[chosen], resamples=200)
        values.append(Estimate(figure_of(ours[chosen]), *interval))
        if theirs is not None:
            others.append(figure_of(theirs[chosen]))
    return LengthBins(METRIC_LABELS[PRIMARY[sentences]], labels, rows, values, others or None)


def _counts(true: Sequence[str], given: Sequence[str], *, sentences: bool, unspaced: bool) -> npt.NDArray[np.float64]:
    return bleu_counts(true, given, unspaced) if sentences else exact(true, given).astype(np.float64)


def _share(right: npt.NDArray[np.float64]) -> float:
    return float(right.mean())
