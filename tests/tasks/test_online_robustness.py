"""What a stream may bring: glitches, gaps, masks, odd types, changed arguments; and copies that grow."""

import copy
import math
import pickle
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from treadle import AnomalyDetector, OnlineClassifier, OnlineForecaster, OnlineRegressor
from treadle.errors import InputError
from treadle.streaming import snapshot
from treadle.tasks.detect import RunningTail
from treadle.tasks.online.scale import RunningScale

SMALL: dict[str, Any] = {"hidden_size": 8}
COPIES: dict[str, Callable[[Any], Any]] = {
    "snapshot": lambda model: type(model)(**model.get_params()).restore(model.snapshot()),
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),  # noqa: S301 - its own
    "deepcopy": copy.deepcopy,
}


def test_a_snapshot_keeps_a_number_without_axes() -> None:
    arrays = {"step": np.array(3.0, np.float32), "turned": np.arange(6.0).reshape(2, 3).T}
    _, found = snapshot.unpack(snapshot.pack("kind", "model", {}, arrays), "kind", "model")
    assert {name: one.shape for name, one in found.items()} == {"step": (), "turned": (3, 2)}
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "rmsprop", "sgd"])
def test_a_copy_may_grow_as_its_model_does(how: str, optimizer: str) -> None:
    model = OnlineClassifier(**SMALL, optimizer=optimizer)
    for t in range(40):
        model.learn_one({"a": t % 5}, "ab"[t % 2])
    again = COPIES[how](model)
    for one in (model, again):
        for t in range(40):
            one.learn_one({f"f{t % 10}": 1.0, "a": t % 5}, "abc"[t % 3])
    assert model.snapshot() == again.snapshot()


def test_cells_with_other_weights_for_another_input_begin_anew() -> None:
    for hidden_size in (8, 16):
        model = OnlineRegressor(cell="sru", hidden_size=hidden_size)
        for t in range(40):
            model.learn_one({f"f{k}": math.sin(t + k) for k in range(3)}, math.sin(t))
        for t in range(40):
            model.learn_one({f"f{k}": math.sin(t + k) for k in range(9)}, math.sin(t))
        assert math.isfinite(model.predict_one({"f1": 0.5}))


@pytest.mark.parametrize("glitch", [("y", -9999.0), ("y", 1e9), ("x", -9999.0)])
def test_one_glitch_is_soon_forgotten(glitch: tuple[str, float]) -> None:
    model, errors = OnlineRegressor(**SMALL), []
    for t in range(2600):
        step = {"x": math.sin(t / 3), "y": math.sin((t - 1) / 3)}
        if t == 800:
            step[glitch[0]] = glitch[1]
        errors.append(abs(model.predict_one(step["x"]) - math.sin((t - 1) / 3)))
        model.learn_one(step["x"], step["y"])
    assert np.median(errors[2300:]) < 0.03


@pytest.mark.parametrize("size", [30.0, 1e9])
def test_a_level_that_stays_is_reached(size: float) -> None:
    scale, random = RunningScale(1, 100), np.random.default_rng(0)
    for t in range(1600):
        scale.update(random.normal(size=1) + size * (t >= 600))
    assert abs(scale.mean[0] - size) < 0.01 * size
    before = RunningScale(1, 100)
    for value in random.normal(size=600):
        before.update(np.array([value]))
    deviation = before.deviation[0]
    before.update(np.array([size]))
    assert before.deviation[0] < 2 * deviation or size < 8 * deviation


def test_events_that_are_rare_keep_their_size() -> None:
    scale, random = RunningScale(1, 1000), np.random.default_rng(1)
    for event in random.random(20_000) < 0.005:
        scale.update(np.array([float(event)]))
    assert scale.deviation[0] == pytest.approx(math.sqrt(0.005), rel=0.4)


def test_sizes_of_any_order_are_scaled_without_a_warning() -> None:
    scale = RunningScale(2, 100)
    for step in range(300):
        scale.update(np.array([1e-150 * (step % 3), 1e30 * (step % 5)]))
    assert abs(scale.scaled(np.array([2e-150, 4e30]))).max() < 3
    scale.update(np.array([1e38, 1e38]))
    assert np.isfinite(scale.deviation).all()


def test_small_changes_on_a_high_level_are_seen() -> None:
    scale, random = RunningScale(1, 1000), np.random.default_rng(1)
    values = 1e12 + random.normal(size=3000)
    for value in values:
        scale.update(np.array([value]))
    assert scale.scaled(np.array([1e12 + 2]))[0] == pytest.approx(2, abs=0.3)
    for _ in range(60_000):
        scale.update(np.array([1e12]))
    assert scale.scaled(np.array([1e12]))[0] == 0


