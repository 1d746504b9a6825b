"""A text in pieces: after every piece, what was read and what is held back are the numbers of the text so far."""

import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.codec import TokenCodec
from treadle.data.text import TextEncoder
from treadle.data.text_pieces import TextPieces, as_codes, pieces_of
from treadle.data.vocabulary import Ids

TEXTS = ["a <br> B|b r/>\n  c", "The film | was <b>fine</b>, x<br />y < z"] * 4
SPACES = [" ", "\n", "\t", "\r\n", "\u00a0"]
ALPHABET = st.lists(st.sampled_from([*SPACES, "<", "<b", "<br", "<BR />", "<br/>", "/", ">", "|", "a", "R", "é"]))
CHARACTERS = TextEncoder.fit(TEXTS, unit="char", lowercase=False)
BY_WHITE_SPACE: dict[str, tuple[TextEncoder | TokenCodec, Callable[[str], Ids]]] = {}
for unit in ("word", "subword"):
    encoder = TextEncoder.fit(TEXTS, unit=unit)
    BY_WHITE_SPACE[unit] = encoder, lambda text, encoder=encoder: encoder.encode([text])[0]
codec = TokenCodec.fit(TEXTS, unit="word", tokenised=False)
BY_WHITE_SPACE["lines of words"] = codec, codec.encode


def check(pieces: TextPieces, parts: list[str], whole: Callable[[str], Ids], between: str) -> None:
    """What is known after each part is known of the parts so far, and their number is told."""
    held, read, count = pieces.begin, [np.zeros(0, np.int64)], 0
    for number, part in enumerate(parts, 1):
        joined = pieces.join(held, as_codes(part))
        held, count = joined.held, count + joined.added
        assert held.shape == pieces.begin.shape
        assert held.dtype == pieces.begin.dtype
        read.append(joined.sure)
        expected = whole(between.join(parts[:number])).tolist()
        assert np.concatenate([*read, joined.ahead]).tolist() == expected
        assert count == len(expected)


@given(ALPHABET, st.randoms(use_true_random=False))
def test_characters_may_be_cut_anywhere(symbols, random) -> None:  # type: ignore[no-untyped-def]
    text = "".join(symbols)
    borders = sorted(random.randint(0, len(text)) for _ in range(random.randint(0, 5)))
    parts = [text[a:b] for a, b in pairwise([0, *borders, len(text)])]
    pieces = pieces_of(CHARACTERS)
    assert pieces is not None
    check(pieces, parts, lambda text: CHARACTERS.encode([text])[0], "")
    check(pieces, list(text), lambda text: CHARACTERS.encode([text])[0], "")


@pytest.mark.parametrize("unit", BY_WHITE_SPACE)
@given(ALPHABET)
def test_words_may_be_cut_at_white_space_in_line_breaks_too(unit: str, symbols: list[str]) -> None:
    encoder, whole = BY_WHITE_SPACE[unit]
    pieces = pieces_of(encoder)
    assert pieces is not None
    check(pieces, re.split(r"[ \t\u00a0]", "".join(symbols)), whole, " ")


def test_case_of_a_break_that_is_none_is_kept() -> None:
    pieces = pieces_of(CHARACTERS)
    assert pieces is not None
    check(pieces, ["<", "B", "R", "b", " <BR \n", "r"], lambda text: CHARACTERS.encode([text])[0], "")


def test_white_space_without_end_is_held_in_constant_memory_and_time_that_does_not_explode() -> None:
    pieces = pieces_of(CHARACTERS)
    assert pieces is not None
    many = 200_000
    for text in ("a" + " " * many + "b", "a<br" + " " * many, "<br" * many, " <" * many):
        check(pieces, [text, " > b"], lambda text: CHARACTERS.encode([text])[0], "")


@pytest.mark.parametrize("unit", ["char", "byte", "subword"])
def test_a_codec_that_reads_a_text_as_it_stands_holds_nothing_back(unit: str) -> None:
    assert pieces_of(TokenCodec.fit(TEXTS, unit=unit)) is None
    assert pieces_of(TokenCodec.fit(TEXTS, unit="word", tokenised=True)) is None
