"""A split's predictions and their metrics with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from treadle.evaluation.intervals import Interval, bootstrap_interval, wilson_interval
from treadle.evaluation.metrics import (
    class_indices,
    classification_metrics,
    indicator,
    multilabel_metrics,
    regression_metrics,
)

Task = Literal["classify", "multilabel", "regress"]

PRIMARY_METRIC: dict[Task, str] = {"classify": "accuracy", "multilabel": "micro_f1", "regress": "rmse"}
"""The one metric of a task by which a model and its baseline are compared."""


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
        groups: regress only: `[rows]` rising from 0, the series that each row is a step of; None where rows are rows.
    """

    y_true: Sequence[Any] | npt.NDArray[Any]
    output: npt.NDArray[Any]
    classes: Sequence[Any] = ()
    lengths: Sequence[int] | npt.NDArray[Any] | None = None
    threshold: float = 0.5
    groups: npt.NDArray[np.int64] | None = None


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


def right_answers(task: Task, predictions: Predictions) -> npt.NDArray[np.bool_]:
    """`[rows]` whether the predicted class, or the whole set of labels, is the true one (classify and multilabel)."""
    output = np.asarray(predictions.output)
    if task == "classify":
        return np.asarray(output.argmax(1) == class_indices(predictions.y_true, predictions.classes))
    known = np.array([set(labels) <= set(predictions.classes) for labels in predictions.y_true], dtype=np.bool_)
    given = output >= predictions.threshold
    return np.asarray((given == indicator(predictions.y_true, predictions.classes)).all(1) & known)


def _resamples(rows: int) -> int:
    """Fewer draws where there are so many rows that each takes long and the interval is narrow anyway."""
    return 1000 if rows <= 50_000 else 200


def _estimates(values: dict[str, float], intervals: dict[str, Interval]) -> dict[str, Estimate]:
    """Each figure with its interval, if there is one; a figure that is not defined, as R2 of one row, has none."""
    none = (None, None)
    return {
        name: Estimate(value, *(intervals.get(name, none) if np.isfinite(value) else none))
        for name, value in values.items()
    }


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
            "micro_f1": bootstrap_interval(micro_f1, *decisions(predictions), resamples=draws),
        },
    )


def _score_numbers(predictions: Predictions) -> dict[str, Estimate]:
    true = np.asarray(predictions.y_true, dtype=np.float64)
    predicted = np.asarray(predictions.output, dtype=np.float64)
    values = regression_metrics(true, predicted)
    how: dict[str, Any] = {"resamples": _resamples(len(true)), "groups": predictions.groups}
    return _estimates(
        values,
        {
            "rmse": bootstrap_interval(root_mean, (predicted - true) ** 2, **how),
            "mae": bootstrap_interval(_mean, np.abs(predicted - true), **how),
            "r2": bootstrap_interval(_r2, true, predicted, **how),
        },
    )


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean())


def root_mean(squares: npt.NDArray[np.float64]) -> float:
    """Square root of the mean: RMSE, given squared errors."""
    return float(np.sqrt(squares.mean()))


def _r2(true: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64]) -> float:
    spread = float(((true - true.mean()) ** 2).sum())
    return 1 - float(((predicted - true) ** 2).sum()) / spread if spread > 0 else float("nan")


def micro_f1(hits: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    """Micro F1 from what `decisions` counts; 0 where no label is true or given."""
    total = int(labels.sum())
    return 2 * int(hits.sum()) / total if total else 0.0


def decisions(predictions: Predictions) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For every row: labels both true and given, and labels true plus labels given; micro F1 is 2 hits / labels."""
    true = indicator(predictions.y_true, predictions.classes)
    given = np.asarray(predictions.output) >= predictions.threshold
    return (true & given).sum(1), true.sum(1) + given.sum(1)
