"""Which columns of a table name the series, give the time, the values and what is known beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from treadle.data.forecasting.parts import named_months
from treadle.data.forecasting.stamps import looks_dated
from treadle.data.table import Table
from treadle.data.values import is_missing, mostly_numbers
from treadle.errors import InputError

Names = str | Sequence[str] | None
"""A column, several, none (an empty list), or None: to be found."""

_CLOCKS: Final = ("ds", "timestamp", "datetime", "date_time", "date", "time")
_TIMES: Final = (
    *_CLOCKS,
    *("period", "month", "week", "day", "quarter", "year", "step", "t", "时间", "日期", "时间戳"),
)
_PARTS: Final = ("year", "month", "day", "hour", "minute", "second")
_IDS: Final = ("unique_id", "series_id", "item_id", "series", "id", "item", "name", "symbol", "sensor", "station")
_TARGETS: Final = ("y", "target", "value", "values", "sales", "demand", "目标", "数值")
_COUNTERS: Final = {"no", "index", "idx", "row", "row_id", "unnamed: 0", "column1", "id", "编号", "序号"}
_SAMPLED: Final = 1000
_SHARE_APART: Final = 0.99  # of the rows that an id must set apart; the rest are duplicates


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for.

    Attributes:
        ids: They name the series together; empty for one series.
        times: The column of time stamps, or those of year, month, day, ...; empty where rows are steps.
        targets: The columns of values, a series each; empty where only covariates are wanted.
        past: Covariates declared as known up to now.
        future: Covariates declared as known in advance.
        static: Covariates declared as constant.
        rest: Columns left, covariates whose kind the data tells; empty where any were declared.
        notes: What was found rather than given, a phrase a finding.
    """

    ids: tuple[str, ...]
    times: tuple[str, ...]
    targets: tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]
    rest: tuple[str, ...]
    notes: list[str]


def find_roles(
    table: Table, id_: Names, time: Names, target: Names, past: Names, future: Names, static: Names
) -> Roles:
    """Find the roles of columns, as far as they are not given.

    Time: the column `ds`, one that is called like a time and holds dates or whole numbers, the only one that holds
    dates, or columns `year` and `month` (`day`, `hour`, ...) together. Series: `unique_id`, or the only column of names
    that tells rows of one time apart. Values: `y`, a column called like it, the only column of numbers left, or, where
    all columns left are numbers and nothing names the series, each of them (the wide form). What remains are
    covariates. A column that counts the rows is left out.

    Args:
        table: The data.
        id_: The column or columns that name the series.
        time: The column of time, or columns of its parts.
        target: The column of values, or several.
        past: Covariates known up to now. Where any covariates are given, those not given are left out.
        future: Covariates known in advance.
        static: Covariates that are constant in every series.

    Raises:
        InputError: A column does not exist, is given twice, or time, series or values cannot be told.
    """
    given = {"id": id_, "time": time, "target": target, "past": past, "future": future, "static": static}
    columns = {role: _checked(table, role, names) for role, names in given.items()}
    used: dict[str, str] = {}
    for role, names in columns.items():
        for name in names or ():
            if name in used:
                raise InputError(
                    f"{table.source}: column {name!r} is given as {used[name]} and as {role}, expected one"
                )
            used[name] = role
    declared = [name for role in ("past", "future", "static") for name in columns[role] or ()]
    sources = {name if name in table.columns else source_of(name, table) for name in declared}
    free = [name for name in table.columns if name not in used and name not in sources]
    notes: list[str] = []
    times = columns["time"]
    if times is None:
        times = _find_times(table, free)
        notes.append(f"time {_quoted(times)}" if times else "no column of time, rows are steps")
        free = [name for name in free if name not in times]
    counters = [name for name in free if name.lower() in _COUNTERS and _counts(table.columns[name])]
    free = [name for name in free if name not in counters]
    ids = columns["id"]
    if ids is None:
        ids = _find_ids(table, free, times)
        notes += [f"series named by {_quoted(ids)}"] if ids else []
        free = [name for name in free if name not in ids]
    targets = columns["target"]
    if targets is None:
        targets = _find_targets(table, free, ids)
        notes.append(f"values {_quoted(targets)}" + (", a series a column" if len(targets) > 1 else ""))
        free = [name for name in free if name not in targets]
    if any(columns[role] is not None for role in ("past", "future", "static")):
        notes += [f"{_quoted(free)} left out"] if free else []
        free = []
    found = [columns[role] or () for role in ("past", "future", "static")]
    return Roles(ids, times, targets, found[0], found[1], found[2], tuple(free), notes)


def source_of(name: str, table: Table) -> str:
    """The column behind the name of a covariate: itself, or that of which it is a category (`"wind=NW"`).

    Raises:
        InputError: There is neither.
    """
    column = name.split("=", 1)[0]
    if name not in table.columns and "=" in name and column in table.columns:
        return column
    table.column(name, "covariate")
    return name