def test_one_error_far_off_does_not_hide_those_that_follow() -> None:
    tail, random = RunningTail(1000), np.random.default_rng(0)
    for t, number in enumerate(random.exponential(size=1500)):
        tail.update(1e6 if t == 1200 else number)
    assert tail.probability(15.0) < 1e-4
    for _ in range(1000):  # what stays is usual
        tail.update(50 * random.exponential())
    assert tail.probability(40.0) > 0.2


def test_steps_that_are_followed_take_no_gradient_from_those_that_are_learnt() -> None:
    mixed, plain = OnlineForecaster(**SMALL), OnlineForecaster(**SMALL)
    for t in range(401):
        (mixed.follow_one if t % 3 == 2 else mixed.learn_one)(math.sin(t))
        plain.learn_one(math.sin(t))
    assert mixed._learner is not None
    assert plain._learner is not None
    assert mixed._learner.updates == 133  # a chunk ends where a step is followed
    assert plain._learner.updates == 25
    assert abs(mixed.predict_one() - math.sin(401)) < 0.5


def test_a_chunk_that_was_ended_is_learnt_from_by_a_copy_too() -> None:
    model = OnlineForecaster(**SMALL, replay=4)
    for t in range(40):
        model.learn_one(math.sin(t))
    model.follow_one(math.sin(40))
    again = COPIES["snapshot"](model)
    for one in (model, again):
        for t in range(41, 60):
            one.learn_one(math.sin(t))
    assert model.snapshot() == again.snapshot()


def test_what_a_mask_hides_is_missing() -> None:
    x = np.ma.array([[1.0, -9999.0]] * 50, mask=[[0, 1]] * 50)
    y = np.ma.array(np.arange(50.0), mask=np.arange(50) % 2 == 0)
    model = OnlineRegressor(**SMALL).partial_fit(x, y)
    assert model._parts["scale"].count.tolist() == [50, 0]
    assert model._parts["target"].count.tolist() == [25]
    forecaster = OnlineForecaster(**SMALL)
    for value in np.ma.array([1.0, 2.0, -9999.0], mask=[0, 0, 1]):
        forecaster.learn_one(value)
    assert forecaster._parts["history"].last.tolist() == [2.0]


@pytest.mark.parametrize("nothing", [None, math.nan, pd.NaT, np.datetime64("NaT"), pd.NA])
def test_a_date_may_be_missing_at_first_and_later(nothing: Any) -> None:
    model, plain = OnlineRegressor(**SMALL), OnlineRegressor(**SMALL)
    for t in range(30):
        when = datetime(2026, 1, 1 + t)
        absent = t < 3 or t == 10
        model.learn_one({"a": 1.0, "d": nothing if absent else when}, t)
        plain.learn_one({"a": 1.0} if absent else {"a": 1.0, "d": when}, t)
    assert model.snapshot() == plain.snapshot()
    detector = AnomalyDetector(**SMALL)
    for t in range(3):
        assert detector.step({"d": nothing if t == 1 else datetime(2026, 1, 1 + t), "v": 2.0 + t})["score"] == 0
    assert set(detector.step({"d": nothing, "v": 2.0})["expected"]) == {"v"}


@pytest.mark.parametrize("value", [10**400, np.timedelta64(3, "s"), np.complex128(1 + 2j), 1 + 2j, math.inf, "3"])
def test_what_is_no_number_is_refused(value: Any) -> None:
    model = OnlineRegressor(**SMALL).partial_fit([{"a": 1.0}], [2.0])
    before = model.snapshot()
    for x, y in (({"a": value}, 1.0), ({"a": 1.0}, value)):
        with pytest.raises(InputError, match=r"(holds|is) .*expected a number up to 3.4e38"):
            model.learn_one(x, y)
    assert model.snapshot() == before


@pytest.mark.parametrize("name", [np.int64(3), 4, 1.5, True, None, ("a", ("b", 2)), np.str_("x")])
def test_names_that_a_snapshot_can_hold(name: Any) -> None:
    model = OnlineRegressor(**SMALL)
    for t in range(30):
        model.learn_one({name: math.sin(t), "other": 1.0}, t)
    again = COPIES["pickle"](model)
    for one in (model, again):
        one.learn_one({name: 0.5}, 1.0)
    assert model.snapshot() == again.snapshot()


