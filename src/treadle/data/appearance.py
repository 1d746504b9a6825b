"""What a column of a table looks like, by its name and its cells: numbers, names, an index, classes."""

import re
from typing import Any

from treadle.data.table import Table
from treadle.data.values import is_missing

_IDS = {"id", "idx", "index", "row", "row_id", "uuid", "guid", "no", "unnamed: 0", "编号", "序号"}
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2}([T ]\d{1,2}:\d{2}\S*)?)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")


def is_numeric(cells: list[Any]) -> bool:
    """Whether a column holds numbers, of which some may be missing."""
    return all(cell is None or isinstance(cell, int | float) for cell in cells) and not is_blank(cells)


def is_blank(cells: list[Any]) -> bool:
    """Whether nothing is in a column."""
    return all(isinstance(cell, str | float | None) and is_missing(cell) for cell in cells)


def is_id(name: str, cells: list[Any]) -> bool:
    """Whether a column only names the rows: called so, or dates."""
    if name.strip().lower() in _IDS:
        return len({*map(str, cells)}) == len(cells) or is_numeric(cells)
    return all(isinstance(cell, str) and _DATE.fullmatch(cell.strip()) for cell in cells)


def counts_rows(table: Table, name: str) -> bool:
    """Whether a column seems to be an index: the first one, counting up by one from 0 or 1."""
    cells = table.columns[name]
    if name != next(iter(table.columns)) or len(cells) < 3 or type(cells[0]) is not int or cells[0] not in (0, 1):
        return False
    return all(type(cell) is int and cell == row + cells[0] for row, cell in enumerate(cells))


def is_name(cells: list[Any]) -> bool:
    """Whether a column of strings names the rows: short, without white space."""
    return all(isinstance(cell, str) and len(cell) <= 40 and len(cell.split()) <= 1 for cell in cells)


def has_few_values(cells: list[Any]) -> bool:
    """Whether a column looks like classes: short values, at least two of them, each twice or more on average."""
    if not all(isinstance(cell, str | int | float | None) for cell in cells):
        return False
    if any(isinstance(cell, float) and not cell.is_integer() for cell in cells):
        return False
    distinct = {str(cell) for cell in cells if not is_missing(cell)}
    return 2 <= len(distinct) <= len(cells) / 2 and max(map(len, distinct)) <= 40


def mean_length(cells: list[Any]) -> float:
    """Of texts in characters, of sequences in elements; a single value counts as one."""
    return sum(len(cell) if hasattr(cell, "__len__") else 1 for cell in cells) / max(1, len(cells))
