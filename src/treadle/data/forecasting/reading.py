"""One function that reads whatever series a user has onto regular grids."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.apart import apart
from treadle.data.forecasting.covariates import Covariates, as_names, covariates, numbers
from treadle.data.forecasting.frequency import Frequency, Stamp
from treadle.data.forecasting.grid import Duplicates, Grid, lay
from treadle.data.forecasting.panel import Floats, Panel
from treadle.data.forecasting.parts import as_one_text, from_parts
from treadle.data.forecasting.roles import Names, Roles, find_roles
from treadle.data.forecasting.sources import as_table, holds_durations
from treadle.data.forecasting.stamps import ORDERS, Parsed, parse_stamps
from treadle.data.table import Table
from treadle.data.values import is_missing
from treadle.errors import InputError, counted, nearest

Ints = NDArray[np.int64]


def read_panel(
    data: Any,
    *,
    id: Names = None,  # noqa: A002 - the field's own name
    time: Names = None,
    target: Names = None,
    past: Names = None,
    future: Names = None,
    static: Names = None,
    frequency: Frequency | str | None = None,
    strict: bool = False,
    utc: bool = False,
    written: str = "",
    duplicates: Duplicates = "error",
    format: str | None = None,  # noqa: A002 - the name that every data library gives it
    encoding: str | None = None,
    header: bool | None = None,
) -> Panel:
    """Read one or many time series: a row a step of a series (long form), or a column a series (wide form).

    Rows may come in any order. Every series gets a regular grid from its first stamp to its last; steps without a row
    or without a value are NaN. What was found and done is in the panel's `note`.

    Args:
        data: A path (CSV, TSV, JSONL, Parquet, gzip allowed), a data frame, a `Table`, a dict of columns, a list of
            rows, one array of numbers, or a list of arrays.
        id: The column or columns that name the series; by default `unique_id`, or the only column of names that tells
            rows of one time apart. An empty list: one series.
        time: The column of time stamps, or several: of a date and a time, or of year, month, day, hour, minute, second.
            By default `ds`, or as `find_roles` tells. An empty list: rows are steps, in their order.
        target: The column of values, or several: a series each, called by its column (`id/column` where there are
            ids). By default `y`, or as `find_roles` tells. An empty list: no values, covariates alone.
        past: Covariates known up to now. Where any covariates are given, others are left out; else the data tells which
            are constant, which known beyond the last value, and all others count as past.
        future: Covariates known in advance; rows after the last value may give them.
        static: Covariates that are constant in every series.
        frequency: The step, as a `Frequency` or as `Frequency.parse` takes it; by default found. Where it is given,
            stamps off its grid are moved to the start of their unit. `"step"`: stamps only order the rows.
        strict: Whether the given frequency is that of a model's training series: stamps off its grid and other
            frequencies are refused, as they are where it is found.
        utc: Whether time stamps with a zone become UTC even if all have the same, as those of a model's training series
            did, which had several.
        written: How the time stamps of a model's training series were written, their panel's `written`: numbers, and
            dates of which day or month may come first, are read in the same way.
        duplicates: Rows of the same series and time: `"error"` refuses them, `"first"`, `"last"`, `"mean"`, `"sum"` put
            them together (covariates by their mean instead of their sum).
        format: As in `treadle.read`.
        encoding: As in `treadle.read`.
        header: As in `treadle.read`.

    Names of categories (`"wind=NW"`) are taken as covariates too, so `past=panel.past_names` reads a later file into
    the same columns.

    Raises:
        InputError: It cannot be read; a column does not exist, or its role cannot be told; a time stamp cannot be read,
            is missing or duplicate; frequencies are mixed; a value is no number, a duration or infinite; a series has
            no value.

    Example:
        >>> panel = read_panel({"ds": ["2024-03", "2024-01", "2024-04"], "y": [3, 1, 4]})
        >>> panel.frequency, panel.values[0]
        (Frequency(unit='month', every=1), array([ 1., nan,  3.,  4.]))
        >>> panel.note.split("; ")[-2:]
        ['1 time stamp absent in 1 series, filled in as missing', '1 missing value in 1 series, masked']
    """
    if duplicates not in get_args(Duplicates):
        raise InputError(f"duplicates={duplicates!r} is not known{nearest(str(duplicates), get_args(Duplicates))}")
    if isinstance(frequency, str):
        frequency = Frequency.parse(frequency)
    elif frequency is not None:
        frequency = frequency.simplest()
    table = as_table(data, format=format, encoding=encoding, header=header)
    roles = find_roles(table, id, time, target, past, future, static)
    lasting = next((name for name in roles.targets if holds_durations(data, name)), None)
    if lasting is not None:
        raise InputError(f"{table.source}: column {lasting!r} holds durations, expected numbers, such as of hours")
    notes = [*([table.note] if table.note else []), *roles.notes]
    ids, codes = _series(table, roles.ids)
    unit = "" if frequency is None else frequency.unit

    def laid(written: str) -> tuple[Parsed, Grid]:
        parsed = _stamps(table, roles.times, codes, {"utc": utc, "written": written, "unit": unit})
        advice = partial(apart, table, roles, codes, parsed.stamps)
        place = (duplicates, table.where, table.source)
        return parsed, lay(codes, parsed.stamps, frequency, *place, strict=strict, advice=advice)

    parsed, grid = laid(written)
    if written in ORDERS:
        _check_order(written, parsed, grid, laid, table.source)
    values = [grid.place(numbers(table, name), duplicates) for name in roles.targets]
    last = _last(values, grid)
    beside = covariates(table, roles, grid, last, duplicates)
    ends = grid.lengths
    if beside.names["future"] or not roles.targets:
        ends = np.minimum(ends, last + 1)
    notes += [*parsed.notes, *beside.notes, _summary(ids, roles, ends, grid.frequency), *grid.notes]
    panel = _assembled(table, roles, ids, grid, values, ends, beside, notes)
    return replace(panel, utc=parsed.utc, written=parsed.written)


def _series(table: Table, names: Sequence[str]) -> tuple[list[str], Ints]:
    """The series in order of appearance, and that of every row."""
    if not names:
        return [""], np.zeros(len(table), np.int64)
    for name in names:
        strange = next(
            (row for row, cell in enumerate(table.columns[name]) if isinstance(cell, list | np.ndarray)), None
        )
        if strange is not None:
            raise InputError(f"{table.where(strange)}, column {name!r}: found a list, expected the name of a series")
        missing = [cell for cell in set(table.columns[name]) if is_missing(cell)]
        if missing:
            row = table.columns[name].index(missing[0])
            raise InputError(f"{table.where(row)}, column {name!r}: found nothing, expected the name of a series")
    cells = table.columns[names[0]]
    if len(names) > 1:
        cells = ["/".join(parts) for parts in zip(*(as_names(table.columns[name]) for name in names), strict=True)]
    index = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}
    ids = as_names(list(index))
    if len(set(ids)) < len(ids):
        merged = {name: number for number, name in enumerate(dict.fromkeys(ids))}
        index = {cell: merged[name] for cell, name in zip(index, ids, strict=True)}
        ids = list(merged)
    return ids, np.fromiter((index[cell] for cell in cells), np.int64, len(cells))


def _stamps(table: Table, names: Sequence[str], codes: Ints, known: dict[str, Any]) -> Parsed:
    """The stamp of every row; without a column of time, its number among those of its series."""
    if not names:
        order = np.argsort(codes, kind="stable")
        counts = np.bincount(codes)
        steps = np.empty(len(codes), np.int64)
        steps[order] = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
        return Parsed(steps, [])
    columns = [table.columns[name] for name in names]
    if len(names) == 1:
        return parse_stamps(columns[0], names[0], table.where, **known)
    if any(isinstance(cell, str) for cell in columns[0]):
        return parse_stamps(as_one_text(columns, names), " ".join(names), table.where, **known)
    return Parsed(from_parts(columns, names, table.where), [])


def _check_order(
    written: str, parsed: Parsed, grid: Grid, laid: Callable[[str], tuple[Parsed, Grid]], source: str
) -> None:
    """Refuse dates in the order of training that leave gaps, where they leave fewer in the other."""
    steps = int(grid.lengths.sum())
    if parsed.written != written or steps == len(np.unique(grid.cells)):
        return
    other = next(order for order in ORDERS if order != written)
    try:
        swapped, beside = laid(other)
    except InputError:
        return
    if swapped.written == other and int(beside.lengths.sum()) < steps:
        raise InputError(
            f"{source}: the time stamps leave gaps as {ORDERS[written]}, the order of training, and fewer as "
            f"{ORDERS[other]}, expected year-month-day (2024-01-31)"
        )


def _last(values: list[Floats], grid: Grid) -> Ints:
    """The last step of every series at which any value is known, -1 for none."""
    if not values:
        return np.full(len(grid.lengths), -1, np.int64)
    starts = np.cumsum(grid.lengths) - grid.lengths
    known = np.asarray(~np.isnan(np.stack(values)).all(axis=0))
    steps = np.arange(len(known)) - np.repeat(starts, grid.lengths)
    return np.asarray(np.maximum.reduceat(np.where(known, steps, -1), starts), np.int64)


def _summary(ids: list[str], roles: Roles, ends: Ints, frequency: Frequency) -> str:
    low, high = int(ends.min()), int(ends.max())
    span = counted(high, "step") if low == high else f"{low:,} to {high:,} steps"
    number = len(ids) * max(1, len(roles.targets))
    return f"{number:,} series of {span}, a step is {counted(frequency.every, frequency.unit)}"


def _assembled(
    table: Table,
    roles: Roles,
    ids: list[str],
    grid: Grid,
    values: list[Floats],
    ends: Ints,
    beside: Covariates,
    notes: list[str],
) -> Panel:
    """The panel, a series for every id and target."""
    cuts = np.cumsum(grid.lengths)[:-1]
    past = [one[:end] for one, end in zip(np.split(beside.columns["past"], cuts), ends, strict=True)]
    future = np.split(beside.columns["future"], cuts)
    if not beside.names["future"]:
        future = [one[:end] for one, end in zip(future, ends, strict=True)]
    starts: list[Stamp] = [start if grid.frequency.dated else int(start) for start in grid.starts]
    wide = len(roles.targets) != 1
    columns = [np.split(column, cuts) for column in values] or [[np.empty(0)] * len(ids)]
    picked = [(series, number) for series in range(len(ids)) for number in range(len(columns))]
    names = []
    for series, number in picked:
        parts = [ids[series]] if roles.ids else []
        if len(roles.targets) > 1 or not parts:
            parts += [roles.targets[number]] if roles.targets else []
        names.append("/".join(parts) or "y")
    final = [columns[number][series][: ends[series]] for series, number in picked]
    _check_values(table, names, final, wide and not roles.targets)
    missing = [int(np.isnan(one).sum()) for one in final]
    if any(missing):
        within = sum(number > 0 for number in missing)
        notes.append(f"{counted(sum(missing), 'missing value')} in {within:,} series, masked")
    order = [series for series, _ in picked]
    return Panel(
        names,
        [starts[series] for series in order],
        final,
        grid.frequency,
        [past[series] for series in order],
        [future[series] for series in order],
        beside.columns["static"][order],
        beside.names["past"],
        beside.names["future"],
        beside.names["static"],
        table.source,
        "; ".join(notes),
        roles.ids,
        roles.times,
        roles.targets,
    )


def _check_values(table: Table, names: list[str], values: list[Floats], allowed: bool) -> None:
    """Refuse series without a value, unless none was asked for."""
    empty = [name for name, one in zip(names, values, strict=True) if np.isnan(one).all()]
    if empty and not allowed:
        more = f" and {len(empty) - 1:,} others have" if len(empty) > 1 else " has"
        raise InputError(f"{table.source}: series {empty[0]!r}{more} no value, expected at least one in every series")
