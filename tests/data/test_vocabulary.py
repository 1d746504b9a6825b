"""Vocabularies: fitted in a fixed order, unknown and padding kept apart from every token, safe to save."""

import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.vocabulary import PADDING, UNKNOWN, SubwordVocabulary, Vocabulary
from treadle.errors import InputError

token_lists = st.lists(st.lists(st.sampled_from(["a", "b", "c", "好", "<unk>", "<pad>", ""]), max_size=8))
TEXTS = ["low lower lowest", "new newer newest", "wide wider widest", "最新最快", "最新款"] * 4


@given(rows=token_lists, max_size=st.integers(3, 9), min_count=st.integers(1, 4))
def test_fit_keeps_the_commonest_and_encodes_them(rows: list[list[str]], max_size: int, min_count: int) -> None:
    vocabulary, ids = Vocabulary.fit_encode(iter(rows), max_size=max_size, min_count=min_count)

    counts = Counter(token for row in rows for token in row)
    ranked = sorted((token for token in counts if counts[token] >= min_count), key=lambda t: (-counts[t], t))
    assert list(vocabulary.tokens) == ranked[: max_size - 2]
    assert len(vocabulary) <= max_size
    assert [row.tolist() for row in ids] == [
        [ranked.index(token) + 2 if token in vocabulary else UNKNOWN for token in row] for row in rows
    ]
    assert [row.tolist() for row in vocabulary.encode_all(rows)] == [row.tolist() for row in ids]
    assert all(row.dtype == np.int64 for row in ids)


@given(token_lists)
def test_decode_reverses_encode(rows: list[list[str]]) -> None:
    vocabulary, ids = Vocabulary.fit_encode(rows)
    assert [vocabulary.decode(row) for row in ids] == rows


def test_no_token_is_padding_even_if_spelt_so() -> None:
    vocabulary = Vocabulary.fit([["<pad>", "<unk>"]])
    assert not {PADDING, UNKNOWN} & set(vocabulary.encode(["<pad>", "<unk>"]).tolist())
    assert vocabulary.decode([0, 1]) == ["<pad>", "<unk>"]


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [["b", "a"], ["c", "a"], ["d"]]
    assert Vocabulary.fit(rows) == Vocabulary.fit(rows[::-1])
    assert Vocabulary.fit(rows) != Vocabulary.fit(rows[:1])


def test_default_min_count_grows_with_the_data() -> None:
    once = [["once"], ["often"] * 9_000]
    assert "once" in Vocabulary.fit(once, min_count=None)
    assert "once" not in Vocabulary.fit([*once, ["often"] * 1_000], min_count=None)


def test_tokens_must_be_distinct() -> None:
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(["a", "a"])


def test_subword_pieces_rebuild_the_text() -> None:
    pieces = SubwordVocabulary.fit(TEXTS)
    for text in ["lowest newest", "wider", "最新最快 new"]:
        assert "".join(pieces.decode(pieces.encode(text))).replace("▁", " ").strip() == text


def test_subword_learns_stems_and_cuts_new_words_into_them() -> None:
    pieces = SubwordVocabulary.fit(TEXTS)
    assert pieces.decode(pieces.encode("new lower")) == ["▁new", "▁lower"]
    assert len(pieces.decode(pieces.encode("newwide"))) < len("newwide")
    assert UNKNOWN not in pieces.encode("newwide")
    # Chinese has no spaces to cut at, and needs no setting.
    assert any("最新" in piece for piece in pieces.decode(pieces.encode("最新款")))


def test_subword_unknown_and_padding() -> None:
    pieces = SubwordVocabulary.fit(TEXTS)
    assert pieces.encode("low ЖЖ").tolist().count(UNKNOWN) == 2
    assert PADDING not in pieces.encode("<pad> <unk>")
    loaded = SubwordVocabulary.from_json(pieces.to_json())
    assert PADDING not in loaded.encode("<pad>")
    assert pieces.decode([0, 1]) == ["<pad>", "<unk>"]


def test_subword_keeps_the_commonest_characters_within_half_the_size() -> None:
    # 300 characters, the first ones commoner.
    texts = [chr(0x4E00 + number) * (400 - number) for number in range(300)]
    pieces = SubwordVocabulary.fit(texts, max_size=100)
    assert len(pieces) <= 100
    assert UNKNOWN not in pieces.encode(chr(0x4E00 + 48))
    assert UNKNOWN in pieces.encode(chr(0x4E00 + 49))


