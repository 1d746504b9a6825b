"""One label a sequence, or several."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d
from torch import Tensor

from treadle.data import split_rows
from treadle.errors import InputError
from treadle.tasks.estimator import SequenceEstimator
from treadle.tasks.targets import ClassTarget, LabelsTarget, Target


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

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes, sorted."""
        return self.target_.classes  # type: ignore[attr-defined, no-any-return]  # a classifier's target has classes

    @property
    def is_multilabel_(self) -> bool:
        """Whether a row may have any number of labels."""
        return isinstance(self.target_, LabelsTarget)

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """The probability of every class, `[rows, classes]`, in the order of `classes_`.

        Raises:
            InputError: `X` does not fit what the model was trained on.
        """
        return self.probabilities(self.answer_columns(self._columns(X)))

    def probabilities(self, answer: Tensor) -> NDArray[Any]:
        """From what the network says, `[rows, classes]`, to probabilities."""
        return self.target_.probabilities(answer)  # type: ignore[attr-defined, no-any-return]  # as above

    def predict_labels(self, X: Any) -> list[list[Any]]:
        """With several labels a row: the labels of every row.

        Raises:
            InputError: `X` does not fit what the model was trained on.
        """
        return [self.classes_[row.astype(bool)].tolist() for row in np.atleast_2d(self.predict(X))]

    def _check_target(self, y: Any, rows: int) -> Any:
        if isinstance(y, list) and any(isinstance(row, list | tuple | set) for row in y):
            checked: Any = [list(row) for row in y]
        elif isinstance(y, np.ndarray) and y.ndim == 2 and type_of_target(y) == "multilabel-indicator":
            checked = [np.flatnonzero(row).tolist() for row in y]
        else:
            checked = column_or_1d(y, warn=True)
            check_classification_targets(checked)
        if len(checked) != rows:
            raise InputError(f"there are {rows} rows and {len(checked)} targets, expected equally many")
        return checked

    def _set_aside(self, y: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if isinstance(y, list) or len(y) < 2 or np.unique(y, return_counts=True)[1].max() < 2:
            return super()._set_aside(y)
        return split_rows(y.tolist(), self.dev_fraction, seed=self.seed)

    def _fit_target(self, y: Any) -> Target:
        if isinstance(y, list):
            classes = np.array(sorted({label for row in y for label in row}))
            counts = np.array([sum(label in row for row in y) for label in classes.tolist()])
            return LabelsTarget(classes, self._weights(classes, (len(y) - counts) / counts))
        classes, counts = np.unique(y, return_counts=True)
        if len(classes) < 2:
            raise InputError(f"all rows have one class, {classes[0]!r}; expected at least two classes")
        return ClassTarget(classes, self._weights(classes, counts.sum() / (len(counts) * counts)))

    def _weights(self, classes: NDArray[Any], balanced: NDArray[Any]) -> Tensor | None:
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, str):
            if self.class_weight != "balanced":
                raise InputError(
                    f"class_weight is {self.class_weight!r}, expected None, 'balanced' or a weight for each class"
                )
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
