"""Whatever holds series as a table: files, data frames with their index, dicts, arrays."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import Any

import narwhals as nw
import numpy as np

from treadle.data.frames import from_object
from treadle.data.readers import read
from treadle.data.table import Table
from treadle.errors import InputError


def as_table(
    data: Any,
    *,
    format: str | None = None,  # noqa: A002 - as in read
    encoding: str | None = None,
    header: bool | None = None,
) -> Table:
    """A table of steps: a row a step of a series.

    Where rows are whole series, arrays in a column, they are named by `unique_id` or numbered, and lists beside them,
    of time stamps or covariates, go along; what is no list is left out, as the note says.

    Args:
        data: A path, a `Table`, a data frame (the index of a pandas frame that has dates or a name becomes a column), a
            dict of columns, a list of rows, a series of pandas, one array of numbers, or a list of arrays, a series
            each.
        format: As in `treadle.read`.
        encoding: As in `treadle.read`.
        header: As in `treadle.read`.

    Raises:
        InputError: It cannot be read, is empty, or of another kind; two columns have the same name; a list is longer or
            shorter than its series, or two rows are series of the same name.

    Example:
        >>> as_table([3.0, 1.0, 2.0]).columns
        {'y': [3.0, 1.0, 2.0]}
    """
    if isinstance(data, str | os.PathLike):
        return _steps(read(data, format=format, encoding=encoding, header=header))
    if isinstance(data, Table):
        if not len(data):
            raise InputError(f"{data.source}: the data has no row")
        return _steps(data)
    if isinstance(data, Mapping):
        return _plain(from_object({name: _readable(cells) for name, cells in data.items()}))
    frame = _frame(data)
    if frame is not None:
        return _steps(_plain(from_object(_written_out(frame))))
    if isinstance(data, list | tuple) and data and all(isinstance(cell, int | float | None) for cell in data):
        data = np.array(data, np.float64)
    if hasattr(data, "__array__"):
        array = np.asarray(data)
        if array.ndim != 1 or array.dtype.kind not in "iuf" or not len(array):
            raise InputError(
                f"found an array of {array.dtype} with shape {array.shape}, expected the numbers of one series [time]"
            )
        return Table({"y": array.astype(np.float64).tolist()}, note="array")
    return _steps(_plain(from_object(data)))


def holds_durations(data: Any, name: str) -> bool:
    """Whether a column of what `as_table` takes holds durations, which its table gives in seconds.

    Args:
        data: The same; files and tables hold none.
        name: The column.
    """
    if isinstance(data, Mapping):
        cells = next((cells for key, cells in data.items() if str(key) == name), ())
    elif isinstance(data, list | tuple):
        cells = [row.get(name) for row in data if isinstance(row, Mapping)]
    else:
        frame = None if isinstance(data, str | os.PathLike | Table) else _frame(data)
        return frame is not None and isinstance(frame.collect_schema().get(name), nw.Duration)
    kind = getattr(getattr(cells, "dtype", None), "kind", "")
    return kind == "m" or any(issubclass(one, timedelta | np.timedelta64) for one in set(map(type, cells)))


def _frame(data: Any) -> Any:
    """A data frame of any library, that of pandas with its index, or a series of pandas as one; None for the rest."""
    if hasattr(data, "reset_index"):
        data = _with_index(data)
    _check_names(getattr(data, "column_names", ()))  # of Arrow
    frame = nw.from_native(data, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame | nw.LazyFrame) else None


def _plain(table: Table) -> Table:
    """A table without scalars of NumPy, `np.float64` being a float by another name, and without periods of pandas."""
    columns = {
        name: list(map(_scalar, cells)) if any(map(_foreign, set(map(type, cells)))) else cells
        for name, cells in table.columns.items()
    }
    return replace(table, columns=columns)


def _foreign(kind: type) -> bool:
    return issubclass(kind, np.generic) or hasattr(kind, "to_timestamp")


def _scalar(cell: Any) -> Any:
    """A cell as Python's own, a period as the text of where it begins."""
    if hasattr(cell, "to_timestamp"):
        return cell.to_timestamp().isoformat()
    return cell.item() if isinstance(cell, np.generic) else cell


def _readable(cells: Any) -> Any:
    """Moments of NumPy as text, other cells as they are."""
    kind = getattr(cells, "dtype", None)  # that of pandas' moments with a zone is not NumPy's
    if isinstance(kind, np.dtype) and kind.kind == "M":
        return _texts(np.asarray(cells))
    return cells


