"""What a family of tasks brings to the command line: how its data is read, trained on, measured and answered for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from treadle.errors import InputError, nearest
from treadle.evaluation import Estimate, Report
from treadle.tasks.folder import save_model
from treadle.tasks.outcome import Result, Say
from treadle.tasks.source import DataSource
from treadle.training import Conduct


@dataclass(frozen=True)
class Measured:
    """What `treadle evaluate` found.

    Attributes:
        amount: How much was measured: "1,821 rows".
        scores: Every metric.
        page: Makes the report.
    """

    amount: str
    scores: Mapping[str, Estimate]
    page: Callable[[], Report]


@dataclass(frozen=True)
class Answer:
    """One line of `treadle predict`.

    Attributes:
        text: As a person or another program reads it.
        content: The same and more, as JSON can hold it.
        note: A sentence on what may be wrong with it, for the person at the terminal; empty for nothing.
    """

    text: str
    content: Mapping[str, Any]
    note: str = ""


class Work(ABC):
    """A run's data and what a task does with it, from the opened files to the result.

    A subclass that names its `tasks` is entered under them. The order of a run is `open`, `understand`, `fit`, `save`,
    `conclude`.

    Attributes:
        tasks: The names, in the words of `--task`.
        task: The one of this run.
        source: Where the data is.
        extends: Whether `predict` goes on with the data of the run where none is named.
    """

    tasks: ClassVar[tuple[str, ...]]
    extends: ClassVar[bool] = False
    task: str
    source: DataSource

    def __init_subclass__(cls, **options: Any) -> None:
        """Enter the class under the tasks it names."""
        super().__init_subclass__(**options)
        WORKS.update(dict.fromkeys(cls.tasks, cls))

    @classmethod
    @abstractmethod
    def open(cls, source: DataSource) -> Self:
        """Read the training data.

        Raises:
            InputError: It cannot be read, or does not suit the task.
        """

    @abstractmethod
    def understand(self, estimator: Any) -> list[str]:
        """Read dev and test data; sentences on what was understood of all.

        Raises:
            InputError: It cannot be read, or does not fit the training data.
        """

    @abstractmethod
    def fit(self, estimator: Any, how: Conduct) -> None:
        """Train.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in the checkpoint.
        """

    def save(self, estimator: Any, folder: Path) -> None:
        """Write the fitted model."""
        save_model(folder, estimator)

    @abstractmethod
    def conclude(self, estimator: Any, folder: Path, notes: Sequence[str], say: Say) -> Result:
        """Measure the model and the baseline, and write result and report."""

    @classmethod
    @abstractmethod
    def evaluate(cls, folder: Path, source: DataSource, options: Mapping[str, Any]) -> Measured:
        """Measure a trained model on the data that `source.train` names.

        Args:
            folder: The run folder.
            source: The data, and how to read it.
            options: What `--set` gave: ways of measuring that the task knows.

        Raises:
            InputError: The folder, the data or an option cannot be used.
        """

    @classmethod
    @abstractmethod
    def predict(
        cls, folder: Path, source: DataSource, lines: Iterable[str] | None, options: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Answer for everything that `source.train` names, or for lines of text.

        Args:
            folder: The run folder.
            source: The data, and how to read it.
            lines: Those of standard input, in the place of the data: each is answered before the next is asked for.
            options: Ways of answering that the task knows.

        Raises:
            InputError: The folder, the data or an option cannot be used.
        """


WORKS: dict[str, type[Work]] = {}
"""The work of every task, entered when its class is made."""


def refuse_options(options: Mapping[str, Any], known: Sequence[str] = ()) -> None:
    """Refuse ways of measuring that a task does not know.

    Raises:
        InputError: There is one.
    """
    for name in options:
        if name not in known:
            raise InputError(f"there is no option {name!r} for this task{nearest(name, known)}")
