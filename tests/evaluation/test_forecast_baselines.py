"""What forecasts have to beat, held to statsforecast's figures, statsmodels' decomposition and series of known form."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from statsmodels.tsa.seasonal import seasonal_decompose

from treadle.data.builtin import load
from treadle.errors import InputError
from treadle.evaluation.baselines.forecasts import (
    drift,
    forecast,
    is_seasonal,
    naive,
    naive2,
    seasonal_indices,
    seasonal_naive,
)
from treadle.evaluation.baselines.smoothing import exponential_smoothing, forms
from treadle.evaluation.forecasting import coverage, mase

TWO_YEARS = [
    *(112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118),
    *(115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140),
]
LEVELS = (0.1, 0.5, 0.9)


def months(name):
    return np.array(load(name, "train").columns["y"]), np.array(load(name, "test").columns["y"])


@pytest.mark.parametrize(
    ("method", "expected"),  # steps 1, 2 and 14: point and 80 % interval, as statsforecast 2.1 gives them
    [
        (naive, [(140.0, 121.4132, 158.5868), (140.0, 113.7143, 166.2857), (140.0, 70.4545, 209.5455)]),
        (seasonal_naive, [(115.0, 96.0131, 133.9869), (126.0, 107.0131, 144.9869), (126.0, 99.1485, 152.8515)]),
        (drift, [(141.2174, 122.2978, 160.137), (142.4348, 115.1267, 169.7428), (157.0435, 69.1472, 244.9398)]),
    ],
)
def test_points_and_intervals_are_those_of_statsforecast(method, expected):
    seen = method(TWO_YEARS, 14, 12, LEVELS)
    for step, (point, low, high) in zip((0, 1, 13), expected, strict=True):
        assert seen.point[step] == pytest.approx(point, abs=1e-4)
        assert seen.quantiles[step] == pytest.approx([low, point, high], abs=1e-4)


@pytest.mark.parametrize("season", [4, 12, 7])
@pytest.mark.parametrize("model", ["multiplicative", "additive"])
def test_seasonal_indices_are_those_of_statsmodels(season, model):
    values = months("airline")[0] - (0 if model == "multiplicative" else 300)
    indices, multiplied = seasonal_indices(values, season)
    assert multiplied == (model == "multiplicative")
    assert indices == pytest.approx(seasonal_decompose(values, model=model, period=season).seasonal[:season])


def test_naive2_adjusts_what_is_seasonal_and_leaves_the_rest():
    airline, _ = months("airline")
    indices, _ = seasonal_indices(airline, 12)
    # 120 months end in December, so the next is a January, as the first was.
    expected = airline[-1] / indices[11] * np.tile(indices, 2)
    assert naive2(airline, 24, 12).point == pytest.approx(expected)
    noise = np.random.default_rng(2).normal(size=60)
    assert not is_seasonal(noise, 12)
    assert naive2(noise, 3, 12).point.tolist() == [noise[-1]] * 3
    assert naive2(airline[:20], 2, 12).point.tolist() == [airline[19]] * 2


def test_missing_values_are_interpolated():
    for method in (naive, seasonal_naive, drift, naive2):
        with_holes = method([np.nan, 2.0, np.nan, 4.0, 5.0, 6.0, np.nan], 4, 2).point
        assert with_holes.tolist() == method([2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0], 4, 2).point.tolist()
    with pytest.raises(InputError, match="a history of 2 steps has no value"):
        naive([np.nan, np.nan], 1)


def test_a_history_of_one_value_is_enough():
    for method in (naive, seasonal_naive, drift, naive2, exponential_smoothing):
        assert method([7.0], 2, 12, LEVELS).point.tolist() == [7.0, 7.0]


@pytest.fixture(scope="module")
def smoothed():
    """Exponential smoothing of the airline passengers, two years ahead."""
    return exponential_smoothing(months("airline")[0], 24, 12, LEVELS)


def test_smoothing_multiplies_the_season_of_a_series_whose_season_grows(smoothed):
    history, truth = months("airline")
    assert smoothed.form in ("MAM", "MAdM")
    # Naive errs by 4.03 times, seasonal naive by 2.49 times what it errs by one season ahead on the history.
    assert mase(truth, smoothed.point, history, 12) < 2.0
    assert coverage(truth, smoothed.quantiles[:, 0], smoothed.quantiles[:, 2]) >= 0.5
    assert (np.diff(smoothed.quantiles, axis=1) > 0).all()


def test_smoothing_does_not_depend_on_the_unit(smoothed):
    thousandth = exponential_smoothing(months("airline")[0] / 1000, 24, 12, LEVELS)
    assert thousandth.form == smoothed.form
    assert 1000 * thousandth.point == pytest.approx(smoothed.point, rel=1e-4)
    assert 1000 * thousandth.quantiles == pytest.approx(smoothed.quantiles, rel=1e-4)


def test_smoothing_goes_on_as_the_series_went():
    generator = np.random.default_rng(1)
    line = 5 + 2.0 * np.arange(60) + generator.normal(scale=0.1, size=60)
    rising = exponential_smoothing(line, 10, 1)
    assert rising.form == "AAN"
    assert rising.point == pytest.approx(5 + 2.0 * np.arange(60, 70), abs=1.0)
    flat = exponential_smoothing(50 + generator.normal(size=100), 10, 1, LEVELS)
    assert flat.form == "ANN"
    assert flat.point == pytest.approx(np.full(10, 50.0), abs=1.0)
    # The 80 % interval of a normal distribution of spread 1 is 2.56 wide.
    assert flat.quantiles[:, 2] - flat.quantiles[:, 0] == pytest.approx(np.full(10, 2.56), abs=0.6)
    wave = 10 * np.sin(np.arange(90) * 2 * np.pi / 30) + generator.normal(scale=0.1, size=90)
    waving = exponential_smoothing(wave, 30, 30)
    assert waving.form.endswith("A")
    assert waving.point == pytest.approx(10 * np.sin(np.arange(90, 120) * 2 * np.pi / 30), abs=1.5)


@pytest.mark.parametrize(
    ("history", "season", "form"),
    [
        ([4.0, 5.0, 3.0], 1, "naive"),
        ([4.0, 5.0, 3.0, 4.0], 2, "seasonal naive"),
        ([3.0] * 40, 4, "seasonal naive"),
        ([3.0] * 40, 1, "naive"),
    ],
)
def test_what_cannot_be_smoothed_is_foreseen_by_a_simpler_form_that_is_named(history, season, form):
    assert exponential_smoothing(history, 2, season, LEVELS).form == form


def test_warnings_of_the_fit_reach_nobody():
    generator = np.random.default_rng(0)
    awkward = [np.r_[np.zeros(30), 1.0], generator.integers(0, 2, 40) * 1e9, generator.normal(size=24).cumsum() * 1e-9]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for history in awkward:
            seen = exponential_smoothing(history, 5, 6, LEVELS)
            assert np.isfinite(seen.point).all()
            assert np.isfinite(seen.quantiles).all()


def test_statsmodels_is_imported_when_it_is_used():
    program = "import sys, treadle.evaluation.baselines.smoothing; sys.exit('statsmodels' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_only_positive_series_have_a_season_that_multiplies():
    assert not any("M" in form.name for form in forms(positive=False, seasonal=True))
    assert {form.seasonal for form in forms(positive=True, seasonal=False)} == {None}


def test_many_series_are_forecast_each_over_its_own_horizon():
    histories = [np.arange(5.0), np.array([2.0, 4.0])]
    given, made = forecast(seasonal_naive, ["a", "b"], histories, [3, 1], 2, (0.5,))
    assert [point.tolist() for point in given.point] == [[3.0, 4.0, 3.0], [2.0]]
    assert [table.shape for table in given.quantiles] == [(3, 1), (1, 1)]
    assert made == ["", ""]
