"""River's own checks of its estimators, and its drift detectors beside ours."""

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

pytest.importorskip("river")

from river import datasets, drift, evaluate, metrics
from river.checks import yield_checks

from treadle.tasks.online.adwin import Adwin
from treadle.tasks.online.drift import PageHinkley
from treadle.tasks.online.estimator import OnlineEstimator
from treadle.tasks.online.regress import OnlineRegressor
from treadle.tasks.online.river import RiverAnomalyDetector, RiverClassifier, RiverForecaster, RiverRegressor


class Transactions:
    """In place of River's set of credit-card fraud, which it would download: thirty features, and some that differ."""

    def __iter__(self) -> Iterator[tuple[dict[str, float], int]]:
        random = np.random.default_rng(0)
        for number in range(400):
            fraud = number % 97 == 96
            values = random.normal(size=30) + 6 * fraud
            yield {f"V{place}": float(value) for place, value in enumerate(values)}, int(fraud)

    def take(self, count: int) -> Iterator[tuple[dict[str, float], int]]:
        return islice(self, count)


def checks() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "CreditCard", Transactions)
        for kind in (RiverRegressor, RiverClassifier, RiverForecaster, RiverAnomalyDetector):
            model = kind(
                hidden_size=4, bptt=64
            )  # a network that is small and learns seldom: it is the form that is held
            for number, check in enumerate(yield_checks(model)):
                yield pytest.param(model, check, id=f"{kind.__name__}-{number}-{check.__name__}")


@pytest.mark.parametrize(("model", "check"), list(checks()))
def test_rivers_own_check(model: Any, check: Callable[[Any], None]) -> None:
    check(model.clone())


def test_a_river_metric_knows_what_kind_of_estimator_it_is() -> None:
    data = [({"a": math.sin(t)}, math.sin(t - 1)) for t in range(600)]
    found = evaluate.progressive_val_score(data, RiverRegressor(hidden_size=4), metrics.MAE())
    model, errors = OnlineRegressor(hidden_size=4), []
    for x, y in data:
        errors.append(abs(model.predict_one(x) - y))
        model.learn_one(x, y)
    assert found.get() == pytest.approx(np.mean(errors))


def streams() -> dict[str, np.ndarray]:  # type: ignore[type-arg]  # of a test
    random = np.random.default_rng(3)
    parts = [random.normal(0.2, 0.1, 3000), random.normal(0.5, 0.2, 2500), random.normal(0.1, 0.05, 2500)]
    heavy = 0.2 * random.standard_t(3, size=6000) ** 2
    return {"steps": np.concatenate(parts), "heavy": heavy, "steady": random.random(3000)}


@pytest.mark.parametrize("name", ["steps", "heavy", "steady"])
def test_adwin_finds_what_rivers_finds(name: str) -> None:
    ours, theirs = Adwin(), drift.ADWIN()
    found, expected = [], []
    for step, value in enumerate(streams()[name]):
        if ours.update(value):
            found.append((step, ours.rose))
        theirs.update(float(value))
        if theirs.drift_detected:
            expected.append(step)
    assert [step for step, _ in found] == expected
    if name == "steps":
        assert [rose for _, rose in found] == [True, False]
    assert sum(map(len, ours.rows)) <= 6 * (1 + math.log2(6000))  # memory of the order of log n


@pytest.mark.parametrize("name", ["steps", "heavy", "steady"])
def test_page_hinkley_finds_what_rivers_finds(name: str) -> None:
    ours, theirs = PageHinkley(threshold=20), drift.PageHinkley(threshold=20, mode="up")
    found, expected = [], []
    for step, value in enumerate(streams()[name]):
        if ours.update(value):
            found.append(step)
        theirs.update(float(value))
        if theirs.drift_detected:
            expected.append(step)
    assert found == expected


def drifting(model: OnlineEstimator, steps: int = 3000) -> np.ndarray:  # type: ignore[type-arg]  # of a test
    """Errors on a target whose law turns round in the middle."""
    random, errors = np.random.default_rng(0), []
    for t in range(steps):
        x = random.normal(size=2)
        y = float(x @ [2.0, -1.0] if t < steps // 2 else x @ [-2.0, 1.0])
        errors.append(abs(model.predict_one(x) - y))  # type: ignore[attr-defined]
        model.learn_one(x, y)  # type: ignore[attr-defined]
    return np.array(errors)


@pytest.mark.parametrize("detector", ["adwin", "page-hinkley"])
def test_a_drift_is_found_once_and_learnt_faster_than_without(detector: str) -> None:
    slow = {"hidden_size": 4, "learning_rate": 2e-3}
    watched, blind = (
        OnlineRegressor(drift=detector, drift_factor=8.0, drift_steps=2000, **slow),
        OnlineRegressor(**slow),
    )
    fast, usual = drifting(watched), drifting(blind)
    assert watched.drifts_ == 1
    assert blind.drifts_ == 0
    np.testing.assert_array_equal(fast[:1500], usual[:1500])
    assert fast[2000:].mean() < 0.7 * usual[2000:].mean()


def test_a_drift_may_reset_the_network() -> None:
    model = OnlineRegressor(hidden_size=4, drift="page-hinkley", on_drift="reset")
    errors = drifting(model)
    assert model.drifts_ == 1
    assert model.steps_ == 3000
    assert model._learner is not None
    assert model._learner.updates < 1500 // 16 + 1  # of the network that came after the drift
    assert errors[-200:].mean() < 0.5
