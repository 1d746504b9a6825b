"""Columns as numbers, and which covariates are constant, known in advance or known up to now."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.grid import Duplicates, Grid
from treadle.data.forecasting.roles import Roles, source_of
from treadle.data.series import LARGEST, told
from treadle.data.table import Table
from treadle.data.values import expected_number, is_missing, is_number, mostly_numbers
from treadle.errors import InputError, counted

Floats = NDArray[np.float64]
Kind = Literal["past", "future", "static"]

NONE: Final = ""
"""The category of an empty cell in a column of texts that is empty in most rows, such as one of holidays."""

_MOST_CATEGORIES: Final = 32
_WHOLE: Final = re.compile(r"\.0+$")


@dataclass(frozen=True)
class Covariates:
    """Covariates of all series, laid onto their grids.

    Attributes:
        names: Of the columns of every kind; a category of a text is a column of its own, `"wind=NW"`.
        columns: By kind: `[steps of all series, columns]` for past and future, `[series, columns]` for static.
        notes: What was found, a phrase a finding.
    """

    names: dict[Kind, tuple[str, ...]]
    columns: dict[Kind, Floats]
    notes: list[str]


def numbers(table: Table, name: str) -> Floats:
    """A column as numbers, NaN for missing ones.

    Args:
        table: The table.
        name: The column.

    Raises:
        InputError: A cell is no number or infinite; the place is named. No cell has a value.
    """
    cells = table.columns[name]
    if any(isinstance(cell, str) for cell in cells):
        cells = [_valued(cell) for cell in cells]
    try:
        if not all(issubclass(kind, int | float | None) for kind in set(map(type, cells))):
            raise TypeError
        column = np.array(cells, np.float64)  # None becomes NaN
    except (TypeError, OverflowError):
        row = next(row for row, cell in enumerate(cells) if cell is not None and not _fits(cell))
        cell = cells[row]
        raise InputError(
            f"{table.where(row)}, column {name!r}: found {str(cell)[:40]!r}, expected {expected_number(cell)}"
        ) from None
    beyond = np.abs(column) > LARGEST
    if beyond.any():
        row = int(np.argmax(beyond))
        found = told(column[row])
        raise InputError(f"{table.where(row)}, column {name!r}: found {found}, expected a number up to 3.4e38")
    if np.isnan(column).all():
        raise InputError(f"{table.source}: column {name!r} has no value in any row, expected numbers")
    return column


def _valued(cell: Any) -> Any:
    """The number that a text is, None for one that says there is none; any other cell as it is."""
    if isinstance(cell, str) and is_number(cell.strip()):
        return float(cell)
    return None if is_missing(cell) else cell


def _fits(cell: Any) -> bool:
    """Whether a cell is a number that a float can hold."""
    return isinstance(cell, float) or (isinstance(cell, int) and abs(cell) < 10**300)


def covariates(table: Table, roles: Roles, grid: Grid, last: NDArray[np.int64], duplicates: Duplicates) -> Covariates:
    """The covariates that roles name, and those that the data tells.

    A covariate that was not declared is static where it is constant in every series and not in all, future where it is
    known in all steps beyond the last values, and past else. Texts become a column of 0 and 1 for each of at most 32
    categories; an empty cell is a missing value, and a category of its own (`"holiday="`) where most cells are empty.
    An undeclared column without any value, or with one for all rows, is left out, as is a text of more categories.

    Args:
        table: The data.
        roles: Which columns.
        grid: Where their rows belong.
        last: The last step of every series that has a value, -1 for none.
        duplicates: As in `Grid.place`; for covariates sums are means.

    Raises:
        InputError: A declared covariate has no value, is no number nor a text of at most 32 categories, or is declared
            static and changes; an infinite value; a word among numbers.
    """
    rule: Duplicates = "mean" if duplicates == "sum" else duplicates
    names: dict[Kind, list[str]] = {"past": [], "future": [], "static": []}
    parts: dict[Kind, list[Floats]] = {"past": [], "future": [], "static": []}
    left: dict[str, list[str]] = {}
    strange: list[str] = []
    wanted: list[tuple[Kind | None, tuple[str, ...]]] = [
        ("past", roles.past),
        ("future", roles.future),
        ("static", roles.static),
        (None, roles.rest),
    ]
    starts = np.cumsum(grid.lengths) - grid.lengths
    beyond = np.arange(int(grid.lengths.sum())) - np.repeat(starts, grid.lengths) > np.repeat(last, grid.lengths)
    for declared, given in wanted:
        for name, categories in _by_column(given, table):
            if categories:
                encoded: tuple[list[str], Floats] | str = _as_categories(table, name, categories, strange)
            else:
                encoded = _encoded(table, name, required=declared is not None)
            if isinstance(encoded, str):
                left.setdefault(encoded, []).append(name)
                continue
            labels, matrix = encoded
            placed = np.column_stack([grid.place(column, rule) for column in matrix.T])
            low, high = np.fmin.reduceat(placed, starts), np.fmax.reduceat(placed, starts)
            if declared == "static":
                _check_constant(table, name, grid, low, high)
            kind = declared or _told(low, high, placed[beyond])
            if kind is None:
                left.setdefault("one value for all rows", []).append(name)
                continue
            names[kind] += labels
            parts[kind].append(low if kind == "static" else placed)
    total = {"past": len(beyond), "future": len(beyond), "static": len(starts)}
    return Covariates(
        {kind: tuple(labels) for kind, labels in names.items()},
        {kind: np.column_stack(columns) if columns else np.empty((total[kind], 0)) for kind, columns in parts.items()},
        [*_notes(names, left, roles), *strange],
    )


def _by_column(names: Sequence[str], table: Table) -> list[tuple[str, list[str]]]:
    """The columns that covariates come from, with the categories that are asked of each; none for a whole column."""
    columns: dict[tuple[str, bool], list[str]] = {}
    for name in names:
        source = source_of(name, table)
        asked = columns.setdefault((source, source == name), [])
        if source != name:
            asked.append(name.split("=", 1)[1])
    return [(source, asked) for (source, _), asked in columns.items()]


def _told(low: Floats, high: Floats, beyond: Floats) -> Kind | None:
    """The kind of a covariate by its range in every series and what lies beyond the last values; None: no use."""
    if not (low < high).any():
        return "static" if (np.fmin.reduce(low) < np.fmax.reduce(high)).any() else None
    return "future" if len(beyond) and not np.isnan(beyond).any() else "past"


def _check_constant(table: Table, name: str, grid: Grid, low: Floats, high: Floats) -> None:
    """Refuse a static covariate that changes."""
    changing = (low < high).any(axis=1)
    if changing.any():
        row = int(grid.order[np.argmax(grid.codes == np.argmax(changing))])
        raise InputError(
            f"{table.source}: column {name!r} changes in the series that {table.where(row)} belongs to, expected one "
            "value a series for a static covariate"
        )


def _encoded(table: Table, name: str, required: bool) -> tuple[list[str], Floats] | str:
    """A covariate as columns of numbers with their names; or, if it may be, why it is left out."""
    cells = table.columns[name]
    if all(is_missing(cell) for cell in cells):
        if required:
            raise InputError(f"{table.source}: column {name!r} has no value in any row, expected numbers or texts")
        return "no value in any row"
    if not any(isinstance(cell, str) and not is_missing(cell) for cell in cells) or mostly_numbers(cells):
        return [name], numbers(table, name)[:, None]  # or a sentence on the one cell that is none
    texts = [_category(cell) for cell in cells]
    categories = sorted(set(texts) - {NONE})
    if len(categories) > _MOST_CATEGORIES:
        if required:
            raise InputError(
                f"{table.source}: column {name!r} holds {len(categories):,} different texts, expected numbers or at "
                f"most {_MOST_CATEGORIES} categories"
            )
        return f"more than {_MOST_CATEGORIES} different texts"
    if texts.count(NONE) > len(texts) / 2:
        categories.append(NONE)
    return [f"{name}={category}" for category in categories], _one_hot(texts, categories)


def _as_categories(table: Table, name: str, categories: list[str], strange: list[str]) -> tuple[list[str], Floats]:
    """The categories of a column that were asked for; a note on texts that are none of them joins `strange`."""
    texts = [_category(cell) for cell in table.columns[name]]
    others = [text for text in texts if text not in {NONE, *categories}]
    if others:
        strange.append(f"{name!r} is {others[0]!r} in {counted(texts.count(others[0]), 'row')}, none of its categories")
    return [f"{name}={category}" for category in categories], _one_hot(texts, categories)


def _category(cell: Any) -> str:
    """What a cell of a column of texts says: `NONE` where it is empty, and one word for `1`, `1.0` and `"1.0"`."""
    if is_missing(cell):
        return NONE
    text = str(cell).strip()
    return _WHOLE.sub("", text) if is_number(text) else text


def _one_hot(texts: list[str], categories: list[str]) -> Floats:
    """`[rows, categories]` of 0 and 1; NaN where a text is missing and that is no category."""
    index = {category: number for number, category in enumerate(categories)}
    matrix = np.zeros((len(texts), len(categories)))
    codes = np.array([index.get(text, -1) for text in texts])
    known = np.flatnonzero(codes >= 0)
    matrix[known, codes[known]] = 1.0
    if NONE not in index:
        matrix[[text == NONE for text in texts]] = np.nan
    return matrix


def _notes(names: dict[Kind, list[str]], left: dict[str, list[str]], roles: Roles) -> list[str]:
    words = {"past": "known up to now", "future": "known in advance", "static": "constant in every series"}
    notes = []
    for kind, labels in names.items():
        shown = dict.fromkeys(label if label in roles.rest else label.split("=")[0] for label in labels)
        if shown:
            listed = ", ".join(repr(name) for name in list(shown)[:8]) + (", ..." if len(shown) > 8 else "")
            notes.append(f"{counted(len(shown), 'covariate')} {words[kind]} ({listed})")
    notes += [f"{', '.join(map(repr, columns))} left out: {reason}" for reason, columns in left.items()]
    return notes


def as_names(cells: list[Any]) -> list[str]:
    """Cells that name something, as strings.

    Example:
        >>> as_names([1, 2.0, " a "])
        ['1', '2', 'a']
    """
    return [str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip() for cell in cells]
