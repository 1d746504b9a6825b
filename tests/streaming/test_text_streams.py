"""Text cut where it may be cut: a stream answers after each piece as its model does on the text so far."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from treadle import LanguageModel, SequenceClassifier
from treadle.streaming import Stream

SMALL: dict[str, Any] = {"hidden_size": 6, "embedding_size": 5, "epochs": 1, "bidirectional": False, "seed": 1}
TEXTS = ["good one", "bad two <br> x", "a fine\nfilm /", "a dull film > r"] * 3
LABELS = ["p", "n", "p", "n"] * 3
HARD = [
    "  good one",
    "<br>good one",
    "\n\ngood",
    "a  b",
    "line\r\nnext",
    "one<br />two",
    "one <BR\n/> <br two ",
    "a <b>x</b> < y",
    "a<br/",
    "|",
    "Trailing \t ",
]


def classifier(**options: Any) -> SequenceClassifier:
    return SequenceClassifier(**SMALL, **options).fit(TEXTS, LABELS)


def said(answer: dict[str, Any]) -> list[float]:
    return list(answer["probabilities"].values())


def agrees(model: SequenceClassifier, stream: Stream, ways: list[list[str]], between: str = "") -> None:
    """A text in pieces, cut in several ways."""
    text = between.join(ways[0])
    texts = [text[:end] for end in range(len(text) + 1)]
    whole = dict(zip(texts, model.predict_proba(texts), strict=True))
    for parts in ways:
        stream.reset()
        for count, part in enumerate(parts, 1):
            answer, so_far = stream.step(part), between.join(parts[:count])
            np.testing.assert_allclose(said(answer), whole[so_far], rtol=0, atol=1e-5, err_msg=repr(so_far))
            assert stream.steps == len(model.features_["input"].tokens(so_far))


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention"])
def test_characters_cut_anywhere_are_those_of_the_whole(pooling: str) -> None:
    model = classifier(unit="char", pooling=pooling, lowercase=pooling == "max")
    stream = model.stream()
    for text in HARD:
        agrees(model, stream, [[text], list(text), *([text[:at], text[at:]] for at in range(1, len(text)))])


@pytest.mark.parametrize("unit", ["word", "subword"])
def test_a_line_break_cut_at_its_space_is_one(unit: str) -> None:
    model = classifier(unit=unit)
    stream = model.stream()
    for text in ["good <br /> film", "x<br />y", "a <br", "a<br >b", "a <br b", "a<br b <br", "<BR /> x"]:
        agrees(model, stream, [text.split(" ")], " ")


def test_a_language_model_of_words_is_surprised_by_a_cut_line_break_as_by_a_whole_one() -> None:
    model = LanguageModel(unit="word", hidden_size=6, layers=1, epochs=1, seed=1).fit("x y, <br good\nto be x " * 20)
    stream = model.stream()
    for text in ["x <br /> y", "x<br \n to", "x <br y"]:
        stream.reset()
        parts = text.split(" ")
        for count, part in enumerate(parts, 1):
            answer, nats = stream.step(part), model.log_losses(" ".join(parts[:count]))[0].nats
            assert answer["bits"] == pytest.approx(nats.sum() / math.log(2), abs=1e-4)
            assert answer["tokens"] == stream.steps == len(nats)


def test_a_snapshot_holds_what_may_yet_change() -> None:
    model = classifier(unit="char")
    for text in HARD:
        for at in range(1, len(text)):
            stream, again = model.stream(), model.stream()
            stream.step(text[:at])
            again.restore(stream.snapshot())
            assert again.step(text[at:]) == stream.step(text[at:])
            assert again.steps == stream.steps


def test_streams_of_a_pool_hold_back_each_their_own(tmp_path: Any) -> None:
    model, random = classifier(unit="char", pooling="mean"), np.random.default_rng(0)
    pool = model.stream_pool(limit=len(HARD) - 2, folder=tmp_path / "idle")
    cuts = [sorted({0, len(text), *random.integers(0, len(text) + 1, 3).tolist()}) for text in HARD]
    parts = [[text[a:b] for a, b in pairwise(cut)] for text, cut in zip(HARD, cuts, strict=True)]
    for turn in range(max(map(len, parts))):
        keys = [key for key in random.permutation(len(HARD)).tolist() if turn < len(parts[key])]
        for some in (keys[:4], keys[4:]):
            answers = pool.step(some, [parts[key][turn] for key in some])
            for key, answer in zip(some, answers, strict=True):
                text = "".join(parts[key][: turn + 1])
                np.testing.assert_allclose(said(answer), model.predict_proba([text])[0], rtol=0, atol=1e-5)
                assert pool.steps(key) == len(model.features_["input"].tokens(text))
        pool.save(tmp_path / "pool")
        pool = model.stream_pool(limit=len(HARD) - 2, folder=tmp_path / "idle")
        pool.restore(tmp_path / "pool")


def test_half_a_surrogate_pair_is_an_unknown_symbol_in_every_unit() -> None:
    for unit in ("word", "char", "subword"):
        model = classifier(unit=unit)
        agrees(model, model.stream(), [["\ud83d", "good"]], "" if unit == "char" else " ")
