"""A split's predictions, their metrics with intervals, and the verdict on model against baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from treadle.evaluation.intervals import Interval, bootstrap_interval, wilson_interval
from treadle.evaluation.metrics import (
    LOWER_IS_BETTER,
    class_indices,
    classification_metrics,
    indicator,
    multilabel_metrics,
    regression_metrics,
)

Task = Literal["classify", "multilabel", "regress"]

PRIMARY_METRIC: dict[Task, str] = {"classify": "accuracy", "multilabel": "micro_f1", "regress": "rmse"}
"""The one metric of a task by which a model and its baseline are compared."""

METRIC_LABELS = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
    "subset_accuracy": "All labels right",
    "label_accuracy": "Label accuracy",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}
"""How a person writes a metric's name."""


class Estimate(NamedTuple):
    """A figure and its 95 % interval; `low` and `high` are None where no interval is computed."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Predictions:
    """What one model said about the rows of one split.

    Attributes:
        y_true: `[rows]`: a label, a collection of labels (multilabel) or a number (regress).
        output: Probabilities `[rows, classes]`, or predicted numbers `[rows]` (regress).
        classes: The label of every column of `output`; empty for regress.
        lengths: `[rows]` number of steps of every row, where results by length are wanted.
        threshold: multilabel only: a label is given where its probability is at least this.
    """

    y_true: Sequence[Any] | npt.NDArray[Any]
    output: npt.NDArray[Any]
    classes: Sequence[Any] = ()
    lengths: Sequence[int] | npt.NDArray[Any] | None = None
    threshold: float = 0.5


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


def score(task: Task, predictions: Predictions) -> dict[str, Estimate]:
    """Every metric of the task with its 95 % interval: Wilson's for shares, else a seeded bootstrap over rows.

    Args:
        task: Which metrics: see `metrics.py`.
        predictions: What to measure.

    Returns:
        Metric name to estimate.

    Raises:
        ValueError: Shapes do not agree, or there is no row.
    """
    if task == "classify":
        return _score_classes(predictions)
    if task == "multilabel":
        return _score_label_sets(predictions)
    return _score_numbers(predictions)


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


def right_answers(task: Task, predictions: Predictions) -> npt.NDArray[np.bool_]:
    """`[rows]` whether the predicted class, or the whole set of labels, is the true one (classify and multilabel)."""
    output = np.asarray(predictions.output)
    if task == "classify":
        return np.asarray(output.argmax(1) == class_indices(predictions.y_true, predictions.classes))
    known = np.array([set(labels) <= set(predictions.classes) for labels in predictions.y_true], dtype=np.bool_)
    given = output >= predictions.threshold
    return np.asarray((given == indicator(predictions.y_true, predictions.classes)).all(1) & known)


def readable(value: float | None, metric: str = "") -> str:
    """A figure for people: three decimals, or four significant digits of what has a unit; a dash for nothing.

    Args:
        value: The figure; None and NaN are nothing.
        metric: Its name: RMSE and MAE have the unit of what is predicted, and may be tiny.

    Returns:
        Text with a true minus sign.

    Example:
        >>> readable(0.91237), readable(1234.5), readable(0.000021, "rmse"), readable(None)
        ('0.912', '1,234', '2.1e-05', '–')
    """
    if value is None or np.isnan(value):
        return "–"
    size = abs(value)
    if size < 0.1 and metric in ("rmse", "mae"):
        return f"{value:.4g}"
    if size < 1:
        return f"{value:.3f}".replace("-0.000", "0.000").replace("-", "−")
    if size < 1000:
        return f"{value:.{3 - int(np.log10(size))}f}".replace("-", "−")
    return (f"{value:,.0f}" if size < 1e7 else f"{value:.3g}").replace("-", "−", 1)


def readable_interval(estimate: Estimate, metric: str = "") -> str:
    """Lower and upper end: "0.905–0.918", or "−0.02 to 0.31" where a minus sign would run into the dash."""
    low, high = readable(estimate.low, metric), readable(estimate.high, metric)
    return f"{low} to {high}" if "−" in low + high or "e-" in low + high else f"{low}–{high}"


def _resamples(rows: int) -> int:
    """Fewer draws where there are so many rows that each takes long and the interval is narrow anyway."""
    return 1000 if rows <= 50_000 else 200


def _estimates(values: dict[str, float], intervals: dict[str, Interval]) -> dict[str, Estimate]:
    return {name: Estimate(value, *intervals.get(name, (None, None))) for name, value in values.items()}


def _macro_f1(true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> float:
    """Macro F1 from counts, many times faster than scikit-learn's: it runs a thousand times for one interval.

    Both arguments hold class numbers + 1, so that 0 is the class training never saw.
    """
    size = int(max(true.max(), predicted.max())) + 1
    occurs, given = np.bincount(true, minlength=size), np.bincount(predicted, minlength=size)
    hits = np.bincount(true[true == predicted], minlength=size)
    total = occurs + given
    return float(np.mean(2 * hits[total > 0] / total[total > 0]))


def _score_classes(predictions: Predictions) -> dict[str, Estimate]:
    values = classification_metrics(predictions.y_true, predictions.output, predictions.classes)
    p = np.asarray(predictions.output, dtype=np.float64)
    rows = len(p)
    true, predicted = class_indices(predictions.y_true, predictions.classes), p.argmax(1).astype(np.int64)
    of_truth = np.where(true >= 0, p[np.arange(rows), true], 0.0)
    losses = -np.log(np.maximum(of_truth, 1e-15))
    draws = _resamples(rows)
    return _estimates(
        values,
        {
            "accuracy": wilson_interval(int(np.sum(true == predicted)), rows),
            "macro_f1": bootstrap_interval(_macro_f1, true + 1, predicted + 1, resamples=draws),
            "log_loss": bootstrap_interval(_mean, losses, resamples=draws),
        },
    )


def _score_label_sets(predictions: Predictions) -> dict[str, Estimate]:
    values = multilabel_metrics(predictions.y_true, predictions.output, predictions.classes, predictions.threshold)
    rows = len(predictions.y_true)
    true = indicator(predictions.y_true, predictions.classes)
    given = np.asarray(predictions.output) >= predictions.threshold
    right = int(right_answers("multilabel", predictions).sum())
    draws = _resamples(rows)
    return _estimates(
        values,
        {
            "subset_accuracy": wilson_interval(right, rows),
            "label_accuracy": bootstrap_interval(_mean, (true == given).mean(1), resamples=draws),
            "micro_f1": bootstrap_interval(_micro_f1, *_decisions(predictions), resamples=draws),
        },
    )


def _score_numbers(predictions: Predictions) -> dict[str, Estimate]:
    true = np.asarray(predictions.y_true, dtype=np.float64)
    predicted = np.asarray(predictions.output, dtype=np.float64)
    values = regression_metrics(true, predicted)
    draws = _resamples(len(true))
    return _estimates(
        values,
        {
            "rmse": bootstrap_interval(_root_mean, (predicted - true) ** 2, resamples=draws),
            "mae": bootstrap_interval(_mean, np.abs(predicted - true), resamples=draws),
            "r2": bootstrap_interval(_r2, true, predicted, resamples=draws),
        },
    )


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean())


def _root_mean(squares: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(squares.mean()))


def _r2(true: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64]) -> float:
    spread = float(((true - true.mean()) ** 2).sum())
    return 1 - float(((predicted - true) ** 2).sum()) / spread if spread > 0 else float("nan")


def _micro_f1(hits: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    total = int(labels.sum())
    return 2 * int(hits.sum()) / total if total else 0.0


def _decisions(predictions: Predictions) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For every row: labels both true and given, and labels true plus labels given; micro F1 is 2 hits / labels."""
    true = indicator(predictions.y_true, predictions.classes)
    given = np.asarray(predictions.output) >= predictions.threshold
    return (true & given).sum(1), true.sum(1) + given.sum(1)


