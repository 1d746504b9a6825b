"""Anomalies: found where they were put, told as a probability that holds, whatever the noise."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import stats

from treadle.errors import InputError
from treadle.evaluation.anomalies import LabelledScores, nab_score
from treadle.evaluation.baselines.anomalies import RollingZScore
from treadle.tasks.detect import AnomalyDetector, RunningTail

NOISES: dict[str, Any] = {
    "exponential": stats.expon(),
    "Student's t, 3 degrees": stats.t(3),
    "log-normal": stats.lognorm(1.0),
}


@pytest.mark.parametrize("name", NOISES)
def test_one_number_in_a_thousand_is_that_unusual(name: str) -> None:
    tail, found = RunningTail(1000), []
    for number in np.abs(NOISES[name].rvs(size=25_000, random_state=np.random.default_rng(7))):
        found.append(tail.probability(number))
        tail.update(number)
    unusual = np.array(found[1000:])
    assert np.mean(unusual <= 0.1) == pytest.approx(0.1, rel=0.1)
    assert np.mean(unusual <= 0.01) == pytest.approx(0.01, rel=0.3)
    assert 0.4e-3 < np.mean(unusual <= 1e-3) < 2.5e-3


def test_the_tail_goes_on_where_the_window_ends() -> None:
    tail = RunningTail(2000)
    for number in stats.expon().rvs(size=4000, random_state=np.random.default_rng(1)):
        tail.update(number)
    # Twelve has not come in 2,000 numbers; one in 160,000 is as large.
    assert tail.probability(12.0) == pytest.approx(math.exp(-12), rel=1.5)
    told = [tail.probability(number) for number in np.linspace(0, 40, 400)]
    assert told == sorted(told, reverse=True)
    assert tail.probability(1e9) > 0


def test_a_tail_of_equal_numbers_and_one_of_too_few() -> None:
    tail = RunningTail(500)
    for _ in range(60):
        assert tail.probability(5.0) == 1.0
        tail.update(0.0)
    for _ in range(300):
        tail.update(0.0)
    assert tail.probability(0.0) == 1.0
    assert tail.probability(0.1) < 1e-6


def wave(steps: int, noise: Callable[[], float], places: tuple[int, ...] = ()) -> np.ndarray:  # type: ignore[type-arg]
    """A wave that lies flat for 40 steps at every place: each value is usual, and what follows what is not."""
    y = np.array([3 * math.sin(t / 6) + 0.2 * noise() for t in range(steps)])
    for place in places:
        y[place : place + 40] = 3 * math.sin(place / 6) + 0.2 * np.array([noise() for _ in range(40)])
    return y


def test_what_a_threshold_on_values_cannot_find() -> None:
    random = np.random.default_rng(5)
    places = (1600, 2300)
    series = wave(2700, random.normal, places)
    detector, baseline = AnomalyDetector(hidden_size=16), RollingZScore()
    windows = [(place - 20, place + 60) for place in places]
    ours, simple = (
        nab_score([LabelledScores(np.array(scores), windows)]).score
        for scores in ([detector.step(y)["score"] for y in series], [baseline.step(y) for y in series])
    )
    assert ours > 60
    assert simple < 30


def test_alarms_come_no_more_often_than_was_asked_for() -> None:
    random = np.random.default_rng(3)
    detector = AnomalyDetector(hidden_size=4, rest=0, false_alarm_rate=0.01)
    alarms = [detector.step(y)["anomaly"] for y in wave(4000, lambda: random.standard_t(4))]
    assert 0.002 < np.mean(alarms[1500:]) < 0.02


def test_an_episode_is_told_once() -> None:
    random = np.random.default_rng(3)
    series = wave(1600, random.normal)
    series[1500:1550] += 15
    alarms = {}
    for rest in (0, 150):
        detector = AnomalyDetector(hidden_size=4, rest=rest)
        found = [detector.step(y)["anomaly"] for y in series]
        assert any(found[1500:1510])
        alarms[rest] = sum(found[1500:1560])
    assert 1 <= alarms[150] < alarms[0]


def test_scoring_changes_nothing_and_a_step_is_score_and_learning_at_once() -> None:
    one, other = AnomalyDetector(hidden_size=4), AnomalyDetector(hidden_size=4)
    for t in range(150):
        x = {"a": math.sin(t), "b": math.cos(3 * t), "when": datetime(2026, 1, 1) + timedelta(minutes=5 * t)}
        expected = other.score_one(x)
        other.score_one(x | {"a": 50.0})
        other.learn_one(x)
        assert one.step(x)["score"] == expected
    assert one.snapshot() == other.snapshot()


def test_one_channel_of_several_and_a_known_feature() -> None:
    random = np.random.default_rng(4)
    detector = AnomalyDetector(hidden_size=8, known=("load",))

    def step(t: int, **others: float) -> dict[str, float]:
        load = float(t % 10)
        return {"load": load, "heat": 2 * load + 0.1 * random.normal(), "hum": 100 + 5 * random.normal(), **others}

    for t in range(1500):
        detector.learn_one(step(t))
    assert detector.score_one(step(1500)) < 0.99
    assert detector.score_one(step(1500, heat=30.0)) > 0.999
    assert detector.score_one(step(1500, load=5.0, heat=10.0)) < 0.99  # the load itself is not judged
    answer = detector.step(step(1500))
    assert set(answer["expected"]) == {"heat", "hum"}
    assert answer["expected"]["hum"] == pytest.approx(100, abs=10)


def test_missing_values_are_no_anomaly_and_a_bad_step_changes_nothing() -> None:
    detector = AnomalyDetector(hidden_size=4)
    for t in range(200):
        detector.learn_one(None if t % 9 == 0 else math.sin(t))
    assert detector.score_one(None) == 0.0
    before = detector.snapshot()
    for x, words in (
        ([1.0, 2.0], "found 2 numbers"),
        ({"a": 1.0}, "features by name"),
        (math.inf, "an infinite value"),
    ):
        for method in (detector.score_one, detector.learn_one, detector.predict_one):
            with pytest.raises(InputError, match=words):
                method(x)
    assert detector.snapshot() == before
    with pytest.raises(InputError, match="false_alarm_rate is 2"):
        AnomalyDetector(false_alarm_rate=2.0).learn_one(1.0)


def test_the_baseline_is_the_z_score_of_the_values_before() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=300)
    baseline = RollingZScore(window=100)
    found = [baseline.step(value) for value in values]
    for t in (50, 99, 100, 250):
        before = values[max(0, t - 100) : t]
        assert found[t] == pytest.approx(abs(values[t] - before.mean()) / before.std())
    assert found[:50] == [0.0] * 50
    assert baseline.step(math.nan) == 0.0
