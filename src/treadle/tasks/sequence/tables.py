"""Tables of rows as the estimators of one answer a sequence take them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from treadle.data import Roles, Table, check_target, extract, infer_roles, read
from treadle.data.builtin import load
from treadle.data.columns import named_target, untold
from treadle.data.long import LongForm
from treadle.data.steps import find_long_form
from treadle.data.targets import Task
from treadle.errors import InputError, counted
from treadle.tasks.sequence.inputs import Columns
from treadle.tasks.sequence.split import Split
from treadle.tasks.source import BUILTIN, DataSource, builtin


def open_table(
    source: DataSource, place: str, split: str, long: LongForm | None = None, target: str | None = None
) -> Table:
    """Read one part of the data.

    Args:
        source: How it is to be read.
        place: Where it is.
        split: Of a built-in data set, which part.
        long: What its columns are for where rows are steps, which then become sequences.
        target: The column of targets of these.

    Raises:
        InputError: It cannot be read.
    """
    if place.startswith(BUILTIN):
        table = load(builtin(place).name, split)
    else:
        texts = () if long is None else long.tokens
        table = read(place, format=source.format, encoding=source.encoding, header=source.header, texts=texts)
    return table if long is None else long.gather(table, target)


def open_training(source: DataSource) -> tuple[Table, Roles]:
    """The training table, a sequence a row, and what its columns are for, as far as they are not named.

    Raises:
        InputError: It cannot be read, or the roles cannot be told.
    """
    table = open_table(source, source.train, "train")
    if source.id is None:
        if source.time is not None:
            raise InputError("--time orders the rows of a sequence, expected --id beside it, which tells of which one")
        return table, roles_in(source, table)
    target = source.target or named_target([name for name in table.columns if name not in (source.id, source.time)])
    if target is None:
        raise untold(table)
    long = find_long_form(table, source.id, source.time, source.input, target, labels=source.task == "classify")
    if long.per_step and long.tokens:
        raise InputError(
            f"{source.train}: a target for each step needs inputs of numbers alone, found names in "
            f"{', '.join(map(repr, long.tokens))}; name the others: "
            + " ".join(f"--input {name}" for name in long.channels)
        )
    table = long.gather(table, target)
    task = "regress" if long.per_step else source.task
    roles = roles_in(replace(source, input=long.inputs, target=target, task=task), table)
    return table, replace(roles, long=long)


def roles_in(source: DataSource, train: Table) -> Roles:
    """What the columns of the training table are for, as far as they are not named.

    Raises:
        InputError: They cannot be told.
    """
    task: Task | None = "classify" if source.task == "classify" else "regress" if source.task == "regress" else None
    return infer_roles(train, source.input, source.target, task)


def roles_here(source: DataSource, roles: Roles) -> Roles:
    """What the columns of other data are for, where some are called otherwise than in training.

    Args:
        source: Names them, the inputs in the order of training.
        roles: Those of the training table.

    Raises:
        InputError: There are not as many inputs as in training, or a column has two roles.
    """
    if roles.long is not None and source.input is not None:
        raise InputError("--input is for rows that are sequences, and those of this model's data are steps of them")
    target, known = source.target or roles.target, roles.wide or roles.inputs
    given = source.input or known
    if len(given) != len(known):
        raise InputError(f"--input names {counted(len(given), 'column')}, and the model reads {len(known)}")
    named = [*given, target]
    twice = next((name for place, name in enumerate(named) if name in named[:place]), None)
    if twice is not None:
        raise InputError(f"column {twice!r} is named for two of inputs and target, expected different columns")
    if roles.wide:
        return replace(roles, wide=given, target=target)
    kinds = dict(zip(given, roles.kinds.values(), strict=True))
    return replace(roles, inputs=given, target=target, kinds=kinds)


def read_inputs(table: Table, roles: Roles, names: Sequence[str] | None = None) -> Columns:
    """The inputs of a table.

    Args:
        table: The rows.
        roles: Of its columns.
        names: What the model calls the inputs, where the table calls them otherwise.

    Raises:
        InputError: A column is missing, or a cell does not fit.
    """
    return dict(zip(names or roles.inputs, extract(table, roles).values(), strict=True))


def read_split(
    table: Table,
    roles: Roles,
    *,
    separator: str | None = None,
    classes: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
) -> Split:
    """The rows of a table as a model takes them.

    Args:
        table: The rows.
        roles: Of its columns.
        separator: What separates several labels in one cell.
        classes: The labels that a model knows; None where it is about to learn them.
        names: As in `read_inputs`.

    Raises:
        InputError: A column is missing, or a cell or label does not fit.
    """
    y = check_target(table, roles.target, roles.task, separator=separator, classes=classes)
    return Split(read_inputs(table, roles, names), y, table.where)


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
