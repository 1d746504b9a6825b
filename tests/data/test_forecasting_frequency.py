"""Frequencies: steps forth and back along the calendar."""

from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.forecasting import Frequency
from treadle.data.forecasting.frequency import Unit
from treadle.errors import InputError

UNITS = st.sampled_from(get_args(Unit))


@st.composite
def frequencies(draw: st.DrawFn) -> Frequency:
    return Frequency(draw(UNITS), draw(st.integers(1, 40)))


@st.composite
def starts(draw: st.DrawFn, frequency: Frequency) -> Any:
    """Any moment, on a weekday, and in the first 27 days of a month or its last where months are counted."""
    if not frequency.dated:
        return draw(st.integers(-(10**6), 10**6))
    months = np.datetime64(draw(st.integers(-800, 800)), "M")
    day = months.astype("datetime64[D]") + draw(st.integers(0, 26))
    if draw(st.booleans()):
        day = (months + 1).astype("datetime64[D]") - 1
    if frequency.unit == "weekday":
        day = np.busday_offset(day, 0, roll="forward")
    return day.astype("datetime64[s]") + draw(st.sampled_from([0, 3600, 58_501]))


@given(st.data(), frequencies(), st.integers(-3000, 3000))
def test_between_is_the_inverse_of_after(data: st.DataObject, frequency: Frequency, steps: int) -> None:
    start = data.draw(starts(frequency))
    assert frequency.between(start, frequency.after(start, steps)) == steps


@given(st.data(), frequencies(), st.integers(0, 300), st.integers(0, 300))
def test_two_ways_of_steps_are_the_way_of_both(data: st.DataObject, frequency: Frequency, one: int, two: int) -> None:
    start = data.draw(starts(frequency))
    assert frequency.after(frequency.after(start, one), two) == frequency.after(start, one + two)
    stamps = frequency.range(start, one + 1)
    assert stamps[0] == start
    assert stamps[-1] == frequency.after(start, one)
    assert (np.diff(stamps).astype(np.int64) > 0).all()


@given(frequencies())
def test_what_is_written_is_read_back_in_its_largest_unit(frequency: Frequency) -> None:
    assert Frequency.parse(str(frequency)) == frequency.simplest()
    start = 0 if not frequency.dated else np.datetime64("2024-01-31")
    assert np.array_equal(frequency.simplest().range(start, 9), frequency.range(start, 9))


@pytest.mark.parametrize(
    ("alias", "first"),
    [("MS", "1999-11-01"), ("ME", "1999-11-30"), ("B", "1999-12-30"), ("QE", "1999-12-31"), ("YE", "1999-12-31"),
     ("W-SUN", "1999-12-26"), ("D", "1999-12-30"), ("h", "1999-12-31 22:00"), ("15min", "1999-12-31 23:40")],
)  # fmt: skip
def test_the_calendar_is_that_of_pandas(alias: str, first: str) -> None:
    expected = pd.date_range(first, periods=40, freq=alias)
    if expected[0] != pd.Timestamp(first):  # pandas moves the start onto its own grid
        expected = pd.date_range(first, periods=40, freq=pd.Timedelta(minutes=15))
    assert np.array_equal(Frequency.parse(alias).range(np.datetime64(first), 40), expected.to_numpy("datetime64[s]"))


@pytest.mark.parametrize(
    ("frequency", "stamp", "expected"),
    [("month", "2024-05-17T13:00", "2024-05-01"), ("quarter", "2024-05-17", "2024-04-01"),
     ("year", "2024-05-17", "2024-01-01"), ("week", "2024-05-19T23:59", "2024-05-13"),
     ("weekday", "2024-05-19T23:59", "2024-05-17"),
     ("15 minutes", "2024-05-17T13:44:59", "2024-05-17T13:30"), ("day", "1969-12-31T23:00", "1969-12-31"),
     ("2 weeks", "2024-05-19", "2024-05-13"), ("hour", "1969-12-31T22:30", "1969-12-31T22:00")],
)  # fmt: skip
def test_the_floor_is_the_start_of_the_step(frequency: str, stamp: str, expected: str) -> None:
    floor = Frequency.parse(frequency).floor(np.array([stamp], "datetime64[s]"))
    assert floor[0] == np.datetime64(expected)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Frequency("months"), "the unit of time 'months' is not known; did you mean 'month'?"),  # type: ignore[arg-type]
        (lambda: Frequency("month", 0), "a frequency of 0 months was given, expected a whole number above 0"),
        (lambda: Frequency.parse("fortnight"), "the frequency 'fortnight' is not known"),
        (lambda: Frequency.parse("montly"), "did you mean 'month'?"),
        (
            lambda: Frequency("hour", 2).between(np.datetime64("2024-01-01"), np.datetime64("2024-01-01T03:00:00")),
            "2024-01-01 03:00:00 does not lie a whole number of steps of 2 hours from 2024-01-01, "
            "expected 2024-01-01 02:00:00 or 2024-01-01 04:00:00",
        ),
        (lambda: Frequency("weekday").after(np.datetime64("2024-01-06"), 1), "2024-01-06 is a Saturday or Sunday"),
        (lambda: Frequency("day").after(3, 1), "found the stamp 3 for steps of 1 day, expected dates or times"),
        (lambda: Frequency("step").after(np.datetime64("2024-01-06"), 1), "found the stamp 2024-01-06 for steps of 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_in_one_sentence_is_refused_in_one(call: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert sentence in str(caught.value)
