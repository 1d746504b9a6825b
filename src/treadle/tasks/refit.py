"""A second training on everything, once the first has told how long to train."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Self, TypeVar, Unpack

from pydantic import BaseModel, ConfigDict

from treadle.tasks.estimator import Estimator
from treadle.tasks.settings import check
from treadle.training import Bar, Conduct, PartOf, is_main_process

R = TypeVar("R")

AT_LAST = "dev is learnt as well once it has chosen the epoch; its figures are those from before that"
"""What a run with two trainings says of itself."""


class RefitSettings(BaseModel):
    """Whether there is a second training; the field is documented in `Refitting`."""

    model_config = ConfigDict(frozen=True)

    refit: bool


class Refitting(Estimator):
    r"""An estimator that can learn from dev, too.

    The epoch that is kept, \(e^*\), is chosen by dev, so nothing is learnt from that. With a second training, a fresh
    network is trained afterwards on training and dev rows alike, by the same seed, choices and learning rates epoch by
    epoch, and its weights after \(e^*\) epochs are kept. Figures on dev are those of the first training, which has not
    learnt it.

    Args:
        refit: Whether all is fitted once more, to dev as well, for as many epochs as were best on dev.
        **options: Those of `treadle.tasks.estimator.Estimator`.

    Attributes:
        refit_seconds_: How long the second training took; 0 without one.
        unrefit_: The estimator as the first training left it, which has learnt nothing from dev; None without a second
            one. Not saved.

    Source: I. Goodfellow, Y. Bengio & A. Courville, "Deep Learning", 2016, algorithm 7.2.
    """

    refit_settings: ClassVar[type[BaseModel]] = RefitSettings
    """Checks `refit`."""
    refit_seconds_: float = 0.0
    unrefit_: Self | None = None

    def __init__(self, *, refit: bool | None = False, **options: Any) -> None:
        super().__init__(**options)
        self.refit = refit

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        super().check_arguments()
        check(self.refit_settings, self.get_params())

    def learns_dev(self, *, given: bool) -> bool:
        """Whether there is a second training; where `refit` is None, as a forecaster's may be, `given` decides.

        Args:
            given: Whether dev data is given.
        """
        return not given if self.refit is None else self.refit

    def train_twice(self, train: Callable[..., R], *, given: bool, **how: Unpack[Conduct]) -> R:
        """Train, and if dev is to be learnt, once more on everything, with checkpoints of its own beside the others.

        Args:
            train: Makes all ready and calls `train_network`. It takes `everything`, whether dev is learnt from;
                `epochs`, how many there are, None for as many as the arguments say; `last`, the one that is kept, 0 for
                the best on dev; and the arguments below.
            given: Whether dev data is given.
            **how: How training is carried out, as in `treadle.training.Conduct`.

        Returns:
            What `train` gave the last time.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`, or beside it.
        """
        twice = self.learns_dev(given=given)
        # What takes the loop's place goes on from where a run ended: with all that the second training had.
        taken = twice and self._training is not None
        trainings = 1 + (twice and not taken)
        checkpoint, progress = how.get("checkpoint"), how.get("progress")
        other = None if checkpoint is None else checkpoint.with_stem(f"{checkpoint.stem}-refit")
        if other is not None and self._training is None and not how.get("resume") and is_main_process():
            other.unlink(missing_ok=True)
        if progress is None and self.verbose:
            progress = Bar()

        def shown(part: int) -> Conduct:
            return how | {"progress": None if progress is None else PartOf(progress, part, trainings)}

        self.refit_seconds_, self.unrefit_ = 0.0, None
        result = train(everything=taken, epochs=None, last=0, **shown(0))
        if trainings > 1:
            self.unrefit_, history = copy.copy(self), self.history_
            best = max(record["epoch"] for record in history if record["best"])
            result = train(everything=True, epochs=self._epochs, last=best, **shown(1) | {"checkpoint": other})
            self.refit_seconds_ = sum(record["seconds"] for record in self.history_)
            self.history_ = history
        return result

    def measured(self, split: str) -> Self:
        """Which of the two trainings is measured on a part of the data: "dev" tells nothing of one that has learnt it.

        Args:
            split: "dev", "test" or another name.
        """
        return self.unrefit_ if split == "dev" and self.unrefit_ is not None else self

    def remark(self) -> str:
        """A sentence for the report of a run with two trainings; empty after one."""
        return "" if self.unrefit_ is None else f" D{AT_LAST[1:]}."

    def training_seconds(self) -> float:
        """How long training took, both times together."""
        return float(sum(record["seconds"] for record in self.history_)) + self.refit_seconds_
