"""The report about a recogniser: error rates, what was taken for what, and the worst recordings word by word."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treadle.evaluation.intervals import bootstrap_interval
from treadle.evaluation.report.content import LengthBins, Report, Section, SystemScores
from treadle.evaluation.report.html import Html, element, join, table
from treadle.evaluation.scores import Estimate
from treadle.evaluation.speech import RATES, Chunk, alignments, compare_speech, error_counts, rate, speech_scores
from treadle.evaluation.wording import METRIC_LABELS

SHOWN_RECORDINGS = 25
SHOWN_CONFUSIONS = 20
_LENGTH_BINS = 6


@dataclass(frozen=True)
class SpokenSplit:
    """A part of the data.

    Attributes:
        texts: What is said in every recording.
        seconds: How long each is.
        places: Where each stands: "train.csv, line 7".
    """

    texts: Sequence[str]
    seconds: Sequence[float]
    places: Sequence[str]


@dataclass(frozen=True)
class SpeechSystem:
    """A model or a baseline, with what it heard in every split.

    Attributes:
        name: A few words.
        answers: Split name to transcripts.
        description: One phrase on what it is.
        seconds: How long its training took, or None.
    """

    name: str
    answers: Mapping[str, Sequence[str]]
    description: str = ""
    seconds: float | None = None


def build_speech_report(
    title: str,
    splits: Mapping[str, SpokenSplit],
    model: SpeechSystem,
    *,
    metric: str = "wer",
    baseline: SpeechSystem | None = None,
    **content: Any,
) -> Report:
    """Compute scores, verdict and results by length, and choose the recordings that are shown.

    The headline split is "test" where there is one, else the first.

    Args:
        title: Headline of the page.
        splits: The data, by split.
        model: The model, with answers for every split.
        metric: "wer", or "cer" for languages without spaces: what model and baseline are compared by.
        baseline: The baseline, with answers for the headline split at least.
        **content: What else a `Report` holds: `summary`, `history`, `data_notes`, `config`, `commands`, `facts`.
    """
    shown = "test" if "test" in splits else next(iter(splits))
    split, heard = splits[shown], model.answers[shown]
    beside = baseline.answers.get(shown) if baseline else None
    aligned = alignments(split.texts, heard, RATES[metric])
    sections = [
        Section("confusions", "What was taken for what", _confusions(aligned, RATES[metric])),
        Section("recordings", "Recordings with mistakes", _worst(split, aligned, RATES[metric])),
    ]
    return Report(
        title=title,
        kind="Speech to text",
        metric=metric,
        model=_scores(splits, model),
        split=shown,
        baseline=_scores(splits, baseline) if baseline else None,
        comparison=compare_speech(split.texts, heard, beside, baseline.name, metric) if baseline and beside else None,
        lengths=_length_bins(split, heard, beside, metric),
        unit="recording",
        sections=[section for section in sections if section.parts],
        **content,
    )


def _scores(splits: Mapping[str, SpokenSplit], system: SpeechSystem) -> SystemScores:
    scores = {split: speech_scores(splits[split].texts, heard) for split, heard in system.answers.items()}
    return SystemScores(system.name, scores, system.description, system.seconds)


def _confusions(aligned: Sequence[Sequence[Chunk]], part: str) -> list[Html]:
    """The commonest errors of single words."""
    counts: Counter[tuple[str, str]] = Counter()
    for chunk in (chunk for chunks in aligned for chunk in chunks if chunk.kind != "equal"):
        long = max(len(chunk.said), len(chunk.heard))
        said, heard = ([*words, *[""] * (long - len(words))] for words in (chunk.said, chunk.heard))
        counts.update(zip(said, heard, strict=True))
    if not counts:
        return []
    rows = [[one or "(nothing)", other or "(nothing)", f"{count:,}"] for (one, other), count in _commonest(counts)]
    name = "words" if part == "word" else "characters"
    return [table(f"The commonest errors of single {name}", ["Said", "Heard", "Times"], rows, numeric_from=2)]


def _commonest(counts: Counter[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN_CONFUSIONS]


def _worst(split: SpokenSplit, aligned: Sequence[Sequence[Chunk]], part: str) -> list[Html]:
    """A legend, and the recordings with the most errors, truth above answer."""
    errors = [sum(chunk.errors for chunk in chunks) for chunks in aligned]
    order = sorted((row for row, count in enumerate(errors) if count), key=lambda row: -errors[row])
    if not order:
        return []
    legend = f"{len(order):,} of {len(errors):,} recordings have a mistake; "
    legend += "those with the most are shown. " if len(order) > SHOWN_RECORDINGS else "these. "
    legend += "Marked: what was said and not heard so, and what was heard instead; – stands for nothing."
    entries = [element("li", _entry(split, aligned[row], row, errors[row], part)) for row in order[:SHOWN_RECORDINGS]]
    return [element("p", legend, class_="legend"), element("ol", join(entries), class_="worst sentences")]


def _entry(split: SpokenSplit, chunks: Sequence[Chunk], row: int, errors: int, part: str) -> Html:
    head = [
        element("span", f"{errors} wrong in {split.seconds[row]:.1f} s"),
        element("span", split.places[row], class_="where"),
    ]
    parts = [element("p", join(head, " "), class_="said")]
    for name, own in (("said", [one.said for one in chunks]), ("heard", [one.heard for one in chunks])):
        shown = [_chunk(words, one.kind, part) for words, one in zip(own, chunks, strict=True)]
        line = join([element("span", name, class_="side"), " ", join(shown, " " if part == "word" else "")])
        parts.append(element("p", line, class_="text", dir="auto"))
    return join(parts)


def _chunk(words: Sequence[str], kind: str, part: str) -> Html:
    shown = (" " if part == "word" else "").join(words) or "–"
    return join([shown]) if kind == "equal" else element("span", shown, class_="span wrong", style="--hue:20")


def _length_bins(
    split: SpokenSplit, heard: Sequence[str], beside: Sequence[str] | None, metric: str
) -> LengthBins | None:
    """Bins of about equally many recordings by their seconds; None where all are equally long or there are too few."""
    seconds = np.array(split.seconds)
    if len(seconds) < 2 * _LENGTH_BINS:
        return None
    upper = np.unique(np.quantile(seconds, np.linspace(0, 1, _LENGTH_BINS + 1)[1:], method="inverted_cdf"))
    bin_of = np.searchsorted(upper, seconds)
    if len(np.unique(bin_of)) < 2:
        return None
    ours = error_counts(split.texts, heard, RATES[metric])
    theirs = None if beside is None else error_counts(split.texts, beside, RATES[metric])
    labels, rows, values, others = [], [], [], []
    for number in np.unique(bin_of):
        chosen = bin_of == number
        labels.append(f"{seconds[chosen].min():.1f}–{seconds[chosen].max():.1f} s")
        rows.append(int(chosen.sum()))
        values.append(Estimate(rate(ours[chosen]), *bootstrap_interval(rate, ours[chosen])))
        if theirs is not None:
            others.append(rate(theirs[chosen]))
    return LengthBins(METRIC_LABELS[metric], labels, rows, values, others or None)
