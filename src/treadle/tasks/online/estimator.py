"""What all online estimators share: arguments, one way to learn, and a snapshot of everything."""

import json
from abc import ABC, abstractmethod
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from treadle.cells import cell_names
from treadle.cells.initialisation import SCHEMES
from treadle.errors import InputError, nearest
from treadle.files import write_atomically
from treadle.nn import Stack
from treadle.streaming.snapshot import pack, unpack
from treadle.tasks.arguments import Arguments
from treadle.tasks.online.drift import Watch
from treadle.tasks.online.learner import Learner, Loss, Plan
from treadle.tasks.online.remembered import Remembering, gather, scatter
from treadle.tasks.online.settings import OnlineSettings
from treadle.tasks.settings import RecurrentSettings, check
from treadle.training import TrainingSettings

Floats = NDArray[np.float64]

LARGEST_ERROR = 8.0
"""What the drift detector takes an error for at most, in standard deviations of the target: it looks for errors that
are larger for good, not for the largest one."""


class OnlineEstimator(Arguments, ABC):
    """A recurrent network that lives on a stream: it answers a step, learns from what came true, and goes on.

    Time and memory of a step do not grow. What it learns is its subclasses' affair.

    Args:
        cell: The name of a cell; docs/cells.md has them all.
        hidden_size: Units of each layer.
        layers: Depth.
        residual: Whether a layer's input is added to its output, from the second layer on.
        init: Initialisation of the cells, a name of `treadle.cells.SCHEMES`.
        engine: "auto", "cpu", "torch" or "eager"; see `treadle.nn.Recurrent`.
        bptt: Steps of a chunk: the weights change once a chunk, and gradients reach back to its beginning.
        optimizer: "adamw", "adam", "rmsprop" or "sgd".
        learning_rate: Of every update.
        weight_decay: Strength of the L2 penalty on weights.
        momentum: Of "sgd" and "rmsprop".
        clip_norm: Largest gradient norm; 0 for no clipping.
        half_life: Steps after which a value weighs half in the mean and variance that inputs and targets are scaled by.
        replay: Chunks of the past that are kept to be learnt from again; 0 for none.
        replay_chunks: How many of them are learnt from beside every new one.
        drift: "adwin" or "page-hinkley" to watch the error, None for nothing.
        on_drift: What a rise of it does: "raise" the learning rate for a while, or "reset" network, optimiser and
            state to their beginning.
        drift_factor: How many times as high the learning rate is after a rise.
        drift_steps: Steps over which it falls back.
        seed: Of everything that is drawn.
        **options: Refused; the nearest valid name is in the error.
    """

    def __init__(
        self,
        *,
        cell: str = "gru",
        hidden_size: int = 32,
        layers: int = 1,
        residual: bool = False,
        init: str = "recommended",
        engine: str = "auto",
        bptt: int = 16,
        optimizer: str = "adamw",
        learning_rate: float = 1e-2,
        weight_decay: float = 0.0,
        momentum: float = 0.9,
        clip_norm: float = 1.0,
        half_life: float = 1000,
        replay: int = 0,
        replay_chunks: int = 4,
        drift: str | None = None,
        on_drift: str = "raise",
        drift_factor: float = 4.0,
        drift_steps: int = 500,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.cell = cell
        self.hidden_size = hidden_size
        self.layers = layers
        self.residual = residual
        self.init = init
        self.engine = engine
        self.bptt = bptt
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.clip_norm = clip_norm
        self.half_life = half_life
        self.replay = replay
        self.replay_chunks = replay_chunks
        self.drift = drift
        self.on_drift = on_drift
        self.drift_factor = drift_factor
        self.drift_steps = drift_steps
        self.seed = seed
        self._forget()

    @abstractmethod
    def _make_parts(self) -> dict[str, Remembering]:
        """The parts of an estimator that has seen nothing, but watch and learner."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """What is made small."""

    @property
    def steps_(self) -> int:
        """Steps that were learnt from."""
        return self._steps

    @property
    def drifts_(self) -> int:
        """How often the drift detector found that errors had risen."""
        return 0 if self._watch is None else self._watch.changes

    def explain(self) -> str:
        """How steps run, and chunks of them.

        Raises:
            InputError: There was no step yet.
        """
        if self._learner is None:
            raise InputError("nothing runs before the first step, expected one to be learnt from")
        return self._learner.explain()

    def reset(self) -> Self:
        """Forget everything."""
        self._forget()
        return self

    def _forget(self) -> None:
        self._steps = 0
        self._parts: dict[str, Any] = {}
        self._watch: Watch | None = None
        self._learner: Learner | None = None

    def _begin(self) -> None:
        """Make the parts, where there was no step before.

        Raises:
            InputError: An argument lies outside its range.
        """
        if not self._parts:
            settings = self._check_arguments()
            self._parts = self._make_parts()
            self._watch = Watch(settings.drift, settings.drift_factor, settings.drift_steps)

    def _check_arguments(self) -> OnlineSettings:
        values: dict[str, Any] = self.get_params()
        shape = check(RecurrentSettings, {**values, "dropout": 0.0})
        if shape.cell not in cell_names():
            raise InputError(f"there is no cell {shape.cell!r}{nearest(shape.cell, cell_names())}")
        if shape.init not in SCHEMES:
            raise InputError(f"there is no initialisation {shape.init!r}{nearest(shape.init, SCHEMES)}")
        check(TrainingSettings, values)
        return check(OnlineSettings, values)

    def _make_learner(self, inputs: int, outputs: int, targets: int) -> Learner:
        """A fresh network for steps of so many numbers."""
        values: dict[str, Any] = self.get_params()
        settings, shape = check(OnlineSettings, values), check(RecurrentSettings, {**values, "dropout": 0.0})

        def make_stack(size: int) -> Stack:
            return Stack(
                shape.cell,
                size,
                shape.hidden_size,
                shape.layers,
                residual=shape.residual,
                engine=shape.engine,
                init=shape.init,
            )

        plan = Plan(
            make_stack,
            self._make_loss(),
            check(TrainingSettings, values),
            settings.bptt,
            settings.replay,
            settings.replay_chunks,
            self.seed,
        )
        return Learner(plan, inputs, outputs, targets)

    def _learn(self, x: Floats, y: Floats) -> Floats:
        """Give the learner a scaled step, watch its error, and do what drift asks for; the answer before learning."""
        assert self._learner is not None
        assert self._watch is not None
        found = self._learner.learn(x, y, self._watch.rate)
        self._steps += 1
        if self._watch.detector is not None:
            error = self._error(found, y)
            if error == error and self._watch.update(min(error, LARGEST_ERROR)) and self.on_drift == "reset":
                old = self._learner
                self._learner = self._make_learner(old.inputs, old.outputs, old.targets)
        return found

    def _error(self, found: Floats, y: Floats) -> float:
        """How wrong an answer was, NaN where that is not known."""
        errors = np.abs(found - y)
        known = errors[errors == errors]
        return float(known.mean()) if len(known) else np.nan

    def snapshot(self) -> bytes:
        """All of it as bytes: weights, optimiser, state, scales, drift detector, replay; safe to load, and exact."""
        facts, arrays = gather(self._remembering())
        return pack("online estimator", self._identity(), {"steps": self._steps, "parts": facts}, arrays)

    def restore(self, content: bytes) -> Self:
        """Go on where a snapshot was taken, in this process or another, with the same answers bit for bit.

        Args:
            content: What `snapshot` gave, of an estimator with the same arguments.

        Raises:
            InputError: It is damaged, or of an estimator with other arguments; this one is as it was.
        """
        facts, arrays = unpack(content, "online estimator", self._identity())
        other = type(self)(**self.get_params())
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
        self._steps, self._parts, self._watch, self._learner = other._steps, other._parts, other._watch, other._learner
        return self

    def save(self, path: str | Path) -> None:
        """Write arguments and snapshot to a file, whole at any moment; nothing in it is executed on opening."""
        facts = {"class": type(self).__name__, "arguments": self.get_params()}
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
            estimator = cls(**{name: _tuples(value) for name, value in facts["arguments"].items()})
            return estimator.restore(arrays["snapshot"].tobytes())
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
        text = json.dumps([type(self).__name__, self.get_params()], sort_keys=True, default=str)
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        """For copies and processes of a pool: arguments and snapshot."""
        return {"arguments": self.get_params(), "snapshot": self.snapshot()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become the estimator that `__getstate__` told of."""
        self.__init__(**state["arguments"])  # type: ignore[misc]  # the subclass's own
        self.restore(state["snapshot"])


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def _tuples(value: Any) -> Any:
    """JSON has lists where an argument is a tuple."""
    return tuple(value) if isinstance(value, list) else value
