"""What forecasts begin from: the rules of the field, scikit-learn's ridge regression, and shares of both."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from treadle.data.forecasting import Frequency
from treadle.tasks.forecast import base, blend
from treadle.tasks.forecast.base import BASES, Corrections, Rule, base_matrix, iterated
from treadle.tasks.forecast.blend import describe_base, fit_base, refit_base
from treadle.tasks.forecast.settings import choose_lookback
from treadle.tasks.forecast.transform import choose_transform

WINDOW = np.array([1.0, 5.0, 3.0, 2.0, 6.0, 4.0])  # two seasons of three


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("last", [4, 4, 4, 4]),
        ("level", [4, 4, 4, 4]),
        ("season", [2, 6, 4, 2]),
        ("profile", [1.5 + 0.5, 5.5 + 0.5, 3.5 + 0.5, 1.5 + 0.5]),
        ("season-drift", [3, 7, 5, 4]),
    ],
)
def test_rules_by_hand(name: str, expected: list[float]) -> None:
    weights = base_matrix(name, 4, 6, 3)
    np.testing.assert_allclose(weights @ WINDOW, expected)
    np.testing.assert_allclose(weights.sum(1), 1)
    assert name in BASES


def pairs(rows: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Windows of an autoregression of a second order, less their means, and two steps ahead."""
    random = np.random.default_rng(0)
    y = np.zeros(rows + 10)
    for t in range(2, len(y)):
        y[t] = 1.6 * y[t - 1] - 0.8 * y[t - 2] + noise * random.normal()
    windows = np.lib.stride_tricks.sliding_window_view(y, 8)[:rows]
    mean = windows[:, :6].mean(1, keepdims=True)
    return windows[:, :6] - mean, windows[:, 6:] - mean, np.arange(rows) / rows, np.full(rows, 2 / rows)


def test_a_correction_is_that_of_scikit_learn() -> None:
    windows, ahead, *_ = pairs(400, 1.0)
    before = windows @ base_matrix("last", 2, 6, 1).T
    error = ahead - before
    alpha = 0.3 * ((windows - windows.mean(0)) ** 2).sum() / 6
    # Columns are freed of their medians there and of their means here, which moves the constant alone.
    expected = before + Ridge(alpha=alpha).fit(windows, error).predict(windows)
    weights = Corrections(windows, ahead, 1).weights(Rule("last", 0.3))
    found = windows @ weights.T
    np.testing.assert_allclose(found - found.mean(0), expected - expected.mean(0), atol=1e-8)
    np.testing.assert_allclose(weights.sum(1), 1)


def test_an_autoregression_is_the_next_step_again_and_again() -> None:
    """That of scikit-learn on the last two values, whose forecast is read as if it had been seen."""
    random = np.random.default_rng(3)
    y = np.zeros(500)
    for t in range(2, len(y)):
        y[t] = 1.6 * y[t - 1] - 0.8 * y[t - 2] + random.normal()
    seen = np.lib.stride_tricks.sliding_window_view(y, 12)
    windows, ahead = seen[:, :6], seen[:, 6:]
    step = base_matrix("last", 1, 6, 1)[0]
    x, error = windows[:, -2:], ahead[:, 0] - windows @ step
    step[-2:] += Ridge(alpha=0.1 * ((x - x.mean(0)) ** 2).sum() / 2).fit(x, error).coef_
    weights = Corrections(windows, ahead, 1).weights(Rule("last", 0.1, lags=2))
    path = list(windows[0] - windows[0].mean())
    for _ in range(6):
        path.append(step @ path[-6:])
    np.testing.assert_allclose(weights @ (windows[0] - windows[0].mean()), path[6:], atol=1e-10)
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_array_equal(iterated(np.array([0.0, 0.0, 1.0]), 4), np.tile([0, 0, 1], (4, 1)))


def test_an_autoregression_that_runs_away_has_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    y = 1.3 ** np.arange(60)
    seen = np.lib.stride_tricks.sliding_window_view(y / y.max(), 36)
    mean = seen[:, :6].mean(1, keepdims=True)
    windows, ahead, away = seen[:, :6] - mean, seen[:, 6:] - mean, Rule("last", 1e-6, lags=2)
    assert Corrections(windows, ahead, 1).weights(away) is None
    assert np.array_equal(refit_base(str(away), windows, ahead, 1), base_matrix("last", 30, 6, 1))
    chosen, _ = fit_base(*pairs(400, 1.0), 1)
    assert "autoregression" in chosen
    monkeypatch.setattr(base, "MOST_GROWTH", 0.0)
    chosen, _ = fit_base(*pairs(400, 1.0), 1)
    assert "autoregression" not in chosen


@pytest.mark.parametrize("rule", [Rule("season-drift"), Rule("last", 0.003), Rule("profile", 0.01, 13)])
def test_a_rule_is_read_as_it_was_written(rule: Rule) -> None:
    assert Rule.parse(str(rule)) == rule
    with pytest.raises(ValueError, match="is no rule"):
        Rule.parse(f"{rule}, twice")