def _checked(table: Table, role: str, names: Names) -> tuple[str, ...] | None:
    if names is None:
        return None
    chosen = (names,) if isinstance(names, str) else tuple(names)
    for name in chosen:
        if role in ("past", "future", "static"):
            source_of(name, table)
        else:
            table.column(name, role)
    return chosen


def _find_times(table: Table, free: list[str]) -> tuple[str, ...]:
    if "ds" in free:
        return ("ds",)
    lower = {name.lower(): name for name in free}
    parts = [lower[part] for part in _PARTS if part in lower and _is_part(table.columns[lower[part]], part)]
    if len(parts) > 1 and parts[0].lower() == "year" and not any(name in lower for name in _CLOCKS):
        return tuple(parts)
    dated = [name for name in free if looks_dated(table.columns[name])]
    for name in _TIMES:
        column = lower.get(name)
        if column is not None and (column in dated or _steps(table.columns[column], name)):
            return (column,)
    if len(dated) > 1:
        raise InputError(
            f"{table.source}: columns {_quoted(dated)} hold dates, expected one; name the time stamps with time="
        )
    return tuple(dated)


def _find_ids(table: Table, free: list[str], times: tuple[str, ...]) -> tuple[str, ...]:
    if "unique_id" in free:
        return ("unique_id",)
    named = [name for name in free if name != "y" and (_texts(table.columns[name]) or name.lower() in _IDS)]
    if not times:
        blocks = [name for name in named if _in_blocks(table.columns[name])]
        return tuple(blocks) if len(blocks) == 1 else ()
    if any(isinstance(cell, list | np.ndarray) for name in (*times, *named) for cell in table.columns[name]):
        return ()  # what is no stamp is refused where stamps are read
    stamps = list(zip(*(table.columns[name] for name in times), strict=True))
    needed = _SHARE_APART * len(stamps)
    if len(set(stamps)) >= needed:
        return ()
    apart = [name for name in named if len(set(zip(table.columns[name], stamps, strict=True))) >= needed]
    known = [name for name in apart if name.lower() in _IDS]
    if len(known) == 1:
        apart = known
    if len(apart) > 1:
        raise InputError(
            f"{table.source}: columns {_quoted(apart)} may name the series, expected one; name it with id="
        )
    return tuple(apart)


def _find_targets(table: Table, free: list[str], ids: tuple[str, ...]) -> tuple[str, ...]:
    if "y" in free:
        return ("y",)  # what may be wrong with it is said where its values are read
    numeric = [name for name in free if _numeric(table.columns[name])]
    for name in _TARGETS:
        found = [column for column in numeric if column.lower() == name]
        if found:
            return (found[0],)
    called = [name for name in free if name.lower() in _TARGETS]
    slipped = [name for name in called if not numeric or _meant_as_numbers(table.columns[name])]
    if slipped:
        return (slipped[0],)
    if len(numeric) == 1 or (numeric and len(numeric) == len(free) and not ids):
        return tuple(numeric)
    if not numeric:
        raise InputError(
            f"{table.source}: no column of numbers is left to be the values, expected one; name it: target="
        )
    raise InputError(
        f"{table.source}: columns {_quoted(numeric)} hold numbers, expected one of values; name it with target=, or "
        "several, a series a column"
    )


def _is_part(cells: list[Any], part: str) -> bool:
    """Whether a column holds this part of times: numbers, or the names of months."""
    return _numeric(cells) or (part == "month" and named_months(cells) is not None)


def _sample(cells: list[Any]) -> list[Any]:
    step = max(1, len(cells) // _SAMPLED)
    return [cell for cell in cells[::step] if cell is not None]


def _numeric(cells: list[Any]) -> bool:
    sample = _sample(cells)
    return bool(sample) and all(isinstance(cell, int | float) for cell in sample)


def _meant_as_numbers(cells: list[Any]) -> bool:
    """Whether a column that is called like values has none at all, or numbers with a slip."""
    return all(is_missing(cell) for cell in cells) or mostly_numbers(cells)


def _steps(cells: list[Any], name: str) -> bool:
    """Whether whole numbers give the time; months, weeks, days and quarters that come again are covariates."""
    whole = set(map(type, cells)) <= {int, float, type(None)} and all(
        isinstance(cell, int) or cell.is_integer() for cell in _sample(cells)
    )
    return whole and (name not in ("month", "week", "day", "quarter") or len(set(cells)) == len(cells))


def _texts(cells: list[Any]) -> bool:
    sample = _sample(cells)
    return bool(sample) and all(isinstance(cell, str) for cell in sample)


def _counts(cells: list[Any]) -> bool:
    """Whether a column counts the rows."""
    return set(map(type, cells)) == {int} and cells == list(range(cells[0], cells[0] + len(cells)))


def _in_blocks(cells: list[Any]) -> bool:
    """Whether equal cells stand together, two rows or more on average."""
    changes = 1 + sum(bool(before != after) for before, after in pairwise(cells))
    return changes == len(set(cells)) and 2 * changes <= len(cells)


def _quoted(names: Sequence[str]) -> str:
    if len(names) > 8:
        return f"{names[0]!r} to {names[-1]!r} ({len(names)} columns)"
    return ", ".join(repr(name) for name in names)
