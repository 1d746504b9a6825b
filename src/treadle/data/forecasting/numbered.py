"""Stamps that were written as numbers: steps, years, dates such as 20240131, hours, seconds since 1970."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.frequency import Stamps
from treadle.data.forecasting.inference import infer_frequency
from treadle.errors import InputError

Ints = NDArray[np.int64]

_YEARS: Final = {"year", "years", "yr", "jahr", "année", "年", "年份"}
_CLOCKS: Final = {"timestamp", "unix", "epoch", "unixtime", "time", "date", "datetime", "ds"}
_EPOCH: Final = (5 * 10**8, 5 * 10**9)  # 1985 to 2128 in seconds
_SIZES: Final = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_CALENDARS: Final = {"year": ("years", "months"), "quarter": ("months",), "month": ("months",)}


class _Form(NamedTuple):
    """The least and the greatest number, the digits that lack to hours, and what the numbers are."""

    low: int
    high: int
    lacking: str
    words: str


_FORMS: Final = {
    "years": _Form(1, 9999, "010100", "years"),
    "months": _Form(100_000, 999_999, "0100", "year and month"),
    "days": _Form(10_000_000, 99_999_999, "00", "year, month and day"),
    "hours": _Form(19_00_01_01_00, 21_99_12_31_23, "", "year, month, day and hour"),
    **{form: _Form(_EPOCH[0] * size, _EPOCH[1] * size, "", f"{form} since 1970") for form, size in _SIZES.items()},
}
READ_AS: Final = {form: f"numbers read as {about.words}" for form, about in _FORMS.items()} | {"steps": ""}
"""How every form of numbers is told; steps are not."""


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


def from_numbers(
    cells: Sequence[Any], name: str, where: Callable[[int], str], *, written: str = "", unit: str = ""
) -> tuple[Stamps, str]:
    """A column of numbers as stamps.

    Numbers that can be read as those of a model's training series are read so. Of others, numbers of eight digits that
    are all days of the calendar are dates (`20240131`), numbers of six digits that go from a December to a January are
    months (`202401`), and those of a column called `year` are years. Numbers of ten digits that are all hours of a day
    from 1900 to 2199 are hours (`2024013113`), unless as hours they lie on no regular grid and as seconds they do.
    Those of a column called like a clock (`timestamp`, `time`, `ds`, ...) that lie between 1985 and 2128 are seconds
    since 1970, or milli-, micro- or nanoseconds that are whole seconds. For steps of years, quarters or months,
    numbers of four digits or less are years, those of six digits months. All others are the numbers of steps.

    Args:
        cells: The column.
        name: Its name.
        where: The place of a row.
        written: What the numbers of a model's training series were, as this answers.
        unit: Of the frequency, where it is known.

    Returns:
        Stamps `[rows]`, and what the numbers are: `"days"`, `"months"`, `"years"`, `"hours"`, `"seconds"`, ...,
        `"nanoseconds"` or `"steps"`.

    Raises:
        InputError: A cell is missing, or no whole number; or it is the number of a step, and those of training were
            dates.

    Example:
        >>> from_numbers([20240131, 20240201], "day", str)[0].astype(str).tolist()
        ['2024-01-31T00:00:00', '2024-02-01T00:00:00']
        >>> from_numbers([1, 2, 3], "week", str)
        (array([1, 2, 3]), 'steps')
        >>> from_numbers([202402, 202403], "ds", str, written="months")[0].astype(str).tolist()
        ['2024-02-01T00:00:00', '2024-03-01T00:00:00']
    """
    numbers = whole(cells, name, where)
    low, high = int(numbers.min()), int(numbers.max())
    inside = [form for form, about in _FORMS.items() if about.low <= low and high <= about.high]
    read = {form: _moments(numbers, form) for form in inside}
    read = {form: stamps for form, stamps in read.items() if not np.isnat(stamps).any()}
    found = written if written in ("steps", *read) else _told(numbers, read, name.lower(), unit)
    if found != "steps":
        return read[found], found
    if written in _FORMS:
        row = int(np.argmax(np.isnat(_moments(numbers, written))))
        raise InputError(
            f"{where(row)}, column {name!r}: found {numbers[row]}, expected {_FORMS[written].words} as in training"
        )
    return numbers, found


def _told(numbers: Ints, read: dict[str, Stamps], name: str, unit: str) -> str:
    """Which of the forms that a column can be read as it has, by the rules of `from_numbers`."""
    if "days" in read:
        return "days"
    if "months" in read and (np.diff(np.unique(numbers)) == 89).any():
        return "months"
    if "years" in read and name in _YEARS:
        return "years"
    seconds = next((form for form in read if form in _SIZES and name in _CLOCKS), None)
    if "hours" in read and (seconds is None or _regular(read["hours"]) or not _regular(read[seconds])):
        return "hours"
    return seconds or next((form for form in _CALENDARS.get(unit, ()) if form in read), "steps")


def _moments(numbers: Ints, form: str) -> Stamps:
    """Numbers of a form as moments, NaT for those that are none of it."""
    low, high, lacking, _ = _FORMS[form]
    inside = (numbers >= low) & (numbers <= high)
    numbers = np.where(inside, numbers, low)
    if form in _SIZES:
        inside &= numbers % _SIZES[form] == 0
        stamps = (numbers // _SIZES[form]).astype("datetime64[s]")
    else:
        numbers = numbers * 10 ** len(lacking) + int(lacking or 0)
        hour = numbers % 100
        inside &= hour < 24
        stamps = date(numbers // 10**6, numbers // 10**4 % 100, numbers // 100 % 100) + hour.astype("timedelta64[h]")
    return np.asarray(np.where(inside, stamps, np.datetime64("NaT", "s")))


def _regular(stamps: Stamps) -> bool:
    """Whether stamps lie on a regular grid."""
    different = np.unique(stamps)
    try:
        infer_frequency(np.zeros(len(different), np.int64), different, str, "")
    except InputError:
        return False
    return True
