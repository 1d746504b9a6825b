"""The season's length: found where there is one, and only there."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.data.builtin.series import airline, sunspots
from treadle.data.forecasting import Frequency, Panel, find_season, read_panel
from treadle.data.forecasting.seasonality import correlation
from treadle.errors import InputError


def panel(*series: np.ndarray, unit: str = "step") -> Panel:
    frequency = Frequency.parse(unit)
    start = np.datetime64("2024-01-01T00:00:00") if frequency.dated else 0
    return Panel([str(index) for index in range(len(series))], [start] * len(series), list(series), frequency)


def test_airline_has_a_season_of_12_months() -> None:
    assert find_season(read_panel(airline("train"))) == 12


def test_the_sun_has_a_cycle_of_eleven_years_that_no_calendar_knows() -> None:
    assert 126 <= find_season(read_panel(sunspots("train"))) <= 133  # 10.5 to 11 years


@pytest.mark.parametrize("length", [300, 1000, 5000])
@pytest.mark.parametrize("unit", ["step", "hour", "month", "day"])
def test_noise_and_random_walks_have_none(unit: str, length: int) -> None:
    """Of 20 draws, one may look like a season: each customary length is tested at 1 %."""
    for cumulated in (False, True):
        found = []
        for seed in range(20):
            noise = np.random.default_rng([seed, length]).normal(size=length)
            found.append(find_season(panel(noise.cumsum() if cumulated else noise, unit=unit)))
        assert sum(season > 1 for season in found) <= 2


@settings(max_examples=40)
@given(st.integers(5, 60), st.floats(-0.2, 0.2), st.integers(0, 1000))
def test_any_cycle_is_found_through_trend_noise_and_gaps(season: int, trend: float, seed: int) -> None:
    """A wave and its overtone; of 16,800 such series none was missed, where any shape may nearly repeat in itself."""
    rng = np.random.default_rng(seed)
    time = np.arange(max(12 * season, 120))
    turn, (begin, second) = 2 * np.pi * time / season, rng.uniform(0, 2 * np.pi, 2)
    values = 4 * np.sin(turn + begin) + 2 * np.sin(2 * turn + second) + trend * time + rng.normal(size=len(time))
    values = np.where(rng.random(len(time)) < 0.1, np.nan, values)
    assert find_season(panel(values)) == season


def test_hours_of_a_day_are_found_and_weeks_only_where_they_say_much_more() -> None:
    rng = np.random.default_rng(0)
    hours = np.arange(24 * 7 * 10)
    daily = np.sin(2 * np.pi * hours / 24)
    assert find_season(panel(daily + rng.normal(size=len(hours)) / 2, unit="hour")) == 24
    weekend = hours // 24 % 7 >= 5
    assert find_season(panel(np.where(weekend, 0, daily) + rng.normal(size=len(hours)) / 20, unit="hour")) == 168


def test_many_short_series_show_together_what_one_does_not() -> None:
    rng = np.random.default_rng(0)
    shape = np.sin(2 * np.pi * np.arange(36) / 12)
    series = [shape + rng.normal(size=36) for _ in range(60)]
    assert find_season(panel(*series, unit="month")) == 12
    assert find_season(panel(series[0], unit="month")) == 1


def test_a_season_is_no_longer_than_asked_and_constants_have_none() -> None:
    wave = np.sin(2 * np.pi * np.arange(480) / 24)
    assert find_season(panel(wave), longest=23) == 1
    assert find_season(panel(np.ones(100))) == 1
    assert find_season(panel(np.full(100, np.nan))) == 1
    assert find_season(panel(np.arange(3.0))) == 1
    assert find_season(panel()) == 1
    with pytest.raises(InputError, match="a longest season of 0 steps was given"):
        find_season(panel(wave), longest=0)


def test_the_correlation_is_the_sum_of_products() -> None:
    values = np.random.default_rng(0).normal(size=50)
    values[[3, 17, 18]] = np.nan
    products, pairs = correlation(values, 20)
    for lag in range(21):
        direct = values[lag:] * values[: 50 - lag]
        assert pairs[lag] == (~np.isnan(direct)).sum()
        assert products[lag] == pytest.approx(np.nansum(direct))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "season"),
    [
        ("classic/monthly-car-sales.csv", 12),
        ("classic/daily-min-temperatures.csv", 365),
        ("classic/daily-total-female-births.csv", 7),
        ("etth1/ETTh1.csv", 24),
        ("nab/data/realKnownCause/nyc_taxi.csv", 336),  # half hours of a week
    ],
)
def test_real_series_have_their_season(data_folder: Path, name: str, season: int) -> None:
    assert find_season(read_panel(data_folder / "series" / name)) == season