def _compare_answers(model: npt.NDArray[np.bool_], baseline: npt.NDArray[np.bool_], name: str) -> Comparison:
    from scipy.stats import binomtest

    only_model, only_baseline = int(np.sum(model & ~baseline)), int(np.sum(baseline & ~model))
    disagreements = only_model + only_baseline
    p_value = float(binomtest(only_model, disagreements).pvalue) if disagreements else 1.0
    difference = float(model.mean() - baseline.mean())
    accuracies = f"Accuracy {readable(float(model.mean()))} against {readable(float(baseline.mean()))}"
    evidence = (
        f"Of {len(model):,} rows, the model alone is right on {only_model:,} and {name} alone on {only_baseline:,} "
        f"(McNemar’s test, p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'})."
    )
    return _verdict(p_value < 0.05, difference > 0, difference, name, accuracies, evidence)


def _compare_figures(task: Task, model: Predictions, baseline: Predictions, name: str) -> Comparison:
    metric = PRIMARY_METRIC[task]
    if task == "multilabel":
        rows = [*_decisions(model), *_decisions(baseline)]
        low, high = bootstrap_interval(lambda a, b, c, d: _micro_f1(a, b) - _micro_f1(c, d), *rows)
        ours, theirs = _micro_f1(rows[0], rows[1]), _micro_f1(rows[2], rows[3])
    else:
        true = np.asarray(model.y_true, dtype=np.float64)
        squares = [(np.asarray(one.output, dtype=np.float64) - true) ** 2 for one in (model, baseline)]
        low, high = bootstrap_interval(lambda a, b: _root_mean(a) - _root_mean(b), *squares)
        ours, theirs = _root_mean(squares[0]), _root_mean(squares[1])
    figures = f"{METRIC_LABELS[metric]} {readable(ours, metric)} against {readable(theirs, metric)}"
    gap = readable_interval(Estimate(ours - theirs, low, high), metric)
    evidence = f"The difference is {readable(ours - theirs, metric)} (95 % interval {gap})."
    better = (ours < theirs) == (metric in LOWER_IS_BETTER)
    return _verdict(low > 0 or high < 0, better, ours - theirs, name, figures, evidence)


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
