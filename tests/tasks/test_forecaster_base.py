"""What forecasts begin from: the rules of the field, and scikit-learn's ridge regression where that errs less."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from treadle.data.forecasting import Frequency
from treadle.tasks.forecast.base import BASES, base_matrix, fit_base
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


def test_where_a_correction_helps_it_is_that_of_scikit_learn() -> None:
    windows, ahead, place, reach = pairs(400, 1.0)
    name, weights = fit_base(windows, ahead, place, reach, 1)
    rule, strength = name.split(", ridge ")
    before = windows @ base_matrix(rule, 2, 6, 1).T
    error = ahead - before
    alpha = float(strength) * ((windows - windows.mean(0)) ** 2).sum() / 6
    # Columns are freed of their medians there and of their means here, which moves the constant alone.
    expected = before + Ridge(alpha=alpha).fit(windows, error).predict(windows)
    found = windows @ weights.T
    np.testing.assert_allclose(found - found.mean(0), expected - expected.mean(0), atol=1e-8)
    assert np.abs(ahead - found).mean() < 0.8 * np.abs(error).mean()
    np.testing.assert_allclose(weights.sum(1), 1)


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
    assert fit_base(*(part[:9] for part in pairs(400, 1.0)), 1)[0] in BASES
    y = np.tile([1.0, 9.0, 4.0, 2.0], 4)
    windows = np.lib.stride_tricks.sliding_window_view(y, 12)
    mean = windows[:, :8].mean(1, keepdims=True)
    place = np.arange(5) / 5
    assert fit_base(windows[:, :8] - mean, windows[:, 8:] - mean, place, np.full(5, 0.3), 4)[0] == "season"


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
