"""Cells of a table as stamps: dates in the forms that files have them, whole columns at once."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from treadle.data.forecasting.frequency import Stamps
from treadle.data.forecasting.numbered import READ_AS, date, from_numbers
from treadle.data.values import is_missing, is_number, typed
from treadle.errors import InputError

Ints = NDArray[np.int64]

_CLOCK = (
    r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
    r" ?(?P<half>[AaPp][Mm])?)? ?(?P<zone>Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?"
)
_LAYOUTS: Final = {
    "year-month-day": rf"(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_CLOCK}",
    "year-month": r"(?P<year>\d{1,4})[-/.](?P<month>\d{1,2})",
    "month-year": r"(?P<month>\d{1,2})[-/.](?P<year>\d{4})",
    "numbers": rf"(?P<first>\d{{1,2}})[-/.](?P<middle>\d{{1,2}})[-/.](?P<year>\d{{4}}){_CLOCK}",
    "compact": rf"(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}}){_CLOCK}",
    "quarter": r"(?P<year>\d{4})[- ]?[Qq](?P<quarter>[1-4])",
    "quarter-year": r"[Qq](?P<quarter>[1-4])[- ](?P<year>\d{4})",
    "day-name-year": rf"(?:(?P<day>\d{{1,2}})[ -])?(?P<name>[A-Za-z]{{3,9}})\.?[ ,-]+(?P<year>\d{{4}}){_CLOCK}",
    "name-day-year": rf"(?P<name>[A-Za-z]{{3,9}})\.? (?P<day>\d{{1,2}}),? (?P<year>\d{{4}}){_CLOCK}",
}
_MONTH_NAMES: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
MONTHS: Final = {short: number for number, name in enumerate(_MONTH_NAMES, 1) for short in (name, name[:3])} | {
    "sept": 9
}
"""The number of a month by its English name, or its first letters."""
ORDERS: Final = {"day first": "day, month, year", "month first": "month, day, year"}
"""What the parts of a date are called in each order, year last."""

_EXPECTED: Final = "expected a time stamp such as 2024-01-31 or 2024-01-31 13:00:00"
_SAMPLED: Final = 200


@dataclass(frozen=True)
class Parsed:
    """A column of stamps that was read.

    Attributes:
        stamps: `[rows]`, `datetime64[s]` or `int64`.
        notes: What was found, a phrase a finding.
        written: How the stamps were written, where that may be told in several ways: for numbers what `from_numbers`
            answers, of days and months the order, one of `ORDERS`; else "".
        utc: Whether stamps with a zone became UTC.
    """

    stamps: Stamps
    notes: list[str]
    written: str = ""
    utc: bool = False


class _UnreadableError(Exception):
    """A text that is no stamp: its index among those that were read, and what is wrong."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


