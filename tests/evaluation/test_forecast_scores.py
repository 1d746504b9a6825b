"""Figures over many series, their intervals, and the verdict."""

import numpy as np
import pandas as pd
import pytest
import utilsforecast.losses as reference

from treadle.evaluation.baselines.forecasts import forecast, naive2
from treadle.evaluation.forecast_scores import HeldOut, compare_forecasts, forecast_scores, window_errors
from treadle.evaluation.forecasting import Forecasts

LEVELS = (0.1, 0.5, 0.9)
HORIZON, SEASON = 6, 4


def held_out(series=10, *, stretches=None, seed=0):
    """Random walks of very different sizes with a season, some of them with missing values."""
    generator = np.random.default_rng(seed)
    sizes = 10.0 ** generator.integers(-2, 4, series)
    steps = generator.normal(size=(series, 46)).cumsum(1) + 20 + 3 * np.sin(np.arange(46) * np.pi / 2)
    values = sizes[:, None] * steps
    values[0, -2] = np.nan
    history, truth = list(values[:, :-HORIZON]), list(values[:, -HORIZON:])
    return HeldOut([f"s{number}" for number in range(series)], history, truth, SEASON, stretches)


def expected_of(held, error, seed=1):
    """Forecasts that miss by about so many units of the history's spread."""
    generator = np.random.default_rng(seed)
    point = [
        np.nan_to_num(truth, nan=0.0) + error * np.nanstd(history) * generator.normal(size=len(truth))
        for truth, history in zip(held.truth, held.history, strict=True)
    ]
    quantiles = [one[:, None] + one.std() * np.array([-1.0, 0.0, 1.0]) for one in point]
    return Forecasts(held.ids, point, LEVELS, quantiles)


def long_frame(ids, parts, first=0, **columns):
    frames = [
        pd.DataFrame({"unique_id": name, "ds": first + np.arange(len(part)), "y": part})
        for name, part in zip(ids, parts, strict=True)
    ]
    return pd.concat(frames, ignore_index=True).assign(**columns)


@pytest.fixture
def both():
    """What happened and what was expected, and the same as frames of utilsforecast."""
    held = held_out()
    given = expected_of(held, 0.5)
    frame = long_frame(held.ids, held.truth, 40, model=np.concatenate(given.point))
    frame[["q10", "q50", "q90"]] = np.concatenate(given.quantiles)
    return held, given, frame.dropna(), long_frame(held.ids, held.history)


def test_means_over_series_are_those_of_utilsforecast(both):
    held, given, frame, before = both
    scores = forecast_scores(held, given)
    assert scores["mase"].value == pytest.approx(reference.mase(frame, ["model"], SEASON, before)["model"].mean())
    assert scores["smape"].value == pytest.approx(200 * reference.smape(frame, ["model"])["model"].mean())
    inside = frame["y"].between(frame["q10"], frame["q90"]).mean()
    assert scores["coverage"].value == pytest.approx(inside)
    # Over all series at once, as if they were one.
    whole = frame.assign(unique_id="all")
    crps = reference.scaled_crps(whole, {"model": ["q10", "q50", "q90"]}, np.array(LEVELS))["model"][0]
    assert scores["crps"].value == pytest.approx(crps)
    assert scores["rmse"].value == pytest.approx(reference.rmse(whole, ["model"])["model"][0])
    assert scores["mae"].value == pytest.approx(reference.mae(whole, ["model"])["model"][0])


def test_owa_of_the_reference_is_one():
    held = held_out()
    reference_forecasts, _ = forecast(naive2, held.ids, held.history, [HORIZON] * len(held), SEASON, LEVELS)
    assert forecast_scores(held, reference_forecasts, reference_forecasts)["owa"].value == pytest.approx(1.0)
    assert forecast_scores(held, expected_of(held, 1e-6), reference_forecasts)["owa"].value < 0.01


def test_intervals_hold_the_figure_and_shrink_with_more_series():
    widths = []
    for series in (10, 160):
        held = held_out(series)
        score = forecast_scores(held, expected_of(held, 0.5))["mase"]
        assert score.low < score.value < score.high
        widths.append(score.high - score.low)
    assert widths[1] < widths[0] / 2


