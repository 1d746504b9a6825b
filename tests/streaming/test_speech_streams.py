"""A causal recogniser on a stream: pieces of any size say what the whole file says."""

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from treadle import SpeechRecognizer
from treadle.errors import InputError
from treadle.streaming import Stream, StreamPool

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from spoken import recogniser, sound, spoken


@pytest.fixture(scope="module", params=["word", "char", "subword"])
def model(request: pytest.FixtureRequest) -> SpeechRecognizer:
    of_unit: dict[str, dict[str, Any]] = {
        "word": {"convolutions": 2, "convolution_size": 8, "kernel_size": 3, "reduction": 3, "epochs": 10},
        "char": {"cell": "gru", "layers": 2, "reduction": 2, "epochs": 8},
        "subword": {"vocabulary_size": 40, "reduction": 1, "convolutions": 1, "kernel_size": 2, "epochs": 6},
    }
    return recogniser(unit=request.param, bidirectional=False, **of_unit[request.param])


def pieces(samples: np.ndarray[Any, Any], seed: int) -> list[np.ndarray[Any, Any]]:
    draw, cuts = np.random.default_rng(seed), [0]
    while cuts[-1] < len(samples):
        cuts.append(cuts[-1] + int(draw.choice([1, 7, 80, 333, 2000])))
    return [samples[start:end] for start, end in pairwise(cuts)]


def test_pieces_of_any_size_say_what_the_whole_file_says(model: SpeechRecognizer) -> None:
    X, _ = spoken(10, seed=200)
    stream = model.stream()
    for seed, (one, whole) in enumerate(zip(X, model.transcribe(X), strict=True)):
        answers = [stream.step(piece) for piece in [*pieces(one.samples, seed), None]]
        assert "".join(answer["text"] for answer in answers) == whole.text
        words = [word for answer in answers for word in answer["words"]]
        expected = [word.to_json() for word in whole.words]
        for some, others in zip(words, expected, strict=True):
            assert some["confidence"] == pytest.approx(others["confidence"], abs=1e-4)
            assert {**some, "confidence": 0} == {**others, "confidence": 0}


def test_a_word_is_told_while_it_is_said_and_when_it_is_complete(model: SpeechRecognizer) -> None:
    stream, seen, text = model.stream(), set(), ""
    samples = sound("low high mid").samples
    for start in range(0, len(samples), 80):
        answer = stream.step(samples[start : start + 80])
        seen.add(answer["partial"])
        text += answer["text"]
    assert text.split() == [word for word in text.split() if word in seen]
    assert answer["seconds"] == pytest.approx((200 + 3 * 960 + 600) / 8000, abs=2 * model.lookahead_seconds)
    assert model.lookahead_seconds == pytest.approx(0.025 + 0.01 * (model.reduction - 1))


def test_the_stream_goes_on_from_a_snapshot_to_the_last_bit_and_forgets_after_the_end(model: SpeechRecognizer) -> None:
    samples = sound("mid low low").samples
    one, other = model.stream(), model.stream()
    first = one.step(samples[:1500])
    other.restore(one.snapshot())
    assert one.step(samples[1500:]) == other.step(samples[1500:])
    assert one.step(None) == other.step(None)
    assert one.step(samples[:1500]) == first


def test_a_pool_hears_each_stream_as_if_it_were_alone(model: SpeechRecognizer) -> None:
    X, _ = spoken(5, seed=400)
    pool, alone = StreamPool(model), [model.stream() for _ in X]
    texts = [""] * len(X)
    cut = [pieces(one.samples, seed) for seed, one in enumerate(X)]
    for turn in range(max(map(len, cut))):
        keys = [row for row in range(len(X)) if turn < len(cut[row])]
        answers = pool.step(keys, [cut[row][turn] for row in keys])
        for row, answer in zip(keys, answers, strict=True):
            expected = alone[row].step(cut[row][turn])
            assert answer["text"] == expected["text"]
            assert answer["partial"] == expected["partial"]
            texts[row] += answer["text"]
    for row, answer in enumerate(pool.step(range(len(X)), [None] * len(X))):
        assert texts[row] + answer["text"] == model.predict([X[row]])[0]


def test_nothing_changes_by_what_is_no_sound(model: SpeechRecognizer) -> None:
    stream = model.stream()
    stream.step(sound("low").samples)
    before = stream.snapshot()
    for step, said in {
        "a": "'a'",
        ("x",): "expected samples",
        (float("nan"),): "sample 0",
        ((0.0, 1.0),): "2 channels",
    }.items():
        with pytest.raises(InputError, match=said):
            stream.step(list(step) if isinstance(step, tuple) else step)
    assert stream.snapshot() == before
    assert stream.step([])["text"] == ""


def test_what_also_reads_from_the_end_cannot_be_streamed() -> None:
    model = recogniser(epochs=1)
    with pytest.raises(InputError, match="bidirectional: it also reads every recording from its end"):
        Stream(model)
