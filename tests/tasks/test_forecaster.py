"""A forecaster: what it learns, what its forecasts do not depend on, and what it refuses."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone

import treadle
from treadle.data.forecasting import Frequency, Panel
from treadle.errors import InputError
from treadle.evaluation.forecasting import mase
from treadle.tasks.forecast import Forecaster

SMALL: dict[str, Any] = {
    "horizon": 4, "season": 6, "lookback": 12, "hidden_size": 6, "epochs": 2, "learning_rate": 0.01, "seed": 3,
    "transform": "none", "device": "cpu", "batch_size": 4,
}  # fmt: skip

DAY = np.datetime64("2024-03-01T00:00:00")


def waves(lengths: tuple[int, ...] = (60, 48), seed: int = 0, step: str = "step") -> Panel:
    """Noisy waves of season six, of different lengths and levels."""
    random = np.random.default_rng(seed)
    values = [20 * k + 3 * np.sin(np.arange(n) * np.pi / 3) + random.normal(size=n) for k, n in enumerate(lengths, 1)]
    starts = [DAY if step != "step" else 0] * len(lengths)
    return Panel([f"s{k}" for k in range(len(lengths))], list(starts), values, Frequency(step))


def model(**options: Any) -> Forecaster:
    return Forecaster(**(SMALL | options))


def with_values(panel: Panel, values: list[np.ndarray]) -> Panel:
    return Panel(panel.ids, panel.starts, values, panel.frequency)


def everything(found: Any) -> np.ndarray:
    return np.concatenate([np.stack(found.point)[..., None], np.stack(found.quantiles)], -1)


def test_it_beats_seasonal_naive_on_a_wave_with_a_trend() -> None:
    time = np.arange(160)
    y = 0.3 * time + 5 * np.sin(time * np.pi / 6) + np.random.default_rng(0).normal(size=160)
    taught = Forecaster(horizon=12, season=12, epochs=8, hidden_size=16, transform="none").fit({"y": y[:-12]})
    error = mase(y[-12:], taught.predict()["y"], y[:-12], 12)
    naive = mase(y[-12:], y[-24:-12], y[:-12], 12)
    assert error < 0.6 * naive


@pytest.mark.parametrize("output", ["quantiles", "gaussian", "student-t"])
@pytest.mark.parametrize("mode", ["direct", "autoregressive"])
def test_a_series_in_another_unit_is_forecast_in_that_unit(mode: str, output: str) -> None:
    panel = waves()
    moved = with_values(panel, [1000 * one + 5 for one in panel.values])
    first = everything(
        model(mode=mode, output=output, conformal=mode == "direct").fit_panel(panel).predict_panel(panel)
    )
    other = everything(
        model(mode=mode, output=output, conformal=mode == "direct").fit_panel(moved).predict_panel(moved)
    )
    np.testing.assert_allclose(other, 1000 * first + 5, rtol=2e-4)


@pytest.mark.parametrize("mode", ["direct", "autoregressive"])
def test_a_level_far_above_the_movement_hides_nothing(mode: str) -> None:
    """Of twelve digits before the point, single precision keeps seven."""
    panel = waves()
    high = with_values(panel, [1e12 + one for one in panel.values])
    taught = model(mode=mode, refit=False)
    first = everything(taught.fit_panel(panel).predict_panel(panel))
    np.testing.assert_allclose(everything(taught.fit_panel(high).predict_panel(high)) - 1e12, first, atol=0.05)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "direct"},
        {"mode": "direct", "levels": (0.025, 0.4, 0.975), "conformal": True},
        {"mode": "autoregressive"},
        {"mode": "autoregressive", "output": "gaussian"},
        {"output": "student-t", "levels": (0.05, 0.5, 0.95)},
    ],
    ids=str,
)
def test_quantiles_rise_and_hold_the_point(options: dict[str, Any]) -> None:
    taught = model(**options).fit_panel(waves())
    for panel in (waves(), waves(seed=9)):
        found = taught.predict_panel(panel)
        table = np.stack(found.quantiles)
        assert (np.diff(table, axis=-1) >= 0).all()
        inner = [np.stack(found.point) >= table[..., 0], np.stack(found.point) <= table[..., -1]]
        assert np.all(inner)
        drawn = taught.sample(panel, paths=300, seed=1)
        below = (drawn < table[None, ..., -1]).mean()
        assert abs(below - taught.levels[-1]) < (0.2 if options.get("conformal") else 0.05)


def test_seeds_decide_everything() -> None:
    one, same, other = (model(seed=seed).fit_panel(waves()) for seed in (1, 1, 2))
    assert np.array_equal(everything(one.predict_panel(waves())), everything(same.predict_panel(waves())))
    assert not np.array_equal(everything(one.predict_panel(waves())), everything(other.predict_panel(waves())))
    assert np.array_equal(one.sample(paths=5, seed=7), same.sample(paths=5, seed=7))
    assert not np.array_equal(one.sample(paths=5, seed=7), one.sample(paths=5, seed=8))


def test_who_else_is_in_the_panel_changes_no_forecast() -> None:
    panel = waves((60, 48, 31))
    taught = model().fit_panel(panel)
    together = everything(taught.predict_panel(panel))
    for number in range(3):
        np.testing.assert_allclose(
            everything(taught.predict_panel(panel.take([number])))[0], together[number], rtol=1e-5
        )


def test_many_origins_at_once_are_forecast_as_one_by_one() -> None:
    panel = waves((60, 50))
    taught = model().fit_panel(panel)
    origins = [[20, 33, 60], [19, 40, 50]]
    for k, found in enumerate(taught.predict_origins(panel, origins, 3)):
        alone = taught.predict_panel(panel.until([one[k] for one in origins]), 3)
        np.testing.assert_allclose(everything(found), everything(alone), rtol=1e-5)


def test_a_missing_value_counts_neither_as_target_nor_as_any_number() -> None:
    """Its place is filled from the season before, and the network is told; the loss leaves it out."""
    panel = waves()
    holes = with_values(panel, [one.copy() for one in panel.values])
    holes.values[0][[30, 57]] = np.nan
    taught = model(output="gaussian").fit_panel(panel)
    nats = taught.log_likelihoods(holes)[0]
    assert np.flatnonzero(np.isnan(nats)).tolist() == [0, 30, 57]
    assert np.array_equal(nats[1:30], taught.log_likelihoods(panel)[0][1:30])
    filled = with_values(panel, [one.copy() for one in holes.values])
    filled.values[0][[30, 57]] = holes.values[0][[24, 51]]
    windows, other = taught.features_.encode(holes), taught.features_.encode(filled)
    for name in ("filled", "level", "scale", "known"):
        assert torch.equal(getattr(windows, name), getattr(other, name))
    at = int(windows.first[0])
    told = (windows.other != other.other).nonzero().tolist()
    assert told == [[at + 30, 0], [at + 57, 0]]  # the mask of these two steps, and nothing else


def test_holes_in_training_are_no_targets() -> None:
    holes = waves()
    holes.values[0][10:14] = np.nan
    holes.values[1][:7] = np.nan
    found = everything(model().fit_panel(holes).predict_panel(holes))
    assert np.isfinite(found).all()


@pytest.mark.parametrize("output", ["gaussian", "student-t", "negative-binomial"])
def test_the_teacher_forced_likelihood_is_the_sum_of_one_step_likelihoods(output: str) -> None:
    """E11: each value's density is that of the forecast made just before it."""
    from scipy import stats

    panel = waves((40, 30))
    if output == "negative-binomial":
        panel = with_values(panel, [np.round(np.abs(one)) for one in panel.values])
    taught = model(output=output, mode="autoregressive").fit_panel(panel)
    for number, nats in enumerate(taught.log_likelihoods(panel)):
        alone = []
        for known in range(2, len(nats)):
            part = panel.take([number]).until([known])
            both = panel.take([number]).until([known + 1])
            alone.append(taught.log_likelihoods(both)[0][known])
            if output == "gaussian" and known % 10 == 0:  # and as SciPy has it, from two quantiles of the forecast
                low, high = taught.predict_panel(part).quantiles[0][0][[0, -1]]
                sigma = (high - low) / (stats.norm.ppf(0.9) - stats.norm.ppf(0.1))
                expected = stats.norm.logpdf(both.values[0][known], (low + high) / 2, sigma)
                assert nats[known] == pytest.approx(expected, rel=1e-3)
        assert math.fsum(alone) == pytest.approx(nats[2:].sum(), rel=1e-5)