def test_subword_pieces_are_spelt_without_asking_for_the_whole_vocabulary_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand short texts cost what they hold, not a thousand vocabularies."""
    vocabulary = SubwordVocabulary.fit(["low lower lowest newer wider"] * 20, max_size=60)
    asked: list[int] = []
    spell = vocabulary._tokenizer.id_to_token

    class Counting:
        id_to_token = staticmethod(lambda number: (asked.append(number), spell(number))[1])
        get_vocab_size = staticmethod(vocabulary._tokenizer.get_vocab_size)

    monkeypatch.setattr(vocabulary, "_tokenizer", Counting())
    texts = [vocabulary.decode([number % len(vocabulary)]) for number in range(1000)]
    assert len(set(map(tuple, texts))) == len(vocabulary)
    assert len(asked) == len(vocabulary)


def test_subword_spans_leave_out_the_space() -> None:
    pieces = SubwordVocabulary.fit(TEXTS)
    text = "  low \n\t new 最新"
    ids, spans = pieces.encode(text), pieces.spans(text)
    assert len(ids) == len(spans)
    assert [text[start:end] for start, end in spans if end > start] == ["low", "new", "最新"]


@pytest.mark.parametrize("text", ["ж low", " ж ж", "▁ж▁low", "low ж", "▁", "low ▁low"])
def test_a_subword_piece_that_is_a_space_is_empty_wherever_it_stands(text: str) -> None:
    pieces = SubwordVocabulary.fit(TEXTS)
    spelt, spans = pieces.decode(pieces.encode(text)), pieces.spans(text)
    assert "▁" in spelt
    for number, (piece, (start, end)) in enumerate(zip(spelt, spans, strict=True)):
        shown = text[start:end]
        assert shown == ("" if piece == "▁" else "ж" if piece == "<unk>" else piece.removeprefix("▁"))
        if piece == "▁" and spelt[number + 1 :][:1] == ["<unk>"]:
            assert end == spans[number + 1][0]


@given(st.text())
def test_subword_encodes_anything(text: str) -> None:
    ids = PIECES.encode(text)
    assert PADDING not in ids
    assert ids.tolist() == PIECES.encode_all([text])[0].tolist()
    assert len(PIECES.spans(text)) == len(ids)


PIECES = SubwordVocabulary.fit(TEXTS)


def test_subword_is_the_same_in_every_process() -> None:
    # Many pairs and characters of equal count, so that any order left to chance would show.
    code = (
        "import json, zlib; from treadle.data.vocabulary import SubwordVocabulary;"
        "texts = [''.join(chr(97 + (i * j + j) % 26) for j in range(9)) + chr(0x4e00 + i) for i in range(300)];"
        "print(zlib.crc32(json.dumps(SubwordVocabulary.fit(texts * 2, max_size=200).to_json()).encode()))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in range(3)
    ]
    assert len({run.stdout for run in runs}) == 1


@pytest.mark.parametrize("vocabulary", [Vocabulary.fit([["a", "好"]]), PIECES])
def test_saved_and_loaded_through_json(vocabulary: Vocabulary | SubwordVocabulary) -> None:
    loaded = type(vocabulary).from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert loaded == vocabulary
    assert hash(loaded) == hash(vocabulary)
    assert len(loaded) == len(vocabulary)


@pytest.mark.parametrize("saved", [{}, {"tokens": "ab"}, {"tokens": [1]}, {"tokens": ["a", "a"]}])
def test_damaged_vocabulary_is_named(saved: dict[str, object]) -> None:
    with pytest.raises(InputError, match="vocabulary is damaged"):
        Vocabulary.from_json(saved)


@pytest.mark.parametrize("text", [None, 3, "", "{", "{}", PIECES.to_json()["tokenizer"].replace("<pad>", "<pod>")])
def test_damaged_subword_vocabulary_is_named(text: object) -> None:
    with pytest.raises(InputError, match="vocabulary is damaged"):
        SubwordVocabulary.from_json({"tokenizer": text})


@pytest.mark.parametrize("number", [-1, 100_000])
@pytest.mark.parametrize("vocabulary", [Vocabulary(["a"]), PIECES])
def test_numbers_outside_the_vocabulary(vocabulary: Vocabulary | SubwordVocabulary, number: int) -> None:
    with pytest.raises(IndexError, match="outside the vocabulary"):
        vocabulary.decode([number])


@pytest.mark.parametrize(("option", "value"), [("max_size", 2), ("min_count", 0)])
def test_options_out_of_range(option: str, value: int) -> None:
    with pytest.raises(InputError, match=f"is {value}; expected"):
        Vocabulary.fit([["a"]], **{option: value})
    with pytest.raises(InputError, match=f"is {value}; expected"):
        SubwordVocabulary.fit(["a"], **{option: value})


def test_half_a_surrogate_pair_is_one_replacement_character_to_subword_pieces() -> None:
    assert PIECES.encode("a\ud83db").tolist() == PIECES.encode("a\ufffdb").tolist()
    assert PIECES.encode_all(["\udfff x", "low"])[0].tolist() == PIECES.encode("\ufffd x").tolist()
    assert [("a\ud83d")[start:end] for start, end in PIECES.spans("a\ud83d")][-1] == "\ud83d"
    learnt = SubwordVocabulary.fit(["low \ud83d"] * 3)
    assert UNKNOWN not in learnt.encode("\ud83d")
    assert SubwordVocabulary.from_json(learnt.to_json()) == learnt