def looks_dated(cells: Sequence[Any]) -> bool:
    """Whether most of a column are dates as text, told from up to 200 of its cells spread over the rows.

    Example:
        >>> looks_dated(["2024-01-31", "2024-02-29"]), looks_dated(["a", "b"]), looks_dated([1, 2])
        (True, False, False)
    """
    step = max(1, len(cells) // _SAMPLED)
    sample = [cell for cell in cells[::step] if not is_missing(cell)]
    dated = [cell for cell in sample if isinstance(cell, str) and _layout(cell) is not None]
    return 2 * len(dated) > len(sample)


def _layout(text: str) -> str | None:
    """The first layout that a text has."""
    return next((name for name, form in _LAYOUTS.items() if re.fullmatch(form, text.strip())), None)


def parse_stamps(
    cells: Sequence[Any],
    name: str,
    where: Callable[[int], str],
    *,
    utc: bool = False,
    written: str = "",
    unit: str = "",
) -> Parsed:
    """A column as stamps.

    Texts are dates, of one form the whole column through: year, month and day in this order (`2024-01-31`, also with
    `/` or `.`, or none: `20240131`) with hours, minutes and seconds or without, a year and a month (`2024-01`), a
    quarter (`2024Q1`), a month's English name (`31 Jan 2024`, `January 2024`), or day, month and year if a number
    above 12 shows which is which, or else a model's training series did. Zones: where all are the same they are left
    out; else stamps that share their time of day keep it, and others become UTC. Numbers are those of `from_numbers`.

    Args:
        cells: The column.
        name: Its name, for error sentences.
        where: The place of a row.
        utc: Whether stamps with a zone become UTC whatever the others are, as those did that these follow.
        written: How those that these follow were written, as `Parsed` says.
        unit: Of the frequency, where it is known.

    Raises:
        InputError: A cell is empty or no stamp, or of another form than the first; the place is named.

    Example:
        >>> parse_stamps(["1949-01", "1949-02"], "Month", str).stamps.astype(str).tolist()
        ['1949-01-01T00:00:00', '1949-02-01T00:00:00']
        >>> parse_stamps(["31/01/2024", "01/02/2024"], "day", str).written
        'day first'
    """
    if cells and isinstance(cells[0], str) and is_number(cells[0].strip()):
        cells = typed([cell if isinstance(cell, str) else "" for cell in cells])
    kinds = set(map(type, cells))
    if kinds <= {int, float, type(None)}:
        stamps, form = from_numbers(cells, name, where, written=written, unit=unit)
        return Parsed(stamps, [READ_AS[form]] if READ_AS[form] else [], form)
    if kinds != {str}:
        texts = [isinstance(cell, str) for cell in cells]
        numbers = [type(cell) in (int, float) for cell in cells]
        row = (texts if sum(texts) >= sum(numbers) else numbers).index(False)
        found = "nothing" if cells[row] is None else repr(cells[row])[:40]
        raise InputError(f"{where(row)}, column {name!r}: found {found}, {_EXPECTED}")
    coded = pa.array(cells, pa.string()).dictionary_encode()
    empty = [index for index, text in enumerate(coded.dictionary.to_pylist()) if is_missing(text)]
    if empty:
        row = coded.indices.index(empty[0]).as_py()
        raise InputError(f"{where(row)}, column {name!r}: found {cells[row] or 'nothing'}, {_EXPECTED}")
    try:
        parsed = _dates(coded.dictionary, utc, written)
    except _UnreadableError as problem:
        row = coded.indices.index(problem.index).as_py()
        raise InputError(
            f"{where(row)}, column {name!r}: found {cells[row].strip()[:40]!r}, {problem.reason}"
        ) from None
    return replace(parsed, stamps=parsed.stamps[coded.indices.to_numpy()])


def _dates(texts: Any, utc: bool, written: str) -> Parsed:
    """Different texts, an Arrow array, as dates."""
    texts = pc.utf8_trim_whitespace(texts)
    layout = _layout(texts[0].as_py())
    if layout is None:
        raise _UnreadableError(0, _EXPECTED)
    parts = pc.extract_regex(texts, f"^(?:{_LAYOUTS[layout]})$")
    if parts.null_count:
        first = texts[0].as_py()
        raise _UnreadableError(
            int(np.argmax(np.asarray(parts.is_null()))),
            f"expected a time stamp of the form {first!r}, as in the first row",
        )
    fields = {field.name: parts.field(index) for index, field in enumerate(parts.type)}
    notes, order = [], ""
    if layout == "numbers":
        order = _order(fields, written)
        places = ("first", "middle") if order == "day first" else ("middle", "first")
        fields["day"], fields["month"] = (fields[place] for place in places)
        notes.append(f"dates read as {ORDERS[order]}")
    year, month, day = (_numbers(fields, name, len(texts), 1) for name in ("year", "month", "day"))
    if layout == "year-month" and year.max() < 1000:
        first = texts[0].as_py()
        notes.append(f"{first!r} read as month {month[0]} of year {year[0]}")
    if "quarter" in fields:
        month = 3 * _numbers(fields, "quarter", len(texts), 1) - 2
    if "name" in fields:
        month = np.array([MONTHS.get(name.lower(), 0) for name in fields["name"].to_pylist()], np.int64)
    stamps = date(year, month, day)
    seconds, right = _clock(fields, len(texts))
    wrong = np.isnat(stamps) | ~right
    if wrong.any():
        raise _UnreadableError(int(np.argmax(wrong)), "which is no date or time of the calendar")
    if "fraction" in fields and _numbers(fields, "fraction", len(texts), 0).any():
        index = int(np.argmax(_numbers(fields, "fraction", len(texts), 0) > 0))
        raise _UnreadableError(index, "expected whole seconds")
    local = stamps + seconds.astype("timedelta64[s]")
    parsed = Parsed(local, notes, order)
    return _without_zone(parsed, fields["zone"], utc) if "zone" in fields else parsed


def _clock(fields: dict[str, Any], size: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Seconds since midnight, and whether they are a time of day."""
    hour, minute, second = (_numbers(fields, name, size, 0) for name in ("hour", "minute", "second"))
    right = (hour < 24) & (minute < 60) & (second < 60)
    if "half" in fields:
        half = pc.utf8_lower(fields["half"])
        twelve = np.asarray(pc.not_equal(half, ""))
        afternoon = np.asarray(pc.equal(half, "pm"))
        right &= ~twelve | ((hour >= 1) & (hour <= 12))
        hour = np.where(twelve, hour % 12 + 12 * afternoon, hour)
    return hour * 3600 + minute * 60 + second, right


def _order(fields: dict[str, Any], written: str) -> str:
    """Whether day or month comes first: the one that exceeds 12 shows it, or else how those before were written."""
    size = len(fields["first"])
    if _numbers(fields, "first", size, 0).max() > 12:
        return "day first"
    if _numbers(fields, "middle", size, 0).max() > 12:
        return "month first"
    if written in ORDERS:
        return written
    raise _UnreadableError(0, "where either day or month may come first, expected year-month-day (2024-01-31)")


def _without_zone(parsed: Parsed, zone: Any, utc: bool) -> Parsed:
    """Local times of several zones on one clock (the rule is in `parse_stamps`)."""
    local, notes = parsed.stamps, parsed.notes
    names = zone.unique().to_pylist()
    if names == [""]:
        return parsed
    if "" in names:
        index = int(np.argmax(np.asarray(pc.not_equal(zone, "")) != (zone[0].as_py() != "")))
        raise _UnreadableError(index, "expected a zone in all rows or in none")
    if len(names) == 1 and not utc:
        return replace(parsed, notes=[*notes, f"times of zone {names[0]}"])
    clock = local - local.astype("datetime64[D]")
    if (clock == clock[0]).all() and not utc:
        return replace(parsed, notes=[*notes, "days of local time, zones left out"])
    offsets = {name: _offset(name) for name in names}
    seconds = np.array([offsets[name] for name in zone.to_pylist()], "timedelta64[s]")
    return replace(parsed, stamps=np.asarray(local - seconds), notes=[*notes, "zones converted to UTC"], utc=True)


def _offset(zone: str) -> int:
    """A zone's seconds before UTC."""
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if zone[0] == "-" else 1)


def _numbers(fields: dict[str, Any], name: str, size: int, default: int) -> Ints:
    """A part of all dates as numbers, `default` where it was not written."""
    if name not in fields:
        return np.full(size, default, np.int64)
    field = fields[name]
    if name == "fraction":
        field = pc.utf8_slice_codeunits(field, 0, 9)
    field = pc.if_else(pc.equal(field, ""), str(default), field)
    return np.asarray(pc.cast(field, pa.int64()), np.int64)
