"""Whatever holds series as a table: files, data frames with their index, dicts, arrays."""

import os
from collections.abc import Mapping
from dataclasses import replace
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

    Args:
        data: A path, a `Table`, a data frame (the index of a pandas frame that has dates or a name becomes a column), a
            dict of columns, a list of rows, a series of pandas, one array of numbers, or a list of arrays, a series
            each.
        format: As in `treadle.read`.
        encoding: As in `treadle.read`.
        header: As in `treadle.read`.

    Raises:
        InputError: It cannot be read, is empty, or of another kind.

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
    if hasattr(data, "reset_index"):
        data = _with_index(data)
    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.DataFrame | nw.LazyFrame):
        return _steps(from_object(_written_out(frame)))
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


def _plain(table: Table) -> Table:
    """A table without scalars of NumPy, which a list may hold: `np.float64` is a float by another name."""
    columns = {
        name: [cell.item() if isinstance(cell, np.generic) else cell for cell in cells]
        for name, cells in table.columns.items()
    }
    return replace(table, columns=columns)


def _readable(cells: Any) -> Any:
    """Moments of NumPy as text, other cells as they are."""
    if hasattr(cells, "__array__") and getattr(getattr(cells, "dtype", None), "kind", "") == "M":
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
    if not dated and all(name is None for name in names):
        return data
    return data.rename_axis("ds" if dated and names == [None] else names).reset_index()


def _steps(table: Table) -> Table:
    """A table whose rows are whole series, arrays in one column, as one whose rows are steps."""
    arrays = [name for name, cells in table.columns.items() if all(isinstance(cell, np.ndarray) for cell in cells)]
    if len(arrays) != 1:
        return table
    cells = table.columns[arrays[0]]
    for row, cell in enumerate(cells):
        if cell.ndim != 1 or cell.dtype.kind not in "iuf":
            raise InputError(f"{table.where(row)}: found a series of shape {cell.shape}, expected numbers [time]")
    rows = np.repeat(np.arange(len(cells)), [len(cell) for cell in cells]).tolist()
    values = np.concatenate(cells).astype(np.float64).tolist()
    return Table(
        {"unique_id": [str(row) for row in rows], "y": values},
        table.source,
        None if table.lines is None else [table.lines[row] for row in rows],
        note=f"{table.note}, a series a row",
    )
