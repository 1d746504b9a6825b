"""Forecasts as frames of the kind that the series came in."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np

from treadle.data import Table
from treadle.data.forecasting import Frequency


def column_names(levels: Sequence[float]) -> list[str]:
    """The columns of quantiles: their level in per cent.

    Example:
        >>> column_names([0.025, 0.5, 0.9])
        ['y_2.5', 'y_50', 'y_90']
    """
    return [f"y_{round(100 * level, 6):g}" for level in levels]


def frame_like(source: Any, columns: dict[str, list[Any]], frequency: Frequency) -> Any:
    """Columns as a frame of the source's kind.

    Args:
        source: A data frame of any library that narwhals knows, a `Table`, or anything else.
        columns: Cells by name; those of `ds` are stamps.
        frequency: Of these.

    Returns:
        A data frame of the same library with `ds` as its time stamps, a `Table`, or a dict of lists; there, `ds` is
        text in ISO 8601, as `Frequency.written` tells.
    """
    frame: Any = nw.from_native(source, pass_through=True)
    if isinstance(frame, nw.DataFrame | nw.LazyFrame):
        columns["ds"] = np.array(columns["ds"], "datetime64[us]" if frequency.dated else np.int64).tolist()
        made = nw.from_dict(columns, backend=frame.implementation)
        return (made.lazy() if isinstance(frame, nw.LazyFrame) else made).to_native()
    columns["ds"] = frequency.written(columns["ds"])
    return Table(columns) if isinstance(source, Table) else columns
