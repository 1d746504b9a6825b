"""Learning online: it learns, answers change nothing, nor does a bad step, and it goes on from a snapshot."""

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.base import clone

from treadle.errors import InputError
from treadle.tasks.detect import AnomalyDetector
from treadle.tasks.online import OnlineClassifier, OnlineForecaster, OnlineRegressor

SMALL = {"hidden_size": 6, "bptt": 8}


def delayed(steps: int, delay: int = 3) -> Iterator[tuple[dict[str, float], float]]:
    """A target that stood in the features some steps ago: nothing without memory can tell it."""
    random = np.random.default_rng(0).normal(size=steps + delay)
    for t in range(steps):
        yield {"now": random[t + delay], "clock": math.cos(t)}, 5 + 2 * random[t]


def test_a_regressor_learns_what_only_memory_can_tell() -> None:
    model, errors = OnlineRegressor(hidden_size=24, learning_rate=2e-2), []
    for x, y in delayed(4500):
        errors.append(model.predict_one(x) - y)
        model.learn_one(x, y)
    assert np.std(errors[-500:]) < 0.4 * 2  # a model of the step alone has 2, the deviation of the target


def test_a_forecaster_beats_the_last_value_and_rolls_on() -> None:
    model, errors, naive = OnlineForecaster(**SMALL), [], []
    series = [20 + 3 * math.sin(t / 4) + math.sin(t / 2) for t in range(2520)]
    for t, y in enumerate(series[:2500]):
        errors.append(abs(model.predict_one() - y))
        naive.append(abs(series[t - 1] - y))
        model.learn_one(y)
    assert np.mean(errors[-200:]) < 0.2 * np.mean(naive[-200:])
    ahead = model.forecast(20)
    assert np.abs(np.array(ahead) - series[2500:]).mean() < 1.0
    assert model.forecast(20) == ahead  # and nothing has changed by it
    assert model.predict_one() == ahead[0]


def test_a_classifier_meets_its_classes_on_the_way() -> None:
    model, right = OnlineClassifier(**SMALL), []
    for t in range(1200):
        x, y = {"a": t % 4, "b": 1.0}, ["low", "low", "high", "last"][(t - 1) % 4] if t > 400 else "low"
        right.append(model.predict_one(x) == y)
        model.learn_one(x, y)
    assert set(model.classes_) == {"low", "last", "high"}
    assert np.mean(right[-100:]) == 1.0
    assert sum(model.predict_proba_one({"a": 1, "b": 1.0}).values()) == pytest.approx(1.0)


def test_predicting_changes_nothing_however_often() -> None:
    once, often = OnlineRegressor(**SMALL), OnlineRegressor(**SMALL)
    for t, (x, y) in enumerate(delayed(60)):
        if t % 3 == 0:
            once.predict_one(x)
        for value in (1.0, -5.0, 2.0):
            often.predict_one({"now": value, "clock": value})
        once.learn_one(x, y)
        often.learn_one(x, y)
    assert once.snapshot() == often.snapshot()


def test_many_steps_at_once_are_so_many_single_ones() -> None:
    steps = list(delayed(100))
    frame = pl.DataFrame([x for x, _ in steps])
    one, many = OnlineRegressor(**SMALL), OnlineRegressor(**SMALL)
    for x, y in steps:
        one.learn_one(x, y)
    many.partial_fit(frame[:37], [y for _, y in steps[:37]]).partial_fit(frame[37:], [y for _, y in steps[37:]])
    assert one.snapshot() == many.snapshot()
    # What would follow is answered as a stream would, and leaves the estimator as it was.
    ahead = many.predict(frame[:5])
    assert ahead[0] == many.predict_one(steps[0][0])
    assert one.snapshot() == many.snapshot()
    assert clone(one).fit(frame, [y for _, y in steps]).snapshot() == one.snapshot()


def test_every_step_enters_one_gradient() -> None:
    model = OnlineRegressor(**SMALL)
    for x, y in delayed(83):
        model.learn_one(x, y)
    learner = model._learner
    assert learner is not None
    assert (model.steps_, learner.updates, learner.filled) == (83, 83 // 8, 83 % 8)


def test_the_state_goes_on_over_the_border_of_a_chunk() -> None:
    # Without learning, chunks must leave no trace: the answers are those of one long chunk.
    frozen = {"hidden_size": 6, "learning_rate": 1e-30, "half_life": 1e9}
    answers = []
    for bptt in (4, 1000):
        model, found = OnlineRegressor(bptt=bptt, **frozen), []
        for x, y in delayed(50):
            model.learn_one(x, y)
            assert model._learner is not None
            found.append(model._learner._fields[0].copy())
        answers.append(np.array(found))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)
    assert np.abs(answers[0]).max() > 0.1


