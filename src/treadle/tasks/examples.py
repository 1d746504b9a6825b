"""What works share whose data are examples by the row, of which some may be set aside for dev."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from treadle.evaluation.report import Report
from treadle.tasks.outcome import Result, Say, commands, write_result
from treadle.tasks.refit import AT_LAST
from treadle.tasks.source import DataSource
from treadle.tasks.work import Work


class Examples(Protocol):
    """Rows, some of which can be taken."""

    def take(self, rows: Any, /) -> Self:
        """Some of them."""


class NotedExamples(Examples, Protocol):
    """Rows as a reader gives them."""

    def __len__(self) -> int: ...

    @property
    def note(self) -> str:
        """How they were understood."""


E = TypeVar("E", bound=Examples)
N = TypeVar("N", bound=NotedExamples)


def compared(train: E, others: Mapping[str, E], estimator: Any) -> tuple[E, dict[str, E], str]:
    """What a run is measured on, and what its baseline may learn from.

    With a test split the baseline learns from every row that the model saw: those set aside for dev included, and those
    of dev that a second training learnt. Without one, dev is where the two are compared, so the baseline must not have
    seen it.

    Args:
        train: The training rows, those set aside among them.
        others: "dev" and "test", as far as they were given.
        estimator: The fitted model, which knows what it set aside.

    Returns:
        The rows for the baseline, dev and test, and which of the two is compared on.
    """
    parts = dict(others)
    if "dev" not in parts:
        parts = {"dev": train.take(estimator.dev_rows_), **parts}
        if "test" not in parts:
            train = train.take(estimator.train_rows_)
    elif "test" in parts and estimator.learns_dev(given=True):
        rows: Any = train  # those of every estimator that learns twice can be joined
        train = rows.joined(parts["dev"])
    return train, parts, "test" if "test" in parts else "dev"


def set_aside(estimator: Any, count: int, examples: str) -> str:
    """Which of the training examples are dev, where no others were given.

    Args:
        estimator: Of the run.
        count: Training examples.
        examples: What they are called, such as "sentences".
    """
    if count == 1:
        return f"dev: the only one of the training {examples}, which is learnt from, too: no figure tells of others"
    return f"dev: {estimator.dev_fraction:.0%} of the training {examples}, set aside by seed {estimator.seed}"


class ExamplesWork(Work, Generic[N]):
    """A work whose training, dev and test data are read alike.

    Args:
        source: Where the data is.
        data: The training examples.

    Attributes:
        examples: What they are called, such as "sentences".
        baseline: How the baseline learns, such as "learns from the same sentences".
        others: Those of dev and test, as far as they are given.
    """

    tasks: ClassVar[tuple[str, ...]] = ()
    examples: ClassVar[str]
    baseline: ClassVar[str]

    def __init__(self, source: DataSource, data: N) -> None:
        self.source, self.data = source, data
        self.others: dict[str, N] = {}

    @classmethod
    @abstractmethod
    def read(cls, source: DataSource, place: str, split: str) -> N:
        """The examples of one part of the data.

        Raises:
            InputError: They cannot be read.
        """

    def understand(self, estimator: Any) -> list[str]:
        """Read the dev and test examples."""
        source = self.source
        notes = [f"{source.train}: {self.data.note}"]
        for name, place in source.others().items():
            self.others[name] = self.read(source, place, name)
            notes.append(f"{name}: {self.others[name].note}")
        if "dev" not in self.others:
            notes.append(set_aside(estimator, len(self.data), self.examples))
        return [*notes, AT_LAST] if estimator.learns_dev(given="dev" in self.others) else notes

    def conclude(self, estimator: Any, folder: Path, notes: Sequence[str], say: Say) -> Result:
        """Measure the model and the baseline, and write result and report."""
        train, others, shown = compared(self.data, self.others, estimator)
        for line in self.remarks(estimator, others):
            say(line)
        say(f"the baseline {self.baseline} ...")
        report = self.report(
            estimator,
            f"{estimator.describe()} on {Path(self.source.train).name or self.source.train}",
            others,
            self.fit_baseline(estimator, train, {shown: others[shown]}),
            data_notes=notes,
            commands=commands(self.source, estimator, folder),
        )
        return write_result(folder, self.task, report)

    def remarks(self, _estimator: Any, _others: Mapping[str, N], /) -> Iterable[str]:
        """What is said of dev and test before anything is measured."""
        return ()

    @abstractmethod
    def fit_baseline(self, estimator: Any, train: N, others: Mapping[str, N], /) -> Any:
        """What a simple method that learns from the same rows says of others, as `report` takes it."""

    @abstractmethod
    def report(
        self,
        estimator: Any,
        title: str,
        splits: Mapping[str, N],
        beside: Any,
        /,
        *,
        data_notes: Sequence[str],
        commands: Sequence[str],
    ) -> Report:
        """Everything that the page says of a model beside its baseline."""