def test_conformal_intervals_cover_what_they_say_where_the_network_is_wrong() -> None:
    """Noise grows tenfold where dev begins; quantiles of training alone would be far too narrow."""
    random = np.random.default_rng(1)
    n = 400
    y = random.normal(size=n) * np.where(np.arange(n) < 300, 1.0, 10.0)
    before, after = with_values(waves((n,)), [y]).until([300]), y[300:]
    dev = Panel(["s0"], [300], [after[:80]], Frequency("step"))
    covered = {}
    for conformal in (False, True):
        taught = model(conformal=conformal, season=1, horizon=2, scaling="none").fit_panel(before, dev)
        whole = with_values(waves((n,)), [y])
        found = taught.predict_origins(whole, [list(range(380, 398))])
        inside = [
            (one.quantiles[0][:, 0] <= y[o : o + 2]) & (y[o : o + 2] <= one.quantiles[0][:, -1])
            for o, one in zip(range(380, 398), found, strict=True)
        ]
        covered[conformal] = np.mean(inside)
    assert covered[False] < 0.4 < 0.6 < covered[True]


@pytest.mark.parametrize("options", [{}, {"mode": "autoregressive", "cell": "gru"}, {"conformal": True}])
def test_a_saved_model_says_the_same(tmp_path: Path, options: dict[str, Any]) -> None:
    panel = waves(step="day")
    first = model(**options).fit_panel(panel)
    first.save(tmp_path)
    again = treadle.load(tmp_path)
    assert type(again) is Forecaster
    assert again.get_params() == first.get_params()
    assert np.array_equal(everything(again.predict_panel(panel)), everything(first.predict_panel(panel)))
    assert np.array_equal(again.sample(panel, paths=3), first.sample(panel, paths=3))
    with pytest.raises(InputError, match="a model that was loaded has no series of its own"):
        again.predict()


