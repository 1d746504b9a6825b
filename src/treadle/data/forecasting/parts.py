"""Times of which the parts stand in columns of their own."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from treadle.data.forecasting.frequency import Stamps
from treadle.data.forecasting.numbered import date, whole
from treadle.data.forecasting.stamps import MONTHS
from treadle.errors import InputError

_PARTS: Final = ("year", "month", "day", "hour", "minute", "second")
_LIMITS: Final = ((1, 9999), (1, 12), (1, 31), (0, 23), (0, 59), (0, 59))


def from_parts(columns: Sequence[Sequence[Any]], names: Sequence[str], where: Callable[[int], str]) -> Stamps:
    """Stamps whose year, month, day, hour, minute and second have columns of their own.

    Args:
        columns: The columns, whole numbers; months may have their English names.
        names: Their names; where all are among year, month, ..., second these say which is which, else the order does.
        where: The place of a row.

    Raises:
        InputError: There are more than six, there is no year, a cell is no whole number, or there is no such date.

    Example:
        >>> from_parts([[2010, 2010], [1, 1], [1, 1], [0, 1]], ["year", "month", "day", "hour"], str)[1]
        np.datetime64('2010-01-01T01:00:00')
    """
    kinds = [name.lower() for name in names]
    if not set(kinds) <= set(_PARTS):
        kinds = list(_PARTS[: len(names)])
    if len(names) > len(_PARTS) or "year" not in kinds:
        raise InputError(
            f"the time columns {', '.join(names)} were given, expected year, month, day, hour, minute, second"
        )
    named = [named_months(cells) if kind == "month" else None for kind, cells in zip(kinds, columns, strict=True)]
    columns = [cells if months is None else months for cells, months in zip(columns, named, strict=True)]
    given = {kind: whole(cells, name, where) for kind, cells, name in zip(kinds, columns, names, strict=True)}
    size = len(columns[0])
    parts = []
    for kind, (low, high) in zip(_PARTS, _LIMITS, strict=True):
        part = given.get(kind, np.full(size, low, np.int64))
        wrong = (part < low) | (part > high)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(
                f"{where(row)}, column {names[kinds.index(kind)]!r}: found {part[row]}, expected a {kind} "
                f"from {low} to {high}"
            )
        parts.append(part)
    year, month, day, hour, minute, second = parts
    days = date(year, month, day)
    if np.isnat(days).any():
        row = int(np.argmax(np.isnat(days)))
        raise InputError(
            f"{where(row)}: found {year[row]}-{month[row]:02d}-{day[row]:02d}, which is no day of the calendar"
        )
    return np.asarray(days + (hour * 3600 + minute * 60 + second).astype("timedelta64[s]"))


def named_months(cells: Sequence[Any]) -> list[int] | None:
    """The numbers of months that have their English names; None if a cell is none.

    Example:
        >>> named_months(["Jan", "february"]), named_months([1, 2])
        ([1, 2], None)
    """
    if not all(isinstance(cell, str) and cell.strip().lower() in MONTHS for cell in cells):
        return None
    return [MONTHS[cell.strip().lower()] for cell in cells]


def as_one_text(columns: Sequence[Sequence[Any]], names: Sequence[str]) -> list[str]:
    """A column of dates and those of a time of day as one text a row; numbers of hours and minutes as a clock has them.

    Example:
        >>> as_one_text([["2024-01-01"], [5]], ["date", "hour"])
        ['2024-01-01 05:00']
    """
    beside = list(columns[1:])
    kinds = [name.lower() for name in names[1:]]
    if kinds == list(_PARTS[3 : 3 + len(kinds)]) and all(type(cell) is int for cells in beside for cell in cells):
        clocks = (":".join(f"{part:02d}" for part in parts) for parts in zip(*beside, strict=True))
        beside = [[clock if ":" in clock else f"{clock}:00" for clock in clocks]]
    rows = zip(columns[0], *beside, strict=True)
    return [" ".join("" if cell is None else str(cell) for cell in cells) for cells in rows]