ESTIMATORS: dict[str, Any] = {
    "regressor": lambda **options: OnlineRegressor(**SMALL, **options),
    "classifier": lambda **options: OnlineClassifier(**SMALL, **options),
    "forecaster": lambda **options: OnlineForecaster(**SMALL, seasons=(5, 12), **options),
    "detector": lambda **options: AnomalyDetector(**SMALL, window=200, **options),
}


def live(model: Any, kind: str, start: int, steps: int) -> list[Any]:
    """The answers of an estimator on a stream that is the same every time."""
    found = []
    for t in range(start, start + steps):
        x = {"a": math.sin(t / 3), "b": math.cos(t * t)}
        if kind == "forecaster":
            found.append(model.predict_one({"when": datetime(2026, 1, 1) + timedelta(hours=t)}))
            model.learn_one(x["a"], {"when": datetime(2026, 1, 1) + timedelta(hours=t)})
        elif kind == "detector":
            found.append(model.step(x))
        else:
            y = x["a"] * 3 if kind == "regressor" else "ab"[t % 2] if t > 20 else "a"
            found.append(model.predict_one(x))
            model.learn_one(x, y)
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"replay": 5, "replay_chunks": 2, "drift": "adwin"},
        {"drift": "page-hinkley", "optimizer": "sgd", "layers": 2},
    ],
    ids=["plain", "replay", "drift"],
)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_snapshot_goes_on_bit_for_bit(kind: str, options: dict[str, Any]) -> None:
    model = ESTIMATORS[kind](**options)
    live(model, kind, 0, 107)
    content = model.snapshot()
    again = ESTIMATORS[kind](**options).restore(content)
    assert again.snapshot() == content
    assert live(again, kind, 107, 60) == live(model, kind, 107, 60)
    assert again.snapshot() == model.snapshot()
    assert pickle.loads(pickle.dumps(model)).snapshot() == model.snapshot()  # noqa: S301  # its own, as joblib would


PROGRAM = """
import sys
from test_online_estimators import ESTIMATORS, live
model = ESTIMATORS["detector"](replay=4, drift="adwin")
model = type(model).load(sys.argv[1])
print(live(model, "detector", 90, 40) + [model.snapshot().hex()])
"""


def test_a_new_process_goes_on_from_a_file(tmp_path: Path) -> None:
    model = ESTIMATORS["detector"](replay=4, drift="adwin")
    live(model, "detector", 0, 90)
    model.save(tmp_path / "detector")
    words = [sys.executable, "-c", PROGRAM, str(tmp_path / "detector")]
    threads = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}  # others sum in another order
    found = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parent, env=threads)
    assert found.stdout.strip() == str([*live(model, "detector", 90, 40), model.snapshot().hex()])
    with pytest.raises(InputError, match="it was saved by AnomalyDetector, expected OnlineRegressor"):
        OnlineRegressor.load(tmp_path / "detector")


def test_a_snapshot_of_others_or_of_pieces_is_refused_and_nothing_changes() -> None:
    model = OnlineRegressor(**SMALL)
    live(model, "regressor", 0, 30)
    before = model.snapshot()
    for content, words in (
        (b"", "damaged"),
        (before[:-3], "damaged"),
        (OnlineRegressor(hidden_size=7).snapshot(), "belongs to another model"),
    ):
        with pytest.raises(InputError, match=words):
            model.restore(content)
        assert model.snapshot() == before


BAD: list[tuple[str, Any, Any, str]] = [
    ("too many numbers", [1.0, 2.0, 3.0], 1.0, "a step of this stream is 2 numbers, found 3 numbers"),
    ("too few numbers", [1.0], 1.0, "a step of this stream is 2 numbers, found 1 number"),
    ("an infinite value", [1.0, math.inf], 1.0, "channel 2 of the step holds an infinite value"),
    ("text", ["a", "b"], 1.0, "a step of this stream is 2 numbers"),
    ("features by name", {"a": 1.0}, 1.0, "a step is 2 numbers, as the first was, found features by name"),
    ("a target that is text", [1.0, 2.0], "much", "the target of the step is 'much', expected a number"),
    ("an infinite target", [1.0, 2.0], -math.inf, "the target of the step is -inf"),
]


