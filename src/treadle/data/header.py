"""Whether the first row of a table names its columns or is data."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from treadle.data.values import MARKS, is_missing, is_number

_HEADER_ROWS = 1000
_NUMBERED_FIELDS = 8  # fewer numbers in a run may be data; this many are the names that data frames give
_NAMES = r"(?<![a-z])(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_STAMP = re.compile(rf"(?i)(?:[0-9]|{_NAMES}|[tzq]|[ap]m|utc|[-+/.:,'\s]|[年月日时分秒])+")
_PARTS = re.compile(rf"(?i)(?P<name>{_NAMES})|(?P<long>[0-9]{{3,}})|[0-9]+")


def is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns.

    It does not where one of its cells occurs again in its own column, or is a date, a time or a number with marks above
    another of the same form. A number is no name, unless all numbers are the run 0, 1, 2, ... or 1, 2, ..., and:

    - there are eight columns or more of them; or
    - a word stands above a column of numbers or dates, or nothing above the filled first column (the index of a data
      frame); or
    - there are several, with names beside them, and one of them is not among the values of its column.

    Args:
        rows: All rows, of which the first thousand are looked at.

    Example:
        >>> is_header([["ds", "0"], ["2024-01-01", "7"]]), is_header([["2024-01-01", "0"], ["2024-01-02", "7"]])
        (True, False)
    """
    names = [name.strip() for name in rows[0]]
    if not any(names) or any("\n" in name or len(name) > 100 for name in names):
        return False
    for index, name in enumerate(names):
        if name and not is_number(name):
            form = _form(name)
            if any(cell == name or (form is not None and _form(cell) == form) for cell in _below(rows, index)):
                return False
    numbers = [name for name in names if is_number(name)]
    return not numbers or _is_numbered(names, numbers, rows)


def _is_numbered(names: list[str], numbers: list[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first row with numbers in it names the columns, these being called 0, 1, 2, ... or 1, 2, ..."""
    if not any(numbers == [str(first + index) for index in range(len(numbers))] for first in (0, 1)):
        return False
    if len(numbers) == len(names) or len(numbers) >= _NUMBERED_FIELDS:
        return len(numbers) >= _NUMBERED_FIELDS
    if names[0] == "" and numbers[0] == "0" and all(_below(rows, 0)):  # a data frame's index has no name
        return True
    if any(_is_word(name) and _holds_values(_below(rows, index)) for index, name in enumerate(names)):
        return True
    return len(numbers) > 1 and any(name in numbers and name not in _below(rows, at) for at, name in enumerate(names))


def _below(rows: Sequence[Sequence[str]], index: int) -> Iterator[str]:
    """The first cells of a column without that of the first row."""
    return (row[index].strip() for row in rows[1:_HEADER_ROWS] if len(row) > index)


def _is_word(name: str) -> bool:
    return not (is_number(name) or is_missing(name) or name in MARKS or _form(name))


def _holds_values(cells: Iterable[str]) -> bool:
    """Whether cells are numbers, dates and times alone."""
    filled = [cell for cell in cells if not is_missing(cell) and cell not in MARKS]
    return bool(filled) and all(is_number(cell) or _form(cell) is not None for cell in filled)


def _form(cell: str) -> str | None:
    """How a date, a time or a number with marks is written: `000-0-0` for 2024-01-31; None for words and one number."""
    if is_number(cell) or _STAMP.fullmatch(cell) is None:
        return None
    form, parts = _PARTS.subn(lambda part: "name" if part["name"] else "000" if part["long"] else "0", cell)
    return form.lstrip("+-") if parts > 1 else None


def names_columns(line: str, wanted: AbstractSet[str]) -> bool:
    """Whether the first line of a CSV, with whatever delimiter, names all these columns."""
    cells = (next(csv.reader([line], delimiter=mark), []) for mark in ",;\t")
    return any(wanted <= {cell.strip() for cell in row} for row in cells)
