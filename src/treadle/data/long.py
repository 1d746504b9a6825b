"""The long form: a table whose rows are the steps of sequences, and the table of these sequences."""

from collections.abc import Hashable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from treadle.data.appearance import is_blank
from treadle.data.forecasting.covariates import numbers
from treadle.data.ordering import order_of
from treadle.data.table import Table
from treadle.data.values import is_missing
from treadle.errors import InputError, counted

SERIES = "series"
"""The name of the input that columns of single numbers form together."""

Floats = NDArray[np.float64]
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
        written: How times were written, which may be read in several ways; see `order_of`.
    """

    id: str
    time: str | None
    channels: list[str]
    tokens: list[str]
    per_step: bool = False
    written: str = ""

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
        notes: list[str] = []
        if self.time is not None:
            times, _, notes = order_of(table.column(self.time, "time"), self.time, table.where, self.written)
            groups = [rows[np.argsort(times[rows], kind="stable")] for rows in groups]
        columns: dict[str, list[Any]] = {self.id: names}
        if self.channels:
            values = np.stack([_channel(table, name) for name in self.channels], 1)
            columns[SERIES] = [values[rows] for rows in groups]
        for name in self.tokens:
            cells = [_token(cell) for cell in table.column(name, "input")]
            columns[name] = [[cells[row] for row in rows] for rows in groups]
        if target is not None:
            columns[target] = self._targets(table, target, groups)
        lengths = [len(rows) for rows in groups]
        note = f"{counted(len(groups), 'sequence')} by {self.id!r}, of {min(lengths):,} to {max(lengths):,} rows"
        return replace(
            table,
            columns=columns,
            lines=None if table.lines is None else [min(table.lines[row] for row in rows) for rows in groups],
            files=None if table.files is None else [table.files[rows[0]] for rows in groups],
            note="; ".join([table.note, note + (f" in the order of {self.time!r}" if self.time else ""), *notes]),
        )

    def _targets(self, table: Table, target: str, groups: list[Integers]) -> list[Any]:
        """Of every sequence: one, None where no row has one; or one for each step."""
        cells = [stripped(cell) for cell in table.column(target, "target")]
        if self.per_step:
            values = numbers(table, target)
            missing = np.flatnonzero(np.isnan(values))
            if len(missing):
                place = f"{table.where(int(missing[0]))}, column {target!r}"
                raise InputError(f"{place}: found nothing, expected a number for each step")
            return [[cells[row] for row in rows] for rows in groups]
        return [self._only(table, target, cells, rows) for rows in groups]

    def _only(self, table: Table, target: str, cells: list[Any], rows: Integers) -> Any:
        """The target of a sequence, None where no row has one."""
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


def _groups(table: Table, name: str) -> tuple[list[Any], list[Integers]]:
    """The names of all sequences, and the rows of each."""
    rows_of: dict[Any, list[int]] = {}
    for row, cell in enumerate(table.column(name, "id")):
        if is_missing(cell) or not isinstance(cell, Hashable):
            place = f"{table.where(row)}, column {name!r}"
            raise InputError(f"{place}: found {cell!r:.40}, expected the name of a sequence")
        rows_of.setdefault(stripped(cell), []).append(row)
    return list(rows_of), [np.array(rows) for rows in rows_of.values()]


def _channel(table: Table, name: str) -> Floats:
    """A column as numbers, NaN where there is none, even in all rows."""
    if is_blank(table.column(name, "input")):
        return np.full(len(table), np.nan)
    return numbers(table, name)


def _token(cell: Any) -> str:
    """A cell as a token, the same from every kind of file; "" for one without anything."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = str(cell).strip()
    return text.lower() if text.lower() in ("true", "false") else text


def stripped(cell: Any) -> Any:
    """A cell without white space around it."""
    return cell.strip() if isinstance(cell, str) else cell
