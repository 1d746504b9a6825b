"""The report about a tagger: results by type and by length, what was taken for what, and the sentences themselves."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from treadle.errors import counted
from treadle.evaluation.intervals import bootstrap_interval
from treadle.evaluation.report.content import Confusion, LengthBins, Report, Section, SystemScores
from treadle.evaluation.report.html import Html, element, join, table
from treadle.evaluation.report.sentences import Moved, TaggedSplit, wrong_sentences
from treadle.evaluation.scores import Estimate
from treadle.evaluation.spans import SpanScores, score_spans
from treadle.evaluation.tagging import Tagging, compare_taggings, sentence_counts, share, tagging_scores
from treadle.evaluation.wording import METRIC_LABELS, readable, readable_interval

NO_SPAN = "(no span)"
"""In the confusion of spans, the row of spurious ones and the column of missed ones."""

_LENGTH_BINS = 6
_SHOWN_LABELS = 15


@dataclass(frozen=True)
class TaggingSystem:
    """A model or a baseline, with what it said about the sentences of every split.

    Attributes:
        name: A few words.
        answers: Split name to what it said.
        description: One phrase on what it is.
        seconds: How long its training took, or None.
    """

    name: str
    answers: Mapping[str, Tagging]
    description: str = ""
    seconds: float | None = None


def build_tagging_report(
    title: str,
    splits: Mapping[str, TaggedSplit],
    model: TaggingSystem,
    *,
    baseline: TaggingSystem | None = None,
    moved: Moved | None = None,
    **content: Any,
) -> Report:
    """Compute scores, verdict, results by type and length, and choose the sentences that are shown.

    The headline split is "test" where there is one, else the first.

    Args:
        title: Headline of the page.
        splits: The data, by split.
        model: The model, with answers for every split.
        baseline: The baseline, with answers for the headline split at least.
        moved: What moved the model's tag of a token of the headline split.
        **content: What else a `Report` holds: `summary`, `history`, `data_notes`, `config`, `commands`, `facts`.
    """
    shown = "test" if "test" in splits else next(iter(splits))
    split, said = splits[shown], model.answers[shown]
    beside = baseline.answers.get(shown) if baseline else None
    spans = None if split.true.spans is None else score_spans(split.true.spans, said.spans or [])
    by_type = _by_tag(split.true, said) if spans is None else _by_type(spans)
    sections = [Section("types", "Results by tag" if spans is None else "Results by type", by_type)]
    if labels := _label_mistakes(split.true, said):
        sections.append(Section("labels", "Labels of sentences", labels))
    sections.append(Section("sentences", "Sentences with mistakes", wrong_sentences(split, said, moved)))
    return Report(
        title=title,
        kind="Tags for tokens" if spans is None else "Spans of tokens",
        metric=split.true.metric,
        model=_scores(splits, model),
        split=shown,
        baseline=_scores(splits, baseline) if baseline else None,
        comparison=compare_taggings(split.true, said, beside, baseline.name) if baseline and beside else None,
        confusion=_tag_confusion(split.true, said) if spans is None else _span_confusion(spans),
        lengths=_length_bins(split.true, said, beside),
        unit="sentence",
        sections=[section for section in sections if section.parts],
        **content,
    )


def _scores(splits: Mapping[str, TaggedSplit], system: TaggingSystem) -> SystemScores:
    scores = {split: tagging_scores(splits[split].true, said) for split, said in system.answers.items()}
    return SystemScores(system.name, scores, system.description, system.seconds)


def _by_type(spans: SpanScores) -> list[Html]:
    """Precision, recall and F1 of every type, the most frequent first, and how many spans were all but right."""
    ordered = sorted(spans.types.items(), key=lambda pair: (-pair[1].true, pair[0]))
    rows = [
        [
            type_ or "span",
            f"{one.true:,}",
            f"{one.given:,}",
            readable(one.precision.value),
            readable(one.recall.value),
            _with_interval(one.f1),
        ]
        for type_, one in ordered
    ]
    parts = [table("Spans of every type", ["Type", "True", "Given", "Precision", "Recall", "F1"], rows)]
    missed, near = int(spans.confusion.counts[:-1, -1].sum()), spans.confusion.boundaries
    if missed:
        alike = "none shares" if near == 0 else "1 shares" if near == 1 else f"{near:,} share"
        note = f"Of {counted(missed, 'missed span')}, {alike} a token with a given one of their type"
        found = f": {'it was' if near == 1 else 'they were'} found, and not to the token"
        parts.append(element("p", f"{note}{found if near else ''}.", class_="note"))
    return parts


def _by_tag(true: Tagging, said: Tagging) -> list[Html]:
    pairs = Counter(
        pair for some, others in zip(true.tags, said.tags, strict=True) for pair in zip(some, others, strict=True)
    )
    wanted, given = Counter[str](), Counter[str]()
    for (tag, answer), count in pairs.items():
        wanted[tag] += count
        given[answer] += count
    rows = []
    for tag in sorted(wanted | given, key=lambda tag: (-wanted[tag], tag)):
        hits, of_true, of_given = pairs[tag, tag], wanted[tag], given[tag]
        shares = [hits / of_given if of_given else None, hits / of_true if of_true else None]
        f1 = 2 * hits / (of_true + of_given)
        rows.append([tag, f"{of_true:,}", f"{of_given:,}", *map(readable, shares), readable(f1)])
    return [table("Tokens of every tag", ["Tag", "True", "Given", "Precision", "Recall", "F1"], rows)]


def _with_interval(estimate: Estimate) -> Html:
    return join([readable(estimate.value), element("small", readable_interval(estimate))])


def _label_mistakes(true: Tagging, said: Tagging) -> list[Html]:
    """The commonest confusions of labels."""
    if true.labels is None or said.labels is None:
        return []
    pairs = Counter(pair for pair in zip(true.labels, said.labels, strict=True) if pair[0] != pair[1])
    if not pairs:
        return [element("p", f"All {len(true.labels):,} labels are right.")]
    rows = [[wanted, given, f"{count:,}"] for (wanted, given), count in pairs.most_common(_SHOWN_LABELS)]
    return [table("The commonest confusions of labels", ["Truth", "Answer", "Sentences"], rows, numeric_from=2)]


def _span_confusion(spans: SpanScores) -> Confusion:
    return Confusion([*(type_ or "span" for type_ in spans.confusion.types), NO_SPAN], spans.confusion.counts.tolist())


def _tag_confusion(true: Tagging, said: Tagging) -> Confusion:
    names = sorted({tag for one in (true, said) for tags in one.tags for tag in tags})
    number = {name: place for place, name in enumerate(names)}
    places = [[number[tag] for tags in one.tags for tag in tags] for one in (true, said)]
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (np.array(places[0]), np.array(places[1])), 1)
    return Confusion(names, counts.tolist())


def _length_bins(true: Tagging, said: Tagging, beside: Tagging | None) -> LengthBins | None:
    """Bins of about equally many sentences; None where all are equally long or there are too few."""
    lengths = np.array([len(tags) for tags in true.tags])
    if len(lengths) < 2 * _LENGTH_BINS:
        return None
    upper = np.unique(np.quantile(lengths, np.linspace(0, 1, _LENGTH_BINS + 1)[1:], method="inverted_cdf"))
    bin_of = np.searchsorted(upper, lengths)
    if len(np.unique(bin_of)) < 2:
        return None
    ours, theirs = sentence_counts(true, said), None if beside is None else sentence_counts(true, beside)
    labels, rows, values, others = [], [], [], []
    for number in np.unique(bin_of):
        chosen = bin_of == number
        low, high = int(lengths[chosen].min()), int(lengths[chosen].max())
        labels.append(str(low) if low == high else f"{low}–{high}")
        rows.append(int(chosen.sum()))
        values.append(Estimate(share(ours[chosen]), *bootstrap_interval(share, ours[chosen])))
        if theirs is not None:
            others.append(share(theirs[chosen]))
    return LengthBins(METRIC_LABELS[true.metric], labels, rows, values, others or None)
