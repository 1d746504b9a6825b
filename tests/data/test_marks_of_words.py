"""Combining marks stay with what they stand on: in words, in tokens of a tagger, in pieces of a text."""

import sys
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.codec import TokenCodec
from treadle.data.tagging import tokenize
from treadle.data.text import TextEncoder, words
from treadle.data.text_pieces import as_codes, pieces_of

INSCRIBED = ["שָׁלוֹם", "ދިވެހި", "ܫܠܳܡܳܐ", "مُحَمَّدٌ", "བོད", "❤️", "x\u20d7", "e\u1dc4", "1\ufe0f\u20e3", "डॉ॰"]
MARKED = st.lists(
    st.sampled_from([*INSCRIBED, "\u05c1", "\u0301", "\ufe0f", "(", "。", "❤", "a", "ก็", "か\u3099", " "])
)


@pytest.mark.parametrize("word", INSCRIBED)
def test_a_word_with_its_marks_is_one_token(word: str) -> None:
    assert words(f"{word}, {word}!") == [word, ",", word, "!"]
    assert tokenize(f"a {word}") == [("a", 0, 1), (word, 2, 2 + len(word))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("दुःख है। हाँ॥", ["दुःख", "है", "।", "हाँ", "॥"]),
        ("৳৫০ ১", ["৳", "৫০", "১"]),
        ("ก็ดี", ["ก", "็", "ด", "ี"]),
        ("か\u3099き", ["か", "\u3099", "き"]),
        ("👨\u200d👩\u200d👧👍🏽", ["👨", "\u200d", "👩", "\u200d", "👧", "👍", "🏽"]),
        ("❤️हि❤️", ["❤️", "हि", "❤️"]),
        ("(\u0301", ["(", "\u0301"]),
    ],
)
def test_what_is_no_mark_of_a_word_is_apart(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_every_mark_of_a_spaced_script_and_nothing_else_goes_on_with_a_word() -> None:
    abbreviations, apostrophes = "\u0970\u09fd\u0a76\u0af0", "'’"
    unspaced = "THAI ", "LAO ", "MYANMAR ", "KHMER ", "COMBINING KATAKANA"
    for code in range(0x300, sys.maxunicode + 1):
        mark = chr(code)
        category, name = unicodedata.category(mark), unicodedata.name(mark, "")
        if category == "Cn" or category[0] in "LN" or mark in apostrophes or mark.isspace():
            continue
        if name.startswith(unspaced) and len(words(f"k{mark}k")) == 3:
            continue
        expected = category[0] == "M" or mark in abbreviations
        assert (words(f"k{mark}k") == [f"k{mark}k"]) == expected, f"U+{code:04X} {name}"


@given(MARKED)
def test_marked_words_are_the_same_after_printing(parts: list[str]) -> None:
    codec = TokenCodec.fit(["".join(parts)], unit="word", tokenised=False)
    ids = codec.encode("".join(parts))
    assert codec.encode(codec.decode(ids)).tolist() == ids.tolist()


@pytest.mark.parametrize("unit", ["word", "char"])
@given(parts=MARKED, random=st.randoms(use_true_random=False))
def test_a_text_in_pieces_is_read_as_if_it_had_come_at_once(unit: str, parts: list[str], random) -> None:  # type: ignore[no-untyped-def]
    """Words are cut at white space, characters anywhere: before a mark too."""
    text = "".join(parts)
    encoder = TextEncoder.fit([*INSCRIBED, text, "<br \u0301"], unit=unit)
    borders = sorted(random.randint(0, len(text)) for _ in range(3))
    cut = text.split(" ") if unit == "word" else [text[a:b] for a, b in pairwise([0, *borders, len(text)])]
    pieces = pieces_of(encoder)
    assert pieces is not None
    held, read = pieces.begin, []
    for piece in [*cut, "<br", "\u0301"]:
        joined = pieces.join(held, as_codes(piece))
        held = joined.held
        read += joined.sure.tolist()
    whole = (" " if unit == "word" else "").join([*cut, "<br", "\u0301"])
    assert [*read, *joined.ahead.tolist()] == encoder.encode([whole])[0].tolist()
