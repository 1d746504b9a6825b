"""Time stamps on a stream, by the rules of the column that a model was trained on."""

import re
from typing import Any, Final

import numpy as np

from treadle.data.forecasting.sources import as_table
from treadle.data.forecasting.stamps import ORDERS, parse_stamps
from treadle.errors import InputError
from treadle.tasks.forecast.features import PanelFeatures

_PLAIN: Final = re.compile(r"[1-9]\d{3}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?", re.ASCII)
_EXPECTED: Final = {True: "a time stamp such as 2024-01-31 13:00:00", False: "the whole number of a step"}


def read_stamp(stamp: Any, features: PanelFeatures) -> float:
    """A time stamp in seconds since 1970, or as the number of a step; NaN for None.

    It may be what `treadle.data.forecasting.stamps.parse_stamps` takes for a column of one row, or a moment of NumPy,
    pandas or Python. A zone is left out, or converted to UTC where training did so; numbers, and dates in which day or
    month may come first, are read as in training.

    Args:
        stamp: What a step has as `ds`.
        features: Of the model.

    Raises:
        InputError: It is no time stamp, or not of the kind that the model was trained on.
    """
    if stamp is None:
        return np.nan
    dated = features.frequency.dated
    if dated and isinstance(stamp, str) and _PLAIN.fullmatch(stamp):  # what most are, in a hundredth of the time
        try:
            return float(np.datetime64(stamp, "s").astype(np.int64))
        except ValueError:
            pass  # no day of the calendar, as is said below
    if isinstance(stamp, bool | np.bool_):
        raise InputError(f"the step, column 'ds': found {stamp!r}, expected {_EXPECTED[dated]}")
    cells = as_table({"ds": np.array([stamp]) if isinstance(stamp, np.datetime64) else [stamp]}).columns["ds"]
    unit = features.frequency.unit
    parsed = parse_stamps(cells, "ds", lambda _: "the step", utc=features.utc, written=features.written, unit=unit)
    if features.written in ORDERS and parsed.written in ORDERS and parsed.written != features.written:
        raise InputError(
            f"the step, column 'ds': found {stamp!r:.50}, expected {ORDERS[features.written]} as in training"
        )
    found = parsed.stamps
    if (found.dtype.kind == "M") != dated or (dated and np.isnat(found[0])):
        raise InputError(f"the step, column 'ds': found {stamp!r:.50}, expected {_EXPECTED[dated]}")
    return float(found[0].astype(np.int64))
