"""What an online estimator remembers as a whole: bytes, files and pickles from which it goes on bit for bit."""

import json
from abc import ABC, abstractmethod
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError
from treadle.files import write_atomically
from treadle.streaming.snapshot import pack, unpack
from treadle.tasks.arguments import Arguments
from treadle.tasks.online.drift import Watch
from treadle.tasks.online.learner import Learner
from treadle.tasks.online.remembered import Remembering, gather, scatter


class LastingEstimator(Arguments, ABC):
    """An estimator whose parts come into being with its first step, and can be taken out and put back as they are."""

    @abstractmethod
    def _begin(self) -> None:
        """Make the parts and note the arguments, where there was no step before.

        Raises:
            InputError: An argument lies outside its range.
        """

    @abstractmethod
    def _make_learner(self, inputs: int, outputs: int, targets: int) -> Learner:
        """A fresh network for steps of so many numbers."""

    def _forget(self) -> None:
        self._steps = 0
        self._parts: dict[str, Any] = {}
        self._watch: Watch | None = None
        self._learner: Learner | None = None
        self._begun: dict[str, Any] | None = None

    @property
    def _settled(self) -> dict[str, Any]:
        """The arguments that the present parts were made with, or will be."""
        return self.get_params() if self._begun is None else self._begun

    def snapshot(self) -> bytes:
        """All of it as bytes: weights, optimiser, state, scales, drift detector, replay; safe to load, and exact."""
        facts, arrays = gather(self._remembering())
        return pack("online estimator", self._identity(), {"steps": self._steps, "parts": facts}, arrays)

    def restore(self, content: bytes) -> Self:
        """Go on where a snapshot was taken, in this process or another, with the same answers bit for bit.

        Args:
            content: What `snapshot` gave, of an estimator that began with the same arguments.

        Raises:
            InputError: It is damaged, or of an estimator with other arguments; this one is as it was.
        """
        facts, arrays = unpack(content, "online estimator", self._identity())
        other = type(self)(**self._settled)
        try:
            if facts["parts"]:
                other._begin()
                if "learner" in facts["parts"]:
                    sizes = facts["parts"]["learner"]
                    other._learner = other._make_learner(sizes["inputs"], sizes["outputs"], sizes["targets"])
            scatter(other._remembering(), facts["parts"], arrays)
            other._steps = facts["steps"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"the snapshot is damaged ({error})") from None
        self._steps, self._parts, self._begun = other._steps, other._parts, other._begun
        self._watch, self._learner = other._watch, other._learner
        return self

    def save(self, path: str | Path) -> None:
        """Write arguments and snapshot to a file, whole at any moment; nothing in it is executed on opening."""
        facts = {"class": type(self).__name__, "arguments": _plain(self._settled), "changed": _plain(self._changed())}
        write_atomically(Path(path), pack("saved online estimator", "", facts, {"snapshot": _bytes(self.snapshot())}))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open a file that `save` wrote; safe for a file from a stranger.

        Raises:
            InputError: It is missing or damaged, or holds another kind of estimator.
        """
        try:
            facts, arrays = unpack(Path(path).read_bytes(), "saved online estimator", "")
            if facts["class"] != cls.__name__:
                raise InputError(f"it was saved by {facts['class']}, expected {cls.__name__}")
            estimator = cls(**_tuples(facts["arguments"])).restore(arrays["snapshot"].tobytes())
            return estimator.set_params(**_tuples(facts["changed"]))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def _remembering(self) -> dict[str, Remembering]:
        """All parts there are."""
        parts: dict[str, Remembering] = dict(self._parts)
        if self._watch is not None:
            parts["watch"] = self._watch
        if self._learner is not None:
            parts["learner"] = self._learner
        return parts

    def _identity(self) -> str:
        """What tells estimators with other arguments from this one."""
        text = json.dumps([type(self).__name__, _plain(self._settled)], sort_keys=True)
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        """For copies and processes of a pool: arguments and snapshot."""
        return {"arguments": self._settled, "changed": self._changed(), "snapshot": self.snapshot()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become the estimator that `__getstate__` told of."""
        self.__init__(**state["arguments"])  # type: ignore[misc]  # the subclass's own
        self.restore(state["snapshot"]).set_params(**state["changed"])

    def _changed(self) -> dict[str, Any]:
        """Arguments that were changed after the first step."""
        now, settled = self.get_params(), _plain(self._settled)
        return {name: now[name] for name, value in _plain(now).items() if value != settled[name]}


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments as JSON gives them back, NumPy's numbers and arrays among them."""
    found: dict[str, Any] = json.loads(json.dumps(arguments, default=lambda value: np.asarray(value).tolist()))
    return found


def _tuples(arguments: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where an argument is a tuple."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
