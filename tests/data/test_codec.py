"""Symbols of a language model stand for the text they were made of, and go back to it."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.codec import CodecUnit, TokenCodec, looks_tokenised
from treadle.data.text import words
from treadle.data.vocabulary import UNKNOWN
from treadle.errors import InputError

PLAY = "First Citizen:\nBefore we proceed any further, hear  me speak.\n\nAll:\n\tSpeak, speak!\n"
TREEBANK = " mr. <unk> is chairman of n.v. \n rudolph <unk> N years old \n"
PROSE = 'She said (quietly): "It\'s 5 o’clock, isn’t it?"\n\n我喜欢看 film，真的！  它 costs $5 — or 50%...'
printable = st.text(alphabet=st.sampled_from("ab C.,!?'’\"()$%-_<>/br我看 ที่é\u0301\n\t\u2028\x1c1"), max_size=30)


@given(st.text(alphabet=st.sampled_from(PLAY)))
def test_characters_are_kept_exactly(text: str) -> None:
    codec = TokenCodec.fit([PLAY], unit="char")
    assert len(codec) == len(set(PLAY)) + 2
    assert codec.decode(codec.encode(text)) == text


@given(st.text())
def test_bytes_keep_any_text(text: str) -> None:
    codec = TokenCodec.fit([], unit="byte")
    ids = codec.encode(text)
    assert len(codec) == 258
    assert [int(number) - 2 for number in ids] == list(text.encode())
    assert codec.decode(ids) == text


@given(st.binary())
def test_bytes_of_any_file_are_symbols(data: bytes) -> None:
    codec = TokenCodec.fit([], unit="byte")
    ids = codec.encode(data.decode("utf-8", "surrogateescape"))
    assert [int(number) - 2 for number in ids] == list(data)
    assert codec.decode(ids) == data.decode("utf-8", "replace")


def test_tokenised_text_is_cut_at_white_space_and_keeps_its_lines() -> None:
    codec = TokenCodec.fit([TREEBANK], unit="word")
    assert codec.tokenised
    ids = codec.encode(TREEBANK)
    assert codec.spell(ids) == [*TREEBANK.split("\n")[0].split(), "<eos>", *TREEBANK.split("\n")[1].split(), "<eos>"]
    assert codec.decode(ids) == "mr. <unk> is chairman of n.v.\nrudolph <unk> N years old\n"
    # What the text itself calls unknown is the unknown symbol, which new words are too.
    assert codec.encode("mr. <unk> vinken").tolist()[1:] == [UNKNOWN, UNKNOWN]
    # Its words are chosen already: none is left out, though every one is rare.
    rare = [f"w{number}" for number in range(12_000)]
    assert len(TokenCodec.fit([" ".join([*rare, "<unk>"])], unit="word")) == 12_002


@given(st.lists(st.lists(st.sampled_from(["a", "b.", "<eos>", "<pad>", "<unk>", "n't", "看"])), min_size=1))
def test_tokens_between_single_spaces_come_back(lines: list[list[str]]) -> None:
    text = "\n".join(" ".join(line) for line in lines)
    codec = TokenCodec.fit([text], unit="word", tokenised=True)
    assert codec.decode(codec.encode(text)) == text


def test_words_of_prose_are_printed_as_they_were_written() -> None:
    codec = TokenCodec.fit([PROSE], unit="word")
    assert not codec.tokenised
    first, _, rest = codec.decode(codec.encode(PROSE)).split("\n")
    assert first == 'She said (quietly): " It\'s 5 o’clock, isn’t it? "'
    assert rest == "我喜欢看film，真的！它costs $5 — or 50%..."


@given(printable)
def test_words_are_the_same_after_printing(text: str) -> None:
    codec = TokenCodec.fit([text], unit="word", tokenised=False)
    ids = codec.encode(text)
    printed = codec.decode(ids)
    assert codec.encode(printed).tolist() == ids.tolist()
    assert printed.count("\n") == text.count("\n")
    assert [words(line, lowercase=False) for line in printed.split("\n")] == [
        words(line, lowercase=False) for line in text.split("\n")
    ]


@pytest.mark.parametrize("text", ["Speak, we proceed.", "  hear\n\nme \t speak!  ", "", " ", "Citizen"])
def test_subwords_keep_all_but_runs_of_white_space(text: str) -> None:
    codec = TokenCodec.fit([PLAY * 3], unit="subword", max_size=60)
    assert codec.decode(codec.encode(text)) == re.sub(r"\s+", " ", text).strip()


def test_a_space_of_its_own_is_shown_as_such_before_the_first_word_too() -> None:
    codec = TokenCodec.fit(["alpha beta alpha beta . ( x"] * 3, unit="subword", max_size=40)
    assert codec.tokens("zebra alpha") == ["▁", "z", "e", "b", "r", "a", "alpha"]
    assert codec.tokens("alpha zb") == ["alpha", "▁", "z", "b"]


def test_a_lower_block_in_text_of_subwords_is_a_space() -> None:
    codec = TokenCodec.fit(["alpha beta alpha beta"] * 3, unit="subword", max_size=40)
    assert codec.encode("alpha▁beta").tolist() == codec.encode("alpha beta").tolist()
    assert codec.decode(codec.encode("alpha▁beta")) == "alpha beta"
    assert codec.tokens("alpha▁beta") == ["alpha", "beta"]


def test_a_continuation_keeps_the_space_before_it() -> None:
    codec = TokenCodec.fit([PLAY * 3], unit="subword", max_size=60)
    writer = codec.writer()
    prompt = "".join(writer.write(int(number)) for number in codec.encode("hear me"))
    assert prompt + "".join(writer.write(int(number)) for number in codec.encode("speak")) == "hear me speak"


CODECS = {
    "char": TokenCodec.fit([PLAY, PROSE], unit="char"),
    "byte": TokenCodec.fit([], unit="byte"),
    "word": TokenCodec.fit([PLAY, PROSE], unit="word"),
    "subword": TokenCodec.fit([PLAY, PROSE], unit="subword"),
}


@pytest.mark.parametrize("unit", CODECS)
@given(data=st.data())
def test_a_text_written_symbol_by_symbol_is_the_text(unit: str, data: st.DataObject) -> None:
    codec = CODECS[unit]
    ids = data.draw(st.lists(st.integers(0, len(codec) - 1), max_size=20))
    writer = codec.writer()
    pieces = [writer.write(number) for number in ids]
    assert "".join(pieces) + writer.end() == codec.decode(ids)
    assert len(codec.spell(ids)) == len(ids)


@pytest.mark.parametrize("unit", CODECS)
def test_the_unknown_shows(unit: str) -> None:
    codec = CODECS[unit]
    assert codec.decode([UNKNOWN]) == ("<unk>" if unit == "word" else "\ufffd")
    assert codec.spell([0, 1]) == ["<pad>", "<unk>"]
    if unit != "byte":
        assert UNKNOWN in codec.encode("Ж")


def test_half_a_character_of_bytes_shows() -> None:
    codec = CODECS["byte"]
    start = codec.encode("é")[:1].tolist()
    assert codec.decode(start) == "\ufffd"
    assert codec.decode([*start, *codec.encode("a")]) == "\ufffda"
    assert codec.decode([*start, UNKNOWN]) == "\ufffd\ufffd"
    assert codec.spell(codec.encode("\né")) == ["\\x0a", "\\xc3", "\\xa9"]


@pytest.mark.parametrize("unit", CODECS)
def test_saved_and_loaded_through_json(unit: str) -> None:
    codec = CODECS[unit]
    loaded = TokenCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert loaded == codec
    assert [row.tolist() for row in loaded.encode_all([PLAY, PROSE])] == [
        codec.encode(text).tolist() for text in (PLAY, PROSE)
    ]


def test_characters_are_counted_the_same_whatever_the_unit() -> None:
    assert {codec.characters(PROSE) for codec in CODECS.values()} == {len(PROSE)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TREEBANK, True),
        ("the <unk> said", True),
        ("he does n't know , mr. smith said .", True),
        ("我 喜欢 看 ， 真的 ！", True),
        (PLAY, False),
        (PROSE, False),
        ("a b c", False),
        ("", False),
    ],
)
def test_tokenised_text_is_told_by_its_marks(text: str, expected: bool) -> None:
    assert looks_tokenised([text] * 20) is expected


@pytest.mark.parametrize("number", [-1, 100_000])
@pytest.mark.parametrize("unit", CODECS)
def test_numbers_that_are_no_symbols(unit: str, number: int) -> None:
    with pytest.raises(IndexError):
        CODECS[unit].decode([number])
    with pytest.raises(IndexError):
        CODECS[unit].spell([number])


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"unit": "syllable", "tokenised": False, "vocabulary": {}},
        {"unit": "word", "tokenised": False, "vocabulary": None},
        {"unit": "word", "tokenised": 1, "vocabulary": {"tokens": []}},
        {"unit": "char", "tokenised": False, "vocabulary": {"tokens": [1]}},
        {"unit": "byte", "tokenised": False, "vocabulary": {"tokens": []}},
    ],
)
def test_damage_is_named(saved: dict[str, object]) -> None:
    with pytest.raises(InputError, match="damaged"):
        TokenCodec.from_json(saved)


@pytest.mark.parametrize(
    ("unit", "options", "expected"),
    [
        ("chars", {}, "unit is 'chars'; did you mean 'char'"),
        ("char", {"tokenised": True}, "tokenised is for words, found the unit 'char'"),
        ("byte", {"max_size": 100}, "found the unit 'byte'"),
        ("word", {"max_size": 0}, "vocabulary size is 0"),
        ("subword", {"max_size": 0}, "vocabulary size is 0"),
        ("char", {"min_count": 0}, "min_count is 0"),
    ],
)
def test_bad_options(unit: CodecUnit, options: dict[str, int], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        TokenCodec.fit(["text"], unit=unit, **options)


def test_half_a_surrogate_pair_is_named() -> None:
    with pytest.raises(InputError, match=r"character 1 .* is half of a surrogate pair"):
        CODECS["byte"].encode("a\ud800")


@pytest.mark.parametrize("unit", ["word", "char", "subword"])
def test_folded_case_is_one_symbol(unit: str) -> None:
    codec = TokenCodec.fit(["To be or NOT to be, İstanbul"] * 30, unit=unit, lowercase=True)
    assert codec.encode("to BE or not").tolist() == codec.encode("TO be OR Not").tolist()
    assert codec.decode(codec.encode("TO be or NOT")) == "to be or not"
    assert TokenCodec.from_json(codec.to_json()) == codec
