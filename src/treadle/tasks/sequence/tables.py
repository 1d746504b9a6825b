"""Tables of rows as the estimators of one answer a sequence take them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from treadle.data import Roles, Table, check_target, extract, infer_roles, read
from treadle.data.builtin import load
from treadle.data.targets import Task
from treadle.errors import InputError, counted
from treadle.tasks.sequence.split import Split
from treadle.tasks.source import BUILTIN, DataSource, builtin


def open_table(source: DataSource, place: str, split: str) -> Table:
    """Read one part of the data.

    Raises:
        InputError: It cannot be read.
    """
    if place.startswith(BUILTIN):
        return load(builtin(place).name, split)
    return read(place, format=source.format, encoding=source.encoding, header=source.header)


def roles_in(source: DataSource, train: Table) -> Roles:
    """What the columns of the training table are for, as far as they are not named.

    Raises:
        InputError: They cannot be told.
    """
    task: Task | None = "classify" if source.task == "classify" else "regress" if source.task == "regress" else None
    return infer_roles(train, source.input, source.target, task)


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