def test_a_clone_has_the_arguments_and_no_memory() -> None:
    taught = model(horizon=2).fit_panel(waves())
    copy = clone(taught)
    assert copy.get_params() == taught.get_params()
    assert not hasattr(copy, "network_")
    with pytest.raises(InputError, match="Forecaster has no argument 'horison'; did you mean 'horizon'"):
        Forecaster(horison=3)


def test_a_frame_is_continued_as_a_frame() -> None:
    days = pd.date_range("2024-03-01", periods=40)
    columns = {"unique_id": ["a"] * 40, "ds": days, "y": np.random.default_rng(0).normal(size=40)}
    frame = pd.DataFrame(columns)
    taught = model(season=7, lookback=14).fit(frame)
    found = taught.predict(frame, horizon=3)
    assert isinstance(found, pd.DataFrame)
    assert list(found.columns) == ["unique_id", "ds", "y", *(f"y_{k}0" for k in range(1, 10))]
    assert found["ds"].tolist() == pd.date_range("2024-04-10", periods=3).tolist()
    assert (found["y"] == found["y_50"]).all()
    other = taught.predict(pl.DataFrame(frame), horizon=3)
    assert isinstance(other, pl.DataFrame)
    assert np.allclose(other["y_90"].to_numpy(), found["y_90"])
    plain = taught.predict(horizon=3)
    assert plain["ds"] == ["2024-04-10", "2024-04-11", "2024-04-12"]
    assert taught.score(frame) <= 0


