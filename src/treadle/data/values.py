"""What the characters of a cell stand for: numbers, missing values and series written in one cell."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "#n/a", "#n/a n/a", "#na"})
"""Cells (in lower case) that mean "no value" in a column that otherwise holds numbers."""
MARKS = frozenset({"-", "."})
"""Cells that mean "no value" in a text column if more of its cells are numbers; among words they are words."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)")
_CODE = re.compile(r"[+-]?0[0-9]+")  # "007" is a name, not seven
_GROUPED = r"[1-9][0-9]{0,2}(?P<mark>[. '\u2019\u00a0\u202f])[0-9]{3}(?:(?P=mark)[0-9]{3})*"
_COMMA_NUMBER = re.compile(rf"[+-]?(?:(?P<plain>0|[1-9][0-9]*)|{_GROUPED})(?:,(?P<fraction>[0-9]+))?([eE][+-]?[0-9]+)?")
_SEPARATORS = re.compile(r"\s*[,;]\s*|\s+")


def is_number(text: str) -> bool:
    """Whether a cell is a number as a spreadsheet or a measuring program writes one (no `1_000`, no `007`)."""
    return _NUMBER.fullmatch(text) is not None and _CODE.fullmatch(text) is None


def is_whole(text: str) -> bool:
    """Whether a text is a whole number, of any size, with zeros before it or without."""
    return _WHOLE.fullmatch(text) is not None


def expected_number(cell: object) -> str:
    """What is expected in the place of a cell that is no number, in words.

    Example:
        >>> expected_number("many"), expected_number("1,234")
        ('a number', 'a number with a decimal point: its comma may be a decimal one or group thousands')
    """
    if isinstance(cell, str) and is_comma_number(cell.strip()):
        return "a number with a decimal point: its comma may be a decimal one or group thousands"
    return "a number"


def is_missing(cell: object) -> bool:
    """Whether a cell holds no value: None, NaN, or a string that says so."""
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and cell != cell)


def mostly_numbers(cells: Sequence[object], share: float = 0.9) -> bool:
    """Whether a column is one of numbers with a slip or two: so many of its values are numbers.

    Example:
        >>> mostly_numbers([*"123456789", "many", None]), mostly_numbers(["7", "seven"])
        (True, False)
    """
    known = [cell for cell in cells if not is_missing(cell)]
    numbers = sum(is_number(cell.strip()) if isinstance(cell, str) else isinstance(cell, int | float) for cell in known)
    return bool(known) and numbers >= share * len(known)


def is_comma_number(text: str) -> bool:
    """Whether a cell is a number with a decimal comma, such as `51,52` or `51.523,94`; `1,234` may be one."""
    return "," in text and _COMMA_NUMBER.fullmatch(text) is not None


def typed(cells: Sequence[str]) -> list[Any]:
    """A text column as numbers where all of it is numbers, else unchanged.

    Args:
        cells: The column as it was written.

    Returns:
        Integers when every value is one, floats when every value is a number, with None for a missing value; the
        strings themselves when one of them is neither a number nor a missing value, none is a number, or all are whole
        and one has more than 18 digits: such numbers are names, and floats would make two of them one. A lone `-` or
        `.` is a missing value where there are more numbers than such marks.

    Example:
        >>> typed(["1", "NA", "3"]), typed(["1.5", "2"]), typed(["7", "seven"]), typed(["007", "012"])
        ([1, None, 3], [1.5, 2.0], ['7', 'seven'], ['007', '012'])
        >>> typed(["1", "-", "3"]), typed(["+", "-", "1"])
        ([1, None, 3], ['+', '-', '1'])
    """
    values = _values(cells, is_number)
    if values is None or _are_long_names(values):
        return list(cells)
    number = int if all(value is None or _INTEGER.fullmatch(value) for value in values) else float
    return [None if value is None else number(value) for value in values]


def _are_long_names(values: Sequence[str | None]) -> bool:
    given = [value for value in values if value is not None and not _INTEGER.fullmatch(value)]
    return bool(given) and all(map(_WHOLE.fullmatch, given))


