"""The long form: a table whose rows are the steps of sequences, and the table of these sequences."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from treadle.data.appearance import is_blank, is_numeric
from treadle.data.forecasting.covariates import as_names, numbers
from treadle.data.forecasting.stamps import parse_stamps
from treadle.data.readers import read
from treadle.data.table import Table
from treadle.data.values import is_missing
from treadle.errors import InputError, counted

SERIES = "series"
"""The name of the input that columns of single numbers form together."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class LongForm:
    """What the columns of a table are for whose rows are steps. Plain data: it is saved with a model.

    Attributes:
        id: The column that names the sequence of a row.
        time: The column that orders the rows of a sequence; None for the order in which they stand.
        channels: Columns of numbers: the channels of one series, called `"series"`.
        tokens: Columns of names: a sequence of tokens each.
        per_step: Whether there is a target for each step; else one for the sequence, the same in all its rows.
    """

    id: str
    time: str | None
    channels: list[str]
    tokens: list[str]
    per_step: bool = False

    @property
    def inputs(self) -> list[str]:
        """The columns of sequences."""
        return [*([SERIES] if self.channels else []), *self.tokens]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any] | None) -> Self | None:
        """From what `to_json` gave."""
        return None if saved is None else cls(**saved)

    def gather(self, table: Table, target: str | None) -> Table:
        """The table of the sequences of a table of steps, in the order in which they begin there.

        Args:
            table: The steps.
            target: The column of targets; None where there is none.

        Raises:
            InputError: A column is missing, a cell is no number or no time, a row has no name of its sequence, or a
                target changes within a sequence where there is one for each.
        """
        names, groups = _groups(table, self.id)
        groups = [rows[np.argsort(times[rows], kind="stable")] for times in [self._times(table)] for rows in groups]
        columns: dict[str, list[Any]] = {self.id: names}
        if self.channels:
            for name in self.channels:
                table.column(name, "input")
            values = np.stack([numbers(table, name) for name in self.channels], 1)
            columns[SERIES] = [values[rows] for rows in groups]
        for name in self.tokens:
            cells = as_names(["" if is_missing(cell) else cell for cell in table.column(name, "input")])
            columns[name] = [[cells[row] for row in rows] for rows in groups]
        if target is not None:
            cells = table.column(target, "target")
            columns[target] = [
                [cells[row] for row in rows] if self.per_step else self._only(table, target, rows) for rows in groups
            ]
        lengths = [len(rows) for rows in groups]
        note = f"{counted(len(groups), 'sequence')} by {self.id!r}, of {min(lengths):,} to {max(lengths):,} rows"
        return replace(
            table,
            columns=columns,
            lines=None if table.lines is None else [min(table.lines[row] for row in rows) for rows in groups],
            files=None if table.files is None else [table.files[rows[0]] for rows in groups],
            note=f"{table.note}; {note}" + (f" in the order of {self.time!r}" if self.time else ""),
        )

    def _times(self, table: Table) -> NDArray[Any]:
        """What the rows are ordered by."""
        if self.time is None:
            return np.arange(len(table))
        cells = table.column(self.time, "time")
        missing = next((row for row, cell in enumerate(cells) if is_missing(cell)), None)
        if missing is not None:
            raise InputError(f"{table.where(missing)}, column {self.time!r}: found nothing, expected a time")
        return numbers(table, self.time) if is_numeric(cells) else parse_stamps(cells, self.time, table.where).stamps

    def _only(self, table: Table, target: str, rows: Integers) -> Any:
        """The target of a sequence, None where no row has one."""
        cells = table.columns[target]
        known = [row for row in rows if not is_missing(cells[row])]
        other = next((row for row in known if cells[row] != cells[known[0]]), None)
        if other is not None:
            place = f"{table.where(other)}, column {target!r}"
            sequence = f"{self.id} {table.columns[self.id][other]!r:.40}"
            raise InputError(
                f"{place}: found {cells[other]!r:.40} after {cells[known[0]]!r:.40} for {sequence}, expected one "
                "target for all its rows"
            )
        return cells[known[0]] if known else None


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
    channels = [name for name in left if is_numeric(table.columns[name])]
    tokens = [name for name in left if name not in channels]
    changes = target is not None and not labels and is_numeric(table.columns[target]) and _changes(table, id, target)
    return LongForm(id, time, channels, tokens, per_step=changes)


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
        if name == target or any(isinstance(cell, float | list | np.ndarray) for cell in cells):
            continue
        turns = 1 + sum(before != after for before, after in pairwise(cells))
        if 1 < turns == len(set(cells)) <= len(cells) // 3 and not _changes(table, name, target):
            return name
    return None


def _groups(table: Table, name: str) -> tuple[list[Any], list[Integers]]:
    """The names of all sequences, and the rows of each."""
    rows_of: dict[Any, list[int]] = {}
    for row, cell in enumerate(table.column(name, "id")):
        if is_missing(cell) or isinstance(cell, list | np.ndarray):
            place = f"{table.where(row)}, column {name!r}"
            raise InputError(f"{place}: found {cell!r:.40}, expected the name of a sequence")
        rows_of.setdefault(cell, []).append(row)
    return list(rows_of), [np.array(rows) for rows in rows_of.values()]


def _changes(table: Table, name: str, target: str) -> bool:
    """Whether a target changes within a sequence."""
    known: dict[Any, Any] = {}
    for sequence, cell in zip(table.columns[name], table.columns[target], strict=True):
        if not is_missing(cell) and known.setdefault(sequence, cell) != cell:
            return True
    return False