def test_an_autoregressive_model_goes_on_beyond_its_horizon_and_a_direct_one_refuses() -> None:
    panel = waves()
    assert model(mode="autoregressive").fit_panel(panel).predict_panel(panel, 9).point[0].shape == (9,)
    with pytest.raises(InputError, match="trained to forecast 4 steps, found a horizon of 9; train it with this"):
        model().fit_panel(panel).predict_panel(panel, 9)


@pytest.mark.parametrize("mode", ["direct", "autoregressive"])
def test_draws_do_not_depend_on_who_else_is_asked_about(mode: str) -> None:
    panel = waves((60, 48, 40))
    taught = model(mode=mode).fit_panel(panel)
    turned = panel.take([2, 0, 1])
    np.testing.assert_allclose(taught.sample(turned, paths=5), taught.sample(panel, paths=5)[:, [2, 0, 1]], rtol=1e-5)
    alone = everything(taught.predict_panel(panel.take([2])))[0]
    np.testing.assert_allclose(alone, everything(taught.predict_panel(panel))[2], rtol=1e-5)
    same = taught.sample(panel, paths=200)
    assert abs(np.corrcoef(same[:, 0, 0], same[:, 1, 0])[0, 1]) < 0.3, "draws of two series are not the same"


def test_every_cell_forecasts() -> None:
    panel = waves((40,))
    for cell in ("elman", "min-gru", "clockwork"):
        assert np.isfinite(everything(model(cell=cell, epochs=1).fit_panel(panel).predict_panel(panel))).all()


def test_a_constant_series_stays_constant() -> None:
    panel = with_values(waves(), [waves().values[0], np.full(48, 7.0)])
    found = model().fit_panel(panel).predict_panel(panel)
    np.testing.assert_allclose(found.quantiles[1], 7.0)


def test_transforms_are_found_and_undone() -> None:
    time = np.arange(96)
    y = np.exp(time / 30) * (10 + 3 * np.sin(time * np.pi / 6))
    taught = model(transform="auto", season=12, lookback=24).fit({"y": y})
    assert taught.features_.transform == "log"
    found = np.stack(taught.predict_panel(taught.panel_).quantiles)
    assert (found > 0).all()
    with pytest.raises(InputError, match=r"series .*: found -1, expected a value above 0, as the model reads the log"):
        taught.predict({"y": [*y[:40].tolist(), -1.0]})
    assert model(transform="auto").fit_panel(waves()).features_.transform == "none"


def test_counts_are_forecast_as_counts() -> None:
    random = np.random.default_rng(0)
    y = random.poisson(3, size=80).astype(float)
    taught = model(output="negative-binomial").fit({"y": y})
    found = taught.predict_panel(taught.panel_)
    assert np.array_equal(np.round(found.quantiles[0]), found.quantiles[0])
    assert found.quantiles[0].min() >= 0
    with pytest.raises(InputError, match=r"found 1\.5, expected a count: 0, 1, 2"):
        taught.predict({"y": [1.0, 2.0, 1.5]})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"levels": (0.9, 0.1)}, "levels is .*, expected rising probabilities between 0 and 1"),
        ({"mode": "recursive"}, "mode is 'recursive', expected 'direct' or 'autoregressive'"),
        ({"horizon": 0}, "horizon is 0"),
        ({"conformal": True, "mode": "autoregressive"}, "conformal calibration needs mode 'direct'"),
        ({"output": "negative-binomial", "transform": "log"}, "counts are not transformed"),
        ({"cell": "lstmm"}, "there is no cell 'lstmm'; did you mean 'lstm'"),
    ],
)
def test_arguments_out_of_range_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        model(**options).fit_panel(waves())


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda taught: taught.predict(horizon=1.5), "horizon is 1.5, expected a whole number from 1"),
        (lambda taught: taught.predict(horizon="x"), "horizon is 'x', expected a whole number from 1"),
        (lambda taught: taught.predict(horizon=True), "horizon is True, expected a whole number from 1"),
        (lambda taught: taught.predict(horizon=0), "horizon is 0, expected a whole number from 1"),
        (lambda taught: taught.sample(paths="x"), "paths is 'x', expected a whole number from 1"),
        (lambda taught: taught.sample(paths=0), "paths is 0, expected a whole number from 1"),
        (lambda taught: taught.sample(paths=2, horizon=1.5), "horizon is 1.5, expected a whole number from 1"),
    ],
)
def test_horizon_and_paths_are_whole_numbers(call: Any, sentence: str) -> None:
    taught = model(epochs=1).fit_panel(waves((40,)))
    with pytest.raises(InputError) as caught:
        call(taught)
    assert str(caught.value) == sentence
    assert len(taught.predict(horizon=np.int64(2))["y"]) == 2


