"""Where the tokens of a language model stand in the text they were read from, and which of a text it does not know."""

import re

from treadle.data.codec import UNKNOWN_WORD, TokenCodec
from treadle.data.text import word_spans
from treadle.data.text_writer import LINE_END
from treadle.data.vocabulary import PADDING, UNKNOWN

NOUNS = {"word": "word", "subword": "sub-word", "char": "character", "byte": "byte"}
"""What a token is called, by unit."""

_TOKEN = re.compile(r"\S+")


def places(codec: TokenCodec, text: str) -> list[tuple[int, int]] | None:
    r"""Where every token of a text begins and ends, in characters; None for sub-words, whose pieces do not tell.

    A byte stands where its character does.

    Example:
        >>> codec = TokenCodec.fit(["So it is.\n"], unit="word")
        >>> places(codec, "So what?\n")
        [(0, 2), (3, 7), (7, 8), (8, 9)]
    """
    if codec.unit == "subword":
        return None
    if codec.unit == "char":
        return [(at, at + 1) for at in range(len(text))]
    if codec.unit == "byte":
        sizes = [len(character.encode("utf-8", "surrogateescape")) for character in text]
        return [(at, at + 1) for at, size in enumerate(sizes) for _ in range(size)]
    found: list[tuple[int, int]] = []
    start = 0
    for line in text.split(LINE_END):
        here = [match.span() for match in _TOKEN.finditer(line)] if codec.tokenised else word_spans(line)
        found += [(start + begin, start + end) for begin, end in here]
        start += len(line) + 1
        found.append((start - 1, start))
    return found[:-1]  # the end of the text is not that of a line


def unknown_parts(codec: TokenCodec, text: str) -> list[str]:
    """What of a text stands outside the vocabulary, each part once, in the order of the text.

    A tokenised text that says `<unk>` itself means what it says.

    Example:
        >>> unknown_parts(TokenCodec.fit(["abba"], unit="char"), "a cab")
        [' ', 'c']
    """
    if codec.unit == "byte":
        return []
    stands = places(codec, text)
    if stands is None:
        known = alphabet(codec)
        parts = [character for character in text if character not in known and not character.isspace()]
    else:
        ids = codec.encode(text).tolist()
        parts = [text[begin:end] for number, (begin, end) in zip(ids, stands, strict=True) if number == UNKNOWN]
    return [part for part in dict.fromkeys(parts) if part != UNKNOWN_WORD]


def spellings(codec: TokenCodec) -> list[str]:
    """How every symbol but padding and unknown is written; of bytes, none."""
    if codec.vocabulary is None:
        return []
    numbers = (number for number in range(len(codec)) if number not in (PADDING, UNKNOWN))
    return [token.replace("▁", " ") if codec.unit == "subword" else token for token in codec.vocabulary.decode(numbers)]


def alphabet(codec: TokenCodec) -> frozenset[str]:
    """The characters that can occur in what a model of words, sub-words or characters writes."""
    between = " " if codec.unit in ("word", "subword") else ""
    return frozenset(between.join(spellings(codec)) + between)
