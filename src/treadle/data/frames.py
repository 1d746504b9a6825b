"""Data in memory or in columnar files: data frames of any library, Arrow and Parquet, arrays, dicts and lists."""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from treadle.data.encoding import read_bytes
from treadle.data.jsonl import from_records
from treadle.data.series import unmasked
from treadle.data.table import Table
from treadle.errors import InputError, counted


def read_parquet(path: Path) -> Table:
    """A Parquet file as a table; columns of lists of numbers become arrays `[T]`.

    Raises:
        InputError: The file is not Parquet or damaged, or has no column or row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = read_bytes(path)
    try:
        arrow = pq.read_table(pa.BufferReader(data))
        columns = {name: _from_arrow(arrow.column(index)) for index, name in enumerate(arrow.column_names)}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise InputError(f"{path}: not a readable Parquet file ({reason})") from None
    _check_names(arrow.column_names, str(path))
    return _checked(Table(columns, str(path), note=f"Parquet, {counted(arrow.num_rows, 'row')}"))


def from_object(source: object) -> Table:
    """A table from Python objects.

    Args:
        source: One of

            - a data frame of any library that narwhals knows (pandas, Polars eager or lazy, PyArrow, Modin, ...);
            - a dict of columns, or a list of dicts (rows);
            - an array, or anything NumPy takes for one (a tensor on the CPU): numbers `[N, T]` or `[N, T, C]` become
              the column `series` with an array `[T]` or `[T, C]` a row, strings `[N]` the column `text`;
            - a list with a row an item: texts (column `text`), lists of strings (`tokens`), or lists or arrays of
              numbers (`series`).

    Raises:
        InputError: It is none of these, or empty.
    """
    if isinstance(source, Mapping):
        return _checked(Table(_from_mapping(source), note="dict of columns"))
    if isinstance(source, list | tuple):
        return _checked(_from_list(source))
    frame = _from_frame(source)
    if frame is not None:
        return _checked(frame)
    if hasattr(source, "__array__"):
        return _checked(_from_array(unmasked(source)))
    raise InputError(
        f"found an object of type {type(source).__name__}, "
        "expected a path, a data frame, a dict of columns, a list or an array"
    )


def _checked(table: Table) -> Table:
    if not table.columns:
        raise InputError(f"{table.source}: the data has no column")
    if not len(table):
        raise InputError(f"{table.source}: the data has no row")
    return table


def _from_mapping(source: Mapping[Any, Any]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    _check_names([str(name) for name in source], "memory")
    for name, cells in source.items():
        if isinstance(cells, str | bytes) or not hasattr(cells, "__len__") or not hasattr(cells, "__iter__"):
            raise InputError(f"column {str(name)!r} is {type(cells).__name__}, expected a list or an array of cells")
        if isinstance(cells, np.ndarray) and cells.ndim == 0:
            raise InputError(f"column {str(name)!r} is an array without axes, expected a cell a row")
        # The first axis of an array counts the rows; scalars become Python's own, further axes stay arrays.
        cells = unmasked(cells) if isinstance(cells, np.ma.MaskedArray) else cells
        plain = cells.tolist() if isinstance(cells, np.ndarray) and cells.ndim == 1 else list(cells)
        columns[str(name)] = _cells(plain)
    return columns


def _from_list(source: Sequence[Any]) -> Table:
    if not source:
        raise InputError("found an empty list, expected a row an item")
    if all(isinstance(row, Mapping) for row in source):
        return Table({name: _cells(cells) for name, cells in from_records(list(source)).items()}, note="list of dicts")
    if all(isinstance(row, str) for row in source):
        return Table({"text": list(source)}, note="list of texts")
    if all(isinstance(row, list | tuple) and row and all(isinstance(item, str) for item in row) for row in source):
        return Table({"tokens": [list(row) for row in source]}, note="lists of tokens")
    series = []
    for index, row in enumerate(source):
        try:
            one = unmasked(row)
        except ValueError:
            raise InputError(f"row {index} (counted from 0) holds lists of different lengths") from None
        if one.ndim not in (1, 2) or one.dtype.kind not in "iufb":
            raise InputError(
                f"row {index} (counted from 0) is {type(row).__name__}, expected a text, a list of tokens or numbers, "
                "an array [time] or [time, channels], or a dict, the same for all rows"
            )
        series.append(one)
    return Table({"series": series}, note="list of series")


def _from_array(array: np.ndarray[Any, Any]) -> Table:
    if array.ndim == 1 and array.dtype.kind in "OUT":
        return _from_list(array.tolist())
    if array.dtype.kind == "O" and array.ndim in (2, 3):
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError("found an array of mixed objects, expected numbers") from None
    if array.ndim not in (2, 3) or array.dtype.kind not in "iufb":
        raise InputError(
            f"found an array of {array.dtype} with shape {array.shape}, expected numbers [rows, time] or "
            "[rows, time, channels], or strings [rows]"
        )
    return Table({"series": list(array)}, note=f"array of shape {array.shape}")


def _from_frame(source: object) -> Table | None:
    """A data frame through narwhals, or None when the object is none."""
    import narwhals as nw

    try:
        frame: Any = nw.from_native(source, pass_through=True)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
    except nw.exceptions.NarwhalsError as error:
        raise InputError(f"the data frame cannot be read ({' '.join(str(error).split())})") from None
    if not isinstance(frame, nw.DataFrame):
        return None
    names = [str(name) for name in frame.columns]
    _check_names(names, "memory")
    columns = {name: _cells(frame[:, index].to_list()) for index, name in enumerate(names)}
    return Table(columns, note=f"data frame, {counted(len(frame), 'row')}")


def _from_arrow(column: Any) -> list[Any]:
    """Cells of an Arrow column; lists of numbers without gaps become arrays without a Python object a number."""
    import pyarrow as pa

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        values = column.type.value_type
        if pa.types.is_integer(values) or pa.types.is_floating(values):
            rows: list[Any] = []
            for chunk in column.chunks:
                if chunk.null_count or chunk.flatten().null_count:
                    return _cells(column.to_pylist())
                offsets = chunk.offsets.to_numpy()
                rows += np.split(chunk.flatten().to_numpy(), (offsets - offsets[0])[1:-1]) if len(chunk) else []
            return rows
    return _cells(column.to_pylist())


def _cells(cells: list[Any]) -> list[Any]:
    """Cells as a table holds them: Python's own scalars, None for missing strings, dates in ISO 8601."""
    texts = any(isinstance(cell, str) for cell in cells)
    return [_cell(cell, texts) for cell in cells]


def _cell(cell: Any, among_texts: bool) -> Any:
    if isinstance(cell, np.ndarray):
        return cell if cell.ndim else _cell(cell.item(), among_texts)
    if cell is None or isinstance(cell, str | bool | int | list):
        return cell
    if type(cell).__name__ in ("NAType", "NaTType"):  # pandas' own missing values
        return None
    if isinstance(cell, float):
        return None if among_texts and cell != cell else cell
    if isinstance(cell, np.generic):
        return _cell(cell.item(), among_texts)
    if isinstance(cell, tuple | set | frozenset):
        return list(cell) if isinstance(cell, tuple) else sorted(cell, key=str)
    if isinstance(cell, Decimal):
        return float("nan") if cell.is_nan() else float(cell)
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    return _cell(np.asarray(cell), among_texts) if hasattr(cell, "__array__") else cell


def _check_names(names: Sequence[str], source: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{source}: the column name {twice!r} occurs twice, expected different names")
