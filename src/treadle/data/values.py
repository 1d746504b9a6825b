"""What the characters of a cell stand for: numbers, missing values and series written in one cell."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
"""Cells (in lower case) that mean "no value" in a column that otherwise holds numbers."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)")
_CODE = re.compile(r"[+-]?0[0-9]+")  # "007" is a name, not seven
_SEPARATORS = re.compile(r"\s*[,;]\s*|\s+")


def is_number(text: str) -> bool:
    """Whether a cell is a number as a spreadsheet or a measuring program writes one (no `1_000`, no `007`)."""
    return _NUMBER.fullmatch(text) is not None and _CODE.fullmatch(text) is None


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


def typed(cells: Sequence[str]) -> list[Any]:
    """A text column as numbers where all of it is numbers, else unchanged.

    Args:
        cells: The column as it was written.

    Returns:
        Integers when every value is one, floats when every value is a number, with None for a missing value; the
        strings themselves when one of them is neither a number nor a missing value, or none is a number.

    Example:
        >>> typed(["1", "NA", "3"]), typed(["1.5", "2"]), typed(["7", "seven"]), typed(["007", "012"])
        ([1, None, 3], [1.5, 2.0], ['7', 'seven'], ['007', '012'])
    """
    integers = True
    seen = False
    values: list[str | None] = []
    for cell in cells:
        text = cell.strip()
        if is_number(text):
            seen = True
            integers = integers and _INTEGER.fullmatch(text) is not None
            values.append(text)
        elif text.lower() in MISSING:
            values.append(None)
        else:
            return list(cells)
    if not seen:
        return list(cells)
    number = int if integers else float
    return [None if value is None else number(value) for value in values]


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
