"""A number at every step, learnt as the steps come."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from treadle.data.series import LARGEST, is_absent, is_real
from treadle.errors import InputError
from treadle.tasks.online.learner import Loss
from treadle.tasks.online.losses import REGRESSION
from treadle.tasks.online.remembered import Remembering
from treadle.tasks.online.scale import RunningScale
from treadle.tasks.online.settings import OnlineSettings
from treadle.tasks.online.supervised import SupervisedOnline
from treadle.tasks.settings import check

Floats = NDArray[np.float64]


class OnlineRegressor(RegressorMixin, SupervisedOnline):
    """A number at every step of a stream, from the features of the step and all that came before it.

    `predict_one` answers and changes nothing; `learn_one` takes the step, with what came true, and the state goes on. A
    step whose target comes later is predicted now and learnt from when the target is there, in the order of the steps.
    `partial_fit` learns from many steps in their order; `predict` answers steps that would follow, without learning.

    Args:
        loss: "huber", "squared" or "absolute", of the target in units of its running standard deviation.
        **options: Those of `OnlineEstimator`.

    Example:
        >>> import math
        >>> model = OnlineRegressor(hidden_size=8)
        >>> for t in range(2000):  # the target is the feature of three steps ago
        ...     x, y = {"wave": math.sin(t / 3)}, math.sin((t - 3) / 3)
        ...     error = abs(model.predict_one(x) - y)
        ...     model.learn_one(x, y)
        >>> error < 0.1
        True
    """

    def __init__(self, *, loss: str = "huber", **options: Any) -> None:
        super().__init__(**options)
        self.loss = loss

    def predict_one(self, x: Any) -> float:
        """The target at a step, if it is the next; 0 before the first was learnt from.

        Args:
            x: As in `learn_one`; a feature that never came before says nothing.

        Raises:
            InputError: It is no step of this stream.
        """
        found = self._output(x)
        return 0.0 if found is None else float(self._parts["target"].unscaled(found)[0])

    def predict(self, X: Any) -> Floats:
        """The targets at steps that follow on what was learnt, without learning from them.

        Args:
            X: As in `partial_fit`.

        Raises:
            InputError: A step cannot be read, or none was learnt from before.
        """
        found = self._outputs_along(X)
        return np.array([self._parts["target"].unscaled(one)[0] for one in found])

    def _make_parts(self) -> dict[str, Remembering]:
        return {**super()._make_parts(), "target": RunningScale(1, self.half_life)}

    def _make_loss(self) -> Loss:
        return REGRESSION[check(OnlineSettings, self._settled).loss]

    def _check_target(self, y: Any) -> None:
        if is_absent(y) or (is_real(y) and abs(y) <= LARGEST):
            return
        raise InputError(
            f"the target of the step is {y!r:.50}, expected a number up to 3.4e38, or None where there is none"
        )

    def _learn_step(self, z: Floats, y: Any) -> None:
        target = self._parts["target"]
        value = np.array([np.nan if is_absent(y) else float(y)])
        self._learn(z, np.where(np.isnan(value), np.nan, target.scaled(value)))
        target.update(value)
