"""Numbers of a step: from whatever form they come in to an array, or one sentence on what is wrong with them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from treadle.data.series import LARGEST, is_absent, is_real, told, unmasked
from treadle.errors import InputError, counted

Floats = NDArray[np.float64]


def read_numbers(step: Any, channels: int, *, missing: bool = False) -> Floats:
    """The numbers of one step, or of several that come together.

    Args:
        step: A number (where there is one channel), `[channels]`, or `[steps, channels]`: a list, array or tensor.
        channels: How many a step has.
        missing: Whether None and NaN may stand for a value that is missing; they come back as NaN.

    Returns:
        float64 `[steps, channels]`.

    Raises:
        InputError: It has another shape, or holds something that is no finite number.

    Example:
        >>> read_numbers([1, 2.5], 2).tolist()
        [[1.0, 2.5]]
    """
    if isinstance(step, Tensor):
        step = step.detach().cpu().numpy()
    try:
        values = unmasked(step)
        if values.dtype.kind not in "biuf":
            values = _numbers(values)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(channels, _odd(step)) from None
    if values.ndim == 1 and values.shape[0] == channels:
        values = values[None]
    elif values.ndim == 0 and channels == 1:
        values = values.reshape(1, 1)
    elif values.ndim != 2 or values.shape[1] != channels:
        raise _wrong(channels, _shape(values))
    numbers: Floats = values.astype(np.float64, copy=False)
    if not np.abs(numbers).max(initial=0.0) <= LARGEST:  # NaN is not either
        _check(numbers, missing)
    return numbers


def _numbers(values: NDArray[Any]) -> NDArray[Any]:
    """An array of objects as numbers, NaN where one is missing; TypeError where one is something else."""
    cells = [np.nan if is_absent(value) else value for value in values.flat]
    if values.dtype.kind != "O" or values.ndim == 0 or not all(map(is_real, cells)):
        raise TypeError
    return np.array(cells, dtype=np.float64).reshape(values.shape)


def _check(values: Floats, missing: bool) -> None:
    for place, channel in np.argwhere(~(np.abs(values) <= LARGEST)):
        value = values[place, channel]
        if np.isnan(value) and missing:
            continue
        found = "no number" if np.isnan(value) else told(value)
        allowed = "a number up to 3.4e38, or nothing" if missing else "a number up to 3.4e38"
        which = "the step" if len(values) == 1 else f"step {place + 1}"
        raise InputError(f"channel {channel + 1} of {which} holds {found}, expected {allowed}")


def _wrong(channels: int, found: str) -> InputError:
    return InputError(f"a step of this stream is {counted(channels, 'number')}, found {found}")


def _shape(values: NDArray[Any]) -> str:
    if values.ndim == 1:
        return counted(len(values), "number")
    return "one number" if values.ndim == 0 else f"an array of shape {list(values.shape)}"


def _odd(step: Any) -> str:
    """What a step is, or has in it, that is no number."""
    if isinstance(step, list | tuple):
        for number, value in enumerate(step):
            if not is_absent(value) and not is_real(value):
                return f"{value!r:.50} in place {number + 1}"
    return "nothing" if step is None else f"{step!r:.50}"
