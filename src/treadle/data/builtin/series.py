"""The built-in numeric data sets. Only figures are stored, as whole numbers in compressed NumPy files."""

from collections.abc import Mapping
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from treadle.data.table import Table


def vowels(split: str) -> Table:
    """Columns `series` (`[T, 12]`) and `label` (the speaker, `"1"` to `"9"`); 270 rows train, 370 test.

    Source: M. Kudo, J. Toyama and M. Shimbo, Japanese Vowels, UCI Machine Learning Repository, CC BY 4.0; the rows are
    those of its `ae.train` and `ae.test` with all their six decimals, stored in millionths.
    """
    stored = _stored("vowels.npz")
    ends = np.cumsum(stored[f"{split}_lengths"], dtype=np.int64)
    series = np.split(stored[f"{split}_millionths"] / 1e6, ends[:-1])
    return Table({"series": series, "label": [str(label) for label in stored[f"{split}_labels"]]})


def airline(split: str) -> Table:
    """Columns `unique_id`, `ds` (first of the month) and `y`; 120 months train, the last 24 test."""
    return _monthly("airline", _stored("monthly.npz")["airline"].astype(np.float64), 1949, 24, split)


def sunspots(split: str) -> Table:
    """Columns `unique_id`, `ds` (first of the month) and `y`; 2,688 months train, the last 132, one cycle, test."""
    return _monthly("sunspots", _stored("monthly.npz")["sunspots_tenths"] / 10, 1749, 132, split)


def _monthly(name: str, values: NDArray[np.float64], first_year: int, test: int, split: str) -> Table:
    """A monthly series in long form, a step a row, cut in time."""
    months = [f"{first_year + month // 12}-{month % 12 + 1:02d}-01" for month in range(len(values))]
    part = slice(-test) if split == "train" else slice(-test, None)
    y = values[part].tolist()
    return Table({"unique_id": [name] * len(y), "ds": months[part], "y": y})


def _stored(name: str) -> Mapping[str, NDArray[np.int64]]:
    with (files(__package__) / name).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}
