"""Series of any file or frame on regular grids: the same panel from the same steps, however they are written."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.data import Table
from treadle.data.builtin.series import airline
from treadle.data.forecasting import Frequency, Panel, read_panel

FREQUENCIES = [
    Frequency(unit, every)
    for unit, every in [
        *(("step", 1), ("step", 5), ("second", 30), ("minute", 15), ("hour", 1), ("hour", 6), ("day", 1)),
        *(("weekday", 1), ("week", 1), ("week", 2), ("month", 1), ("month", 2), ("quarter", 1), ("year", 1)),
    ]
]


def same(one: Panel, other: Panel) -> None:
    assert one.frequency == other.frequency
    assert set(one.ids) == set(other.ids)
    for series, name in enumerate(one.ids):
        match = other.ids.index(name)
        np.testing.assert_array_equal(one.stamps(series), other.stamps(match))
        np.testing.assert_array_equal(one.values[series], other.values[match])
        np.testing.assert_array_equal(one.past[series], other.past[match])


@settings(max_examples=60)
@given(st.data(), st.sampled_from(FREQUENCIES), st.booleans())
def test_any_grid_is_found_again_from_rows_in_any_order(data: st.DataObject, frequency: Frequency, last: bool) -> None:
    """Every step of every series comes back, NaN where its row was left out, at its own stamp."""
    rows: list[tuple[str, Any, float]] = []
    truth: dict[tuple[str, Any], float] = {}
    for name in data.draw(st.sampled_from([["a"], ["a", "b"], ["b", "c", "a"]])):
        first: Any = np.datetime64("2023-01-31" if last else "2023-02-01", "s") if frequency.dated else 7
        start = frequency.after(first, data.draw(st.integers(0, 5)))
        stamps = frequency.range(start, data.draw(st.integers(14, 30)))
        dropped = data.draw(st.sets(st.integers(1, len(stamps) - 2), max_size=4))
        for step, stamp in enumerate(stamps):
            value = float(len(rows))
            truth[name, stamp] = np.nan if step in dropped else value
            if step not in dropped:
                rows.append((name, str(stamp) if frequency.dated else int(stamp), value))
    shuffled = data.draw(st.permutations(rows))
    ids, times, values = zip(*shuffled, strict=True)
    columns = {"unique_id": ids and list(ids), "ds": list(times), "y": list(values)}
    panel = read_panel(columns)
    assert panel.frequency == frequency.simplest()
    same(read_panel(columns, frequency=panel.frequency, strict=True), panel)
    found = {
        (name, stamp): value
        for series, name in enumerate(panel.ids)
        for stamp, value in zip(panel.stamps(series), panel.values[series], strict=True)
    }
    assert found.keys() == truth.keys()
    assert all(np.array_equal(found[key], truth[key], equal_nan=True) for key in truth)


def test_every_source_of_the_same_steps_gives_the_same_panel(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=12, freq="h")
    frame = pd.DataFrame({"unique_id": ["b"] * 6 + ["a"] * 6, "ds": [*days[:6], *days[2:8]], "y": np.arange(12) / 4})
    frame["wind"] = [0.5, 1.5] * 6
    expected = read_panel(frame)
    assert expected.ids == ["b", "a"]
    assert expected.frequency == Frequency("hour")
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.tsv.gz", index=False, sep="\t")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True, date_format="iso")
    columns = {name: frame[name].to_numpy() for name in frame}
    sources: list[Any] = [
        *(str(tmp_path / name) for name in ("a.csv", "a.parquet", "a.tsv.gz", "a.jsonl")),
        *(pl.from_pandas(frame), pl.from_pandas(frame).lazy(), pa.Table.from_pandas(frame), columns),
        *(frame.set_index("ds"), frame.set_index(["unique_id", "ds"]), frame.to_dict("records")),
        frame.assign(ds=frame["ds"].dt.tz_localize("Europe/Berlin")),
        Table({**{name: frame[name].tolist() for name in frame}, "ds": frame["ds"].astype(str).tolist()}),
    ]
    for source in sources:
        same(read_panel(source), expected)


def test_series_of_pandas_keep_their_index() -> None:
    series = pd.Series([1.0, 2.0, 4.0], pd.period_range("2024-01", periods=3, freq="M"), name="rain")
    panel = read_panel(series)
    assert (panel.ids, panel.frequency) == (["rain"], Frequency("month"))
    assert str(panel.starts[0]) == "2024-01-01T00:00:00"
    assert read_panel(pd.Series([1.0, 2.0])).frequency == Frequency("step")


def test_numbers_alone_are_a_series_of_steps() -> None:
    for data in ([3, 1, 2.5], np.array([3, 1, 2.5]), {"y": [3, 1, 2.5]}, [np.array([3, 1, 2.5])]):
        panel = read_panel(data)
        assert panel.values[0].tolist() == [3, 1, 2.5]
        assert (panel.frequency, panel.starts) == (Frequency("step"), [0])
    several = read_panel([np.arange(3), np.arange(5)])
    assert [len(one) for one in several.values] == [3, 5]


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, str])
def test_scalars_of_numpy_and_texts_in_lists_are_numbers(kind: Any) -> None:
    y, ds = [kind(value) for value in (3, 1, 2)], [np.float64(7), np.float64(8), np.float64(9)]
    for data in ({"ds": ds, "y": y}, [{"ds": day, "y": value} for day, value in zip(ds, y, strict=True)]):
        panel = read_panel(data)
        assert (panel.values[0].tolist(), panel.starts) == ([3, 1, 2], [7])
    assert read_panel({"ds": [1, 2, 3], "y": ["3", 1, None]}).values[0][:2].tolist() == [3, 1]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1-01", "1-02", "1-03"], "0001-01-01"),  # a month of a year that is only numbered
        (["1949-01", "1949-02", "1949-03"], "1949-01-01"),
        (["01/2024", "02/2024"], "2024-01-01"),
        (["31.01.2024", "29.02.2024"], "2024-01-31"),
        (["1/31/2024 1:05 PM", "2/29/2024 1:05 pm"], "2024-01-31T13:05"),
        (["Jan 1949", "Feb 1949"], "1949-01-01"),
        (["5 January 1949", "6 January 1949"], "1949-01-05"),
        (["Sept. 5, 1949", "Oct 5, 1949"], "1949-09-05"),
        (["2024Q2", "2024Q3"], "2024-04-01"),
        (["Q2 2024", "Q3 2024"], "2024-04-01"),
        (["20240131", "20240229"], "2024-01-31"),
        ([20240131, 20240229], "2024-01-31"),
        ([202412, 202501], "2024-12-01"),
        ([1400000000, 1400003600], "2014-05-13T16:53:20"),
        ([1400000000000, 1400003600000], "2014-05-13T16:53:20"),
        (["2024-01-31T13:00:00.000Z", "2024-01-31T14:00:00.000Z"], "2024-01-31T13:00"),
        (["2024-03-30 00:00+01:00", "2024-03-31 00:00+01:00", "2024-04-01 00:00+02:00"], "2024-03-30"),  # local days
        (["2024-03-31 01:00+01:00", "2024-03-31 03:00+02:00"], "2024-03-31T00:00"),  # hours: UTC
    ],
)
def test_stamps_are_read_as_they_are_written(cells: list[Any], expected: str) -> None:
    assert read_panel({"ds": cells, "y": list(range(len(cells)))}).starts[0] == np.datetime64(expected)


@given(st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01")), st.sampled_from(["-", "/", "."]))
def test_any_second_is_read_as_python_wrote_it(moment: Any, sign: str) -> None:
    moment = moment.replace(microsecond=0)
    day = sign.join(f"{part:02d}" for part in (moment.year, moment.month, moment.day))
    panel = read_panel({"ds": [f"{day} {moment:%H:%M:%S}"], "y": [1.0]}, frequency="second")
    assert panel.starts[0].item() == moment  # type: ignore[union-attr]  # a moment, as the frequency says


def test_columns_of_numbers_are_a_series_each_where_nothing_names_series() -> None:
    panel = read_panel({"date": ["2024-01-01", "2024-01-02"], "a": [1, 2], "b": [3, None]})
    assert (panel.ids, panel.target_columns) == (["a", "b"], ("a", "b"))
    np.testing.assert_array_equal(panel.values[1], [3, np.nan])
    both = read_panel(
        {"id": ["u", "u", "v", "v"], "t": [0, 1] * 2, "a": [1, 2, 3, 4], "b": [5, 6, 7, 8]}, target=["a", "b"]
    )
    assert both.ids == ["u/a", "u/b", "v/a", "v/b"]
    assert [one.tolist() for one in both.values] == [[1, 2], [5, 6], [3, 4], [7, 8]]


def covariates_of_two() -> dict[str, list[Any]]:
    return {
        "unique_id": ["a"] * 4 + ["b"] * 4,
        "ds": [f"2024-01-0{day}" for day in (1, 2, 3, 4, 2, 3, 4, 5)],
        "y": [1, 2, 3, None, 4, 5, None, None],
        "holiday": [0, 0, 1, 1, 0, 1, 1, 0],  # known beyond the last values
        "rain": [5, 6, 7, None, 8, 9, 1, None],  # not known there
        "kind": ["shop"] * 4 + ["market"] * 4,
        "unit": ["km"] * 8,
    }


def test_covariates_are_told_by_what_is_known_of_them() -> None:
    panel = read_panel(covariates_of_two())
    assert (panel.future_names, panel.past_names) == (("holiday",), ("rain",))
    assert panel.static_names == ("kind=market", "kind=shop")
    assert panel.static.tolist() == [[0, 1], [1, 0]]
    assert [len(one) for one in panel.values] == [3, 2]
    assert [panel.known(0), panel.known(1)] == [1, 2]
    assert panel.future[1][:, 0].tolist() == [0, 1, 1, 0]
    assert "'unit' left out: one value for all rows" in panel.note
    assert "1 covariate known in advance ('holiday')" in panel.note


def test_why_a_covariate_is_left_out_is_said() -> None:
    columns = {"a": [None] * 40, "b": ["same"] * 40, "c": [f"text {row}" for row in range(40)], "d": [""] * 40}
    note = read_panel({"ds": list(range(40)), "y": [1.0] * 40, **columns}).note
    for said in (
        "'a', 'd' left out: no value in any row",
        "'b' left out: one value",
        "'c' left out: more than 32 diff",
    ):
        assert said in note


def test_covariates_that_are_declared_are_taken_as_declared() -> None:
    panel = read_panel(covariates_of_two(), past=["holiday", "kind=shop"])
    assert (panel.past_names, panel.future_names, panel.static_names) == (("holiday", "kind=shop"), (), ())
    assert [len(one) for one in panel.values] == [4, 4]  # nothing is known in advance: the steps were not observed
    later = read_panel({**covariates_of_two(), "kind": ["stall"] * 8}, past=panel.past_names)
    assert later.past[0].tolist() == [[0, 0], [0, 0], [1, 0], [1, 0]]


def winds(known: int, ahead: list[Any]) -> dict[str, list[Any]]:
    """A column of texts with a value in every observed step."""
    steps = known + len(ahead)
    return {
        "ds": list(range(steps)),
        "y": [1.0] * known + [None] * len(ahead),
        "wind": ["N", "S"] * (known // 2) + ahead,
    }


def test_a_text_that_is_empty_ahead_is_not_known_in_advance() -> None:
    assert read_panel(winds(8, ["", ""])).past_names == ("wind=N", "wind=S")
    assert read_panel(winds(8, ["N", None])).past_names == ("wind=N", "wind=S")
    assert read_panel(winds(8, ["N", "S"])).future_names == ("wind=N", "wind=S")
    panel = read_panel({"ds": list(range(4)), "y": [1.0, 2.0, 3.0, 4.0], "wind": ["N", "", "S", "N"]})
    assert np.isnan(panel.past[0][1]).all(), "a missing text is a missing value"


def test_an_empty_cell_says_something_where_most_are_empty() -> None:
    """A column of holidays: no name is no holiday, and that is known of the steps to come."""
    days = {"ds": list(range(8)), "y": [1.0] * 6 + [None] * 2, "holiday": ["", "Easter", *[""] * 6]}
    panel = read_panel(days)
    assert panel.future_names == ("holiday=Easter", "holiday=")
    assert panel.future[0].tolist() == [[0, 1], [1, 0], *[[0, 1]] * 6]
    later = read_panel({"ds": [8, 9], "holiday": ["", "Easter"]}, target=[], future=panel.future_names)
    assert later.future[0].tolist() == [[0, 1], [1, 0]]


def test_texts_of_a_later_file_are_compared_by_what_they_say() -> None:
    """pandas writes whole numbers with a decimal point where one of a column is missing."""
    first = read_panel({"ds": list(range(4)), "y": [1.0] * 4, "kind": ["1", "2", "3A", "1"]})
    later = {"ds": [4, 5, 6, 7], "kind": ["1.0", 2.0, "", "9Z"]}
    panel = read_panel(later, target=[], future=first.past_names)
    assert panel.future_names == ("kind=1", "kind=2", "kind=3A")
    assert panel.future[0][[0, 1, 3]].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert np.isnan(panel.future[0][2]).all()
    assert "'kind' is '9Z' in 1 row, none of its categories" in panel.note


def test_a_column_and_one_of_its_categories_may_both_be_named() -> None:
    panel = read_panel(winds(8, []), past=["wind", "wind=S"])
    assert panel.past_names == ("wind=N", "wind=S", "wind=S")
    assert panel.past[0][:2].tolist() == [[1, 0, 0], [0, 1, 1]]


def test_covariates_without_values_can_be_read_for_the_steps_to_come() -> None:
    panel = read_panel({"ds": [5, 6], "holiday": [1, 0], "y": [None, None]}, target=[], future="holiday")
    assert (panel.steps, panel.known(0), panel.starts) == (0, 2, [5])
    assert panel.future[0].tolist() == [[1], [0]]


@pytest.mark.parametrize(
    ("rule", "expected"), [("first", [1, 5, 3]), ("last", [2, 5, 3]), ("mean", [1.5, 5, 3]), ("sum", [3, 5, 3])]
)
def test_duplicates_are_put_together_by_the_rule(rule: Any, expected: list[float]) -> None:
    panel = read_panel({"ds": [0, 0, 2, 1, 2], "y": [1, 2, 3, 5, None if rule != "last" else 3]}, duplicates=rule)
    assert panel.values[0].tolist() == expected
    assert f"2 duplicate time stamps, handled by duplicates={rule!r}" in panel.note


def test_irregular_stamps_are_gathered_on_the_grid_that_is_asked_for() -> None:
    data = {"ds": ["2024-01-01 00:07", "2024-01-01 00:55", "2024-01-01 02:10"], "y": [1, 2, 4]}
    panel = read_panel(data, frequency="hour", duplicates="mean")
    np.testing.assert_array_equal(panel.values[0], [1.5, np.nan, 4])
    assert str(panel.starts[0]) == "2024-01-01T00:00:00"
    assert "3 stamps moved to the start of their step" in panel.note
    counted = read_panel(data, frequency="step")
    assert (counted.values[0].tolist(), counted.starts) == ([1, 2, 4], [0])


def test_columns_of_the_parts_of_a_date_are_one_time() -> None:
    data = {"year": [2024, 2024], "month": [1, 2], "y": [1, 2]}
    assert read_panel(data).frequency == Frequency("month")
    split = {"date": ["2024-01-01", "2024-01-01"], "clock": ["10:00", "10:30"], "y": [1, 2]}
    assert read_panel(split, time=["date", "clock"]).frequency == Frequency("minute", 30)


def test_a_panel_of_training_and_test_rows_is_that_of_all_rows() -> None:
    train, test = airline("train"), airline("test")
    joined = read_panel(train).joined(read_panel(test))
    columns = {name: train.columns[name] + test.columns[name] for name in train.columns}
    same(joined, read_panel(columns))
    assert joined.steps == 144


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "options", "series", "frequency", "missing"),
    [
        ("classic/airline-passengers.csv", {}, 1, "month", 0),
        ("classic/shampoo.csv", {}, 1, "month", 0),
        ("classic/daily-max-temperatures.csv", {}, 1, "day", 2),  # 29 February of 1984 and of 1988
        ("etth1/ETTh1.csv", {}, 7, "hour", 0),
        ("beijing_pm25/pollution.csv", {"target": "pm2.5"}, 1, "hour", 2067),
        ("nab/data/realKnownCause/nyc_taxi.csv", {}, 1, "30 minutes", 0),
    ],
)
def test_real_files_are_understood(
    data_folder: Path, name: str, options: dict[str, Any], series: int, frequency: str, missing: int
) -> None:
    panel = read_panel(data_folder / "series" / name, **options)
    assert (len(panel), str(panel.frequency)) == (series, frequency)
    assert sum(int(np.isnan(one).sum()) for one in panel.values) == missing


def test_parts_of_times_in_columns_of_their_own() -> None:
    names = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    months = [(1949 + at // 12, names[at % 12]) for at in range(30)]
    panel = read_panel({"year": [y for y, _ in months], "month": [m for _, m in months], "passengers": [1.0] * 30})
    assert (panel.frequency, len(panel), len(panel.values[0])) == (Frequency("month"), 1, 30)
    clock = {"date": ["2024-01-01"] * 24 + ["2024-01-02"] * 24, "hour": [*range(24)] * 2, "value": [1.0] * 48}
    panel = read_panel(clock, time=["date", "hour"])
    assert (panel.frequency, len(panel.values[0])) == (Frequency("hour"), 48)
    minutes = {"date": ["2024-01-01"] * 4, "hour": [0, 0, 1, 1], "minute": [0, 30, 0, 30], "value": [1.0] * 4}
    assert read_panel(minutes, time=["date", "hour", "minute"]).frequency == Frequency("minute", 30)
