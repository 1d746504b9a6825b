"""The training loop: one for every task."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.data.batches import shard
from treadle.errors import InputError
from treadle.training.accelerator import make_accelerator
from treadle.training.checkpoint import load_state, save_state
from treadle.training.interrupt import deferred_interrupt
from treadle.training.optimisation import LearningRate, make_optimizer
from treadle.training.progress import Progress, Silent
from treadle.training.settings import TrainingSettings

Rows = NDArray[np.int64]


class Batches(Protocol):
    """Where batches come from: `treadle.data.BucketBatches` is one."""

    def epoch(self, number: int) -> list[Rows]:
        """The batches of an epoch, which depend on its number alone."""

    def count(self, epochs: int) -> int:
        """Batches in the first `epochs` epochs together."""


@dataclass
class Objective:
    """What is trained, on what, towards what.

    Attributes:
        model: The network.
        batches: Row numbers of every batch of every epoch.
        loss: `(model, rows) -> loss`, the mean over the rows.
        evaluate: `(model) -> {"loss": ..., metric: ...}` on the dev split.
        merit: `(what evaluate gave) -> numbers`, the better the larger, compared one after the other: by them the best
            epoch is chosen.
    """

    model: nn.Module
    batches: Batches
    loss: Callable[[nn.Module, Rows], Tensor]
    evaluate: Callable[[nn.Module], dict[str, float]]
    merit: Callable[[dict[str, float]], list[float]]


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop; its state is in the checkpoint, if there is a folder for one.

    Attributes:
        step: The last step that was made.
        checkpoint: Where the state was saved, or None.
    """

    def __init__(self, step: int, checkpoint: Path | None) -> None:
        super().__init__(f"stopped after step {step}")
        self.step = step
        self.checkpoint = checkpoint


@dataclass
class Run:
    """Where a run stands: everything but the weights, the optimiser and the generators.

    Attributes:
        epoch: Epochs that are complete.
        position: Batches of the present epoch that are done.
        step: Steps that were made.
        loss_sum: Of the losses of the present epoch.
        norm_sum: Of its gradient norms before clipping.
        norm_max: The largest of them.
        history: One record an epoch.
        best_merit: Of the best epoch so far.
        best_epoch: Its epoch.
        seconds: Time spent on the present epoch before the last checkpoint.
        finished: Whether the run came to its end.
    """

    epoch: int = 0
    position: int = 0
    step: int = 0
    loss_sum: float = 0.0
    norm_sum: float = 0.0
    norm_max: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    best_merit: list[float] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    finished: bool = False

    def after_step(self, loss: float, norm: float) -> None:
        """Count a step."""
        self.position += 1
        self.step += 1
        self.loss_sum += loss
        self.norm_sum += norm
        self.norm_max = max(self.norm_max, norm)

    @property
    def mean_loss(self) -> float:
        """Of the present epoch so far."""
        return self.loss_sum / self.position

    def end_epoch(self, dev: dict[str, float], merit: list[float], *, rate: float, seconds: float) -> bool:
        """Close the epoch with a record and begin the next one; return whether it was the best so far."""
        self.epoch += 1
        better = not self.best_merit or merit > self.best_merit
        if better:
            self.best_merit, self.best_epoch = merit, self.epoch
        record = {
            "epoch": self.epoch,
            "train_loss": self.mean_loss,
            **{f"dev_{name}": value for name, value in dev.items()},
            "learning_rate": rate,
            "gradient_norm": self.norm_sum / self.position,
            "gradient_norm_max": self.norm_max,
            "seconds": self.seconds + seconds,
            "best": better,
        }
        self.history.append(record)
        self.position = 0
        self.loss_sum = self.norm_sum = self.norm_max = self.seconds = 0.0
        return better


