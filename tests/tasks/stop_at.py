"""A progress that interrupts."""

import signal
from typing import Any

from treadle.training import Silent


class StopAt(Silent):
    """Asks for an end, as Ctrl-C does, at a step of one of several trainings.

    Args:
        training: Which one, from 1.
        step: After how many steps.

    Attributes:
        records: Epochs that it was told of.
    """

    def __init__(self, *, training: int, step: int) -> None:
        self.at = training, step
        self.trainings = self.records = self.begun = 0

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        self.trainings += 1
        self.begun = step

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        if (self.trainings, step - self.begun) == self.at:
            signal.raise_signal(signal.SIGINT)

    def epoch_ended(self, record: dict[str, Any]) -> None:
        self.records += 1
