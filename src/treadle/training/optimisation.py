"""Optimisers and learning-rate schedules by name; torch's own, with the arguments that sequences want."""

import math
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from treadle.training.layers import Layers, layer_parameters
from treadle.training.settings import TrainingSettings

WARM_UP = 0.1
"""Share of a one-cycle schedule in which the learning rate rises."""

LEAST = 1e-3
"""Share of the peak that a falling learning rate does not go below."""


def make_optimizer(model: nn.Module, settings: TrainingSettings, layers: Layers = ()) -> torch.optim.Optimizer:
    """The optimiser of a model; weight decay applies to matrices, not to biases and other vectors.

    Args:
        model: What is trained.
        settings: How.
        layers: Groups of its modules, the first with the whole learning rate; by default one for all.
    """
    groups: list[dict[str, Any]] = []
    for depth, parameters in enumerate(layer_parameters(model, layers)):
        rate = settings.learning_rate * settings.layer_decay**depth
        learning = [p for p in parameters if p.requires_grad]
        matrices, vectors = [p for p in learning if p.dim() > 1], [p for p in learning if p.dim() <= 1]
        groups.append({"params": matrices, "lr": rate, "weight_decay": settings.weight_decay})
        groups.append({"params": vectors, "lr": rate, "weight_decay": 0.0})
    rate = settings.learning_rate
    match settings.optimizer:
        case "adamw":
            return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=True)
        case "adam":
            return torch.optim.Adam(groups, lr=rate, betas=(0.9, 0.99), fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=rate, alpha=0.99, momentum=settings.momentum)
        case "sgd":
            return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum)


class LearningRate:
    """The learning rate over a run: one call after each step, one after each epoch.

    Args:
        optimizer: Whose rate it sets.
        settings: `schedule`, `learning_rate` and `epochs`.
        steps: Number of steps in the whole run.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, settings: TrainingSettings, steps: int) -> None:
        self.optimizer = optimizer
        self.when, self.scheduler = _schedule(optimizer, settings, steps)

    @property
    def value(self) -> float:
        """The learning rate of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def after_step(self) -> None:
        """Move on by one step."""
        if self.when == "step":
            self.scheduler.step()

    def after_epoch(self, dev_loss: float) -> None:
        """Move on by one epoch."""
        if self.when == "epoch":
            self.scheduler.step()
        elif self.when == "loss":
            self.scheduler.step(dev_loss)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return dict(self.scheduler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint."""
        self.scheduler.load_state_dict(state)
        # A count of one makes torch warn where the schedule moves before the optimiser does; a run that is resumed at
        # the end of its first epoch does so rightly.
        self.scheduler._step_count = 2


def _schedule(optimizer: torch.optim.Optimizer, settings: TrainingSettings, steps: int) -> tuple[str, Any]:
    """A scheduler of torch's, and after what it moves: "step", "epoch" or "loss"."""
    match settings.schedule:
        case "one-cycle":
            return "step", lr_scheduler.LambdaLR(optimizer, partial(_rise_and_fall, rise=WARM_UP * steps, steps=steps))
        case "cosine":
            return "step", lr_scheduler.LambdaLR(optimizer, partial(_rise_and_fall, rise=0.0, steps=steps))
        case "step":
            falls = sorted({max(1, settings.epochs // 2), max(1, settings.epochs * 3 // 4)})
            return "epoch", lr_scheduler.MultiStepLR(optimizer, falls, gamma=0.1)
        case "plateau":
            return "loss", lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
        case "constant":
            return "epoch", lr_scheduler.ConstantLR(optimizer, factor=1.0)


def _rise_and_fall(step: int, *, rise: float, steps: int) -> float:
    """The share of the peak rate at a step: up in a line over `rise` steps, then down along half a cosine."""
    if step < rise:
        return (step + 1) / (rise + 1)
    return max(LEAST, 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1.0, steps - rise)))))
