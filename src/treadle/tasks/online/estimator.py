"""What all online estimators share: arguments, and one way to learn."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from treadle.cells import cell_names
from treadle.cells.initialisation import SCHEMES
from treadle.errors import InputError, nearest
from treadle.nn import Stack
from treadle.tasks.online.drift import Watch
from treadle.tasks.online.lasting import LastingEstimator
from treadle.tasks.online.learner import Learner, Loss, Plan
from treadle.tasks.online.remembered import Remembering
from treadle.tasks.online.settings import OnlineSettings
from treadle.tasks.settings import RecurrentSettings, check
from treadle.training import TrainingSettings

Floats = NDArray[np.float64]

LARGEST_ERROR = 8.0
"""What the drift detector takes an error for at most, in standard deviations of the target: it looks for errors that
are larger for good, not for the largest one."""


class OnlineEstimator(LastingEstimator):
    """A recurrent network that lives on a stream: it answers a step, learns from what came true, and goes on.

    Time and memory of a step do not grow. What it learns is its subclasses' affair. Arguments that are changed after
    the first step hold from the next `reset` or `fit` on.

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

    def _begin(self) -> None:
        """Make the parts, where there was no step before.

        Raises:
            InputError: An argument lies outside its range.
        """
        if not self._parts:
            settings = self._check_arguments()
            self._parts, self._begun = self._make_parts(), self.get_params()
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
        values = self._settled
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
            values["seed"],
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
            rose = error == error and self._watch.update(min(error, LARGEST_ERROR))
            if rose and self._settled["on_drift"] == "reset":
                old = self._learner
                self._learner = self._make_learner(old.inputs, old.outputs, old.targets)
        return found

    def _error(self, found: Floats, y: Floats) -> float:
        """How wrong an answer was, NaN where that is not known."""
        errors = np.abs(found - y)
        known = errors[errors == errors]
        return float(known.mean()) if len(known) else np.nan
