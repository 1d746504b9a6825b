"""Metrics of forecasts, held equal to two independent libraries: utilsforecast (Nixtla) and scoringrules."""

import numpy as np
import pandas as pd
import pytest
import scoringrules
import utilsforecast.losses as reference

from treadle.evaluation.forecasting import (
    Forecasts,
    coverage,
    crps_from_quantiles,
    crps_from_samples,
    mae,
    mase,
    mse,
    naive_scale,
    owa,
    pinball,
    rmse,
    smape,
)

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
SEASON = 4


@pytest.fixture(params=range(5))
def series(request):
    """A history, what then happened, and what was expected of it."""
    generator = np.random.default_rng(request.param)
    level = generator.choice([0.0, 3.0, 1000.0])
    values = level + generator.normal(size=29).cumsum()
    point = values[-8:] + generator.normal(size=8)
    spread = np.abs(generator.normal(size=(8, len(LEVELS)))).cumsum(1)
    return values[:-8], values[-8:], point, point[:, None] + spread - spread[:, 2:3]


def frame(truth, point):
    stamps = np.arange(100, 100 + len(truth))
    return pd.DataFrame({"unique_id": "a", "ds": stamps, "y": truth, "model": point})


def test_errors_are_those_of_utilsforecast(series):
    history, truth, point, _ = series
    given = frame(truth, point)
    assert mae(truth, point) == pytest.approx(reference.mae(given, ["model"])["model"][0])
    assert mse(truth, point) == pytest.approx(reference.mse(given, ["model"])["model"][0])
    assert rmse(truth, point) == pytest.approx(reference.rmse(given, ["model"])["model"][0])
    # Theirs is a share up to 1, the M4 competition's a percentage up to 200.
    assert smape(truth, point) == pytest.approx(200 * reference.smape(given, ["model"])["model"][0])
    before = pd.DataFrame({"unique_id": "a", "ds": np.arange(len(history)), "y": history})
    expected = reference.mase(given, ["model"], SEASON, before)["model"][0]
    assert mase(truth, point, history, SEASON) == pytest.approx(expected)


def test_quantile_scores_are_those_of_both_libraries(series):
    _, truth, point, quantiles = series
    given = frame(truth, point)
    names = [f"q{level}" for level in LEVELS]
    given[names] = quantiles
    ours = crps_from_quantiles(truth, quantiles, LEVELS)
    theirs = reference.scaled_crps(given, {"model": names}, np.array(LEVELS))["model"][0]
    assert ours / np.abs(truth).mean() == pytest.approx(theirs)
    scores = scoringrules.crps_quantile(truth, quantiles, np.array(LEVELS), backend="numpy")
    assert ours == pytest.approx(scores.mean())
    for column, (level, name) in enumerate(zip(LEVELS, names, strict=True)):
        expected = reference.quantile_loss(given, {"model": name}, q=level)["model"][0]
        assert pinball(truth, quantiles, LEVELS)[:, column].mean() == pytest.approx(expected)


def test_coverage_is_that_of_utilsforecast(series):
    _, truth, point, quantiles = series
    given = frame(truth, point).assign(**{"model-lo-80": quantiles[:, 0], "model-hi-80": quantiles[:, -1]})
    expected = reference.coverage(given, ["model"], 80)["model"][0]
    assert coverage(truth, quantiles[:, 0], quantiles[:, -1]) == pytest.approx(expected)


def test_crps_of_paths_is_that_of_scoringrules(series):
    _, truth, _, _ = series
    paths = truth + np.random.default_rng(3).normal(size=(17, len(truth)))
    expected = scoringrules.crps_ensemble(truth, paths.T, estimator="nrg", backend="numpy").mean()
    assert crps_from_samples(truth, paths) == pytest.approx(expected)


def test_an_interval_contains_its_ends():
    assert coverage([1.0, 2.0, 3.0, 4.0], [1.0, 2.5, 0.0, 0.0], [2.0, 3.0, 3.0, 3.0]) == 0.5


def test_missing_truth_changes_nothing(series):
    history, truth, point, quantiles = series
    holes = np.insert(truth, 3, np.nan)
    wider, table = np.insert(point, 3, 1e6), np.insert(quantiles, 3, 1e6, axis=0)
    for metric in (mae, mse, rmse, smape):
        assert metric(holes, wider) == pytest.approx(metric(truth, point))
    assert mase(holes, wider, history, SEASON) == pytest.approx(mase(truth, point, history, SEASON))
    assert crps_from_quantiles(holes, table, LEVELS) == pytest.approx(crps_from_quantiles(truth, quantiles, LEVELS))
    ends = coverage(holes, table[:, 0], table[:, -1]), coverage(truth, quantiles[:, 0], quantiles[:, -1])
    assert ends[0] == pytest.approx(ends[1])
    assert np.isnan(mae([np.nan], [1.0]))


def test_missing_history_counts_in_no_pair():
    assert naive_scale([1.0, np.nan, 4.0, 6.0], 1) == 2.0
    assert naive_scale([1.0, np.nan, 4.0, 6.0], 2) == 3.0


def test_a_history_without_change_gives_no_scale():
    assert np.isnan(mase([2.0], [1.0], [5.0, 5.0, 5.0], 1))
    assert np.isnan(mase([2.0], [1.0], [5.0], 1))


def test_a_history_shorter_than_the_season_is_scaled_by_steps():
    assert mase([5.0], [4.0], [1.0, 3.0], season=12) == 0.5


def test_owa_of_the_reference_itself_is_one():
    assert owa(12.5, 0.8, 12.5, 0.8) == 1.0
    assert owa(10.0, 0.4, 20.0, 0.8) == 0.5
    assert np.isnan(owa(0.0, 0.0, 0.0, 1.0))


def test_shapes_that_do_not_agree_are_refused():
    with pytest.raises(ValueError, match=r"truth of shape \[3\] and forecast of \[2\]"):
        mae([1.0, 2.0, 3.0], [1.0, 2.0])


def forecasts(levels, table):
    return Forecasts(["a"], [np.zeros(len(table))], levels, [np.array(table, dtype=float)])


@pytest.mark.parametrize(
    ("levels", "table", "why"),
    [
        ((0.1, 0.9), [[1, 0]], "quantiles cross"),
        ((0.9, 0.1), [[0, 1]], "expected rising probabilities"),
        ((0.0, 0.5), [[0, 1]], "expected rising probabilities"),
        ((0.1, 0.9), [[0]], r"expected \[1, 2\]"),
        ((0.1, 0.9), [[0, np.nan]], "not finite"),
    ],
)
def test_forecasts_that_make_no_sense_are_refused(levels, table, why):
    with pytest.raises(ValueError, match=why):
        forecasts(levels, table)


def test_intervals_are_those_that_lie_in_the_middle():
    given = forecasts((0.05, 0.1, 0.5, 0.9), [[0, 1, 2, 3], [0, 1, 2, 5]])
    assert given.intervals() == [0.8]
    lower, upper = given.interval(0, 0.8)
    assert (lower.tolist(), upper.tolist()) == ([1, 1], [3, 5])
    with pytest.raises(ValueError, match="give no interval of 95%"):
        given.interval(0, 0.95)


def test_some_series_are_taken_in_the_order_named():
    both = Forecasts(["a", "b"], [np.zeros(1), np.ones(1)], (), [np.zeros((1, 0))] * 2)
    assert both.take([1, 0]).ids == ["b", "a"]
    assert both.intervals() == []
