"""Forecasts from many points in time are those that a model makes which knows no more."""

import numpy as np
import pytest

from treadle.data.forecasting import Frequency, Panel
from treadle.errors import InputError
from treadle.tasks.forecast import Forecaster, rolling_origin
from treadle.tasks.forecast.reporting import simple_methods
from treadle.tasks.forecast.rolling import forecasts_from

TINY = {"hidden_size": 4, "epochs": 1, "horizon": 3, "season": 4, "lookback": 8, "averaging": 0.0}


@pytest.fixture(scope="module")
def panel():
    """Three series of different lengths, one with missing values."""
    generator = np.random.default_rng(0)
    values = [
        generator.normal(size=length).cumsum() + 3 * np.sin(np.arange(length) * np.pi / 2) for length in (60, 48, 20)
    ]
    values[1][-2] = np.nan
    return Panel(["a", "b", "c"], [0, 100, -5], values, Frequency("step"))


@pytest.fixture(scope="module")
def model(panel):
    return Forecaster(**TINY).fit_panel(panel.until([50, 40, 12]))


def test_every_forecast_is_what_the_model_says_of_the_series_so_far(model, panel):
    rolled = rolling_origin(model, panel, windows=3, step=2)
    assert [rolled.held.ids.count(name) for name in "abc"] == [3, 3, 3]
    for number, (series, origin) in enumerate(zip(rolled.series, rolled.origins, strict=True)):
        alone = model.predict_panel(panel.take([series]).until([origin]))
        np.testing.assert_allclose(rolled.forecasts.point[number], alone.point[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(rolled.held.history[number], panel.values[series][:origin])
        np.testing.assert_array_equal(rolled.held.truth[number], panel.values[series][origin : origin + 3])
    assert rolled.origins[:3] == [53, 55, 57]
    assert rolled.stamps(3)[-3:].tolist() == [100 + 41, 100 + 42, 100 + 43]


def test_by_default_no_step_is_forecast_twice_and_short_series_have_fewer_forecasts(model, panel):
    rolled = rolling_origin(model, panel, windows=None)
    assert [rolled.held.ids.count(name) for name in "abc"] == [18, 14, 5]
    assert {origin + 3 for origin, name in zip(rolled.origins, rolled.held.ids, strict=True) if name == "c"} == {
        *(8, 11, 14, 17, 20)
    }
    # Stretches of time are counted from the end, so that forecasts of different series fall into the same.
    assert rolled.held.stretch[-1] == rolled.held.stretch[17] == 0
    assert min(rolled.origins) > rolled.held.season


def test_what_is_not_known_yet_is_missing(model, panel):
    rolled = forecasts_from(model, panel, [[59], [], [20]], 3)
    assert rolled.held.ids == ["a", "c"]
    assert np.isnan(rolled.held.truth[0]).tolist() == [False, True, True]
    assert np.isnan(rolled.held.truth[1]).all()


def test_a_refitted_model_has_learnt_what_was_known(panel):
    some = panel.take([0])
    rolled = rolling_origin(Forecaster(**TINY), some, windows=2, refit=True)
    for number, origin in enumerate(rolled.origins):
        known = some.until([origin])
        expected = Forecaster(**TINY).fit_panel(known).predict_panel(known)
        np.testing.assert_array_equal(rolled.forecasts.point[number], expected.point[0])


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"windows": 0}, "windows is 0, expected 1 or more"),
        ({"step": 0}, "step is 0, expected 1 or more"),
        ({"horizon": 4}, "was trained to forecast 3 steps"),
        ({"earliest": [57, 46, 17]}, "series 'b': has 48 steps, expected at least 49 to forecast the last 3"),
    ],
)
def test_what_cannot_be_rolled_is_said_in_one_sentence(model, panel, how, why):
    with pytest.raises(InputError, match=why):
        rolling_origin(model, panel, **how)


def test_of_many_forecasts_smoothing_is_fitted_for_some_and_that_is_said(model, panel, monkeypatch):
    monkeypatch.setattr("treadle.tasks.forecast.reporting.SMOOTHED", 4)
    said = []
    methods, reference = simple_methods(rolling_origin(model, panel, windows=3), "test", 0, said.append)
    assert said == ["exponential smoothing is fitted for 4 of 9 forecasts, drawn by seed 0 ..."]
    smoothing, *others = methods
    assert len(smoothing.chosen) == len(smoothing.forecasts["test"]) == 4
    assert [one.name for one in others] == ["seasonal naive", "naive", "drift"]
    assert all(one.chosen is None and len(one.forecasts["test"]) == 9 for one in others)
    assert len(reference) == 9


def test_smoothing_says_in_which_forms_it_was_and_where_it_could_not(model, panel):
    short = panel.take([0, 2]).until([40, 9])
    rolled = forecasts_from(model, short, [[37], [6]], 3)
    said = []
    methods, _ = simple_methods(rolled, "test", 0, said.append)
    assert "seasonal naive (1); seasonal naive where a history is too short" in methods[0].description
    assert said == ["exponential smoothing is fitted to the same histories ..."]