def test_rules_have_shares_by_what_they_err_by() -> None:
    windows, ahead, place, reach = pairs(400, 1.0)
    chosen, weights = fit_base(windows, ahead, place, reach, 1)
    shares = {rule: float(share) for share, rule in (one.split(" ", 1) for one in chosen.split(" + "))}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    first, last = place + 2 / 400 < 0.75, place >= 0.75
    before = Corrections(windows[first], ahead[first], 1)

    def error(rule: str) -> float:
        found = before.weights(Rule.parse(rule)).T
        always = np.median(ahead[first] - windows[first] @ found, 0)
        return float(np.abs(ahead[last] - windows[last] @ found - always).mean())

    (one, its), (other, of_it) = sorted(shares.items(), key=lambda item: item[1])[:: len(shares) - 1]
    least = min(map(error, shares))
    assert np.log(its / of_it) == pytest.approx(-10 * (error(one) - error(other)) / least, rel=0.01)
    parts = [share * Corrections(windows, ahead, 1).weights(Rule.parse(rule)) for rule, share in shares.items()]
    np.testing.assert_allclose(weights, sum(parts) / sum(shares.values()))
    np.testing.assert_array_equal(weights, refit_base(chosen, windows, ahead, 1))
    plain = np.abs(ahead - windows @ base_matrix("last", 2, 6, 1).T).mean()
    assert np.abs(ahead - windows @ weights.T).mean() < 0.8 * plain
    assert describe_base(chosen).endswith(f" and {len(shares) - 1} more")


def test_of_random_walks_nothing_is_learnt_that_costs_anything() -> None:
    random = np.random.default_rng(1)
    found, last = [], []
    for _ in range(20):
        seen, fresh = (
            np.lib.stride_tricks.sliding_window_view(np.cumsum(random.normal(size=300)), 8) for _ in range(2)
        )
        mean = seen[:, :6].mean(1, keepdims=True)
        _, weights = fit_base(seen[:, :6] - mean, seen[:, 6:] - mean, np.arange(293) / 293, np.full(293, 0.01), 1)
        found.append(np.abs(fresh[:, 6:] - fresh[:, :6] @ weights.T).mean())
        last.append(np.abs(fresh[:, 6:] - fresh[:, 5:6]).mean())
    assert np.mean(found) < 1.03 * np.mean(last)


def test_of_too_little_a_rule_stays_as_it_is() -> None:
    few = fit_base(*(part[:9] for part in pairs(400, 1.0)), 1)[0]
    assert {one.split(" ")[-1] for one in few.split(" + ")} <= set(BASES)
    y = np.tile([1.0, 9.0, 4.0, 2.0], 4)
    windows = np.lib.stride_tricks.sliding_window_view(y, 12)
    mean = windows[:, :8].mean(1, keepdims=True)
    place = np.arange(5) / 5
    chosen, weights = fit_base(windows[:, :8] - mean, windows[:, 8:] - mean, place, np.full(5, 0.3), 4)
    assert {one.split(" ")[-1] for one in chosen.split(" + ")} == {"season", "profile", "season-drift"}
    np.testing.assert_allclose((windows[:, :8] - mean) @ weights.T, windows[:, 8:] - mean, atol=1e-12)


def test_where_no_rule_can_be_measured_it_is_the_simplest() -> None:
    windows, ahead, place, reach = pairs(400, 1.0)
    assert fit_base(windows, np.full_like(ahead, np.nan), place, reach, 1)[0] == "last"
    ahead[place < 0.75, 0] = np.nan  # what always goes wrong with the one step is not known, and the other has no truth
    ahead[place >= 0.75, 1] = np.nan
    assert fit_base(windows, ahead, place, reach, 1)[0] == "last"


def test_of_no_windows_at_all_it_is_the_simplest() -> None:
    """As of a series that never changes; a mean of nothing would warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen, weights = fit_base(np.empty((0, 6)), np.empty((0, 2)), np.empty(0), np.empty(0), 1)
    assert chosen == "last"
    np.testing.assert_array_equal(weights, base_matrix("last", 2, 6, 1))


def test_rules_are_compared_on_all_phases_of_a_season(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more windows than are compared, every fourth would show one phase of four: a season of noise, exactly."""
    y = np.tile(np.random.default_rng(4).normal(size=4), 2500) + 0.01 * np.random.default_rng(5).normal(size=10_000)
    seen = np.lib.stride_tricks.sliding_window_view(y, 9)[:9600]
    mean = seen[:, :8].mean(1, keepdims=True)
    windows, ahead = seen[:, :8] - mean, seen[:, 8:] - mean
    first = np.arange(len(seen)) < 8000 - 400
    found = blend._error(base_matrix("last", 1, 8, 4), windows, ahead, first, ~first)
    monkeypatch.setattr(blend, "MOST", 10_000)
    assert found == pytest.approx(blend._error(base_matrix("last", 1, 8, 4), windows, ahead, first, ~first), rel=0.02)


def test_lookback_holds_what_the_horizon_and_the_calendar_ask_for() -> None:
    assert choose_lookback(Frequency("month"), 12, 24, 120) == 24
    assert choose_lookback(Frequency("month"), 129, 132, 2688) == 258
    assert choose_lookback(Frequency("hour"), 24, 24, 8640) == 336
    assert choose_lookback(Frequency("hour"), 24, 24, 100) == 48
    assert choose_lookback(Frequency("hour"), 24, 80, 100) == 48
    assert choose_lookback(Frequency("step"), 1, 80, 100) == 33
    assert choose_lookback(Frequency("step"), 1, 4, 60) == 12


def test_a_spread_that_grows_with_the_level_asks_for_a_transform() -> None:
    random = np.random.default_rng(0)
    level = np.linspace(20, 400, 240)
    noise = random.normal(size=240)
    assert choose_transform([level + 5 * noise], 12) == "none"
    assert choose_transform([level + np.sqrt(level) * noise], 12) == "sqrt"
    assert choose_transform([level * np.exp(0.3 * noise)], 12) == "log"
    assert choose_transform([level * np.exp(0.3 * noise) - 100], 12) == "none"