def test_one_forecast_has_no_interval_and_decides_nothing():
    held = held_out(1)
    good, bad = expected_of(held, 0.01), expected_of(held, 2.0)
    assert forecast_scores(held, good)["mase"].low is None
    verdict = compare_forecasts(held, good, bad, "seasonal naive")
    assert verdict.verdict == "not distinguishable"
    assert verdict.sentence.startswith("Ahead of seasonal naive in one forecast. MASE ")
    assert "can be luck" in verdict.sentence
    assert compare_forecasts(held, bad, good).sentence.startswith("Not ahead of the baseline in one forecast")


def test_more_points_in_time_are_advised_unless_they_were_taken():
    held = held_out(1)
    good, bad = expected_of(held, 0.01), expected_of(held, 2.0)
    assert "(treadle evaluate --rolling)" in compare_forecasts(held, good, bad).evidence
    assert "--rolling" not in compare_forecasts(held, good, bad, rolled=True).evidence


CHANGING, CONSTANT, ALONE = np.arange(20.0), np.full(20, 5.0), np.r_[np.full(19, np.nan), 5.0]
KNOWN, UNKNOWN = np.full(HORIZON, 5.0), np.full(HORIZON, np.nan)


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (
            [(CHANGING, UNKNOWN)],
            "what was forecast has no value in any step, so that there is nothing to compare with.",
        ),
        ([(CONSTANT, UNKNOWN), (CHANGING, UNKNOWN)], "what was forecast has no value in any step, "),
        ([(CONSTANT, KNOWN)] * 2, "its unit, what seasonal naive errs by on the history, is 0: the history repeats"),
        ([(ALONE, KNOWN)], "its unit, what seasonal naive errs by on the history, is unknown: no two values"),
        ([(ALONE, KNOWN), (CONSTANT, KNOWN)], "its unit, what seasonal naive errs by on the history, is 0 or unknown"),
        ([(CONSTANT, KNOWN), (CHANGING, UNKNOWN)], "its unit, what seasonal naive errs by on the history, is 0: the"),
    ],
)
def test_where_mase_has_no_value_the_verdict_says_why(pairs, reason):
    history, truth = map(list, zip(*pairs, strict=True))
    held = HeldOut([f"s{number}" for number in range(len(pairs))], history, truth, SEASON)
    given = Forecasts(held.ids, [np.arange(HORIZON) + 1.0] * len(pairs), (), [np.empty((HORIZON, 0))] * len(pairs))
    verdict = compare_forecasts(held, given, given, "naive")
    assert (verdict.verdict, verdict.claim) == ("not distinguishable", "Not compared with naive")
    assert verdict.evidence.startswith(f"MASE has no value here: {reason}")


def test_the_verdict_on_many_series():
    held = held_out(40)
    good, bad = expected_of(held, 0.1), expected_of(held, 2.0)
    assert compare_forecasts(held, good, bad, "drift").claim == "Better than drift"
    assert compare_forecasts(held, bad, good, "drift").claim == "Worse than drift"
    assert compare_forecasts(held, bad, expected_of(held, 2.0, seed=9)).verdict == "not distinguishable"


def test_forecasts_of_one_series_are_drawn_by_stretch_of_time():
    many = held_out(20)
    one = HeldOut(["a"] * 20, many.history, many.truth, SEASON, [number // 2 for number in range(20)])
    assert len(set(one.units().tolist())) == 10
    assert forecast_scores(one, expected_of(one, 0.5))["mase"].low is not None
    same = HeldOut(["a"] * 20, many.history, many.truth, SEASON, [0] * 20)
    assert forecast_scores(same, expected_of(same, 0.5))["mase"].low is None


def test_series_that_never_change_do_not_count_in_mase():
    held = HeldOut(["a", "b"], [np.ones(9), np.arange(9.0)], [np.array([2.0]), np.array([11.0])], 1)
    given = Forecasts(held.ids, [np.array([1.0]), np.array([9.0])], (), [np.empty((1, 0))] * 2)
    assert np.isnan(window_errors(held, given)[0])
    assert forecast_scores(held, given)["mase"].value == 2.0
    assert forecast_scores(held, given)["mae"].value == 1.5


def test_figures_without_quantiles_name_neither_crps_nor_coverage():
    held = held_out()
    points = expected_of(held, 0.5).point
    bare = Forecasts(held.ids, points, (), [np.empty((HORIZON, 0))] * len(points))
    assert list(forecast_scores(held, bare)) == ["mase", "smape", "rmse", "mae"]


def test_another_number_of_forecasts_is_refused():
    held = held_out()
    with pytest.raises(ValueError, match="9 forecasts and 10 truths"):
        forecast_scores(held, expected_of(held, 1.0).take(range(9)))
