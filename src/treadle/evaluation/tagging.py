"""Tags, spans and labels of sentences: every figure with its interval, and the verdict on two systems."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from treadle.evaluation.comparison import Comparison, compare_figures
from treadle.evaluation.intervals import bootstrap_interval, wilson_interval
from treadle.evaluation.scores import Estimate
from treadle.evaluation.spans import Spans, score_spans, token_accuracy

SHOWN = ("span_f1", "span_precision", "span_recall", "span_macro_f1")
"""The figures of spans that a result holds."""


@dataclass(frozen=True)
class Tagging:
    """What is true of sentences, or what was said of them.

    Attributes:
        tags: One a token.
        spans: What the tags mark; None where they mark none, as parts of speech do.
        labels: One a sentence, or None.
    """

    tags: Sequence[Sequence[str]]
    spans: Sequence[Spans] | None = None
    labels: Sequence[str] | None = None

    @property
    def metric(self) -> str:
        """The figure by which systems are compared."""
        return "token_accuracy" if self.spans is None else "span_f1"


def tagging_scores(true: Tagging, given: Tagging) -> dict[str, Estimate]:
    """`span_f1`, `span_precision`, `span_recall`, `span_macro_f1`, `token_accuracy`, `sentence_accuracy`, as they apply.

    Args:
        true: The truth.
        given: What was said of the same sentences.

    Returns:
        Figures with their 95 % intervals: bootstraps over sentences, and Wilson's for labels.

    Raises:
        ValueError: The two differ in sentences or tokens.

    Example:
        >>> true = Tagging([["B-PER", "O"]], [[(0, 1, "PER")]], ["hello"])
        >>> given = Tagging([["B-PER", "B-LOC"]], [[(0, 1, "PER"), (1, 2, "LOC")]], ["hello"])
        >>> {name: round(score.value, 2) for name, score in tagging_scores(true, given).items()}
        {'span_f1': 0.67, 'span_precision': 0.5, 'span_recall': 1.0, 'span_macro_f1': 0.5, 'token_accuracy': 0.5, 'sentence_accuracy': 1.0}
    """  # noqa: E501 - what a doctest shows is one line
    scores: dict[str, Estimate] = {}
    if true.spans is not None:
        found = score_spans(true.spans, given.spans or []).metrics
        scores |= {name: found[name] for name in SHOWN}
    scores["token_accuracy"] = token_accuracy(true.tags, given.tags)
    if true.labels is not None and given.labels is not None:
        right = sum(map(str.__eq__, true.labels, given.labels))
        scores["sentence_accuracy"] = Estimate(right / len(true.labels), *wilson_interval(right, len(true.labels)))
    return scores


def compare_taggings(true: Tagging, model: Tagging, baseline: Tagging, name: str) -> Comparison:
    """Is the model better than the baseline, beyond what chance on these sentences explains?

    The 95 % bootstrap interval of the difference, both on the same drawn sentences.

    Args:
        true: The truth.
        model: What the model said.
        baseline: What the baseline said.
        name: How the verdict calls the baseline.
    """
    ours, theirs = sentence_counts(true, model), sentence_counts(true, baseline)
    difference = bootstrap_interval(lambda a, b: share(a) - share(b), ours, theirs)
    return compare_figures(true.metric, share(ours), share(theirs), difference, name)


def sentence_counts(true: Tagging, given: Tagging) -> npt.NDArray[np.float64]:
    """`[sentences, 2]`: what is right, and out of how much, so that the quotient of the sums is `Tagging.metric`."""
    if true.spans is None:
        pairs = zip(true.tags, given.tags, strict=True)
        return np.array([[sum(map(str.__eq__, some, others)), len(some)] for some, others in pairs], dtype=np.float64)
    both = zip(true.spans, given.spans or [], strict=True)
    return np.array(
        [[2 * len({*some} & {*others}), len(some) + len(others)] for some, others in both], dtype=np.float64
    )


def share(counts: npt.NDArray[np.float64]) -> float:
    """The figure of some sentences' counts; of nothing, 0."""
    right, total = counts.sum(0)
    return float(right / total) if total else 0.0
