"""Stamps that were written as numbers: steps, years, dates such as 20240131, seconds since 1970."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.frequency import Stamps
from treadle.errors import InputError

Ints = NDArray[np.int64]

_YEARS: Final = {"year", "years", "yr", "jahr", "année", "年", "年份"}
_CLOCKS: Final = {"timestamp", "unix", "epoch", "unixtime", "time", "date", "datetime", "ds"}
_EPOCH: Final = (5 * 10**8, 5 * 10**9)  # 1985 to 2128 in seconds
_PARTS: Final = ("year", "month", "day", "hour", "minute", "second")
_LIMITS: Final = ((1, 9999), (1, 12), (1, 31), (0, 23), (0, 59), (0, 59))


def date(year: Ints, month: Ints, day: Ints) -> Stamps:
    """Midnight of days of the calendar, NaT where there is no such day.

    Args:
        year: From 1 to 9999.
        month: From 1.
        day: From 1.
    """
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    right = (month >= 1) & (month <= 12) & (year >= 1) & (year <= 9999)
    right &= (day >= 1) & (days.astype("datetime64[M]") == months)
    return np.asarray(np.where(right, days.astype("datetime64[s]"), np.datetime64("NaT", "s")))


def whole(cells: Sequence[Any], name: str, where: Callable[[int], str]) -> Ints:
    """A column as whole numbers.

    Args:
        cells: The column.
        name: Its name, for error sentences.
        where: The place of a row.

    Raises:
        InputError: A cell is missing, or no whole number.
    """
    try:
        numbers = np.array(cells, np.float64)
        wrong = ~np.isfinite(numbers) | (numbers != np.round(numbers)) | (np.abs(numbers) >= 2.0**62)
    except (TypeError, ValueError, OverflowError):
        numeric = [isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells]
        wrong = np.array([not right or abs(cell) >= 2**62 for right, cell in zip(numeric, cells, strict=True)])
    if wrong.any():
        row = int(np.argmax(wrong))
        found = "nothing" if cells[row] is None or cells[row] != cells[row] else repr(cells[row])[:40]
        raise InputError(f"{where(row)}, column {name!r}: found {found}, expected a time stamp or a whole number")
    return np.array(cells, np.int64)


def from_numbers(cells: Sequence[Any], name: str, where: Callable[[int], str]) -> tuple[Stamps, list[str]]:
    """A column of numbers as stamps.

    Numbers of eight digits that are all days of the calendar are dates (`20240131`), numbers of six digits that go from
    a December to a January are months (`202401`), those of a column called `year` are years, and those of a column
    called like a clock (`timestamp`, `time`, `ds`, ...) that lie between 1985 and 2128 are seconds since 1970, or
    milli-, micro- or nanoseconds that are whole seconds. All others are the numbers of steps.

    Args:
        cells: The column.
        name: Its name.
        where: The place of a row.

    Returns:
        Stamps `[rows]`, and how they were understood.

    Raises:
        InputError: A cell is missing, or no whole number.

    Example:
        >>> from_numbers([20240131, 20240201], "day", str)[0].astype(str).tolist()
        ['2024-01-31T00:00:00', '2024-02-01T00:00:00']
        >>> from_numbers([1, 2, 3], "week", str)[0]
        array([1, 2, 3])
    """
    numbers = whole(cells, name, where)
    one = np.ones_like(numbers)
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    if low >= 10_000_000 and high < 100_000_000:
        days = date(numbers // 10_000, numbers // 100 % 100, numbers % 100)
        if not np.isnat(days).any():
            return days, ["numbers read as year, month and day"]
    if low >= 100_000 and high < 1_000_000:
        months = date(numbers // 100, numbers % 100, one)
        if not np.isnat(months).any() and (np.diff(np.unique(numbers)) == 89).any():
            return months, ["numbers read as year and month"]
    if name.lower() in _YEARS and low >= 1 and high <= 9999:
        return date(numbers, one, one), ["numbers read as years"]
    for unit, size in (("seconds", 1), ("milliseconds", 10**3), ("microseconds", 10**6), ("nanoseconds", 10**9)):
        inside = low >= _EPOCH[0] * size and high <= _EPOCH[1] * size
        if name.lower() in _CLOCKS and inside and not (numbers % size).any():
            return (numbers // size).astype("datetime64[s]"), [f"numbers read as {unit} since 1970"]
    return numbers, []


def from_parts(columns: Sequence[Sequence[Any]], names: Sequence[str], where: Callable[[int], str]) -> Stamps:
    """Stamps whose year, month, day, hour, minute and second have columns of their own.

    Args:
        columns: The columns, whole numbers.
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
