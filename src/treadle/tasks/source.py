"""Where the rows of a run are, and how a table of them becomes a split."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treadle.data import Roles, Table, check_target, extract, infer_roles, read
from treadle.data.builtin import DATASETS, load
from treadle.data.targets import Task
from treadle.errors import InputError, counted, nearest
from treadle.tasks.split import Split

BUILTIN = "builtin:"
"""What stands before the name of a built-in data set where a file is expected."""


@dataclass(frozen=True)
class DataSource:
    """Where the rows are and how to read them; what `[data]` in `config.toml` holds.

    Attributes:
        train: A file, a folder or `builtin:NAME`.
        dev: Rows to choose the best epoch by; None sets a part of the training rows aside.
        test: Rows that are read once, at the end; None for none (of a built-in data set: its own).
        task: "classify" or "regress"; None infers it.
        input: The input columns; None infers them.
        target: The target column; None infers it.
        separator: What separates several labels in one cell.
        format: Of the files; None infers it.
        encoding: Of text files; None detects it.
        header: Whether CSV and TSV have one; None infers it.
    """

    train: str
    dev: str | None = None
    test: str | None = None
    task: Task | None = None
    input: list[str] | None = None
    target: str | None = None
    separator: str | None = None
    format: str | None = None
    encoding: str | None = None
    header: bool | None = None

    def open(self, path: str, split: str) -> Table:
        """Read one part of the data.

        Raises:
            InputError: It cannot be read.
        """
        if not path.startswith(BUILTIN):
            return read(path, format=self.format, encoding=self.encoding, header=self.header)
        name = path.removeprefix(BUILTIN)
        if name not in DATASETS:
            raise InputError(f"there is no built-in data set {name!r}{nearest(name, DATASETS)}")
        return load(name, split)

    def roles(self, train: Table) -> Roles:
        """What the columns of the training table are for, as far as they are not named here.

        Raises:
            InputError: They cannot be told.
        """
        return infer_roles(train, self.input, self.target, self.task)

    def others(self) -> dict[str, Table]:
        """The dev and test tables that were named; a built-in data set brings its own test split.

        Raises:
            InputError: One cannot be read.
        """
        paths = {"dev": self.dev, "test": self.test}
        if self.test is None and self.train.startswith(BUILTIN):
            paths["test"] = self.train
        return {name: self.open(path, name) for name, path in paths.items() if path is not None}

    def options(self) -> list[str]:
        """The words of a command that name this data again."""
        words = [self.train]
        for name in ("dev", "test", "task", "target", "separator", "format", "encoding"):
            if getattr(self, name) is not None:
                words += [f"--{name}", str(getattr(self, name))]
        if self.header is not None:
            words.append("--header" if self.header else "--no-header")
        for name in self.input or []:
            words += ["--input", name]
        return words


def read_split(
    table: Table, roles: Roles, *, separator: str | None = None, classes: Sequence[Any] | None = None
) -> Split:
    """The rows of a table as a model takes them.

    Args:
        table: The rows.
        roles: Of its columns.
        separator: What separates several labels in one cell.
        classes: The labels that a model knows; None where it is about to learn them.

    Raises:
        InputError: A column is missing, or a cell or label does not fit.
    """
    y = check_target(table, roles.target, roles.task, separator=separator, classes=classes)
    return Split(extract(table, roles), y, [table.where(row) for row in range(len(table))])


def labels_of(y: Iterable[Any]) -> list[Any]:
    """Every label of a target once, in order."""
    return sorted({label for row in y for label in (row if isinstance(row, list) else [row])}, key=str)


def roles_of(folder: Path, roles: Roles | None) -> Roles:
    """The roles of the columns that a model folder was saved with.

    Raises:
        InputError: It was saved from Python, where the inputs had no table.
    """
    if roles is None:
        raise InputError(f"{folder}: was trained on Python objects, not on a file; load it in Python to use it")
    return roles


def understood(table: Table) -> str:
    """How a table was read, with its number of rows."""
    return table.note if " row" in table.note else f"{counted(len(table), 'row')}, {table.note}".rstrip(", ")
