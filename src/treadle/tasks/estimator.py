"""What all estimators share: arguments of the recurrent layers and of training, one way to train, device and seed."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from treadle.cells import cell_names
from treadle.cells.initialisation import SCHEMES
from treadle.errors import InputError, nearest
from treadle.tasks.folder import SavedInFolder
from treadle.tasks.settings import RecurrentSettings, SplitSettings, check
from treadle.training import Bar, Objective, Progress, TrainingSettings, fit

AUTO_STEPS = 4000
"""Steps that a run has at least, if 100 epochs can give them, where `epochs` is left open."""
AUTO_EPOCHS = (6, 100)
"""The fewest and the most epochs that are chosen where `epochs` is left open."""

LAYER_DECAY = 1 / 2.6
"""Of the learning rate, from a layer to the one below it, where the network begins as a language model: J. Howard & S.
Ruder, "Universal language model fine-tuning for text classification", 2018, section 3.2."""
UNFREEZE_EPOCHS = 1
"""Epochs that a layer then waits longer than the one above it: section 3.3 there."""

Training = Callable[..., list[dict[str, Any]]]
"""`treadle.training.fit`, or what takes its arguments and its place."""


class Estimator(SavedInFolder):
    """A recurrent network that is trained, saved and opened again; what it learns is its subclasses' affair.

    Args:
        cell: The name of a cell, such as "lstm", "gru" or "min-gru"; docs/cells.md has them all.
        hidden_size: Units of each direction of each layer.
        layers: Depth.
        residual: Whether a layer's input is added to its output, from the second layer on.
        dropout: Share of features dropped between layers and before the answer, in training.
        init: Initialisation of the cells, a name of `treadle.cells.SCHEMES`.
        engine: "auto", "cpu", "torch" or "eager"; see `treadle.nn.Recurrent`. "int8" is for models that are trained.
        epochs: Passes over the training data at most; None chooses by the number of batches.
        batch_size: Sequences a batch at most.
        batch_tokens: Padded steps a batch at most.
        optimizer: "adamw", "adam", "rmsprop" or "sgd".
        learning_rate: Its peak.
        schedule: "one-cycle", "cosine", "step", "plateau" or "constant".
        weight_decay: Strength of the L2 penalty on weights.
        momentum: Of "sgd" and "rmsprop".
        clip_norm: Largest gradient norm; 0 for no clipping.
        averaging: Decay of the running mean of the weights that is evaluated and kept; 0 for the weights themselves.
        patience: Epochs without a better one on dev before training ends; 0 for never.
        dev_fraction: Share of the training rows set aside to choose the best epoch by, where no dev rows are given.
        init_from: The folder of a language model to begin from, or None. The network begins as the language model,
            with its shape and symbols; that of a tagger holds it beside layers of its own; see docs/transfer.md.
        layer_decay: From each layer to the one below it, the learning rate falls to this share; None for 1, or for
            1 / 2.6 with `init_from`.
        unfreeze_epochs: Epochs that a layer waits longer than the one above it before it learns; None for 0, or for 1
            with `init_from`.
        seed: Of everything that is drawn.
        device: "auto" or "cpu".
        precision: "float32", "bfloat16" or "float16".
        verbose: Whether training shows its progress.
        **options: Those of the base classes; an unknown one is refused, and the nearest valid name is in the error.
    """

    _training: Training | None = None
    _epochs: int
    explicit: frozenset[str] = frozenset()
    """Arguments that were given in so many words, as far as that is known: those of a command line."""

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 128,
        layers: int = 1,
        residual: bool = False,
        dropout: float = 0.5,
        init: str = "recommended",
        engine: str = "auto",
        epochs: int | None = None,
        batch_size: int = 32,
        batch_tokens: int = 8192,
        optimizer: str = "adamw",
        learning_rate: float = 2e-3,
        schedule: str = "one-cycle",
        weight_decay: float = 0.01,
        momentum: float = 0.9,
        clip_norm: float = 1.0,
        averaging: float = 0.995,
        patience: int = 0,
        dev_fraction: float = 0.1,
        init_from: str | None = None,
        layer_decay: float | None = None,
        unfreeze_epochs: int | None = None,
        seed: int = 0,
        device: str = "auto",
        precision: str = "float32",
        verbose: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.cell = cell
        self.hidden_size = hidden_size
        self.layers = layers
        self.residual = residual
        self.dropout = dropout
        self.init = init
        self.engine = engine
        self.epochs = epochs
        self.batch_size = batch_size
        self.batch_tokens = batch_tokens
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.clip_norm = clip_norm
        self.averaging = averaging
        self.patience = patience
        self.dev_fraction = dev_fraction
        self.init_from = init_from
        self.layer_decay = layer_decay
        self.unfreeze_epochs = unfreeze_epochs
        self.seed = seed
        self.device = device
        self.precision = precision
        self.verbose = verbose

    def left_open(self) -> dict[str, Any]:
        """The defaults of the arguments that were not given in so many words."""
        return {name: default for name, default in self.parameters().items() if name not in self.explicit}

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        values = self.get_params()
        check(SplitSettings, values)
        check(RecurrentSettings, values)
        if self.cell not in cell_names():
            raise InputError(f"there is no cell {self.cell!r}{nearest(self.cell, cell_names())}")
        if self.init not in SCHEMES:
            raise InputError(f"there is no initialisation {self.init!r}{nearest(self.init, SCHEMES)}")
        check(TrainingSettings, self.training_values(epochs=1))

    def learns_dev(self, *, given: bool) -> bool:  # noqa: ARG002 (some estimators ask)
        """Whether what the best epoch is chosen by is learnt in the end.

        Args:
            given: Whether dev data is given.
        """
        return False

    def training_settings(self, a_pass: float, epochs: int | None = None) -> TrainingSettings:
        """The settings of the loop, with the number of epochs chosen where it is left open.

        Args:
            a_pass: Steps of one epoch, about.
            epochs: Their number where it is left open; None for one by the length of a pass.
        """
        fewest, most = AUTO_EPOCHS
        epochs = epochs or min(most, max(fewest, math.ceil(AUTO_STEPS / math.ceil(a_pass))))
        return check(TrainingSettings, self.training_values(epochs))

    def training_values(self, epochs: int) -> dict[str, Any]:
        """The arguments, with what the loop is told where they leave it open.

        Args:
            epochs: How many, where `epochs` is left open.
        """
        values: dict[str, Any] = self.get_params()
        decay, wait = (1.0, 0) if self.init_from is None else (LAYER_DECAY, UNFREEZE_EPOCHS)
        left_open = {"epochs": epochs, "layer_decay": decay, "unfreeze_epochs": wait}
        return values | {name: value for name, value in left_open.items() if values[name] is None}

    def train_network(
        self,
        objective: Objective,
        settings: TrainingSettings,
        *,
        checkpoint: Path | None = None,
        checkpoint_seconds: float = 60.0,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Train the objective's model, which becomes `network_`; the caller's random numbers are left alone.

        Args:
            objective: What is trained.
            settings: How, as `training_settings` gives them.
            checkpoint: A file for the state of training.
            checkpoint_seconds: Time between two of them.
            resume: Whether to go on from it.
            progress: Is told of every step and epoch.

        Raises:
            InputError: Training diverged, or the checkpoint is of another run.
            Interrupted: Training was asked to stop; its state is in `checkpoint`.
        """
        if progress is None and self.verbose:
            progress = Bar()
        settings = check(TrainingSettings, settings.model_dump() | {"checkpoint_seconds": checkpoint_seconds})
        self._epochs = settings.epochs
        with torch.random.fork_rng():
            train = self._training or fit
            self.history_ = train(objective, settings, checkpoint=checkpoint, resume=resume, progress=progress)
        self.network_ = objective.model.eval()

    def describe(self) -> str:
        """The model in a few words: "2-layer bidirectional LSTM"."""
        shape = self.recurrent_settings()
        depth = f"{shape.layers}-layer " if shape.layers > 1 else ""
        cell = shape.cell.upper() if shape.cell in ("lstm", "gru") else shape.cell.capitalize()
        words = f"{depth}{'bidirectional ' if shape.bidirectional else ''}{cell}"
        return words if words.startswith(cell) else words[0].upper() + words[1:]

    def recurrent_settings(self) -> RecurrentSettings:
        """The shape of the fitted network's recurrent layers."""
        return check(RecurrentSettings, self.get_params())

    @abstractmethod
    def describe_size(self) -> str:
        """The size of the fitted model and what it reads, in one phrase."""

    @abstractmethod
    def explain(self) -> list[str]:
        """For each recurrent part of the fitted model, which engine runs it and why not the others."""

    def count_parameters(self) -> int:
        """Numbers that were learnt."""
        return sum(parameter.numel() for parameter in self.network_.parameters())


@contextmanager
def trained_by(estimator: Estimator, training: Training) -> Iterator[None]:
    """Within the block, fitting the estimator makes all ready as ever and then calls `training` in the place of `fit`.

    It is given what would be trained, on what and towards what, whatever the task: to look into it, or to train
    otherwise.
    """
    estimator._training = training
    try:
        yield
    finally:
        del estimator._training
