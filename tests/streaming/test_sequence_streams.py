"""A stream of a classifier or regressor answers as its estimator does on all that was read so far."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from treadle import SequenceClassifier, SequenceRegressor, load
from treadle.errors import InputError
from treadle.nn import POOLINGS, Pooling
from treadle.streaming.pooling import OnlinePooling

SMALL = {"hidden_size": 6, "embedding_size": 5, "epochs": 1, "batch_size": 8, "bidirectional": False}


def series(rows: int = 12, channels: int = 2, gaps: bool = False) -> tuple[list[Any], list[str]]:
    random = np.random.default_rng(0)
    found = [random.normal(3, 2, size=(random.integers(3, 9), channels)) for _ in range(rows)]
    if gaps:
        for one in found:
            one[1:][random.random(one[1:].shape) < 0.3] = np.nan
    return found, ["up", "down"] * (rows // 2)


def classifier(**options: Any) -> SequenceClassifier:
    x, y = series(gaps=options.pop("gaps", False))
    return SequenceClassifier(**SMALL, **options).fit(x, y)


def chunks(count: int, seed: int) -> list[slice]:
    """Random consecutive windows; the first is no longer than a step, so that single steps are among them."""
    borders = sorted({0, 1, count, *np.random.default_rng(seed).integers(1, count + 1, 3).tolist()})
    return [slice(a, b) for a, b in pairwise(borders)]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_series_in_random_chunks_is_answered_as_the_whole_one_so_far(pooling: str) -> None:
    model = classifier(pooling=pooling, layers=2, residual=True)
    for seed in range(2):
        x = np.random.default_rng(seed).normal(3, 2, size=(15, 2))
        stream = model.stream()
        for window in chunks(15, seed):
            steps = x[window]
            answer = stream.step(steps[0] if len(steps) == 1 else steps)
            expected = model.predict_proba([x[: window.stop]])[0]
            np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=0, atol=1e-5)
            assert answer["prediction"] == model.predict([x[: window.stop]])[0]
        assert stream.steps == 15


@pytest.mark.parametrize(
    "options", [{"fill": "forward"}, {"fill": "mean"}, {"clip_outliers": 1.0, "scaling": "minmax"}]
)
def test_missing_and_outlying_values_are_treated_as_in_the_whole_series(options: dict[str, Any]) -> None:
    model = classifier(gaps=True, **options)
    x, _ = series(gaps=True)
    for one in x[:4]:
        stream = model.stream()
        for t, step in enumerate(one):
            answer = stream.step([None if np.isnan(v) else v for v in step])
            expected = model.predict_proba([one[: t + 1]])[0]
            np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=0, atol=1e-5)


def test_a_value_that_only_the_future_could_fill_is_refused_and_the_stream_goes_on() -> None:
    forward, linear = classifier(gaps=True).stream(), classifier(gaps=True, fill="linear").stream()
    fresh = forward.snapshot()
    with pytest.raises(InputError, match="channel 2 has no value and had none before"):
        forward.step([1.0, None])
    assert forward.snapshot() == fresh
    forward.step([1.0, 2.0])
    forward.step([1.0, None])
    linear.step([1.0, 2.0])
    before = linear.snapshot()
    with pytest.raises(InputError, match="channel 1 has no value, and fill='linear' would take it from the future"):
        linear.step([[1.0, 2.0], [None, 2.0]])
    assert linear.snapshot() == before


WORDS = ["a", "fine", "film", "with", "a", "dull", "plot", "and", "fine", "scenes"]


def texts() -> tuple[list[str], list[str]]:
    random = np.random.default_rng(0)
    found = [" ".join(random.choice(WORDS, 5)) for _ in range(12)]
    return found, ["good", "bad"] * 6


KINDS: dict[
    str, tuple[dict[str, Any], Callable[[], tuple[list[Any], list[str]]], list[Any], Callable[[list[Any]], Any]]
] = {
    "words": ({}, texts, ["A fine", "film,", "", "", "unheard-of plot and"], " ".join),
    "characters": ({"unit": "char"}, texts, ["A f", "i", "ne", " fi", "lm"], "".join),
    "sub-words": ({"unit": "subword"}, texts, ["a fine", "film with", "scenes"], " ".join),
    "tokens": (
        {},
        lambda: ([text.split() for text in texts()[0]], texts()[1]),
        ["fine", ["dull", "plot"], [], "unheard-of"],
        lambda parts: [token for part in parts for token in ([part] if isinstance(part, str) else part)],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_text_in_pieces_is_answered_as_the_whole_text_so_far(kind: str) -> None:
    options, data, pieces, joined = KINDS[kind]
    model = SequenceClassifier(**SMALL, **options).fit(*data())
    stream = model.stream()
    for count, piece in enumerate(pieces, 1):
        answer = stream.step(piece)
        expected = model.predict_proba([joined(pieces[:count])])[0]
        np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=0, atol=1e-5)
    before = stream.snapshot()
    with pytest.raises(
        InputError, match=r"a step of this stream is a (piece of text|token or a list of tokens), found 3"
    ):
        stream.step(3)
    assert stream.snapshot() == before


def test_several_labels_and_numbers_are_answered_too() -> None:
    x, _ = series()
    labels = SequenceClassifier(**SMALL, pooling="mean").fit(x, [["a"], ["a", "b"], []] * 4)
    number = SequenceRegressor(**SMALL, pooling="last").fit(x, np.linspace(0, 100, 12))
    several, one = labels.stream(), number.stream()
    for t, step in enumerate(x[0]):
        answer = several.step(step)
        expected = labels.predict_proba([x[0][: t + 1]])[0]
        np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(one.step(step)["prediction"], number.predict([x[0][: t + 1]])[0], rtol=1e-5)


def test_a_loaded_model_goes_on_from_a_snapshot_bit_for_bit(tmp_path: Any) -> None:
    model = classifier(pooling="attention")
    model.save(tmp_path / "model")
    x = np.random.default_rng(1).normal(size=(8, 2))
    stream = model.stream()
    answers = [stream.step(step) for step in x[:3]]
    snapshot = stream.snapshot()
    answers += [stream.step(step) for step in x[3:]]
    again = load(tmp_path / "model").stream()
    again.restore(snapshot)
    assert again.steps == 3
    assert [again.step(step) for step in x[3:]] == answers[3:]
    with pytest.raises(InputError, match="belongs to another model"):
        classifier(pooling="attention", seed=1).stream().restore(snapshot)


def test_a_pool_reads_pieces_of_any_length_side_by_side() -> None:
    model = SequenceClassifier(**SMALL, pooling="concat").fit(*texts())
    pool = model.stream_pool()
    random, read = np.random.default_rng(0), dict.fromkeys("abcde", "")
    for _ in range(4):
        keys = random.permutation(list(read))[: random.integers(1, 6)].tolist()
        pieces = [" ".join(random.choice(WORDS, random.integers(0, 4))) for _ in keys]
        answers = pool.step(keys, pieces)
        for key, piece, answer in zip(keys, pieces, answers, strict=True):
            read[key] += " " + piece
            expected = model.predict_proba([read[key]])[0]
            np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=0, atol=1e-5)
            assert pool.steps(key) == len(read[key].split())


def test_a_pool_takes_the_steps_of_all_series_as_one_array() -> None:
    model = classifier(gaps=True)
    random = np.random.default_rng(0)
    x = random.normal(3, 2, size=(6, 30, 2))
    x[1:][random.random((5, 30, 2)) < 0.3] = np.nan
    at_once, one_by_one = model.stream_pool(), model.stream_pool()
    for step in x:
        answers = at_once.step(range(30), step)
        assert answers == one_by_one.step(range(30), step.tolist())
    expected = model.predict_proba(list(x.swapaxes(0, 1)))
    np.testing.assert_allclose([list(a["probabilities"].values()) for a in answers], expected, rtol=0, atol=1e-5)
    before = at_once.state(3)
    with pytest.raises(InputError, match="a step of this stream is 2 numbers, found an array of shape"):
        at_once.step(range(30), np.ones((30, 3)))
    assert all((at_once.state(3)[name] == field).all() for name, field in before.items())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"bidirectional": True}, "train a causal one with bidirectional=False"),
        ({"scaling": "series"}, "train with scaling='standard'"),
        ({"max_length": 5}, "train with max_length=None"),
        ({"segment": 2}, "train with segment=1"),
        ({"convolutions": [(4, 3)]}, "has convolutions, which look ahead, and a stream has no future"),
    ],
)
def test_what_needs_the_whole_sequence_is_refused_with_what_to_train_instead(
    options: dict[str, Any], sentence: str
) -> None:
    x, y = series()
    model = SequenceClassifier(**(SMALL | options)).fit(x, y)
    with pytest.raises(InputError, match=sentence):
        model.stream()
    with pytest.raises(InputError, match=sentence):
        model.stream_pool()


def test_several_columns_are_refused() -> None:
    x, y = series()
    model = SequenceClassifier(**SMALL).fit({"left": x, "right": x}, y)
    with pytest.raises(InputError, match="reads 2 columns, and a stream is one; train it on one column"):
        model.stream()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_pooled_vector_stays_exact_over_a_long_stream(pooling: str) -> None:
    torch.manual_seed(0)
    layer = Pooling(pooling, 4)
    y = torch.randn(1, 20_000, 4) + 3.0
    online = OnlinePooling(layer, 4, 1)
    for step in y[0].numpy():
        online.add(step[None])
    with torch.no_grad():
        expected = layer.double()(y.double(), torch.tensor([y.shape[1]])).numpy()
    np.testing.assert_allclose(online.vectors(1), expected, rtol=0, atol=1e-5)
