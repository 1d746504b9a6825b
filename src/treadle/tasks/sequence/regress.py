"""A number a sequence, or a number at every step of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d
from torch import Tensor

from treadle.data import Kind, Ragged
from treadle.data.series import LARGEST, is_real, unmasked
from treadle.errors import InputError
from treadle.tasks.sequence.estimator import SequenceEstimator
from treadle.tasks.sequence.features import Where
from treadle.tasks.sequence.inputs import row_name
from treadle.tasks.sequence.network import SequenceNetwork
from treadle.tasks.sequence.per_step import StepNetwork, Windows, check_targets, step_objective
from treadle.tasks.sequence.targets import NumberTarget, StepTarget, Target
from treadle.tasks.settings import check
from treadle.training import Objective, TrainingSettings


class WindowSettings(BaseModel):
    """How far a gradient goes back; documented in `SequenceRegressor`."""

    bptt: int | None = Field(ge=1)


class SequenceRegressor(RegressorMixin, SequenceEstimator):
    """Predict a number from texts, token lists, symbol strings, numeric sequences, or several of them at once.

    The target is standardised by training data, the loss is the squared error. Where the target of a row is a list, it
    is a number for each step of a series: what is left of a machine's life, say. `predict` then gives an array a row.

    Args:
        bptt: With a target a step: steps of a window that the gradient goes back through; the state is carried from
            window to window, and what training holds does not grow with the length of a series. None for whole series.
        **options: Those of `SequenceEstimator`.

    Example:
        >>> import numpy as np
        >>> series = [np.full(4, value) for value in np.linspace(-1, 1, 64)]
        >>> model = SequenceRegressor(hidden_size=8, epochs=60, dropout=0.0).fit(series, np.linspace(0, 100, 64))
        >>> bool(abs(model.predict([np.zeros(4)])[0] - 50) < 10)
        True
        >>> steps = [one.cumsum() for one in series]
        >>> model = SequenceRegressor(bidirectional=False, hidden_size=8, epochs=1).fit(series, steps)
        >>> [answer.shape for answer in model.predict([np.zeros(4), np.zeros(6)])]
        [(4,), (6,)]
    """

    task = "regress"

    def __init__(self, *, bptt: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.bptt = bptt

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        super().check_arguments()
        check(WindowSettings, self.get_params())
        if self.bptt is not None and self.bidirectional:
            raise InputError(
                f"bptt is {self.bptt}, but a bidirectional network reads every series from its end too, so it cannot "
                "be cut; train a causal one with bidirectional=False, or use checkpoint"
            )

    def build_network(self) -> SequenceNetwork:
        """A fresh network for the fitted features and target, drawn by `seed`; it takes the place of `network_`."""
        if not self.target_.per_step:
            return super().build_network()
        (feature,) = self.features_.values()
        self.network_ = self.drawn(lambda: StepNetwork(feature, self.settings_, self.bptt))
        return self.network_

    def predict(self, X: Any) -> Any:
        """The number of every row of `X`, `[rows]`; with targets a step, an array `[steps]` a row, in a list.

        Raises:
            InputError: `X` does not fit what the model was trained on.
        """
        columns = self._columns(X)
        found = self.target_.predict(self.answer_columns(columns))
        return self.by_row(found, columns) if self.target_.per_step else found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R2; with targets a step, over the steps of all rows.

        Args:
            X: As in `predict`.
            y: The target of every row.
            sample_weight: Of every row, for each of its steps.

        Raises:
            InputError: `X` or `y` does not fit what the model was trained on, or there is not a weight a row.
        """
        if not self.target_.per_step:
            return float(super().score(X, y, sample_weight))
        split = self.split(X, y)
        check_targets(self.target_, self.encode(split.columns), split.y, row_name)
        weights = None
        if sample_weight is not None:
            each = np.asarray(sample_weight, dtype=np.float64)
            if each.shape != (len(split.y),):
                raise InputError(f"sample_weight is of shape {list(each.shape)}, expected a weight for each row")
            weights = np.repeat(each, [len(steps) for steps in split.y])
        return float(r2_score(np.concatenate(split.y), np.concatenate(self.predict(X)), sample_weight=weights))

    def _check_target(self, y: Any, rows: int) -> Any:
        values = _listed(y)
        if _has_sequences(values):
            if len(values) != rows:
                raise InputError(f"there are {rows} rows and {len(values)} targets, expected equally many")
            return [_steps(one, row) for row, one in enumerate(values)]
        checked = np.asarray(column_or_1d(unmasked(values), warn=True))
        if len(checked) != rows:
            raise InputError(f"there are {rows} rows and {len(checked)} targets, expected equally many")
        for row, value in enumerate(checked.tolist()):
            if not is_real(value) or not abs(value) <= LARGEST:
                raise InputError(f"the target of row {row} is {value!s:.50}, expected a finite number up to 3.4e38")
        return checked.astype(np.float64)

    def _fit_target(self, y: Any, train: NDArray[np.int64]) -> Target:
        if isinstance(y, np.ndarray):
            if self.bptt is not None:
                raise InputError(
                    "bptt is for targets a step, and there is one number a row; leave it out, and set checkpoint where "
                    "series are very long"
                )
            return NumberTarget(float(y[train].mean()), float(y[train].std()))
        self._refuse_for_steps()
        known = np.concatenate([y[row] for row in train])
        if not len(known):
            raise InputError("no row has a target, expected one for each step of a series")
        return StepTarget(float(known.mean()), float(known.std()))

    def _refuse_for_steps(self) -> None:
        """Refuse what has no number for each step.

        Raises:
            InputError: There are several inputs, or one that is no series; or the series are cut.
        """
        if len(self.features_) > 1:
            raise InputError(f"targets a step need one input, found {', '.join(map(repr, self.features_))}")
        (feature,) = self.features_.values()
        if feature.kind is not Kind.SERIES:
            raise InputError(f"targets a step need a series of numbers as input, found {feature.kind.value}")
        if self.segment > 1:
            raise InputError(
                f"segment={self.segment} reads several steps as one, and every step has a target; set it to 1"
            )
        if self.convolutions is not None:
            raise InputError("convolutions say one thing of a whole series, but each step has a target; leave them out")
        if self.max_length is not None:
            raise InputError(
                f"max_length={self.max_length} reads no more than the first steps, and every step has a target; set "
                "bptt or checkpoint where series are very long"
            )

    def _check_pairs(self, inputs: list[Ragged], y: Any, where: Where) -> None:
        check_targets(self.target_, inputs, y, where)

    def _steps_of_a_pass(self, lengths: Tensor) -> float:
        if self.bptt is None:
            return super()._steps_of_a_pass(lengths)
        rows = max(1, min(self.batch_size, self.batch_tokens // self.bptt))
        return float(lengths.sum()) / (rows * self.bptt)

    def _objective(
        self,
        network: SequenceNetwork,
        settings: TrainingSettings,
        rows: tuple[list[Ragged], Tensor],
        dev: tuple[list[Ragged], Tensor],
    ) -> Objective:
        if not isinstance(network, StepNetwork) or not isinstance(self.target_, StepTarget):
            return super()._objective(network, settings, rows, dev)
        windows = Windows(
            rows[0][0].lengths,
            self.bptt,
            tokens=settings.batch_tokens,
            max_rows=settings.batch_size,
            seed=self.seed,
        )
        return step_objective(network, self.target_, windows, rows, dev)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _listed(y: Any) -> Any:
    """Columns and data frames of pandas and polars, also such columns in a list, as lists and arrays."""
    if hasattr(y, "columns") and hasattr(y, "to_numpy"):
        return y.to_numpy()
    y = y.to_list() if hasattr(y, "to_list") else y
    return [one.to_list() if hasattr(one, "to_list") else one for one in y] if isinstance(y, list | tuple) else y


def _has_sequences(y: Any) -> bool:
    """Whether targets are given a step: lists in a list, or an array `[rows, steps]` of several steps.

    Raises:
        InputError: Of some rows they are, and of others not.
    """
    if isinstance(y, np.ndarray) and y.dtype != object:
        return y.ndim == 2 and y.shape[1] > 1
    if not isinstance(y, list | tuple | np.ndarray) or not len(y):
        return False
    several = [isinstance(one, list | tuple | np.ndarray) and np.ndim(one) >= 1 for one in y]
    if any(several) and not all(several):
        row = several.index(False)
        raise InputError(
            f"the target of row {row} is {y[row]!s:.50}, expected a number for each step, as of other rows"
        )
    return all(several)


def _steps(targets: Any, row: int) -> NDArray[np.float64]:
    """The targets of a row's steps.

    Raises:
        InputError: They are no list of finite numbers.
    """
    try:
        found = np.asarray(unmasked(targets), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"the targets of row {row} are {targets!r:.50}, expected a number for each step") from None
    if found.ndim != 1:
        raise InputError(f"the targets of row {row} are of shape {list(found.shape)}, expected a number for each step")
    bad = np.flatnonzero(~(np.abs(found) <= LARGEST))
    if len(bad):
        place = f"the target of step {bad[0] + 1} of row {row}"
        raise InputError(f"{place} is {found[bad[0]]}, expected a finite number up to 3.4e38")
    return found
