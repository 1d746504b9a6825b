"""What a run shows while it runs."""

import math
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 2.0
"""The least time between two lines of `Bar`."""


class Progress(Protocol):
    """Told of every step and every epoch; entered before the first and left after the last."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def start(self, *, step: int, steps: int, epochs: int) -> None:
        """Training goes from `step` to at most `steps`."""

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        """One step was made; `loss` is the mean of the epoch so far."""

    def epoch_ended(self, record: dict[str, Any]) -> None:
        """An epoch was evaluated."""


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        """Nothing."""

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        """Nothing."""

    def epoch_ended(self, record: dict[str, Any]) -> None:
        """Nothing."""


class PartOf(Silent):
    """One of several trainings of a run: its steps are passed on as a part of all, and of the first the epochs, too.

    Records of the others are kept, so that nobody mixes them up.

    Args:
        then: What is told.
        part: Which training, from 0.
        parts: How many there are, about equally long.
    """

    def __init__(self, then: Progress, part: int, parts: int) -> None:
        self.then, self.part, self.parts = then, part, parts
        self._before = 0

    def __enter__(self) -> Self:
        self.then.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Passed on."""
        self.then.__exit__(kind, error, trace)

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        """Passed on, behind the trainings before."""
        self._before = self.part * steps
        self.then.start(step=self._before + step, steps=self.parts * steps, epochs=epochs)

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        """Passed on."""
        self.then.advance(epoch=epoch, step=self._before + step, loss=loss)

    def epoch_ended(self, record: dict[str, Any]) -> None:
        """Passed on by the first training."""
        if not self.part:
            self.then.epoch_ended(record)


class Bar(Silent):
    """A line for each epoch, and below them a bar with the time that is left, on standard error.

    Early stopping can end a run before the bar is full; the time it shows is the longest it can take.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        console = Console(stderr=True)
        self._rich = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("step {task.completed:,.0f} of {task.total:,.0f}"),
            TimeElapsedColumn(),
            TextColumn("left at most"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._console = console
        self._task: TaskID | None = None
        self._epochs, self._again = 0, False
        self._last_line = -math.inf

    def __enter__(self) -> Self:
        self._rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away; the lines stay."""
        self._rich.stop()

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        """Begin at `step`, which is not 0 when a run is resumed or trains once more."""
        self._epochs = epochs
        if self._task is None:
            self._task = self._rich.add_task("", completed=step, total=steps)
            return
        self._again = True
        if step:
            self._rich.update(self._task, completed=step, total=steps)
        else:
            self._rich.reset(self._task, total=steps)

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        """Move the bar."""
        assert self._task is not None
        words = f"epoch {epoch + 1} of {self._epochs}"  # a line of 80 columns holds all
        words = f"once more, {words}" if self._again else f"{words}, loss {loss:.4f}"
        self._rich.update(self._task, completed=step, description=words)

    def epoch_ended(self, record: dict[str, Any]) -> None:
        """A line for the epoch: losses, the dev metrics and whether it is the best so far.

        Where epochs are short, most lines are left out; `metrics.jsonl` has them all.
        """
        now = time.monotonic()
        if now - self._last_line < SECONDS_BETWEEN_LINES and record["epoch"] < self._epochs:
            return
        self._last_line = now
        metrics = "  ".join(
            f"{name.replace('_', ' ')} {value:.4f}"
            for name, value in record.items()
            if name == "train_loss" or name.startswith("dev_")
        )
        best = "  best so far" if record["best"] else ""
        self._console.print(
            f"epoch {record['epoch']:>3} of {self._epochs}  {metrics}  {record['seconds']:.0f} s{best}",
            highlight=False,
            soft_wrap=True,
        )