def with_decimal_commas(cells: Sequence[str]) -> list[float | None] | None:
    """A text column as numbers where all of it is numbers with a decimal comma, and nothing else can be meant.

    Thousands may be grouped by dots, spaces or apostrophes. That the comma is a decimal one is shown by a cell that
    could not be read otherwise: other than three digits follow the comma, or 0, four digits or groups go before it. So
    `1,234` alone shows nothing, nor does `1.234`.

    Args:
        cells: The column as it was written.

    Returns:
        Floats, None for a missing value; or None where a cell is no such number, or the comma may group thousands.

    Example:
        >>> with_decimal_commas(["51,52", "7", "1,234"]), with_decimal_commas(["1,234", "7"])
        ([51.52, 7.0, 1.234], None)
        >>> with_decimal_commas(["51.523,94", "1.234"]), with_decimal_commas(["7,5", "1.234"])
        ([51523.94, 1234.0], None)
    """
    values = _values(cells, lambda text: _COMMA_NUMBER.fullmatch(text) is not None)
    found = [match for match in map(_COMMA_NUMBER.fullmatch, filter(None, values or [])) if match]
    marks = {match["mark"] for match in found} - {None}
    if values is None or len(marks) > 1 or not any(map(_shows_comma, found)):
        return None
    if "." in marks and not any(match["mark"] and (match["fraction"] or match[0].count(".") > 1) for match in found):
        return None  # dots that group nowhere else may be decimal points
    group = str.maketrans({",": "."} | dict.fromkeys(marks, ""))
    return [None if value is None else float(value.translate(group)) for value in values]


def _shows_comma(match: re.Match[str]) -> bool:
    """Whether a number has a comma that cannot stand between thousands."""
    fraction, plain = match["fraction"], match["plain"]
    return fraction is not None and (len(fraction) != 3 or plain is None or plain == "0" or len(plain) > 3)


def _values(cells: Sequence[str], is_value: Callable[[str], bool]) -> list[str | None] | None:
    """The cells of a column, None for a missing one; or None where one is no value, or too few are."""
    values: list[str | None] = []
    numbers = marks = 0
    for cell in cells:
        text = cell.strip()
        if is_value(text):
            numbers += 1
            values.append(text)
        elif text.lower() in MISSING:
            values.append(None)
        elif text in MARKS:
            marks += 1
            values.append(None)
        else:
            return None
    return values if numbers > marks else None


def parse_series(text: str) -> Array | None:
    """A series written in one cell: at least two numbers between spaces, commas or semicolons, brackets allowed.

    Any of the numbers may be missing, also all of them, as where a sensor was silent.

    Args:
        text: The cell.

    Returns:
        The numbers, NaN for a missing one, or None when the cell is anything else.

    Example:
        >>> parse_series("[1, 2.5, NaN]")
        array([1. , 2.5, nan])
        >>> parse_series("in 1999") is None
        True
    """
    text = text.strip()
    if text[:1] == "[" and text[-1:] == "]":
        text = text[1:-1].strip()
    parts = _SEPARATORS.split(text)
    if len(parts) < 2 or not all(is_number(part) or part.lower() in MISSING for part in parts):
        return None
    return np.array([float(part) if part.lower() not in MISSING else np.nan for part in parts], dtype=np.float64)


def trim_padding(series: Sequence[Array]) -> list[Array]:
    """Series without the missing steps at their end, where a file of one width marks different lengths that way.

    A rectangular file can hold series of different lengths only by filling the shorter ones up with NaN. Those steps
    were never measured, so they are not part of the sequence. When the longest series ends in missing values too,
    these are gaps in the measurement and all series are returned as they are.

    Args:
        series: Arrays `[T]` or `[T, C]`.

    Returns:
        Arrays of the same number of axes, some of them shorter.
    """
    ends = []
    for one in series:
        known = np.flatnonzero(~np.isnan(one.reshape(len(one), -1)).all(axis=1)) if len(one) else np.empty(0)
        ends.append(int(known[-1]) + 1 if len(known) else 0)
    if not ends or max(ends) < max(len(one) for one in series):
        return list(series)
    return [one[:end] for one, end in zip(series, ends, strict=True)]
