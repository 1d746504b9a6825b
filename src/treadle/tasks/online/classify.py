"""A class at every step, learnt as the steps come."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin

from treadle.data.series import is_absent
from treadle.errors import InputError
from treadle.tasks.online.learner import Loss
from treadle.tasks.online.losses import classification
from treadle.tasks.online.remembered import Arrays, Facts, Remembering
from treadle.tasks.online.supervised import SupervisedOnline

Floats = NDArray[np.float64]


class _Classes:
    """The classes that came so far, in the order in which they came."""

    def __init__(self) -> None:
        self.labels: list[Any] = []
        self.numbers: dict[Any, int] = {}

    def add(self, label: Any) -> None:
        self.numbers[label] = len(self.labels)
        self.labels.append(label)

    def facts(self) -> Facts:
        return {"labels": self.labels}

    def arrays(self) -> Arrays:
        return {}

    def restore(self, facts: Facts, arrays: Arrays) -> None:  # noqa: ARG002  # the facts are all there is
        for label in facts["labels"]:
            self.add(label)


class OnlineClassifier(ClassifierMixin, SupervisedOnline):
    """A class at every step of a stream, from the features of the step and all that came before it.

    The methods are those of `OnlineRegressor`. Classes are texts, whole numbers or truth values; they need not be known
    beforehand, and a new one widens the head of the network.

    Args:
        **options: Those of `OnlineEstimator`.

    Example:
        >>> model = OnlineClassifier(hidden_size=8)
        >>> for t in range(1500):  # whether there were two pulses in a row
        ...     x, y = {"pulse": int(t % 5 < 2)}, "double" if t % 5 == 1 else "none"
        ...     found = model.predict_one(x)
        ...     model.learn_one(x, y)
        >>> [model.predict_one({"pulse": 1}), sorted(model.predict_proba_one({"pulse": 1}))]
        ['none', ['double', 'none']]
    """

    @property
    def classes_(self) -> list[Any]:
        """The classes that came so far, in the order in which they came."""
        return list(self._parts["classes"].labels) if self._parts else []

    def predict_proba_one(self, x: Any) -> dict[Any, float]:
        """The probability of every class that came so far at a step, if it is the next; nothing before the first.

        Args:
            x: As in `learn_one`.

        Raises:
            InputError: It is no step of this stream.
        """
        found = self._output(x)
        if found is None or not self.classes_:
            return {}
        return dict(zip(self.classes_, _softmax(found).tolist(), strict=True))

    def predict_one(self, x: Any) -> Any:
        """The likeliest class at a step, if it is the next; None before the first was learnt from.

        Args:
            x: As in `learn_one`.

        Raises:
            InputError: It is no step of this stream.
        """
        found = self._output(x)
        return None if found is None or not self.classes_ else self.classes_[int(found.argmax())]

    def predict_proba(self, X: Any) -> Floats:
        """`[steps, classes]` at steps that follow on what was learnt, without learning from them.

        Args:
            X: As in `partial_fit`.

        Raises:
            InputError: A step cannot be read, or none was learnt from before.
        """
        return np.stack([_softmax(one) for one in self._outputs_along(X)])

    def _outputs_along(self, X: Any) -> list[Floats]:
        found = super()._outputs_along(X)
        if not self.classes_:
            raise InputError(f"this {type(self).__name__} has met no class yet, expected one before predict")
        return found

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Learn from further steps, each once and in their order, as so many calls of `learn_one`.

        Args:
            X: As in the base class.
            y: A class for each; None where it is not known.
            classes: Others that may come, so that answers tell them, too; those of `y` need not be named.

        Raises:
            InputError: A step or a class cannot be used; the sentence says which, and nothing was learnt.
        """
        for label in [] if classes is None else classes:
            self._check_target(label)
        super().partial_fit(X, y)
        self._begin()
        for label in [] if classes is None else classes:
            self._grow_target(label)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class at each of the steps; as `predict_proba`.

        Args:
            X: As in `partial_fit`.

        Raises:
            InputError: As `predict_proba`.
        """
        found = [self.classes_[int(one.argmax())] for one in self._outputs_along(X)]
        return np.array(found, dtype=object if len({type(label) for label in self.classes_}) > 1 else None)

    def _make_parts(self) -> dict[str, Remembering]:
        return {**super()._make_parts(), "classes": _Classes()}

    def _make_loss(self) -> Loss:
        return classification

    def _check_target(self, y: Any) -> None:
        if not is_absent(y) and not isinstance(_plain(y), str | int | bool):
            raise InputError(f"the class of the step is {y!r:.50}, expected a text, a whole number or a truth value")

    def _grow_target(self, y: Any) -> None:
        classes, label = self._parts["classes"], _plain(y)
        if is_absent(y) or label in classes.numbers:
            return
        classes.add(label)
        if self._learner is not None and len(classes.labels) > self._learner.outputs:
            self._learner.resize(self._learner.inputs, len(classes.labels))

    def _outputs(self) -> int:
        return max(1, len(self.classes_))

    def _learn_step(self, z: Floats, y: Any) -> None:
        self._learn(z, np.array([np.nan if is_absent(y) else float(self._parts["classes"].numbers[_plain(y)])]))

    def _error(self, found: Floats, y: Floats) -> float:
        """1 for a wrong answer, 0 for a right one."""
        return np.nan if np.isnan(y[0]) else float(found.argmax() != y[0])


def _plain(label: Any) -> Any:
    """A NumPy number or truth value as Python's own."""
    return label.item() if isinstance(label, np.generic) else label


def _softmax(z: Floats) -> Floats:
    raised = np.exp(z - z.max())
    found: Floats = raised / raised.sum()
    return found
