"""The next values of a series, learnt as they come."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from treadle.errors import InputError, counted
from treadle.tasks.online.rows import checked
from treadle.tasks.online.series import SeriesOnline


class OnlineForecaster(SeriesOnline):
    """Forecasts of a series on a stream, in the form of River's forecasters, for one channel or several.

    `predict_one` is the next value, `forecast` the next ones, each from those expected before it; neither changes
    anything. `learn_one` takes the value that came.

    Args:
        seasons: As in `SeriesOnline`: the network sees the values of one season ago.
        loss: "huber", "squared" or "absolute".
        **options: Those of `OnlineEstimator`.

    Example:
        >>> import math
        >>> model = OnlineForecaster(hidden_size=8)
        >>> for t in range(3000):
        ...     y = 10 + math.sin(t / 3)
        ...     error = abs(model.predict_one() - y)
        ...     model.learn_one(y)
        >>> error < 0.05, len(model.forecast(12))
        (True, 12)
    """

    def learn_one(self, y: Any, x: Any = None) -> None:
        """Take the values of a step.

        Args:
            y: A number; several as a list or array; or channels by name. None and NaN are missing values.
            x: What was known of the step beforehand: features by name or numbers. A date or datetime gives its
                calendar.

        Raises:
            InputError: They cannot be used; the estimator is as it was.
        """
        self._take(y, x)

    def follow_one(self, y: Any, x: Any = None) -> None:
        """Take the values of a step without learning from them, as a model that is frozen does.

        Args:
            y: As in `learn_one`, of channels that came before.
            x: As in `learn_one`.

        Raises:
            InputError: They cannot be used, or no step was learnt from yet.
        """
        row, channels, _ = self._read(y, x)
        if self._learner is None or channels:
            raise InputError("a step can be followed once its channels were learnt from, found one that is new")
        history = self._parts["history"]
        self._learner.follow(self._inputs(history, x))
        history.push(row)

    def predict_one(self, x: Any = None) -> Any:
        """The values of the next step, in the form of those that came; 0 before the first, the last one after it.

        Args:
            x: What is known of the step, as in `learn_one`.

        Raises:
            InputError: It cannot be used.
        """
        if x is not None:
            self._reader("known").read(x)
        return 0.0 if self._learner is None else self._shown(np.nan_to_num(self._expect(x)))

    def forecast(self, horizon: int, xs: Sequence[Any] | None = None) -> list[Any]:
        """The values of the next steps.

        Args:
            horizon: How many.
            xs: What is known of each of them, as in `learn_one`.

        Raises:
            InputError: The horizon is no whole number from 1, or there are not so many `xs`, or one cannot be used.
        """
        if not isinstance(horizon, int | np.integer) or horizon < 1:
            raise InputError(f"horizon is {horizon!r:.50}, expected a whole number of steps, at least 1")
        knowns = [None] * horizon if xs is None else list(checked(self._reader("known"), xs, absent=True))
        if len(knowns) != horizon:
            raise InputError(f"what is known is given for {counted(len(knowns), 'step')}, expected {horizon}")
        if self._learner is None:
            return [0.0] * horizon
        return [self._shown(np.nan_to_num(row)) for row in self._roll(knowns)]

    def partial_fit(self, y: Any, X: Any = None) -> Self:
        """Learn from further steps, each once and in their order.

        Args:
            y: Values: a data frame (channels by name), an array `[steps]` or `[steps, channels]`, or a list of what
                `learn_one` takes.
            X: What was known of each, likewise.

        Raises:
            InputError: A step cannot be used; the sentence says which, and nothing was learnt.
        """
        values = checked(self._reader("values"), y)
        knowns = [None] * len(values) if X is None else list(checked(self._reader("known"), X, absent=True))
        if len(knowns) != len(values):
            steps, found = counted(len(values), "value"), counted(len(knowns), "step")
            raise InputError(f"there are {steps}, and what is known for {found}, expected as many")
        for value, known in zip(values, knowns, strict=True):
            self.learn_one(value, known)
        return self

    def fit(self, y: Any, X: Any = None) -> Self:
        """Forget everything, and learn from these steps; arguments as in `partial_fit`.

        Raises:
            InputError: As `partial_fit`.
        """
        return self.reset().partial_fit(y, X)
