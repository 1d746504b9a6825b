r"""How well spans were found: precision, recall and F1 of exact matches, and what was taken for what.

A predicted span counts if a true one of the same sentence begins and ends with it and has its type. With h such hits
among g given (predicted) and t true spans, \(P=h/g\), \(R=h/t\), \(F_1=2h/(g+t)\); a share of nothing is 0. Micro
figures count spans of all types together, macro figures are means over the types that occur, true or given.

Source: E. F. Tjong Kim Sang and F. De Meulder, "Introduction to the CoNLL-2003 shared task", CoNLL 2003, section 4.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from treadle.evaluation.intervals import bootstrap_interval
from treadle.evaluation.scores import Estimate

Spans = Collection[tuple[int, int, str]]
"""The spans of one sentence: first token, token after the last, type."""

Counts = npt.NDArray[np.float64]

MISSED = "missed"
SPURIOUS = "spurious"


@dataclass(frozen=True)
class TypeScore:
    """How well spans of one type were found.

    Attributes:
        precision: Of the given spans of this type, how many are right; without an interval, as recall.
        recall: Of the true spans of this type, how many were found.
        f1: Their harmonic mean, with its 95 % interval.
        true: True spans of this type.
        given: Predicted spans of this type.
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate
    true: int
    given: int


@dataclass(frozen=True)
class SpanConfusion:
    """What was given in the place of what.

    Attributes:
        types: The types that occur, sorted.
        counts: `[types + 1, types + 1]`: row by true type, column by given type. Spans with the same first and last
            token meet in a cell; the last column counts true spans with no such partner (missed), the last row given
            ones without (spurious).
        boundaries: How many of the missed spans share a token with a given span of their type: found, and not to the
            token.
    """

    types: list[str]
    counts: npt.NDArray[np.int64]
    boundaries: int

    def pairs(self) -> list[tuple[str, str, int]]:
        """The errors, most frequent first: true type or `"spurious"`, given type or `"missed"`, and how often."""
        rows, columns = [*self.types, SPURIOUS], [*self.types, MISSED]
        found = [
            (rows[row], columns[column], int(self.counts[row, column]))
            for row, column in np.argwhere(self.counts)
            if row != column
        ]
        return sorted(found, key=lambda pair: (-pair[2], pair[:2]))


@dataclass(frozen=True)
class SpanScores:
    """All figures of a split.

    Attributes:
        metrics: `span_precision`, `span_recall`, `span_f1` (micro) and `span_macro_precision`, `span_macro_recall`,
            `span_macro_f1`, each with its 95 % interval.
        types: By type.
        confusion: What was given in the place of what.
    """

    metrics: dict[str, Estimate]
    types: dict[str, TypeScore]
    confusion: SpanConfusion


def score_spans(true: Sequence[Spans], given: Sequence[Spans], *, resamples: int = 1000) -> SpanScores:
    """Precision, recall and F1 of exact matches, in all and by type, with bootstrap intervals over sentences.

    Args:
        true: The spans of every sentence.
        given: The predicted spans of the same sentences.
        resamples: How often sentences are drawn for the intervals; 0 leaves them out, which is many times faster.

    Returns:
        The figures; without any span, true or given, all are 0.

    Raises:
        ValueError: There is no sentence, or the two differ in number.

    Example:
        >>> true = [[(0, 1, "PER"), (3, 5, "LOC")], []]
        >>> given = [[(0, 1, "PER"), (3, 4, "LOC")], [(2, 3, "PER")]]
        >>> scores = score_spans(true, given)
        >>> round(scores.metrics["span_f1"].value, 2), scores.types["PER"].recall.value
        (0.4, 1.0)
        >>> scores.confusion.pairs(), scores.confusion.boundaries
        ([('LOC', 'missed', 1), ('spurious', 'LOC', 1), ('spurious', 'PER', 1)], 1)
    """
    _check(len(true), len(given))
    confusion = confuse_spans(true, given)
    counts = _counts(true, given, confusion.types)
    sentences = len(counts)
    by_type = {
        type_: TypeScore(
            precision=_estimate(_precision, counts[:, [index]], _micro, 0),
            recall=_estimate(_recall, counts[:, [index]], _micro, 0),
            f1=_estimate(_f1, counts[:, [index]], _micro, resamples),
            true=int(counts[:, index, 2].sum()),
            given=int(counts[:, index, 1].sum()),
        )
        for index, type_ in enumerate(confusion.types)
    }
    shares = {"precision": _precision, "recall": _recall, "f1": _f1}
    together = counts.sum(1, keepdims=True).reshape(sentences, 1, 3)
    metrics = {f"span_{name}": _estimate(of, together, _micro, resamples) for name, of in shares.items()}
    metrics |= {f"span_macro_{name}": _estimate(of, counts, _macro, resamples) for name, of in shares.items()}
    return SpanScores(metrics, by_type, confusion)