def fit(
    objective: Objective,
    settings: TrainingSettings,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Train a model; at the end it holds the weights of its best epoch.

    Args:
        objective: What is trained.
        settings: How.
        checkpoint: A file for the state of the run; without one nothing is saved.
        resume: Go on from the checkpoint, if there is one. On a CPU the result is then the same to the last bit as that
            of a run that was never interrupted.
        progress: Is told of every step and epoch.

    Returns:
        One record an epoch: `epoch`, `train_loss`, `dev_loss` and the other dev metrics, `learning_rate`,
        `gradient_norm` (mean), `gradient_norm_max`, `seconds`, `best`.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; the state is saved.
    """
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        trainer = Trainer(objective, settings, checkpoint, progress or Silent())
        if resume and checkpoint is not None and checkpoint.exists():
            trainer.load(checkpoint)
        return trainer.train()


class Trainer:
    """The state of training and the loop that moves it; `fit` is how it is used."""

    def __init__(
        self, objective: Objective, settings: TrainingSettings, checkpoint: Path | None, progress: Progress
    ) -> None:
        self.objective = objective
        self.settings = settings
        self.progress = progress
        self.accelerator = make_accelerator(settings.device, settings.precision)
        self.checkpoint = checkpoint if self.accelerator.is_main_process else None
        optimizer = make_optimizer(objective.model, settings)
        self.model, self.optimizer = self.accelerator.prepare(objective.model, optimizer)
        # A batch for each process is one step; epochs may differ by a few batches, so a few steps are allowed for.
        self.steps = -(-objective.batches.count(settings.epochs) // self.accelerator.num_processes) + settings.epochs
        self.rate = LearningRate(optimizer, settings, self.steps)
        self.run = Run()
        self.best: dict[str, Tensor] = {}
        self.since = self.saved = time.monotonic()

    def train(self) -> list[dict[str, Any]]:
        """The loop."""
        run, settings = self.run, self.settings
        with self.progress, deferred_interrupt() as stop:
            self.progress.start(step=run.step, steps=self.steps, epochs=settings.epochs)
            while not run.finished:
                self.model.train()
                batches = self.objective.batches.epoch(run.epoch)
                mine = shard(batches, self.accelerator.process_index, self.accelerator.num_processes)
                for rows in mine[run.position :]:
                    with self.accelerator.autocast():
                        loss = self.objective.loss(self.model, rows)
                    self.optimizer.zero_grad()
                    self.accelerator.backward(loss)
                    norm = self._clip_gradients()
                    self.optimizer.step()
                    self.rate.after_step()
                    run.after_step(self._finite(loss), float(norm))
                    self.progress.advance(epoch=run.epoch, step=run.step, loss=run.mean_loss)
                    if stop.asked:
                        self.save()
                        raise Interrupted(run.step, self.checkpoint)
                    if time.monotonic() - self.saved >= settings.checkpoint_seconds:
                        self.save()
                self._end_epoch()
        self.accelerator.unwrap_model(self.model).load_state_dict(self.best)
        return run.history

    def _finite(self, loss: Tensor) -> float:
        """The loss as a number.

        Raises:
            InputError: It is none: training has diverged.
        """
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InputError(
                f"training diverged: the loss is {value} at step {self.run.step + 1}; expected a finite one; "
                f"try a learning rate below {self.settings.learning_rate:g} or a clip_norm below "
                f"{self.settings.clip_norm or math.inf:g}"
            )
        return value

    def _clip_gradients(self) -> Tensor:
        """Scale the gradient down to the largest norm that is allowed; return the norm it had."""
        largest = self.settings.clip_norm or math.inf
        norm: Tensor = self.accelerator.clip_grad_norm_(self.model.parameters(), largest)
        return norm

    def _end_epoch(self) -> None:
        """Evaluate, remember the best weights, and decide whether to go on."""
        run = self.run
        model = self.accelerator.unwrap_model(self.model)
        model.eval()
        with torch.no_grad(), self.accelerator.autocast():
            dev = self.objective.evaluate(model)
        rate = self.rate.value
        self.rate.after_epoch(dev["loss"])
        if run.end_epoch(dev, self.objective.merit(dev), rate=rate, seconds=self._seconds()):
            self.best = {name: value.detach().clone() for name, value in model.state_dict().items()}
        stale = self.settings.patience and run.epoch - run.best_epoch >= self.settings.patience
        run.finished = run.epoch >= self.settings.epochs or bool(stale)
        self.progress.epoch_ended(run.history[-1])

    def _seconds(self) -> float:
        """Time spent since this was last asked."""
        now = time.monotonic()
        spent, self.since = now - self.since, now
        return spent

    def save(self) -> None:
        """Write a checkpoint, if there is a place for one."""
        self.run.seconds += self._seconds()
        if self.checkpoint is not None:
            state = {
                "run": asdict(self.run),
                "settings": self.settings.model_dump(),
                "model": self.accelerator.unwrap_model(self.model).state_dict(),
                "best": self.best,
                "optimizer": self.optimizer.state_dict(),
                "rate": self.rate.state_dict(),
                "generator": torch.get_rng_state(),
                "cuda_generators": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            }
            save_state(self.checkpoint, state)
        self.saved = time.monotonic()

    def load(self, path: Path) -> None:
        """Take up a checkpoint.

        Raises:
            InputError: It is damaged, or was written with other settings or another model.
        """
        state = load_state(path)
        _check_settings(path, state["settings"], self.settings)
        self.run = Run(**state["run"])
        try:
            self.accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        except RuntimeError:
            raise InputError(f"{path}: was written by another model; start anew without --resume") from None
        self.best = state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.rate.load_state_dict(state["rate"])
        torch.set_rng_state(state["generator"])
        if state["cuda_generators"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda_generators"])


def _check_settings(path: Path, saved: dict[str, Any], now: TrainingSettings) -> None:
    """A resumed run must be the same run; only how often it saves itself may change."""
    for name, value in now.model_dump(exclude={"checkpoint_seconds"}).items():
        if saved.get(name) != value:
            raise InputError(f"{path}: the run was started with {name} {saved.get(name)!r}, not {value!r}")
