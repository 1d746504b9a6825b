"""Metrics of classifiers and regressors, on plain arrays.

Names are the ones that `result.json` and the report use: `accuracy`, `macro_f1`, `log_loss`,
`calibration_error`, `subset_accuracy`, `micro_f1`, `label_accuracy`, `rmse`, `mae`, `r2`. Where scikit-learn
has the metric, it computes it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score, mean_absolute_error, r2_score, root_mean_squared_error

LOWER_IS_BETTER = frozenset(
    {
        *("log_loss", "calibration_error", "rmse", "mae", "wer", "cer"),
        *("perplexity", "bits_per_character", "bits_per_token", "nats_per_token"),
        *("mase", "smape", "owa", "crps", "scaled_error"),
    }
)
"""Metrics of which a smaller value is the better one; of all others a larger one is."""

_SMALLEST_PROBABILITY = 1e-15  # what log loss puts in the place of 0, so that one sure error does not make it infinite


def class_indices(y: Sequence[Any] | npt.NDArray[Any], classes: Sequence[Any]) -> npt.NDArray[np.int64]:
    """The position of every label in `classes`; -1 for a label that is not there (training never saw it)."""
    position = {label: index for index, label in enumerate(classes)}
    return np.array([position.get(label, -1) for label in y], dtype=np.int64)


def indicator(y: Sequence[Any] | npt.NDArray[Any], classes: Sequence[Any]) -> npt.NDArray[np.bool_]:
    """A table `[rows, classes]`, true where a row (a collection of labels) carries a label.

    Labels outside `classes` are left out.
    """
    position = {label: index for index, label in enumerate(classes)}
    table = np.zeros((len(y), len(classes)), dtype=np.bool_)
    for row, labels in enumerate(y):
        for label in labels:
            if label in position:
                table[row, position[label]] = True
    return table


def classification_metrics(
    y_true: Sequence[Any] | npt.NDArray[Any], probabilities: npt.ArrayLike, classes: Sequence[Any]
) -> dict[str, float]:
    r"""How good a classifier's probabilities are.

    - `accuracy`: share of rows whose most probable class is the true one.
    - `macro_f1`: mean over classes of \(2PR/(P+R)\); classes that neither occur nor are predicted do not
    count.
    - `log_loss`: \(-\frac1N\sum_i\ln p_i(y_i)\), in nats; probabilities below 1e-15 count as 1e-15.
    - `calibration_error`: see `calibration_error`.

    A row whose true label is not among `classes` (training never saw it) is an error of probability 0.

    Args:
        y_true: `[rows]` true labels.
        probabilities: `[rows, classes]`, each row summing to one.
        classes: The label of every column of `probabilities`.

    Returns:
        Metric name to value.

    Raises:
        ValueError: The shapes do not agree, or there is no row.

    Example:
        >>> classification_metrics(["a", "b"], [[0.9, 0.1], [0.6, 0.4]], ["a", "b"])["accuracy"]
        0.5
    """
    p = checked_probabilities(probabilities, len(y_true), len(classes))
    true = class_indices(y_true, classes)
    predicted = p.argmax(1)
    of_truth = np.where(true >= 0, p[np.arange(len(p)), true], 0.0)
    return {
        "accuracy": float(np.mean(predicted == true)),
        "macro_f1": float(f1_score(true, predicted, average="macro", zero_division=0.0)),
        "log_loss": float(-np.mean(np.log(np.maximum(of_truth, _SMALLEST_PROBABILITY)))),
        "calibration_error": calibration_error(p.max(1), predicted == true),
    }


def multilabel_metrics(
    y_true: Sequence[Any] | npt.NDArray[Any],
    probabilities: npt.ArrayLike,
    classes: Sequence[Any],
    threshold: float = 0.5,
) -> dict[str, float]:
    """How good a classifier is that gives every row any number of labels.

    - `subset_accuracy`: share of rows of which every label is right.
    - `label_accuracy`: share of all row-label decisions that are right (1 - Hamming loss).
    - `micro_f1`: F1 over all row-label decisions together.
    - `macro_f1`: mean over labels of their F1 (0 for a label that never occurs and is never given).

    Args:
        y_true: `[rows]` a collection of labels each.
        probabilities: `[rows, classes]`, each entry for itself between 0 and 1.
        classes: The label of every column.
        threshold: A label is given where its probability is at least this.

    Returns:
        Metric name to value.

    Raises:
        ValueError: The shapes do not agree, or there is no row.
    """
    given = checked_probabilities(probabilities, len(y_true), len(classes)) >= threshold
    true = indicator(y_true, classes)
    # A true label that training never saw cannot be given: it makes its row wrong, though no column stands
    # for it.
    known = np.array([set(labels) <= set(classes) for labels in y_true])
    return {
        "subset_accuracy": float(np.mean((given == true).all(1) & known)),
        "label_accuracy": float(np.mean(given == true)),
        "micro_f1": float(f1_score(true, given, average="micro", zero_division=0.0)),
        "macro_f1": float(f1_score(true, given, average="macro", zero_division=0.0)),
    }


def regression_metrics(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> dict[str, float]:
    r"""How near predicted numbers come to the true ones.

    - `rmse`: \(\sqrt{\frac1N\sum_i(\hat y_i-y_i)^2}\), in the unit of y.
    - `mae`: \(\frac1N\sum_i|\hat y_i-y_i|\), in the unit of y.
    - `r2`: \(1-\sum_i(\hat y_i-y_i)^2/\sum_i(y_i-\bar y)^2\); NaN for fewer than two rows.

    Args:
        y_true: `[rows]` true numbers.
        y_pred: `[rows]` predicted numbers.

    Returns:
        Metric name to value.

    Raises:
        ValueError: The shapes do not agree, there is no row, or a number is not finite.
    """
    true, predicted = np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    return {
        "rmse": float(root_mean_squared_error(true, predicted)),
        "mae": float(mean_absolute_error(true, predicted)),
        "r2": float(r2_score(true, predicted)) if len(true) > 1 else float("nan"),
    }


def calibration_bins(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = 15
) -> list[tuple[float, float, int]]:
    """Mean confidence, share of right answers and number of rows in bins that hold about equally many rows.

    Bin borders are quantiles of the confidence, so rows of equal confidence share a bin and the order of rows
    does not matter.

    Args:
        confidence: `[rows]` probability of the predicted class.
        correct: `[rows]` whether the prediction was right.
        bins: How many bins at most.

    Returns:
        `(confidence, accuracy, rows)` of every non-empty bin, by rising confidence.
    """
    c = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    borders = np.unique(np.quantile(c, np.linspace(0, 1, bins + 1)))
    bin_of = np.searchsorted(borders[1:-1], c, side="right")
    count = np.bincount(bin_of)
    kept = count > 0
    mean_confidence = np.bincount(bin_of, weights=c)[kept] / count[kept]
    accuracy = np.bincount(bin_of, weights=right)[kept] / count[kept]
    return list(zip(mean_confidence.tolist(), accuracy.tolist(), count[kept].tolist(), strict=True))


def calibration_error(confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = 15) -> float:
    r"""Expected calibration error over bins of equal mass.

    \(\mathrm{ECE}=\sum_b\frac{n_b}{N}\,\bigl|\mathrm{accuracy}_b-\mathrm{confidence}_b\bigr|\)

    0 means: of the answers given with 80 % confidence, 80 % are right. Equal mass (not equal width) keeps
    every bin's share well estimated: Nixon et al. 2019, "Measuring Calibration in Deep Learning".

    Args:
        confidence: `[rows]` probability of the predicted class.
        correct: `[rows]` whether the prediction was right.
        bins: How many bins at most.

    Returns:
        A number between 0 and 1.
    """
    parts = calibration_bins(confidence, correct, bins)
    total = sum(count for _, _, count in parts)
    return float(sum(count * abs(accuracy - mean) for mean, accuracy, count in parts) / total)


def checked_probabilities(probabilities: npt.ArrayLike, rows: int, classes: int) -> npt.NDArray[np.float64]:
    """`probabilities` as float64 `[rows, classes]`, or a ValueError that says which shape was expected."""
    p = np.asarray(probabilities, dtype=np.float64)
    if p.shape != (rows, classes) or rows == 0:
        raise ValueError(
            f"probabilities have shape {list(p.shape)}; expected [{rows} rows, {classes} classes] and at least one row"
        )
    return p
