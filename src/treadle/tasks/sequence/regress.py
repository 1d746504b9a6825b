"""A number a sequence."""

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d

from treadle.errors import InputError
from treadle.tasks.sequence.estimator import SequenceEstimator
from treadle.tasks.sequence.targets import NumberTarget, Target


class SequenceRegressor(RegressorMixin, SequenceEstimator):
    """Predict a number from texts, token lists, symbol strings, numeric sequences, or several of them at once.

    The arguments are those of `SequenceEstimator`. The target is standardised by training data, the loss is the squared
    error.

    Example:
        >>> import numpy as np
        >>> series = [np.full(4, value) for value in np.linspace(-1, 1, 64)]
        >>> model = SequenceRegressor(hidden_size=8, epochs=60, dropout=0.0).fit(series, np.linspace(0, 100, 64))
        >>> bool(abs(model.predict([np.zeros(4)])[0] - 50) < 10)
        True
    """

    task = "regress"

    def _check_target(self, y: Any, rows: int) -> Any:
        checked = np.asarray(column_or_1d(y, warn=True))
        if checked.dtype == object and all(isinstance(value, numbers.Real) for value in checked):
            checked = checked.astype(np.float64)
        if checked.dtype.kind not in "iufb":
            raise InputError(f"the targets are of type {checked.dtype}, expected numbers")
        if len(checked) != rows:
            raise InputError(f"there are {rows} rows and {len(checked)} targets, expected equally many")
        bad = np.flatnonzero(~np.isfinite(checked))
        if len(bad):
            raise InputError(f"the target of row {bad[0]} is {checked[bad[0]]}, expected a finite number")
        return checked.astype(np.float64)

    def _fit_target(self, y: Any, train: NDArray[np.int64]) -> Target:
        return NumberTarget(float(y[train].mean()), float(y[train].std()))

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