def test_a_list_of_numpys_numbers_is_learnt_and_later_data_lies_on_the_same_grid() -> None:
    days = [str(day) for day in np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")]
    values = list(np.arange(60.0) / 2)
    taught = model(epochs=1).fit({"ds": days, "y": values})
    halves = [f"{day} {clock}:00" for day in days[:20] for clock in ("00", "12")]
    for call in (taught.predict, taught.score):
        with pytest.raises(
            InputError, match="2024-01-01 12:00:00 falls into one step of 1 day with 2024-01-01 at row 0"
        ):
            call({"ds": halves, "y": values[:40]})
    moved = model(epochs=1, frequency="day", duplicates="mean").fit({"ds": halves, "y": values[:40]})
    assert moved.predict({"ds": halves, "y": values[:40]})["ds"][0] == "2024-01-21"


def test_series_that_are_too_short_are_named() -> None:
    with pytest.raises(
        InputError, match=r"series 's0': the longest series has 2 steps to learn from, expected at least"
    ):
        model().fit_panel(waves((2,)))


@pytest.mark.parametrize("levels", [0.5, "abc", [0.5, "a"]])
def test_levels_are_a_list_of_numbers(levels) -> None:
    with pytest.raises(InputError, match=r"^levels (is|holds) .*, expected "):
        Forecaster(levels=levels).check_arguments()


def test_levels_may_be_an_array() -> None:
    Forecaster(levels=np.array([0.1, 0.5])).check_arguments()


@pytest.mark.parametrize("options", [{}, {"transform": "log"}, {"scaling": "series"}, {"output": "student-t"}])
def test_intervals_of_a_series_that_has_hardly_begun_are_as_wide_as_usual(options: dict[str, Any]) -> None:
    random = np.random.default_rng(0)

    def series(steps: int) -> dict[str, Any]:
        level = random.uniform(20, 200)
        y = level * np.exp(0.1 * random.normal(size=steps))
        return {"unique_id": ["new"] * steps, "ds": list(range(steps)), "y": y.tolist()}

    many = [series(40) | {"unique_id": [f"{number}"] * 40} for number in range(30)]
    training = {name: [cell for one in many for cell in one[name]] for name in many[0]}
    taught = model(horizon=2, epochs=8, season=1, **options).fit(training)
    widths, hits = {}, []
    for steps in (1, 2, 3, 40):
        found, share = [], 0.0
        for _ in range(30):
            given = series(steps + 2)
            before = {name: cells[:steps] for name, cells in given.items()}
            answer = taught.predict(before)
            lower, upper, truth = np.array(answer["y_10"]), np.array(answer["y_90"]), np.array(given["y"][steps:])
            found.append(float(((upper - lower) / truth).mean()))
            share += float(((lower <= truth) & (truth <= upper)).mean()) / 30
        widths[steps] = np.mean(found)
        hits.append(share)
    assert all(0.5 * widths[40] < widths[steps] < 2 * widths[40] for steps in (1, 2, 3))
    assert min(hits) > 0.5
