"""Time stamps on a stream, by the rules of the column that a model was trained on."""

import re
from typing import Any, Final

import numpy as np

from treadle.data.forecasting import Stamps
from treadle.data.forecasting.numbered import date
from treadle.data.forecasting.sources import as_table
from treadle.data.forecasting.stamps import parse_stamps
from treadle.errors import InputError
from treadle.tasks.forecast.features import PanelFeatures

_PLAIN: Final = re.compile(r"[1-9]\d{3}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?", re.ASCII)
_EXPECTED: Final = {True: "a time stamp such as 2024-01-31 13:00:00", False: "the whole number of a step"}


def read_stamp(stamp: Any, features: PanelFeatures) -> float:
    """A time stamp in seconds since 1970, or as the number of a step; NaN for None.

    It may be what `treadle.data.forecasting.stamps.parse_stamps` takes for a column of one row, or a moment of NumPy,
    pandas or Python. A zone is left out, or converted to UTC where training did so.

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
    found, _ = parse_stamps(cells, "ds", lambda _: "the step", utc=features.utc)
    if dated and found.dtype.kind != "M":
        found = _of_number(found, features.frequency.unit)
    if (found.dtype.kind == "M") != dated or (dated and np.isnat(found[0])):
        raise InputError(f"the step, column 'ds': found {stamp!r:.50}, expected {_EXPECTED[dated]}")
    return float(found[0].astype(np.int64))


def _of_number(numbers: Stamps, unit: str) -> Stamps:
    """Years, and months such as 202401, which only a whole column tells from the numbers of steps; else NaT."""
    one = np.ones_like(numbers)
    if unit == "year" and 1 <= numbers[0] <= 9999:
        return date(numbers, one, one)
    if unit in ("month", "quarter", "year") and 100_000 <= numbers[0] < 1_000_000:
        return date(numbers // 100, numbers % 100, one)
    return np.array(["NaT"], "datetime64[s]")
