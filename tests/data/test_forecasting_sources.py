"""Objects and files of series: whole series a row, periods, zones of pandas, and what is no series."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from treadle.data.forecasting import Frequency, read_panel
from treadle.errors import InputError

HOURS = pd.date_range("2023-03-24", periods=100, freq="h", tz="Europe/Berlin")  # one night is an hour shorter
MONTHS = pd.period_range("2020-01", periods=4, freq="M")
LASTING = pd.to_timedelta([1, 2, 3], unit="h")


@pytest.mark.parametrize("of", [lambda one: one, pd.Series, list, lambda one: pd.Series(one).array])
def test_moments_with_a_zone_are_read_from_whatever_holds_them(of: Any) -> None:
    panel = read_panel({"ds": of(HOURS), "y": list(range(100))})
    assert (panel.starts, panel.frequency) == ([np.datetime64("2023-03-23T23:00:00")], Frequency("hour"))
    assert (len(panel.values[0]), panel.utc) == (100, True)


@pytest.mark.parametrize(
    "data",
    [
        {"ds": MONTHS, "y": [1, 2, 3, 4]},
        {"ds": list(MONTHS), "y": [1, 2, 3, 4]},
        {"ds": pd.Series(MONTHS), "y": np.arange(1, 5)},
        pd.DataFrame({"ds": MONTHS, "y": [1, 2, 3, 4]}),
        pd.DataFrame({"y": [1, 2, 3, 4]}, MONTHS),
        [{"ds": month, "y": 1 + step} for step, month in enumerate(MONTHS)],
    ],
)
def test_periods_are_read_as_where_they_begin(data: Any) -> None:
    panel = read_panel(data)
    assert (panel.starts, panel.frequency) == ([np.datetime64("2020-01-01T00:00:00")], Frequency("month"))
    assert panel.values[0].tolist() == [1, 2, 3, 4]


def test_a_missing_period_is_a_missing_stamp() -> None:
    with pytest.raises(InputError, match=r"row 1 \(counted from 0\), column 'ds': found nothing"):
        read_panel(pd.DataFrame({"ds": pd.PeriodIndex(["2020-01", None, "2020-03"], freq="M"), "y": [1, 2, 3]}))


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"ds": [1, 2, 3], "y": LASTING}),
        {"ds": [1, 2, 3], "y": LASTING},
        {"ds": [1, 2, 3], "y": LASTING.to_numpy()},
        {"ds": [1, 2, 3], "y": [None, *LASTING[:2]]},
        [{"ds": step, "y": one} for step, one in enumerate(LASTING)],
        pl.DataFrame({"ds": [1, 2, 3], "y": [timedelta(1)] * 3}),
        pl.DataFrame({"ds": [1, 2, 3], "y": [timedelta(1)] * 3}).lazy(),
        pa.table({"ds": [1, 2, 3], "y": [timedelta(1)] * 3}),
        pd.Series(LASTING),
    ],
)
def test_durations_are_no_values(data: Any) -> None:
    with pytest.raises(InputError, match="memory: column 'y' holds durations, expected numbers"):
        read_panel(data)


def test_durations_as_time_stamps_count_seconds() -> None:
    panel = read_panel({"ds": LASTING, "y": [1, 2, 3]})
    assert (panel.starts, panel.frequency) == ([3600], Frequency("step", 3600))


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (pd.DataFrame(np.ones((3, 2)), columns=["y", "y"]), "y"),
        (pd.DataFrame({"ds": [1, 2, 3], "y": [1, 2, 3]}).set_index("ds", drop=False), "ds"),
        (pa.Table.from_arrays([pa.array([1, 2])] * 2, names=["y", "y"]), "y"),
    ],
)
def test_two_columns_of_one_name_are_refused(frame: Any, name: str) -> None:
    with pytest.raises(InputError, match=f"the column name '{name}' occurs twice, expected different names"):
        read_panel(frame)


CITIES = ["kiel", "rom", "oslo"]
Y = [[float((t + i) % 7 + t * 0.01) for t in range(60 + i)] for i in range(3)]


def listed(path: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), path / "lists.parquet")
    return str(path / "lists.parquet")


def test_series_of_a_row_each_keep_their_names(tmp_path: Path) -> None:
    file = listed(tmp_path, unique_id=CITIES, y=Y)
    rows = [{"unique_id": city, "y": np.array(one)} for city, one in zip(CITIES, Y, strict=True)]
    for data in (file, pd.read_parquet(file), rows):
        panel = read_panel(data)
        assert panel.ids == CITIES
        assert [one.tolist() for one in panel.values] == Y
    assert read_panel(listed(tmp_path, y=Y)).ids == ["0", "1", "2"]
    assert read_panel(listed(tmp_path, unique_id=[7, 9, 8], y=Y)).ids == ["7", "9", "8"]


@pytest.mark.parametrize("kind", [datetime, str, int])
def test_lists_beside_a_series_go_along_with_it(tmp_path: Path, kind: type) -> None:
    write = {datetime: lambda day: day, str: str, int: lambda day: int(f"{day:%Y%m%d}")}[kind]
    days = [[write(day.to_pydatetime()) for day in pd.date_range("2024-02-28", periods=len(one))] for one in Y]
    file = listed(tmp_path, unique_id=CITIES, ds=days, y=Y, rain=[one[::-1] for one in Y])
    for data in (file, pd.read_parquet(file)):
        panel = read_panel(data)
        assert (panel.ids, panel.frequency) == (CITIES, Frequency("day"))
        assert panel.starts == [np.datetime64("2024-02-28T00:00:00")] * 3
        assert panel.past_names == ("rain",)
        assert panel.past[2][:, 0].tolist() == Y[2][::-1]


def test_what_is_no_list_beside_a_series_is_said_to_be_left_out(tmp_path: Path) -> None:
    panel = read_panel(listed(tmp_path, unique_id=CITIES, ds=[datetime(2024, 1, 1)] * 3, y=Y, town=CITIES))
    assert panel.ids == CITIES
    assert "'ds', 'town' left out: no list in every row" in panel.note
    assert "no column of time, rows are steps" in panel.note


def test_lists_that_do_not_fit_their_series_are_refused(tmp_path: Path) -> None:
    file = listed(tmp_path, unique_id=["kiel", "rom"], ds=[[1, 2], [1, 2, 3]], y=[[1.0, 2.0], [1.0, 2.0]])
    with pytest.raises(InputError, match=r"row 1 \(counted from 0\), column 'ds': found a list of 3, expected 2 as in"):
        read_panel(file)
    with pytest.raises(InputError, match=r"row 2 \(counted from 0\): the series 'rom' occurs again, expected a"):
        read_panel(listed(tmp_path, unique_id=["rom", "kiel", "rom"], y=Y))
