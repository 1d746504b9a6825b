"""Tables whose rows are the steps of sequences: what their columns are for, and the table of the sequences."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from treadle.data.appearance import is_blank, is_numeric
from treadle.data.long import SERIES, LongForm, stripped
from treadle.data.ordering import order_of
from treadle.data.readers import read
from treadle.data.table import Table
from treadle.data.values import is_missing, is_number
from treadle.errors import InputError


def find_long_form(
    table: Table,
    id: str,  # noqa: A002 - the field's own name
    time: str | None = None,
    input: Sequence[str] | None = None,  # noqa: A002 - the task's own word, as in --input
    target: str | None = None,
    *,
    labels: bool = False,
) -> LongForm:
    """What the columns of a table of steps are for, as far as they are not given.

    Inputs are all columns but those of sequence, time and target: those of numbers are the channels of one series, each
    other one is a sequence of tokens. A target of numbers that changes within a sequence is one for each step.

    Args:
        table: The steps.
        id: The column that names the sequence of a row.
        time: The column that orders the rows of a sequence.
        input: The input columns.
        target: The column of targets; None where there is none.
        labels: Whether the target is a class, also where it is a number.

    Raises:
        InputError: A column is missing or has two roles, or none is left to be the input.
    """
    given = {"id": id, "time": time, "target": target}
    roles = {role: name for role, name in given.items() if name is not None}
    for role, name in roles.items():
        table.column(name, role)
    named = [*roles.values(), *(input or [])]
    twice = next((name for place, name in enumerate(named) if name in named[:place]), None)
    if twice is not None:
        raise InputError(f"{table.source}: column {twice!r} is named twice, expected one role for each column")
    for name in input or []:
        table.column(name, "input")
    left = input or [name for name, cells in table.columns.items() if name not in named and not is_blank(cells)]
    if not left:
        raise InputError(f"{table.source}: no column is left to be the input, expected one beside {', '.join(named)}")
    for name in left:
        cells = table.columns[name]
        odd = next((row for row, cell in enumerate(cells) if isinstance(cell, list | dict | np.ndarray)), None)
        if odd is not None:
            found = f"{table.where(odd)}, column {name!r}: found {cells[odd]!r:.40}"
            raise InputError(f"{found}, expected a number or a name; give each number a column of its own")
    channels = [name for name in left if _is_channel(table.columns[name])]
    tokens = [name for name in left if name not in channels]
    if channels and SERIES in (id, target, *tokens):
        formed = f"the columns of numbers form the input {SERIES!r}"
        raise InputError(f"{table.source}: {formed}, expected another name for the column that is called so")
    changes = target is not None and not labels and is_numeric(table.columns[target]) and _changes(table, id, target)
    written = "" if time is None else order_of(table.columns[time], time, table.where)[1]
    return LongForm(id, time, channels, tokens, per_step=changes, written=written)


def gather(
    data: Any,
    id: str,  # noqa: A002 - the field's own name
    time: str | None = None,
    *,
    input: Sequence[str] | None = None,  # noqa: A002 - the task's own word, as in --input
    target: str | None = None,
) -> Table:
    """The sequences of a table whose rows are their steps: a row each, as estimators take them.

    Args:
        data: As in `treadle.read`.
        id: The column that names the sequence of a row.
        time: The column that orders the rows of a sequence: numbers or dates; by default their order in the table.
        input: The input columns; by default all but the others. Those of numbers are the channels of one series, the
            column `"series"` of the result; each other one is a column of token lists.
        target: The column of targets: one for each sequence, or numbers for each step where they change within one.

    Raises:
        InputError: It cannot be read; a column is missing or has two roles; a cell does not fit, or a class changes
            within a sequence.

    Example:
        >>> steps = {"car": [1, 1, 2, 2, 2], "speed": [3.0, 4.0, 9.0, 8.0, 7.0], "at": [0, 1, 2, 0, 1]}
        >>> table = gather(steps, "car", "at")
        >>> [one[:, 0].tolist() for one in table.columns["series"]]
        [[3.0, 4.0], [8.0, 7.0, 9.0]]
    """
    table = read(data)
    return find_long_form(table, id, time, input, target).gather(table, target)


def told_by_id(table: Table, target: str) -> str | None:
    """The column that may name the sequence of a row: rows of one name stand together and have one target."""
    for name, cells in table.columns.items():
        if name == target or any(isinstance(cell, float | list | dict | np.ndarray) for cell in cells):
            continue
        turns = 1 + sum(before != after for before, after in pairwise(cells))
        if 1 < turns == len(set(cells)) <= len(cells) // 3 and not _changes(table, name, target):
            return name
    return None


def _changes(table: Table, name: str, target: str) -> bool:
    """Whether a target changes within a sequence."""
    known: dict[Any, Any] = {}
    for sequence, cell in zip(table.columns[name], map(stripped, table.columns[target]), strict=True):
        if not is_missing(cell) and known.setdefault(stripped(sequence), cell) != cell:
            return True
    return False


def _is_channel(cells: Sequence[Any]) -> bool:
    """Whether a column holds numbers, also such that are written as texts."""
    known = [cell for cell in cells if not is_missing(cell)]
    return is_numeric(list(cells)) or (
        bool(known) and all(isinstance(cell, str) and is_number(cell.strip()) for cell in known)
    )
