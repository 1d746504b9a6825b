"""Where a training run stands."""

from dataclasses import dataclass, field
from typing import Any


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
