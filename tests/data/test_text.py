"""Tokenisation: what a reader would call a word, positions that are true, and numbers for every token."""

import json
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.text import TextEncoder, characters, choose_unit, words
from treadle.data.vocabulary import UNKNOWN, SubwordVocabulary
from treadle.errors import InputError

ENGLISH = ["The film isn't good.", "A very good film, I liked it!", "Bad; very bad."] * 5
CHINESE = ["这家店的味道很好，送餐也快。", "太难吃了，再也不点了！", "味道一般，送餐很慢"] * 5
UNITS = ["word", "char", "subword"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's a well-made film.", ["it's", "a", "well", "-", "made", "film", "."]),
        ("Don’t!", ["don’t", "!"]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("one<br /><br>two <BR/>three", ["one", "two", "three"]),
        ("one<Br>two<bR />three", ["one", "two", "three"]),
        ("3.5 stars", ["3", ".", "5", "stars"]),
        ("Größe café CAFE\u0301", ["größe", "café", "cafe\u0301"]),
        ("हिन्दी में लिखा।", ["हिन्दी", "में", "लिखा", "।"]),
        ("Привет, мир", ["привет", ",", "мир"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("iPhone很好用,我用app", ["iphone", "很", "好", "用", ",", "我", "用", "app"]),
        ("İstanbul", ["istanbul"]),
        (" \t\n", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_case_is_kept_on_request() -> None:
    assert words("Good FILM", lowercase=False) == ["Good", "FILM"]
    assert characters("aB", lowercase=False) == ["a", "B"]
    encoder = TextEncoder.fit(["Good good"], lowercase=False)
    assert encoder.encode(["Good"])[0].tolist() != encoder.encode(["good"])[0].tolist()


def test_characters_keep_one_space_between_and_none_at_the_ends() -> None:
    assert characters("  味道 \n 好\t") == ["味", "道", " ", "好"]
    assert characters("ACGT", lowercase=False) == list("ACGT")


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_plain_and_accented_texts_follow_the_same_rule(text: str) -> None:
    # An ASCII text takes a faster way; a Greek word after it forces the general one.
    assert [*words(text + " "), "ω"] == words(text + " ω")


@given(st.text())
def test_words_leave_out_nothing_but_white_space(text: str) -> None:
    text = re.sub("<br", "", text, flags=re.IGNORECASE)
    assert "".join(words(text, lowercase=False)) == "".join(text.split())


def test_lower_case_never_moves_a_character() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    grown = [c for c in every if len(c.replace("İ", "i").lower()) != 1]
    assert grown == []


def test_no_letter_of_any_script_is_cut_from_its_marks() -> None:
    """Every combining mark of the Indic, Hebrew and Arabic blocks stays with the letter before it."""
    for code in [*range(0x300, 0x370), *range(0x5B0, 0x5BE), *range(0x64B, 0x660), *range(0x900, 0xE00)]:
        mark = chr(code)
        if unicodedata.category(mark) in ("Mn", "Mc"):
            assert words(f"k{mark}k") == [f"k{mark}k"], f"U+{code:04X}"


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (ENGLISH, "word"),
        (CHINESE, "char"),
        (["とても面白い映画でした", "つまらない"], "char"),
        (["อาหารอร่อยมาก"], "char"),
        (["한국어 문장입니다"], "word"),
        (["हिन्दी में लिखा"], "word"),
        (["iPhone 的电池很耐用，屏幕也不错"], "char"),
        (["The word 好 means good in Chinese"], "word"),
        (["", "12 !"], "word"),
        ([], "word"),
    ],
)
def test_choose_unit(texts: list[str], unit: str) -> None:
    assert choose_unit(texts) == unit
    if texts:
        assert TextEncoder.fit(texts).unit == unit


def test_choose_unit_looks_at_the_whole_list() -> None:
    assert choose_unit(["an English line"] * 2000 + ["很多中文评论，比英文的多得多"] * 8000) == "char"


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("texts", [ENGLISH, CHINESE])
def test_fit_encode_is_fit_then_encode(unit: str, texts: list[str]) -> None:
    encoder, ids = TextEncoder.fit_encode(texts, unit=unit)
    assert encoder == TextEncoder.fit(texts, unit=unit)
    assert [row.tolist() for row in ids] == [row.tolist() for row in encoder.encode(texts)]
    assert not any(UNKNOWN in row for row in ids)


@pytest.mark.parametrize("unit", UNITS)
@given(text=st.text(alphabet=st.sampled_from("abİ é<br />\n\t味道。!'’▁<pad>हि\U0001f600")))
def test_every_number_has_a_token_and_a_place_in_the_text(unit: str, text: str) -> None:
    encoder = ENCODERS[unit]
    ids, tokens, spans = encoder.encode([text])[0], encoder.tokens(text), encoder.spans(text)

    assert len(ids) == len(tokens) == len(spans)
    assert all(tokens)
    assert 0 not in ids
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    for token, (start, end) in zip(tokens, spans, strict=True):
        piece = text[start:end].replace("İ", "i").lower()
        assert token == (piece if unit == "word" else " " if piece.isspace() else piece or "▁")


ENCODERS = {unit: TextEncoder.fit([*ENGLISH, *CHINESE], unit=unit) for unit in UNITS}


@pytest.mark.parametrize("unit", UNITS)
def test_line_breaks_and_case_make_no_difference(unit: str) -> None:
    plain, marked = ENCODERS[unit].encode(["very good film", " Very <br /><BR>GOOD\n\nfilm "])
    assert plain.tolist() == marked.tolist()


@pytest.mark.parametrize("unit", UNITS)
def test_unknown_tokens_are_shown_as_written(unit: str) -> None:
    encoder = ENCODERS[unit]
    ids = encoder.encode(["good Ж"])[0]
    assert ids[-1] == UNKNOWN
    assert encoder.tokens("good Ж")[-1] == "ж"


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_without_tokens_has_length_zero(unit: str) -> None:
    assert [len(row) for row in ENCODERS[unit].encode(["", "  ", "<br />"])] == [0, 0, 0]


@pytest.mark.parametrize("unit", UNITS)
def test_saved_and_loaded_through_json(unit: str) -> None:
    encoder = ENCODERS[unit]
    loaded = TextEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    texts = ["Isn't it 很好 <pad>?", ""]
    assert loaded == encoder
    assert [row.tolist() for row in loaded.encode(texts)] == [row.tolist() for row in encoder.encode(texts)]


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"unit": "syllable", "lowercase": True, "vocabulary": {"tokens": []}},
        {"unit": "word", "lowercase": "yes", "vocabulary": {"tokens": []}},
        {"unit": "word", "lowercase": True, "vocabulary": []},
        {"unit": "word", "lowercase": True, "vocabulary": {"tokens": "ab"}},
        {"unit": "subword", "lowercase": True, "vocabulary": {"tokens": []}},
        {"unit": ["word"], "lowercase": True, "vocabulary": {"tokens": []}},
    ],
)
def test_damaged_json_is_named(saved: dict[str, object]) -> None:
    with pytest.raises(InputError, match="damaged"):
        TextEncoder.from_json(saved)


def test_subword_default_size_is_smaller() -> None:
    many = [f"w{number:05d}x" for number in range(20_000)] * 2
    assert len(TextEncoder.fit(many, unit="word").vocabulary) == 20_002
    pieces = TextEncoder.fit(many, unit="subword").vocabulary
    assert isinstance(pieces, SubwordVocabulary)
    assert len(pieces) == 8_000


def test_a_misspelt_unit_is_corrected() -> None:
    with pytest.raises(InputError, match="did you mean 'subword'"):
        TextEncoder.fit(ENGLISH, unit="subwords")
