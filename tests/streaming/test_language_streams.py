"""A stream of a language model expects and is surprised as the model is of the whole text so far."""

import math
from typing import Any

import numpy as np
import pytest

from treadle import LanguageModel
from treadle.errors import InputError
from treadle.streaming import Stream

TEXT = "to be or not to be that is the question\nwhether it is nobler in the mind to suffer\n" * 8
SMALL: dict[str, Any] = {"hidden_size": 6, "layers": 2, "epochs": 1, "seed": 1}
PIECES = {
    "char": ["t", "o b", "e ", "or\n", "", "nöt"],
    "word": ["to be", "\n", "or not\n", "whether nowhere", ""],
    "byte": ["to", " bé", "\n"],
    "subword": ["to be or", "not nowhere", "question"],
}


def joined(unit: str, pieces: list[str]) -> str:
    return (" " if unit in ("word", "subword") else "").join(pieces)


@pytest.mark.parametrize(
    ("unit", "options"),
    [
        *((unit, options) for unit in PIECES for options in ({}, {"embedding_size": 4})),
        *((unit, {"softmax": "adaptive"}) for unit in ("char", "word")),
    ],
    ids=str,
)
def test_surprise_and_expectation_are_those_of_the_whole_text_so_far(unit: str, options: dict[str, Any]) -> None:
    model = LanguageModel(unit=unit, **SMALL, **options).fit(TEXT)
    stream, pieces = model.stream(), PIECES[unit]
    for count in range(1, len(pieces) + 1):
        answer = stream.step(pieces[count - 1])
        text = joined(unit, pieces[:count])
        costs = model.log_losses(text)[0].nats
        assert answer["tokens"] == stream.steps == len(costs)
        assert answer["bits"] == pytest.approx(costs.sum() / math.log(2), abs=1e-4)
        chances = list(answer["next"].values())
        assert chances == sorted(chances, reverse=True)
    for token, chance in list(answer["next"].items())[:3]:  # what is expected is what it would cost to read it
        following = {"<eos>": "\n", "▁": " "}.get(token, token)
        if unit == "char" and len(following) == 1:
            cost = model.log_losses(text + following)[0].nats[-1]
            assert chance == pytest.approx(math.exp(-cost), rel=1e-4)


def test_before_it_has_read_anything_a_stream_expects_what_begins_a_document() -> None:
    model = LanguageModel(unit="char", **SMALL).fit(TEXT)
    answer = model.stream().step("")
    assert (answer["tokens"], answer["bits"]) == (0, 0.0)
    cost = model.log_losses("t")[0].nats[0]
    assert Stream(model.stream_model(top=1000)).step("")["next"]["t"] == pytest.approx(math.exp(-cost), rel=1e-4)


def test_the_whole_distribution_can_be_had() -> None:
    model = LanguageModel(unit="char", **SMALL).fit(TEXT)
    answer = Stream(model.stream_model(top=10_000)).step("to be")
    assert len(answer["next"]) == len(model.codec_)
    assert sum(answer["next"].values()) == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(InputError, match="top is a number of tokens, at least 1, found 0"):
        model.stream_model(top=0)


def test_streams_of_a_pool_read_their_own_texts_and_come_back_from_a_snapshot() -> None:
    model = LanguageModel(unit="word", **SMALL).fit(TEXT)
    pool, texts = model.stream_pool(), {"a": "to be or not", "b": "the mind", "c": "question whether it is nobler"}
    answers = pool.step(list(texts), list(texts.values()))
    for text, answer in zip(texts.values(), answers, strict=True):
        assert answer["bits"] == pytest.approx(model.log_losses(text)[0].nats.sum() / math.log(2), abs=1e-4)
    stream = model.stream()
    stream.step("to be or")
    snapshot, other = stream.snapshot(), model.stream()
    other.restore(snapshot)
    assert other.step("not") == stream.step("not")
    before = stream.snapshot()
    for bad in (3, None, ["to"], np.zeros(3)):
        with pytest.raises(InputError, match="a step of this stream is a piece of text, found"):
            stream.step(bad)
    assert stream.snapshot() == before