@pytest.mark.parametrize(("x", "y", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_step_that_cannot_be_used_is_refused_and_the_stream_goes_on(x: Any, y: Any, words: str) -> None:
    model, other = OnlineRegressor(**SMALL), OnlineRegressor(**SMALL)
    for t in range(40):
        for one in (model, other):
            one.learn_one([math.sin(t), 1.0 * t], float(t % 3))
        before = model.snapshot()
        with pytest.raises(InputError, match=words) as refused:
            model.learn_one(x, y)
        assert "\n" not in str(refused.value)
        assert model.snapshot() == before
    assert model.predict_one([0.5, 40.0]) == other.predict_one([0.5, 40.0])


@pytest.mark.parametrize("x", [[], "text", [[1.0], [1.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]], [math.inf], ["a"]])
def test_a_first_step_that_cannot_be_used_leaves_the_form_open(x: Any) -> None:
    model = OnlineRegressor(**SMALL)
    for method in (model.predict_one, lambda step: model.learn_one(step, 1.0)):
        with pytest.raises(InputError):
            method(x)
    model.learn_one([1.0, 2.0, 3.0], 1.0)
    assert model.steps_ == 1


def test_named_features_may_hold_dates_come_late_and_be_missing() -> None:
    model = OnlineRegressor(**SMALL)
    for t in range(60):
        x: dict[str, Any] = {"a": float(t % 4), "when": datetime(2026, 1, 1) + timedelta(hours=t)}
        x |= {f"late {number}": float(number) for number in range(t // 20)}
        if t % 7 == 0:
            x["a"] = None
        model.learn_one(x, None if t % 5 == 0 else float(t % 4))
    with pytest.raises(InputError, match=r"the feature 'when' of the step holds 'noon', expected a date \(dat"):
        model.learn_one({"when": "noon"}, 1.0)
    with pytest.raises(InputError, match="the feature 'new' of the step holds 'text', expected a number"):
        model.learn_one({"new": "text"}, 1.0)
    for odd in (time(3), np.datetime64("2026-01-01")):
        with pytest.raises(InputError) as refused:
            model.learn_one({"later": odd}, 1.0)
        expected = "a number up to 3.4e38 or a date (datetime.date or datetime.datetime)"
        assert str(refused.value) == f"the feature 'later' of the step holds {odd!r}, expected {expected}"
    model.learn_one({"day": date(2026, 2, 1)}, 1.0)
    with pytest.raises(InputError, match="the feature 'a' of the step holds inf"):
        model.predict_one({"a": math.inf})
    with pytest.raises(InputError, match="more than 1024 features"):
        model.learn_one({str(number): 1.0 for number in range(1100)}, 1.0)
    before = model.steps_
    model.learn_one({str(number): float(number) for number in range(900)}, 1.0)
    assert model.steps_ == before + 1


def test_a_network_that_grows_answers_as_before() -> None:
    model = OnlineRegressor(**SMALL, optimizer="adam")
    for t in range(100):
        model.learn_one({"a": math.sin(t)}, math.sin(t - 1))
    before = model.predict_one({"a": 0.3})
    learner = model._learner
    assert learner is not None
    learner.resize(40, 1)
    model._parts["scale"].widen(40)
    model._parts["reader"].width = 40
    assert model.predict_one({"a": 0.3}) == pytest.approx(before, abs=1e-6)
    for t in range(100, 200):
        model.learn_one({"a": math.sin(t)}, math.sin(t - 1))


def test_many_steps_with_a_bad_one_among_them_are_refused_whole() -> None:
    model = OnlineRegressor(**SMALL).partial_fit(np.ones((5, 2)), np.ones(5))
    before = model.snapshot()
    for X, y, words in (
        ([[1.0, 2.0], [1.0]], [1.0, 2.0], "row 2: a step of this stream is 2 numbers, found 1 number"),
        ([[1.0, 2.0], [1.0, 2.0]], [1.0, "x"], "row 2: the target of the step is 'x'"),
        ([[1.0, 2.0]], [1.0, 2.0], "there are 1 step and 2 targets"),
        ("text", [1.0], "steps come as a data frame"),
    ):
        with pytest.raises(InputError, match=words):
            model.partial_fit(X, y)
    assert model.snapshot() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bptt": 0}, "bptt is 0"),
        ({"cell": "gruu"}, "did you mean 'gru'"),
        ({"drift": "adwim"}, "drift is 'adwim'"),
        ({"half_life": 0}, "half_life is 0"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"loss": "cubic"}, "loss is 'cubic'"),
        ({"init": "none"}, "there is no initialisation"),
    ],
)
def test_arguments_out_of_range_are_refused_at_the_first_step(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        OnlineRegressor(**options).learn_one([1.0], 1.0)
    with pytest.raises(InputError, match="has no argument 'bpt'"):
        OnlineRegressor(bpt=3)


def test_a_network_that_diverges_says_so() -> None:
    model = OnlineRegressor(
        bptt=2, optimizer="sgd", learning_rate=1e30, clip_norm=0.0, cell="elman-relu", hidden_size=4
    )
    data = [[math.sin(t)] for t in range(300)]
    with pytest.raises(InputError, match="diverged at learning_rate=1e"):
        model.partial_fit(data, [math.cos(3 * t) for t in range(300)])


def test_what_is_forecast_is_no_date() -> None:
    model, when = OnlineForecaster(**SMALL), {"y": 1.0, "when": datetime(2026, 1, 1)}
    words = r"the feature 'when' of the \w+ holds .*, expected a number up to 3.4e38$"
    for _ in range(2):  # as the first step, and as a further channel
        for method in (lambda: model.learn_one(when), lambda: model.partial_fit([when])):
            with pytest.raises(InputError, match=words):
                method()
        model.learn_one({"y": 1.0}, when)
    assert model.predict_one() == {"y": pytest.approx(1.0, abs=0.5)}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((1.5,), "horizon is 1.5, expected a whole number of steps, at least 1"),
        (("x",), "horizon is 'x', expected a whole number of steps, at least 1"),
        ((None,), "horizon is None, expected a whole number of steps, at least 1"),
        ((0,), "horizon is 0, expected a whole number of steps, at least 1"),
        ((3, 5), "steps come as a data frame, an array [steps, features] or a list, found int"),
        ((3, np.array(5)), "steps come as a data frame, an array [steps, features] or a list, found ndarray"),
        ((3, [None]), "what is known is given for 1 step, expected 3"),
    ],
    ids=str,
)
def test_a_forecast_of_no_number_of_steps_is_refused(arguments: Any, sentence: str) -> None:
    model = OnlineForecaster(**SMALL)
    for _ in range(2):  # before the first step and after it
        with pytest.raises(InputError) as refused:
            model.forecast(*arguments)
        assert str(refused.value) == sentence
        model.learn_one(1.0)
    assert len(model.forecast(np.int64(2))) == 2