def token_accuracy(true: Sequence[Sequence[str]], given: Sequence[Sequence[str]], *, resamples: int = 1000) -> Estimate:
    """The share of tokens with the right tag, with a bootstrap interval over sentences.

    Whole sentences are drawn, for the tokens of one are not independent.

    Args:
        true: The tags of every sentence.
        given: The predicted ones.
        resamples: How often sentences are drawn for the interval; 0 leaves it out.

    Raises:
        ValueError: There is no token, or the two differ in sentences or in a sentence's tokens.

    Example:
        >>> token_accuracy([["DET", "NOUN"], ["VERB"]], [["DET", "NOUN"], ["NOUN"]]).value
        0.6666666666666666
    """
    _check(len(true), len(given))
    hits = np.empty((len(true), 2))
    for row, (some, others) in enumerate(zip(true, given, strict=True)):
        if len(some) != len(others):
            raise ValueError(f"sentence {row}: {len(others)} tags given, expected {len(some)}")
        hits[row] = sum(map(str.__eq__, some, others)), len(some)
    if not hits[:, 1].any():
        raise ValueError("no token, expected sentences with tokens")

    def share(drawn: Counts) -> float:
        right, total = drawn.sum(0)
        return float(right / total) if total else float("nan")

    if resamples == 0:
        return Estimate(share(hits))
    return Estimate(share(hits), *bootstrap_interval(share, hits, resamples=resamples))


def confuse_spans(true: Sequence[Spans], given: Sequence[Spans]) -> SpanConfusion:
    """What was given in the place of what, of spans with the same tokens.

    Args:
        true: The spans of every sentence.
        given: The predicted spans of the same sentences.

    Raises:
        ValueError: There is no sentence, or the two differ in number.
    """
    _check(len(true), len(given))
    types = sorted({type_ for part in (true, given) for spans in part for _, _, type_ in spans})
    number = {type_: index for index, type_ in enumerate(types)}
    none = len(types)
    counts = np.zeros((none + 1, none + 1), dtype=np.int64)
    boundaries = 0
    for some, others in zip(true, given, strict=True):
        wanted, found = _by_place(some), _by_place(others)
        for place in wanted.keys() | found.keys():
            here, there = wanted.get(place, set()), found.get(place, set())
            for type_ in here & there:
                counts[number[type_], number[type_]] += 1
            wrong = sorted(here - there), sorted(there - here)
            for first, second in zip(*wrong, strict=False):
                counts[number[first], number[second]] += 1
            paired = min(map(len, wrong))
            for type_ in wrong[0][paired:]:
                counts[number[type_], none] += 1
                start, end = place
                boundaries += any(one[2] == type_ and one[0] < end and start < one[1] for one in others)
            for type_ in wrong[1][paired:]:
                counts[none, number[type_]] += 1
    return SpanConfusion(types, counts, boundaries)


def _by_place(spans: Spans) -> dict[tuple[int, int], set[str]]:
    places: dict[tuple[int, int], set[str]] = defaultdict(set)
    for start, end, type_ in spans:
        places[start, end].add(type_)
    return dict(places)


def _counts(true: Sequence[Spans], given: Sequence[Spans], types: list[str]) -> Counts:
    """`[sentences, types, 3]`: hits, given and true spans."""
    number = {type_: index for index, type_ in enumerate(types)}
    counts = np.zeros((len(true), len(types), 3))
    for row, (some, others) in enumerate(zip(true, given, strict=True)):
        wanted, found = set(some), set(others)
        for column, spans in enumerate((wanted & found, found, wanted)):
            for _, _, type_ in spans:
                counts[row, number[type_], column] += 1
    return counts


Share = Callable[[Counts], Counts]


def _estimate(of: Share, counts: Counts, mean: Callable[[Share, Counts], float], resamples: int) -> Estimate:
    """A figure of summed counts `[types, 3]` and its interval, from counts `[sentences, types, 3]`.

    Sentences are drawn by number: their counts summed by one product are many times faster than rows copied.
    """
    sentences, types, _ = counts.shape
    flat = counts.reshape(sentences, types * 3)

    def statistic(drawn: npt.NDArray[np.int64]) -> float:
        return mean(of, (np.bincount(drawn, minlength=sentences) @ flat).reshape(types, 3))

    rows = np.arange(sentences)
    if resamples == 0:
        return Estimate(statistic(rows))
    return Estimate(statistic(rows), *bootstrap_interval(statistic, rows, resamples=resamples))


def _micro(of: Share, summed: Counts) -> float:
    return float(of(summed)[0])


def _macro(of: Share, summed: Counts) -> float:
    occurs = summed[:, 1:].any(1)
    return float(of(summed[occurs]).mean()) if occurs.any() else 0.0


def _precision(summed: Counts) -> Counts:
    return summed[:, 0] / np.maximum(summed[:, 1], 1)


def _recall(summed: Counts) -> Counts:
    return summed[:, 0] / np.maximum(summed[:, 2], 1)


def _f1(summed: Counts) -> Counts:
    return 2 * summed[:, 0] / np.maximum(summed[:, 1] + summed[:, 2], 1)


def _check(true: int, given: int) -> None:
    if true != given or not true:
        raise ValueError(f"{given} sentences given and {true} true ones: expected as many, at least one")
