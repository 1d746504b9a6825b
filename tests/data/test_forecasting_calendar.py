"""The calendar as features: cycles that meet at their ends."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.forecasting import Frequency, calendar_features
from treadle.errors import InputError

CYCLES = {  # the share of every cycle that pandas' calendar says has passed
    "minute of hour": lambda time: (time.minute * 60 + time.second) / 3600,
    "hour of day": lambda time: (time.hour * 3600 + time.minute * 60 + time.second) / 86_400,
    "day of week": lambda time: time.day_of_week / 7,
    "day of month": lambda time: (time.day - 1) / time.days_in_month,
    "day of year": lambda time: (time.day_of_year - 1) / np.where(time.is_leap_year, 366, 365),
    "month of year": lambda time: (time.month - 1) / 12,
    "quarter of year": lambda time: (time.quarter - 1) / 4,
}


@pytest.mark.parametrize("cycle", CYCLES)
@given(first=st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2100-01-01")))
def test_the_share_of_a_cycle_is_that_of_pandas(cycle: str, first: pd.Timestamp) -> None:
    times = pd.date_range(pd.Timestamp(first).floor("s"), periods=30, freq="40h")
    features, names = calendar_features(
        times.to_numpy("datetime64[s]"), Frequency("hour"), [f"sin {cycle}", f"cos {cycle}"]
    )
    phase = 2 * np.pi * np.asarray(CYCLES[cycle](times), np.float64)
    np.testing.assert_allclose(features, np.stack([np.sin(phase), np.cos(phase)], axis=1), atol=1e-12)
    assert names == (f"sin {cycle}", f"cos {cycle}")


@pytest.mark.parametrize(
    ("frequency", "steps", "cycles"),
    [
        ("step", 999, []),
        ("second", 3600, ["minute of hour"]),
        ("15 minutes", 96, ["minute of hour", "hour of day"]),
        ("hour", 48, ["hour of day"]),
        ("hour", 24 * 400, ["hour of day", "day of week", "day of year"]),
        ("day", 40, ["day of week", "day of month"]),
        ("day", 365, ["day of week", "day of month", "day of year"]),
        ("weekday", 10, ["day of week"]),
        ("week", 53, ["day of year"]),
        ("month", 12, ["month of year"]),
        ("month", 6, []),
        ("quarter", 8, ["quarter of year"]),
        ("year", 50, []),
    ],
)
def test_cycles_are_those_that_the_steps_divide_and_the_stamps_span(
    frequency: str, steps: int, cycles: list[str]
) -> None:
    step = Frequency.parse(frequency)
    stamps = step.range(np.datetime64("2024-01-01") if step.dated else 0, steps)
    features, names = calendar_features(stamps, step)
    assert names == tuple(f"{wave} {cycle}" for cycle in cycles for wave in ("sin", "cos"))
    assert features.shape == (steps, len(names))
    assert np.abs(features).max(initial=0) <= 1


def test_a_model_keeps_its_features_for_a_single_step() -> None:
    hours = Frequency("hour").range(np.datetime64("2024-01-01"), 1000)
    features, names = calendar_features(hours, Frequency("hour"))
    np.testing.assert_array_equal(calendar_features(hours[-1:], Frequency("hour"), names)[0], features[-1:])


def test_a_feature_that_is_not_known_is_refused() -> None:
    with pytest.raises(InputError, match="the calendar feature 'sin moon' is not known, expected sin or cos of one of"):
        calendar_features(np.zeros(1, "datetime64[s]"), Frequency("day"), ["sin moon"])