@pytest.mark.parametrize("name", [b"a", frozenset("a"), datetime(2026, 1, 1)])
def test_names_that_none_can_hold_are_refused(name: Any) -> None:
    with pytest.raises(InputError, match=r"a feature is called .*, expected a text, a number or a tuple of these"):
        OnlineRegressor(**SMALL).learn_one({name: 1.0}, 1.0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_diverged_network_says_so_each_time() -> None:
    model = OnlineRegressor(**SMALL, learning_rate=1e38, optimizer="sgd", clip_norm=0, loss="squared")
    said = []
    for t in range(100):
        try:
            model.learn_one([1e30 * t], math.sin(t) * 1e30)
        except InputError as error:
            said.append(str(error))
    assert len(said) >= 3
    assert all("the network diverged" in one for one in said)


def test_classes_before_any_came() -> None:
    model = OnlineClassifier(**SMALL)
    assert model.partial_fit([], [], classes=["a", "b"]).classes_ == ["a", "b"]
    model.learn_one({"x": 1.0}, "b")
    assert set(model.predict_proba_one({"x": 1.0})) == {"a", "b"}
    unknown = OnlineClassifier(**SMALL)
    unknown.learn_one({"x": 1.0}, None)
    assert (unknown.predict_one({"x": 1.0}), unknown.predict_proba_one({"x": 1.0})) == (None, {})
    with pytest.raises(InputError, match="has met no class yet"):
        unknown.predict([{"x": 1.0}])
    mixed = OnlineClassifier(**SMALL).partial_fit([{"x": 1.0}, {"x": 2.0}], [1, "x"])
    assert set(mixed.predict([{"x": 1.0}, {"x": 2.0}])) <= {1, "x"}


@pytest.mark.parametrize("changed", [{"hidden_size": 16}, {"learning_rate": 0.2}, {"bptt": 4}, {"cell": "lstm"}])
def test_changed_arguments_hold_from_the_next_beginning(changed: dict[str, Any], tmp_path: Path) -> None:
    model, plain = OnlineRegressor(**SMALL), OnlineRegressor(**SMALL)
    for t in range(40):
        model.learn_one([t % 3], t % 4)
        plain.learn_one([t % 3], t % 4)
    model.set_params(**changed)
    model.save(tmp_path / "model.online")
    again = OnlineRegressor.load(tmp_path / "model.online")
    for one in (model, again, copy.deepcopy(model), plain):
        assert one is plain or {name: one.get_params()[name] for name in changed} == changed
        for t in range(40):
            one.learn_one([t % 3], t % 4)
        assert one.predict_one([1]) == plain.predict_one([1]) or one is not plain
    assert model.predict_one([1]) == again.predict_one([1]) == plain.predict_one([1])
    begun = OnlineRegressor(**SMALL).set_params(**changed)
    model.fit([[1.0]] * 40, np.arange(40.0))
    assert model.predict_one([1.0]) == begun.fit([[1.0]] * 40, np.arange(40.0)).predict_one([1.0])
    assert model.snapshot() == begun.snapshot()


def test_arguments_may_be_numpy_numbers(tmp_path: Path) -> None:
    model = OnlineForecaster(hidden_size=np.int64(8), learning_rate=np.float32(0.01), seasons=np.array([5]))
    for t in range(20):
        model.learn_one(float(t % 5))
    model.save(tmp_path / "model.online")
    again = OnlineForecaster.load(tmp_path / "model.online")
    assert again.predict_one() == model.predict_one()
    assert COPIES["pickle"](model).predict_one() == model.predict_one()


@pytest.mark.parametrize(
    ("options", "words"),
    [({"seed": 2**70}, "seed"), ({"seed": -1}, "seed"), ({"drift_factor": math.inf}, "drift_factor")],
)
def test_arguments_beyond_all_numbers_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        OnlineRegressor(**SMALL, **options).learn_one([1.0], 1.0)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1e-15, 0.0])
def test_a_rate_that_episodes_or_rounding_hide_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="false_alarm_rate"):
        AnomalyDetector(**SMALL, false_alarm_rate=rate).learn_one(1.0)


def test_nothing_may_be_known_of_a_step_to_come() -> None:
    model = OnlineForecaster(**SMALL)
    for t in range(40):
        model.learn_one(math.sin(t), None if t == 5 else {"day": t % 7})
    assert len(model.forecast(2, [None, {"day": 3}])) == 2
    model.partial_fit([0.1, 0.2], [None, {"day": 5}])
