"""Time stamps that can be read in more than one way, alone and after a model's training series."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from treadle.data.forecasting import Frequency, read_panel
from treadle.errors import InputError


def read(stamps: list[Any], name: str = "ds", **options: Any) -> Any:
    return read_panel({name: stamps, "y": list(range(len(stamps)))}, time=name, **options)


def hours(first: str, periods: int, every: str = "h") -> list[int]:
    return [int(f"{hour:%Y%m%d%H}") for hour in pd.date_range(first, periods=periods, freq=every)]


@pytest.mark.parametrize("name", ["ds", "timestamp", "t"])
@pytest.mark.parametrize(
    ("first", "periods", "every", "frequency"),
    [
        ("2023-01-01", 5, "h", Frequency("hour")),
        ("2023-01-31 20:00", 12, "h", Frequency("hour")),
        ("1999-12-31 12:00", 40, "6h", Frequency("hour", 6)),
        ("2023-01-01 06:00", 50, "D", Frequency("day")),
        ("2023-01-01", 12, "MS", Frequency("month")),
    ],
)
def test_numbers_of_year_month_day_and_hour_are_hours(
    name: str, first: str, periods: int, every: str, frequency: Frequency
) -> None:
    panel = read(hours(first, periods, every), name)
    assert (panel.starts, panel.frequency, len(panel.values[0])) == ([np.datetime64(first, "s")], frequency, periods)
    assert "numbers read as year, month, day and hour" in panel.note
    assert panel.written == "hours"


def test_hours_that_lie_on_no_grid_but_seconds_do_are_seconds() -> None:
    assert read([2023010105, 2023010111, 2023010117, 2023010205, 2023010211]).frequency == Frequency("hour", 6)
    panel = read([2023010100, 2023010111, 2023010122, 2023010210, 2023010221])  # 12 hours or 88 seconds
    assert (panel.frequency, panel.written) == (Frequency("second", 11), "seconds")


@pytest.mark.parametrize("first", [1711010000, 1704067200, 1230768000])
def test_seconds_of_these_years_stay_seconds(first: int) -> None:
    """1711010000 would also be the first hour of 1 January 1711."""
    panel = read([first + second for second in range(20)], "timestamp")
    assert panel.starts == [np.datetime64(first, "s")]
    assert "numbers read as seconds since 1970" in panel.note


@pytest.mark.parametrize(
    ("training", "later", "start", "note"),
    [
        ([202111, 202112, 202201], [202202, 202203], "2022-02-01", "numbers read as year and month"),
        ([2020, 2021, 2022], [2023, 2024], "2023-01-01", "numbers read as years"),
        ([20211231, 20220101, 20220102], [20220103], "2022-01-03", "numbers read as year, month and day"),
        (hours("2022-12-31", 30), [2023010106], "2023-01-01T06:00", "numbers read as year, month, day and hour"),
        (list(range(2023010100, 2023010500, 60)), [2023010500], "2034-02-08T11:21:40", "numbers read as seconds"),
    ],
)
def test_later_numbers_are_read_as_those_of_training(training: Any, later: Any, start: str, note: str) -> None:
    before = read(training, "year" if training[0] < 9999 else "ds")
    panel = read(later, frequency=before.frequency, strict=True, written=before.written)
    assert panel.starts == [np.datetime64(start, "s")]
    assert note in before.note
    assert note in panel.note


def test_numbers_of_steps_stay_steps_after_a_training_on_steps() -> None:
    before = read([20230129, 20230130, 20230131, 20230132])
    assert before.written == "steps"
    later = read([20230201, 20230202], frequency=before.frequency, strict=True, written=before.written)
    assert later.starts == [20230201]


def test_later_numbers_of_another_form_are_read_by_it_or_refused_with_the_row() -> None:
    before = read([202111, 202112, 202201])
    options = {"frequency": before.frequency, "strict": True, "written": before.written}
    assert read([20220201, 20220301], **options).starts == [np.datetime64("2022-02-01", "s")]
    sentence = r"row 1 \(counted from 0\), column 'ds': found 202213, expected year and month as in training"
    with pytest.raises(InputError, match=sentence):
        read([202212, 202213], **options)


@pytest.mark.parametrize(("frequency", "stamps"), [("month", [202201, 202202]), ("year", [2022, 2023])])
def test_the_frequency_that_is_given_tells_months_and_years_from_steps(frequency: str, stamps: list[int]) -> None:
    assert read(stamps, frequency=frequency).starts == [np.datetime64("2022-01-01", "s")]
    assert read(stamps).starts == [stamps[0]]


DAYS = pd.date_range("2023-01-01", "2023-07-11")


@pytest.mark.parametrize(("form", "order"), [("%d/%m/%Y", "day first"), ("%m/%d/%Y", "month first")])
def test_the_order_of_day_and_month_is_that_of_training(form: str, order: str) -> None:
    before = read(DAYS[:-10].strftime(form).tolist())
    assert before.written == order
    options = {"frequency": before.frequency, "strict": True, "written": before.written}
    after = read(DAYS[-10:].strftime(form).tolist(), **options)
    assert after.starts == [np.datetime64("2023-07-02", "s")]
    assert "dates read as" in after.note
    assert before.joined(after).steps == len(DAYS)


def test_an_order_that_the_rows_contradict_is_the_one_they_show() -> None:
    options = {"frequency": Frequency("day"), "strict": True, "written": "day first"}
    after = read(["07/11/2023", "07/12/2023", "07/13/2023"], **options)
    assert after.starts == [np.datetime64("2023-07-11", "s")]
    assert "dates read as month, day, year" in after.note
    with pytest.raises(InputError, match="found '07/13/2023', which is no date or time of the calendar"):
        read(["13/07/2023", "07/13/2023"], **options)
    with pytest.raises(InputError, match="where either day or month may come first"):
        read(["07/11/2023", "07/12/2023"], **options | {"written": ""})


def test_dates_that_are_nearer_together_in_the_other_order_are_refused() -> None:
    """2 to 11 July as month, day, year are ten months as day, month, year."""
    options = {"frequency": Frequency("day"), "strict": True, "written": "day first"}
    sentence = (
        "memory: the time stamps leave gaps as day, month, year, the order of training, and fewer as month, day, year"
    )
    with pytest.raises(InputError, match=sentence):
        read(DAYS[-10:].strftime("%m/%d/%Y").tolist(), **options)
    with_gap = [day for day in DAYS[-10:].strftime("%d/%m/%Y") if day != "05/07/2023"]
    assert len(read(with_gap, **options).values[0]) == 10
    monthly = {"frequency": Frequency("month"), "strict": True, "written": "day first"}
    assert len(read(["01/02/2023", "01/03/2023", "01/05/2023"], **monthly).values[0]) == 4
