"""Numeric cells of a table as one array, refused with their place where they are not numbers."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treadle.errors import InputError, counted

Floats = NDArray[np.float64]

LARGEST: Final = float(np.finfo(np.float32).max)
"""The largest number that a network's 32-bit input holds."""


def join_series(
    series: Sequence[ArrayLike], channels: int | None, where: Callable[[int], str] | None
) -> tuple[Floats, NDArray[np.int64]]:
    """All series end to end.

    Args:
        series: One `[T]` or `[T, C]` array or list a row; None and NaN are missing values.
        channels: The `C` that every row must have; None takes it from the first row that is not empty.
        where: The place of a row as an error sentence names it; by default `"row 7"`, counted from 1.

    Returns:
        `values [total, C]`, NaN where missing, and `lengths [n]`.

    Raises:
        InputError: A row is not numeric, holds an infinite value or has another number of channels.
    """

    def fault(row: int, sentence: str) -> InputError:
        return InputError((where(row) if where else f"row {row + 1}") + sentence)

    parts: list[Floats] = []
    lengths = np.zeros(len(series), dtype=np.int64)
    for row, cell in enumerate(series):
        try:
            part = _numbers(cell)
        except (TypeError, ValueError, OverflowError) as error:
            raise fault(row, f": {first_fault(cell)}") from error
        if part.ndim == 0:
            raise fault(row, f": found {cell!r:.50}, expected a series of numbers")
        if part.ndim != 2 or (len(part) and not part.shape[1]):
            raise fault(row, f": found an array of shape {list(part.shape)}, expected [time] or [time, channels]")
        if len(part) == 0:
            continue
        if channels is not None and part.shape[1] != channels:
            raise fault(row, f" has {part.shape[1]} channels, expected {channels}")
        channels = part.shape[1]
        lengths[row] = len(part)
        parts.append(part)
    values = np.concatenate(parts) if parts else np.zeros((0, channels or 1))
    for step, channel in np.argwhere(np.abs(values) > LARGEST)[:1]:
        row = int(np.searchsorted(np.cumsum(lengths), step, side="right"))
        place = f", channel {channel + 1}, step {step - lengths[:row].sum() + 1}"
        raise fault(row, f"{place}: found {told(values[step, channel])}, expected a number up to 3.4e38 or nothing")
    return values, lengths


def told(value: float) -> str:
    """A number that is larger than `LARGEST`, in words."""
    return "an infinite value" if np.isinf(value) else f"{value:g}"


def _numbers(cell: Any) -> Floats:
    """One series as an array, `[T, C]` unless its shape is wrong; TypeError or ValueError if it is not numbers."""
    # Nested lists come out of Parquet as arrays in an array of objects; a list of arrays NumPy can join.
    nested = isinstance(cell, np.ndarray) and cell.dtype == object and cell.ndim == 1
    array = np.asarray(list(cell) if nested else cell)
    # NumPy would convert the rest, too, with a warning or without: complex numbers and dates.
    if array.dtype.kind not in "biufOSU":
        raise TypeError(array.dtype)
    numbers = array.astype(np.float64)
    return numbers[:, None] if numbers.ndim == 1 else numbers


def unmasked(array: Any) -> NDArray[Any]:
    """An array, or anything NumPy takes for one; what a mask hides is NaN, or None where there are no numbers.

    Example:
        >>> unmasked(np.ma.masked_array([1, 2], [False, True]))
        array([ 1., nan])
    """
    if not isinstance(array, np.ma.MaskedArray):
        return np.asarray(array)
    numeric = array.dtype.kind in "biuf"
    shown = array.data.astype(np.float64 if numeric else object)
    shown[np.ma.getmaskarray(array)] = np.nan if numeric else None
    return np.asarray(shown)


def is_absent(value: Any) -> bool:
    """Whether a single value is a missing one: None, NaN, a time that is none, what a mask hides, pandas' NA.

    Example:
        >>> [is_absent(value) for value in (None, float("nan"), np.datetime64("NaT"), np.ma.masked, 0.0, "")]
        [True, True, True, True, False, False]
    """
    if value is None or value is np.ma.masked or type(value).__name__ == "NAType":
        return True
    return isinstance(value, float | date | np.generic) and bool(value != value)


def is_real(value: Any) -> bool:
    """Whether a single value is a number: whole, with a fraction, or a truth value; neither complex nor a duration."""
    number = isinstance(value, int | float | np.integer | np.floating | np.bool_)
    return number and not isinstance(value, np.timedelta64)


def first_fault(cell: Any) -> str:
    """What keeps a cell from being a series of numbers, in words.

    Example:
        >>> first_fault([[1, 2], [3, "four"]])
        "found 'four' at step 2, channel 2, expected a number"
    """
    if not _is_list(cell):
        return f"found {cell!r:.50}, expected a series of numbers"
    first: int | None = None
    for step, item in enumerate(cell):
        entries = item if _is_list(item) else [item]
        first = len(entries) if first is None else first
        if len(entries) != first:
            found = counted(len(entries), "number")
            return f"found {found} at step {step + 1}, expected {first} as at the first step"
        for channel, entry in enumerate(entries):
            try:
                _numbers(entry)
            except (TypeError, ValueError, OverflowError):
                return f"found {entry!r:.50} at step {step + 1}, channel {channel + 1}, expected a number"
    return f"found {getattr(cell, 'dtype', type(cell).__name__)} values, expected numbers"


def _is_list(value: Any) -> bool:
    """Whether it has elements; a string and an array without axes have not."""
    return hasattr(value, "__len__") and not isinstance(value, str | bytes) and getattr(value, "ndim", 1) > 0
