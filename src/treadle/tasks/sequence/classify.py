"""One label a sequence, or several."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d
from torch import Tensor

from treadle.data import split_rows
from treadle.errors import InputError
from treadle.tasks.sequence.estimator import SequenceEstimator
from treadle.tasks.sequence.targets import ClassTarget, LabelsTarget, Target


class SequenceClassifier(ClassifierMixin, SequenceEstimator):
    """Classify texts, token lists, symbol strings, numeric sequences, or several of them at once.

    Args:
        class_weight: None; "balanced" for weights that are inverse to the frequency of a class; or a dictionary of
            weights by class. With several labels a row, the weight of a label's presence.
        **options: Those of `SequenceEstimator`.

    Attributes:
        classes_: The classes, sorted. With several labels a row, `predict` gives a column for each.

    Example:
        >>> texts = ["a fine film", "dull", "fine", "a dull film"] * 8
        >>> model = SequenceClassifier(hidden_size=8, epochs=8, seed=1).fit(texts, ["good", "bad", "good", "bad"] * 8)
        >>> model.predict(["fine film"]).tolist()
        ['good']
    """

    task = "classify"

    def __init__(self, *, class_weight: Mapping[Any, float] | str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.class_weight = class_weight

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        super().check_arguments()
        weights: list[Any] = list(self.class_weight.values()) if isinstance(self.class_weight, Mapping) else []
        if any(not isinstance(weight, int | float | np.number) or not 0 <= weight < float("inf") for weight in weights):
            raise InputError(f"class_weight is {self.class_weight!r}, expected weights that are numbers of at least 0")
        if not isinstance(self.class_weight, Mapping) and self.class_weight not in (None, "balanced"):
            raise InputError(
                f"class_weight is {self.class_weight!r}, expected None, 'balanced' or a weight for each class"
            )

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes, sorted."""
        return self.target_.classes

    @property
    def is_multilabel_(self) -> bool:
        """Whether a row may have any number of labels."""
        return self.target_.measured == "multilabel"

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """The probability of every class, `[rows, classes]`, in the order of `classes_`.

        Raises:
            InputError: `X` does not fit what the model was trained on.
        """
        answer = self.answer_columns(self._columns(X))
        return self.target_.output(answer)

    def predict_labels(self, X: Any) -> list[list[Any]]:
        """With several labels a row: the labels of every row.

        Raises:
            InputError: `X` does not fit what the model was trained on.
        """
        return [self.classes_[row.astype(bool)].tolist() for row in np.atleast_2d(self.predict(X))]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy; with several labels a row, the share of rows whose labels are all right.

        Raises:
            InputError: `X` or `y` does not fit what the model was trained on.
        """
        predicted = self.predict(X)
        truth = self._check_target(y, len(predicted))
        if self.is_multilabel_:
            truth = self.target_.encode(truth).numpy()
        return float(accuracy_score(truth, predicted, sample_weight=sample_weight))

    def _check_target(self, y: Any, rows: int) -> Any:
        """Labels `[rows]`, label lists, or zeros and ones `[rows, labels]`."""
        values = _as_list(y)
        checked: Any
        if _is_indicator(values):
            checked = np.asarray(values, dtype=np.int64)
        elif isinstance(values, list) and any(isinstance(row, _SEVERAL) for row in values):
            checked = _label_lists(values)
        else:
            listed = values if isinstance(values, list | tuple | np.ndarray) else []
            missing = next((row for row, label in enumerate(listed) if _is_missing(label)), None)
            if missing is not None:
                raise InputError(f"the target of row {missing} is missing, expected a label in every row")
            checked = column_or_1d(values, warn=True)
            check_classification_targets(checked)
        if len(checked) != rows:
            raise InputError(f"there are {rows} rows and {len(checked)} targets, expected equally many")
        return checked

    def _set_aside(self, y: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if isinstance(y, list) or y.ndim == 2 or len(y) < 2 or np.unique(y, return_counts=True)[1].max() < 2:
            return super()._set_aside(y)
        return split_rows(y.tolist(), self.dev_fraction, seed=self.seed)

    def _fit_target(self, y: Any, train: NDArray[np.int64]) -> Target:
        if isinstance(y, list) or y.ndim == 2:
            return self._fit_labels(y, train)
        classes, numbers = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise InputError(f"all rows have one class, {classes.tolist()[0]!r}; expected at least two classes")
        counts = np.bincount(numbers[train], minlength=len(classes)).clip(1)
        return ClassTarget(classes, self._weights(classes, len(train) / (len(classes) * counts)))

    def _fit_labels(self, y: Any, train: NDArray[np.int64]) -> Target:
        """Several labels a row."""
        classes = np.arange(y.shape[1]) if isinstance(y, np.ndarray) else _distinct(y)
        target = LabelsTarget(classes)
        counts = target.encode(y).numpy()[train].sum(0).clip(1, max(1, len(train) - 1))
        target.weights = self._weights(classes, (len(train) - counts) / counts)
        return target

    def _weights(self, classes: NDArray[Any], balanced: NDArray[Any]) -> Tensor | None:
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, str):
            return torch.from_numpy(balanced)
        unknown = [name for name in self.class_weight if name not in classes.tolist()]
        if unknown:
            raise InputError(f"class_weight has a weight for {unknown[0]!r}, which is no class of the training data")
        return torch.tensor([float(self.class_weight.get(name, 1.0)) for name in classes.tolist()], dtype=torch.float64)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_label = True
        return tags


_MISSING = ("NAType", "NaTType")  # pandas' own, without importing it
_SEVERAL = (list, tuple, set, frozenset, np.ndarray)


def _is_indicator(y: Any) -> bool:
    """Whether `y` holds zeros and ones, a row of them for each row, as scikit-learn writes several labels a row.

    In lists of lists such rows cannot be told from lists of the labels 0 and 1 unless a row names one of them twice.
    """
    if isinstance(y, np.ndarray):
        return y.ndim == 2 and type_of_target(y) == "multilabel-indicator"
    if not isinstance(y, list) or not y or not all(isinstance(row, list | tuple | np.ndarray) for row in y):
        return False
    if len({len(row) for row in y}) > 1 or type_of_target(np.asarray(y)) != "multilabel-indicator":
        return False
    return isinstance(y[0], np.ndarray) or any(len(set(row)) < len(row) for row in y)


def _as_list(y: Any) -> Any:
    """Columns of pandas and Polars, arrays of objects, and those with a mask, as lists; others as they are."""
    if isinstance(y, np.ndarray):
        return y.tolist() if isinstance(y, np.ma.MaskedArray) or (y.dtype == object and y.ndim == 1) else y
    return y.to_list() if hasattr(y, "to_list") else y.tolist() if hasattr(y, "tolist") else y


def _is_missing(label: Any) -> bool:
    """Whether there is no label, as Python, NumPy or pandas say it; the text "nan" is one."""
    return (
        label is None or type(label).__name__ in _MISSING or (isinstance(label, float | np.floating) and label != label)
    )


def _label_lists(rows: list[Any]) -> list[list[Any]]:
    """Several labels a row, as lists.

    Raises:
        InputError: A row is no list.
    """
    for row, labels in enumerate(rows):
        if not isinstance(labels, _SEVERAL):
            raise InputError(f"the target of row {row} is {labels!r}, expected a list of labels as elsewhere")
    return [labels.tolist() if isinstance(labels, np.ndarray) else list(labels) for labels in rows]


def _distinct(rows: list[list[Any]]) -> NDArray[Any]:
    """All labels, sorted.

    Raises:
        InputError: There is none, or text and numbers are mixed.
    """
    labels = {label for row in rows for label in row}
    if not labels:
        raise InputError("no row has a label, expected labels that differ between rows")
    if len({isinstance(label, str) for label in labels}) > 1:
        raise InputError("the labels are text in some rows and numbers in others, expected one of the two")
    return np.array(sorted(labels))
