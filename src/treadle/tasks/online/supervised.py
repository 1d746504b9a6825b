"""Features in, a target out: what online regressor and classifier share."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError
from treadle.tasks.online.estimator import OnlineEstimator
from treadle.tasks.online.reading import Reader
from treadle.tasks.online.remembered import Remembering
from treadle.tasks.online.rows import checked, paired
from treadle.tasks.online.scale import RunningScale

Floats = NDArray[np.float64]


class SupervisedOnline(OnlineEstimator):
    """An online estimator of a target from features."""

    def _make_parts(self) -> dict[str, Remembering]:
        return {"reader": Reader(), "scale": RunningScale(0, self.half_life)}

    def fit(self, X: Any, y: Any) -> Self:
        """Forget everything, and learn from these steps in their order.

        Args:
            X: As in `partial_fit`.
            y: As in `partial_fit`.

        Raises:
            InputError: As `partial_fit`.
        """
        return self.reset().partial_fit(X, y)

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Learn from further steps, each once and in their order, as so many calls of `learn_one`.

        Args:
            X: Steps: a data frame, an array `[steps, features]`, or a list of what `learn_one` takes.
            y: A target for each.

        Raises:
            InputError: A step or a target cannot be used; the sentence says which, and nothing was learnt.
        """
        pairs = list(paired(checked(self._parts.get("reader"), X), y))
        for number, (_, target) in enumerate(pairs, 1):
            try:
                self._check_target(target)
            except InputError as error:
                raise InputError(f"row {number}: {error}") from None
        for x, target in pairs:
            self.learn_one(x, target)
        return self

    def learn_one(self, x: Any, y: Any) -> None:
        """Take a step together with what came true at it.

        Args:
            x: Features: a mapping by name, a list or array of numbers, or one number. None and NaN are missing values.
            y: The target; None where it is not known.

        Raises:
            InputError: They cannot be used; the estimator is as it was.
        """
        reader = self._parts["reader"] if self._parts else Reader()
        row, new = reader.read(x)
        self._check_target(y)
        self._begin()
        if reader is not self._parts["reader"] or new or not reader.width:
            row = self._register(x, new)
        self._grow_target(y)
        self._learn_step(self._parts["scale"].scaled(row), y)
        self._parts["scale"].update(row)

    def _register(self, x: Any, new: list[Any]) -> Floats:
        """Give new features their columns, make room for them, and read the step again."""
        reader, scale = self._parts["reader"], self._parts["scale"]
        if reader.register(x, new):
            scale.widen(reader.width)
            if self._learner is None:
                self._learner = self._make_learner(reader.width, self._outputs(), 1)
            else:
                self._learner.resize(reader.width, self._learner.outputs)
        row: Floats = reader.read(x)[0]
        return row

    def _output(self, x: Any) -> Floats | None:
        """The network's answer at a step, if it is the next; None before the first."""
        reader = self._parts["reader"] if self._parts else Reader()
        row, _ = reader.read(x)
        return None if self._learner is None else self._learner.predict(self._parts["scale"].scaled(row))

    def _outputs_along(self, X: Any) -> list[Floats]:
        """The network's answers at steps that follow, without learning; the state is then as it was.

        Raises:
            InputError: A step cannot be read, or none was learnt from before.
        """
        if self._learner is None:
            raise InputError(f"this {type(self).__name__} has learnt from no step yet, expected one before predict")
        reader, scale = self._parts["reader"], self._parts["scale"]
        rows = checked(reader, X)
        with self._learner.aside():
            return [self._learner.advance(scale.scaled(reader.read(row)[0])).copy() for row in rows]

    def _outputs(self) -> int:
        """Numbers of an answer, in the beginning."""
        return 1

    def _grow_target(self, y: Any) -> None:
        """Make room for a target of a new kind."""

    @abstractmethod
    def _check_target(self, y: Any) -> None:
        """Hold a target to its form.

        Raises:
            InputError: It is none.
        """

    @abstractmethod
    def _learn_step(self, z: Floats, y: Any) -> None:
        """Learn from a scaled step."""
