"""Is the model better than the baseline? The verdict, and the evidence in plain words."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from treadle.errors import counted
from treadle.evaluation.intervals import Interval, bootstrap_interval
from treadle.evaluation.metrics import LOWER_IS_BETTER
from treadle.evaluation.scores import (
    PRIMARY_METRIC,
    Estimate,
    Predictions,
    Task,
    decisions,
    micro_f1,
    right_answers,
    root_mean,
)
from treadle.evaluation.wording import METRIC_LABELS, readable, readable_interval


@dataclass(frozen=True)
class Comparison:
    """Model against baseline on the same rows.

    Attributes:
        verdict: "better", "worse" (of the model), or "not distinguishable" at the 5 % level.
        difference: Primary metric of the model minus that of the baseline.
        claim: The verdict in plain words: "Better than TF-IDF + logistic regression".
        evidence: The figures behind it, as sentences.
    """

    verdict: Literal["better", "worse", "not distinguishable"]
    difference: float
    claim: str
    evidence: str

    @property
    def sentence(self) -> str:
        """Claim and evidence as one text, for a terminal."""
        return f"{self.claim}. {self.evidence}"


def compare(task: Task, model: Predictions, baseline: Predictions, baseline_name: str = "the baseline") -> Comparison:
    """Is the model better than the baseline, beyond what chance on these rows explains?

    Classifiers: McNemar's exact test (1947) on the rows where just one of the two is right. Others: the 95 %
        bootstrap
    interval of the difference of the primary metric, both models on the same drawn rows.

    Args:
        task: What is predicted.
        model: The model's predictions.
        baseline: The baseline's predictions of the same rows in the same order.
        baseline_name: How the sentence calls the baseline.

    Returns:
        Verdict, difference and sentence.

    Raises:
        ValueError: The two do not hold the same number of rows.
    """
    if len(model.y_true) != len(baseline.y_true):
        raise ValueError(
            f"model has {len(model.y_true)} rows and baseline {len(baseline.y_true)}: expected the same rows"
        )
    if task == "classify":
        return _compare_answers(right_answers(task, model), right_answers(task, baseline), baseline_name)
    return _compare_figures(task, model, baseline, baseline_name)


def _compare_answers(model: npt.NDArray[np.bool_], baseline: npt.NDArray[np.bool_], name: str) -> Comparison:
    from scipy.stats import binomtest

    only_model, only_baseline = int(np.sum(model & ~baseline)), int(np.sum(baseline & ~model))
    disagreements = only_model + only_baseline
    p_value = float(binomtest(only_model, disagreements).pvalue) if disagreements else 1.0
    difference = float(model.mean() - baseline.mean())
    accuracies = f"Accuracy {readable(float(model.mean()))} against {readable(float(baseline.mean()))}"
    evidence = (
        f"Of {counted(len(model), 'row')}, the model alone is right on {only_model:,} and {name} alone on "
        f"{only_baseline:,} (McNemar’s test, p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'})."
    )
    return _verdict(p_value < 0.05, difference > 0, difference, name, accuracies, evidence)


def _compare_figures(task: Task, model: Predictions, baseline: Predictions, name: str) -> Comparison:
    metric = PRIMARY_METRIC[task]
    if task == "multilabel":
        rows = [*decisions(model), *decisions(baseline)]
        low, high = bootstrap_interval(lambda a, b, c, d: micro_f1(a, b) - micro_f1(c, d), *rows)
        ours, theirs = micro_f1(rows[0], rows[1]), micro_f1(rows[2], rows[3])
    else:
        true = np.asarray(model.y_true, dtype=np.float64)
        squares = [(np.asarray(one.output, dtype=np.float64) - true) ** 2 for one in (model, baseline)]
        low, high = bootstrap_interval(lambda a, b: root_mean(a) - root_mean(b), *squares, groups=model.groups)
        ours, theirs = root_mean(squares[0]), root_mean(squares[1])
    return compare_figures(metric, ours, theirs, Interval(low, high), name)


def compare_figures(
    metric: str, model: float, baseline: float, difference: Interval, baseline_name: str = "the baseline"
) -> Comparison:
    """The verdict on two figures and the 95 % interval of their difference, model minus baseline.

    Args:
        metric: Its name; it says whether more or less is better.
        model: The model's figure.
        baseline: The baseline's.
        difference: The interval, as a paired bootstrap gives it.
        baseline_name: How the sentence calls the baseline.
    """
    low, high = difference
    figures = f"{METRIC_LABELS[metric]} {readable(model, metric)} against {readable(baseline, metric)}"
    gap = readable_interval(Estimate(model - baseline, low, high), metric)
    evidence = f"The difference is {readable(model - baseline, metric)} (95 % interval {gap})."
    better = (model < baseline) == (metric in LOWER_IS_BETTER)
    return _verdict(low > 0 or high < 0, better, model - baseline, baseline_name, figures, evidence)


def _verdict(certain: bool, better: bool, difference: float, name: str, figures: str, evidence: str) -> Comparison:
    evidence = f"{figures}. {evidence}"
    if not certain:
        small = "A difference this small can be chance."
        return Comparison("not distinguishable", difference, f"Not distinguishable from {name}", f"{evidence} {small}")
    if better:
        return Comparison("better", difference, f"Better than {name}", evidence)
    return Comparison(
        "worse", difference, f"Worse than {name}", f"{evidence} As it stands, {name} is the better choice."
    )
