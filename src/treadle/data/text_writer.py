"""Symbols of a language model to text, one at a time."""

import codecs
import unicodedata
from typing import Final

from treadle.data.text import words
from treadle.data.vocabulary import SPECIAL, SubwordVocabulary, Vocabulary

LINE_END: Final = "\n"
"""The token of a line end, among words and among characters; of words, people write it `<eos>`."""
REPLACEMENT: Final = "\ufffd"
"""What stands in text for a symbol without a spelling."""
BYTES: Final = 256

# How words and marks stand in print; other marks, such as quotes and dashes, stand between spaces.
_CLOSING: Final = frozenset(".,;:!?%)]}…’”»") | frozenset("。，；：！？、）】》」』")
_OPENING: Final = frozenset("([{“‘«¿¡$€£#@") | frozenset("（【《「『")
_FULL_WIDTH: Final = frozenset("。，；：！？、）】》」』")


class TextWriter:
    """Symbols to text, one at a time, in constant memory: the pieces put together are the codec's `decode`.

    Args:
        vocabulary: What the symbols spell; None for bytes.
        words_apart: Whether they are words, which stand apart by a rule; else they spell their own spaces.
        tokenised: Of words: whether one space stands between any two.

    Example:
        >>> writer = TextWriter(None)
        >>> [writer.write(byte + 2) for byte in "né".encode()]
        ['n', '', 'é']
    """

    def __init__(
        self, vocabulary: Vocabulary | SubwordVocabulary | None, *, words_apart: bool = False, tokenised: bool = False
    ) -> None:
        self._symbols = BYTES + len(SPECIAL) if vocabulary is None else len(vocabulary)
        self._pieces = isinstance(vocabulary, SubwordVocabulary)
        self._words_apart, self._tokenised = words_apart, tokenised
        self._spelling = None if vocabulary is None else vocabulary.decode(range(len(vocabulary)))
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")
        self._last: str | None = None

    def write(self, symbol: int) -> str:
        """The text that a symbol adds, which is empty in the middle of a character of several bytes.

        Raises:
            IndexError: The number is none of the symbols.
        """
        special = within(symbol, self._symbols) < len(SPECIAL)
        if self._spelling is None:
            return self.end() + REPLACEMENT if special else self._bytes.decode(bytes([symbol - len(SPECIAL)]))
        token, before = self._spelling[symbol], self._last
        self._last = token
        if self._words_apart:
            return _gap(before, token, self._tokenised) + token
        if special:
            return REPLACEMENT
        if not self._pieces:
            return token
        text = token.replace("▁", " ")
        return text.removeprefix(" ") if before is None else text

    def end(self) -> str:
        """What is left when no symbol follows: a mark for the beginning of a character that was never completed."""
        rest = self._bytes.decode(b"", final=True)
        self._bytes.reset()
        return rest


def _gap(before: str | None, token: str, tokenised: bool) -> str:
    """What stands between two words or marks in print; `before` is None at the beginning."""
    if before is None or LINE_END in (before, token):
        return ""
    if tokenised:
        return " "
    if token in _CLOSING or before in _OPENING or before in _FULL_WIDTH:
        return ""
    two_words = unicodedata.category(before[-1])[0] in "LMN" and unicodedata.category(token[0])[0] in "LMN"
    return "" if two_words and words(before + token, lowercase=False) == [before, token] else " "


def within(symbol: int, symbols: int) -> int:
    """The number of a symbol, checked.

    Raises:
        IndexError: It is none of the symbols.
    """
    if not 0 <= symbol < symbols:
        raise IndexError(f"{symbol} is none of the {symbols} symbols")
    return symbol