def test_a_frozen_forecaster_follows_without_learning_and_may_learn_on() -> None:
    model, frozen = OnlineForecaster(**SMALL), OnlineForecaster(**SMALL)
    with pytest.raises(InputError, match="once its channels were learnt from"):
        frozen.follow_one(1.0)
    for t in range(203):
        model.learn_one(math.sin(t / 3))
    frozen.restore(model.snapshot())
    learner = frozen._learner
    assert learner is not None
    before = [parameter.clone() for parameter in learner.network.parameters()]
    expected = model.forecast(1)
    assert frozen.predict_one() == expected[0]
    for t in range(203, 260):
        frozen.follow_one(math.sin(t / 3))
    assert all(bool((a == b).all()) for a, b in zip(before, learner.network.parameters(), strict=True))
    assert frozen.predict_one() == pytest.approx(math.sin(260 / 3), abs=0.25)
    frozen.learn_one(0.0)


def test_classes_that_may_come_are_told_beforehand() -> None:
    """scikit-learn's form of `partial_fit`."""
    x = np.random.default_rng(0).normal(size=(20, 2))
    model = OnlineClassifier(**SMALL).partial_fit(x, (x[:, 0] > 0).astype(int), classes=[0, 1, 2])
    assert set(model.classes_) == {0, 1, 2}
    assert model.predict_proba(x).shape == (20, 3)
    with pytest.raises(InputError, match=r"the class of the step is 1\.5, expected a text"):
        model.partial_fit(x, [0] * 20, classes=[0, 1.5])
