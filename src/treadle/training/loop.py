"""The training loop: one for every task."""

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from treadle.data.batches import shard
from treadle.errors import InputError
from treadle.files import remove_leftovers
from treadle.training.accelerator import make_accelerator, products_of
from treadle.training.averaging import WeightAverage
from treadle.training.checkpoint import load_state, save_state
from treadle.training.denormals import denormals_flushed
from treadle.training.interrupt import StopFlag, deferred_interrupt
from treadle.training.layers import Thaw
from treadle.training.memory import Tidy
from treadle.training.objective import Objective
from treadle.training.optimisation import LearningRate, make_optimizer
from treadle.training.progress import Progress, Silent
from treadle.training.run import Run
from treadle.training.settings import TrainingSettings

FORMAT = 2
"""The version of what a checkpoint holds."""


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


def fit(
    objective: Objective,
    settings: TrainingSettings,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Train a model; at the end it holds the weights of its best epoch, or of the one that the objective names.

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
        InputError: The checkpoint is damaged or of another run, or training diverged.
        Interrupted: Ctrl-C or SIGTERM; the state is saved.
    """
    with torch.random.fork_rng():
        trainer = Trainer(objective, settings, checkpoint, progress or Silent())
        torch.manual_seed(settings.seed + trainer.accelerator.process_index)
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
        self.checkpoint = checkpoint
        self.accelerator = make_accelerator(settings.device, settings.precision)
        if objective.carried is not None and self.accelerator.num_processes > 1:
            found = self.accelerator.num_processes
            raise InputError(
                f"a state that is carried from batch to batch needs one process, found {found}; train on independent "
                "documents, or without torch's launcher"
            )
        if settings.unfreeze_epochs and self.accelerator.num_processes > 1:
            raise InputError("unfreeze_epochs needs one process: several agree once and for all on what learns")
        self.is_main = self.accelerator.is_main_process
        self.progress = progress if self.is_main else Silent()
        if checkpoint is not None and self.is_main:
            remove_leftovers(checkpoint)
        self.thaw = Thaw(objective.model, objective.layers, settings.unfreeze_epochs)
        optimizer = make_optimizer(objective.model, settings, objective.layers)
        self.model, self.optimizer = self.accelerator.prepare(objective.model, optimizer)
        # The loop chooses the precision by itself; accelerate's own wrapper would stay on the model after training.
        self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        processes = self.accelerator.num_processes
        self.steps = sum(-(-len(objective.batches.epoch(epoch)) // processes) for epoch in range(settings.epochs))
        self.rate = LearningRate(optimizer, settings, self.steps)
        self.average = WeightAverage(objective.model, settings.averaging, settings.averaging_trigger)
        self.run = Run()
        self.best: dict[str, Tensor] = {}
        self.since = self.saved = time.monotonic()

    def train(self) -> list[dict[str, Any]]:
        """The loop."""
        run, settings, tidy = self.run, self.settings, Tidy()
        with self.progress, deferred_interrupt() as stop, denormals_flushed():
            self.progress.start(step=run.step, steps=self.steps, epochs=settings.epochs)
            while not run.finished:
                self.model.train()
                self.thaw.before(run.epoch)
                for batch in self._my_batches(run.epoch)[run.position :]:
                    self.optimizer.zero_grad()
                    with products_of(settings.precision):
                        with self.accelerator.autocast():
                            loss = self.objective.loss(self.model, batch)
                        self.accelerator.backward(loss)
                    norm = self._clip_gradients()
                    self.optimizer.step()
                    self.rate.after_step()
                    self.average.update(run.step)
                    run.after_step(float(loss.detach()), float(norm))
                    self._check_finite("loss", run.loss_sum)
                    self.progress.advance(epoch=run.epoch, step=run.step, loss=run.mean_loss)
                    tidy()
                    self._pause(stop)
                self._end_epoch()
                self._pause(stop)
        self.thaw.end()
        self.accelerator.unwrap_model(self.model).load_state_dict(self.best)
        return run.history

    def _my_batches(self, epoch: int) -> list[Any]:
        """The batches that this process, one of several perhaps, takes in an epoch: one a step."""
        accelerator = self.accelerator
        return shard(self.objective.batches.epoch(epoch), accelerator.process_index, accelerator.num_processes)

    def _pause(self, stop: StopFlag) -> None:
        """Save the run if it is time to or it has ended, and break off if somebody asked; all processes together."""
        late = time.monotonic() - self.saved >= self.settings.checkpoint_seconds
        asked, late = self._any(stop.asked, late)
        if asked or late or self.run.finished:
            self.save()
        if asked:
            raise Interrupted(self.run.step, self.checkpoint)

    def _any(self, *wishes: bool) -> list[bool]:
        """What at least one of the processes wishes."""
        if self.accelerator.num_processes == 1:
            return list(wishes)
        votes: Tensor = self.accelerator.reduce(torch.tensor(wishes, dtype=torch.int32, device=self.accelerator.device))
        return [bool(vote) for vote in votes]

    def _check_finite(self, name: str, value: float) -> None:
        """Refuse to go on with what is no number.

        Raises:
            InputError: Training has diverged.
        """
        if math.isfinite(value):
            return
        clip = self.settings.clip_norm
        raise InputError(
            f"training diverged: the {name} is {value} at step {self.run.step}, expected a finite one; try a learning "
            f"rate below {self.settings.learning_rate:g} or a clip_norm " + (f"below {clip:g}" if clip else "above 0")
        )

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
        with self.average.applied(), torch.no_grad(), self.accelerator.autocast():
            dev = self.objective.evaluate(model)
            weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self._check_finite("dev loss", dev["loss"])
        rate = self.rate.value
        self.rate.after_epoch(dev["loss"])
        self.average.after_epoch(dev["loss"])
        last = self.objective.last
        merit = [float(run.epoch)] if last else self.objective.merit(dev)
        if run.end_epoch(dev, merit, rate=rate, seconds=self._seconds()):
            self.best = weights
        stale = self.settings.patience and run.epoch - run.best_epoch >= self.settings.patience
        run.finished = run.epoch >= (last or self.settings.epochs) or bool(stale)
        self.progress.epoch_ended(run.history[-1])

    def _seconds(self) -> float:
        """Time spent since this was last asked."""
        now = time.monotonic()
        spent, self.since = now - self.since, now
        return spent

    def save(self) -> None:
        """Write a checkpoint, if there is a place for one; called by all processes, written by the first."""
        self.run.seconds += self._seconds()
        if self.checkpoint is not None:
            state = {
                "format": FORMAT,
                "steps": self.steps,
                "run": asdict(self.run),
                "settings": self.settings.model_dump(),
                "model": self.accelerator.unwrap_model(self.model).state_dict(),
                "average": self.average.state_dict(),
                "carried": self.objective.carried.state_dict() if self.objective.carried else {},
                "best": self.best,
                "optimizer": self.optimizer.state_dict(),
                "rate": self.rate.state_dict(),
                "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler else {},
                "generators": self._generators(),
            }
            if self.is_main:
                save_state(self.checkpoint, state)
        self.saved = time.monotonic()

    def _generators(self) -> dict[str, Tensor]:
        """The states of the random generators, `[processes, bytes]`."""
        device = self.accelerator.device
        states = {"cpu": torch.get_rng_state()}
        if device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(device)
        return {name: self.accelerator.gather(state[None].to(device)).cpu() for name, state in states.items()}

    def load(self, path: Path) -> None:
        """Take up a checkpoint.

        Raises:
            InputError: It is damaged, or was written by another run: other settings, data, model or processes.
        """
        state = load_state(path)
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise InputError(f"{path}: is no checkpoint of this version of Treadle; train anew in another folder")
        _check_settings(path, state["settings"], self.settings)
        processes = len(state["generators"]["cpu"])
        if processes != self.accelerator.num_processes:
            found = self.accelerator.num_processes
            raise InputError(f"{path}: the run was started with {processes} processes, not {found}")
        if state["steps"] != self.steps:
            raise InputError(
                f"{path}: was written by a run of {state['steps']:,} steps, the present data gives {self.steps:,}; "
                "train anew in another folder"
            )
        try:
            self.accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        except RuntimeError:
            raise InputError(
                f"{path}: does not fit the model that the present data gives; train anew in another folder"
            ) from None
        self.run = Run(**state["run"])
        self.average.load_state_dict(state["average"], self.accelerator.device)
        if self.objective.carried:
            self.objective.carried.load_state_dict(state["carried"])
        self.best = state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.rate.load_state_dict(state["rate"])
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        # Cloned, since torch reads a generator's state from where the memory begins, which holds the first process's.
        generators = {k: states[self.accelerator.process_index].clone() for k, states in state["generators"].items()}
        torch.set_rng_state(generators["cpu"])
        if self.accelerator.device.type == "cuda" and "cuda" in generators:
            torch.cuda.set_rng_state(generators["cuda"], self.accelerator.device)


def _check_settings(path: Path, saved: dict[str, Any], now: TrainingSettings) -> None:
    """A resumed run must be the same run; only how often it saves itself may change."""
    for name, value in now.model_dump(exclude={"checkpoint_seconds"}).items():
        if saved.get(name) != value:
            raise InputError(f"{path}: the run was started with {name} {saved.get(name)!r}, not {value!r}")