def _texts(moments: np.ndarray[Any, Any]) -> Any:
    """Moments in ISO 8601, None for missing ones; fractions of a second only where there are some."""
    whole = moments.astype("datetime64[s]")
    unit: Any = "s" if ((moments == whole) | np.isnat(moments)).all() else "us"
    texts = np.datetime_as_string(moments.astype(f"datetime64[{unit}]"), unit=unit)
    return np.where(np.isnat(moments), None, texts.astype(object))  # type: ignore[call-overload]  # None is an object


def _written_out(frame: Any) -> Any:
    """A frame whose moments of no zone are text, made at once rather than one by one."""
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    for name, kind in frame.schema.items():
        if isinstance(kind, nw.Datetime) and kind.time_zone is None:
            texts = _texts(frame[name].to_numpy().astype("datetime64[us]"))
            frame = frame.with_columns(nw.new_series(name, texts, nw.String, backend=frame.implementation))
    return frame.to_native()


def _with_index(data: Any) -> Any:
    """A frame or series of pandas with its index among the columns, where it means something."""
    index = data.index
    if hasattr(index, "to_timestamp"):  # periods
        index = index.to_timestamp()
        data = data.set_axis(index)
    dated = getattr(index.dtype, "kind", "O") == "M"
    names = list(index.names)
    if not hasattr(data, "columns"):
        data = data.to_frame("y" if data.name is None else data.name)
    names = ["ds"] if dated and names == [None] else names
    _check_names([name for name in (*names, *data.columns) if name is not None])
    return data.rename_axis(names).reset_index() if any(name is not None for name in names) else data


def _check_names(names: Any) -> None:
    """Refuse two columns of one name."""
    seen = set()
    for name in names:
        if name in seen:
            raise InputError(f"memory: the column name {str(name)!r} occurs twice, expected different names")
        seen.add(name)


def _steps(table: Table) -> Table:
    """A table whose rows are whole series, arrays in a column, as one whose rows are steps."""
    lists = {
        name: cells
        for name, cells in table.columns.items()
        if all(isinstance(cell, list | np.ndarray) for cell in cells)
    }
    arrays = [name for name, cells in lists.items() if all(isinstance(cell, np.ndarray) for cell in cells)]
    if not arrays:
        return table
    values = "y" if "y" in arrays else arrays[0]
    lengths = [len(cell) for cell in lists[values]]
    rows = np.repeat(np.arange(len(table)), lengths).tolist()
    columns: dict[str, Any] = {} if "unique_id" in lists else {"unique_id": _repeated(_names(table), rows)}
    for name, cells in lists.items():
        for row, cell in enumerate(cells):
            _check_fits(table, row, name, cell, values)
        together = np.concatenate(cells) if name in arrays else list(chain.from_iterable(cells))
        columns[name if len(lists) > 1 else "y"] = _readable(together)
    left = [name for name in table.columns if name not in {*lists, "unique_id"}]
    noted = f"; {', '.join(map(repr, left))} left out: no list in every row" if left else ""
    return Table(
        _plain(from_object(columns)).columns,
        table.source,
        None if table.lines is None else _repeated(table.lines, rows),
        note=f"{table.note}, a series a row{noted}",
    )


def _repeated(cells: list[Any], rows: list[int]) -> list[Any]:
    return [cells[row] for row in rows]


def _names(table: Table) -> list[Any]:
    """What the series are called that the rows of a table are: as `unique_id` says, else by their numbers."""
    names = table.columns.get("unique_id", [str(row) for row in range(len(table))])
    seen = set()
    for row, name in enumerate(map(str, names)):
        if name in seen:
            raise InputError(f"{table.where(row)}: the series {name!r} occurs again, expected a series a row")
        seen.add(name)
    return names


def _check_fits(table: Table, row: int, name: str, cell: Any, values: str) -> None:
    """Refuse a series that is none, and a list beside it that is longer or shorter."""
    shape = np.shape(cell) if isinstance(cell, np.ndarray) else (len(cell),)
    if len(shape) != 1 or (name == values and (cell.dtype.kind not in "iuf" or not len(cell))):
        raise InputError(f"{table.where(row)}: found a series of shape {shape}, expected numbers [time]")
    expected = len(table.columns[values][row])
    if len(cell) != expected:
        raise InputError(
            f"{table.where(row)}, column {name!r}: found a list of {len(cell):,}, expected {expected:,} as in column "
            f"{values!r}"
        )
