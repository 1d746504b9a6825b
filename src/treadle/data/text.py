"""Texts to sequences of numbers: by words, by characters or by sub-word pieces."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, get_args

from treadle.data.marks import MARKS, SYMBOLS
from treadle.data.vocabulary import Ids, SubwordVocabulary, Vocabulary
from treadle.errors import InputError, nearest

Unit = Literal["word", "char", "subword"]
"""What one step of a text is."""

# Scripts written without spaces between words: Thai, Lao, Myanmar, Khmer, Kana, Han.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_LETTERS: Final = rf"[^\W{_UNSPACED}]+"
_APOSTROPHE: Final = "['’]"

_ASCII_TOKEN: Final = re.compile(r"\w+(?:'\w+)*|[^\w\s\x1c-\x1f]", re.ASCII)
_TOKEN: Final = re.compile(
    rf"{_LETTERS}(?:[{MARKS}]+(?:{_LETTERS})?|{_APOSTROPHE}{_LETTERS})*|[{_UNSPACED}]"
    rf"|[{SYMBOLS}](?:(?!\w)[{MARKS}])*|[^\w\s]"
)
# White space at either end is no character; inside, a run of it is one.
_CHARACTER: Final = re.compile(r"\S|(?<=\S)\s+(?=\S)")
WORD_PATTERN, CHARACTER_PATTERN = _TOKEN.pattern, _CHARACTER.pattern
"""The same for those who cut texts without Treadle."""
_LINE_BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)
_UNSPACED_CHARACTER: Final = re.compile(f"[{_UNSPACED}]")
_SPACED_WORD: Final = re.compile(_LETTERS)


def choose_unit(texts: Sequence[str]) -> Literal["word", "char"]:
    """`"char"` for texts mostly in scripts without spaces (Chinese, Japanese, Thai, ...), else `"word"`.

    Judged by up to 1,000 texts from all over the list: are there more characters of such scripts than words
    of others?
    """
    sample = [text[:1000] for text in texts[:: -(-len(texts) // 1000) or 1]]
    unspaced = sum(len(_UNSPACED_CHARACTER.findall(text)) for text in sample)
    return "char" if unspaced > sum(len(_SPACED_WORD.findall(text)) for text in sample) else "word"


def words(text: str, *, lowercase: bool = True) -> list[str]:
    """The words and punctuation marks of a text.

    A word keeps its apostrophes (`don't`), and its accents, points and vowel signs that are characters of their own, as
    a picture keeps its variation (`❤️`); a character of a script without spaces is a word of its own; HTML line breaks
    are white space.

    Example:
        >>> words("It's GOOD!<br />看 film")
        ["it's", 'good', '!', '看', 'film']
    """
    text = _prepare(text, lowercase)
    return _token_pattern(text).findall(text)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where each word of `words(text, lowercase=False)` stands in the text: `(start, end)` in characters.

    Example:
        >>> word_spans("It's GOOD!")
        [(0, 4), (5, 9), (9, 10)]
    """
    text = _prepare(text, lowercase=False)
    return [match.span() for match in _token_pattern(text).finditer(text)]


def characters(text: str, *, lowercase: bool = True) -> list[str]:
    r"""The characters of a text; a run of white space is one space, and none at either end.

    Example:
        >>> characters(" To  be\n")
        ['t', 'o', ' ', 'b', 'e']
    """
    found = _CHARACTER.findall(_prepare(text, lowercase))
    return [" " if character.isspace() else character for character in found]


def _token_pattern(text: str) -> re.Pattern[str]:
    """What finds the words of a prepared text; without accents a simpler expression does, several times faster."""
    return _ASCII_TOKEN if text.isascii() else _TOKEN


def _prepare(text: str, lowercase: bool) -> str:
    """Line breaks made white space and, if asked, lower case; every character keeps its position."""
    text = blank_breaks(text)
    return lower(text) if lowercase else text


def blank_breaks(text: str) -> str:
    """A text with spaces in place of its HTML line breaks, as many as they have characters."""
    return _LINE_BREAK.sub(lambda match: " " * len(match[0]), text) if "<" in text else text


def lower(text: str) -> str:
    """A text in lower case, as long as before: the one character whose lower case is two becomes one."""
    return text.replace("İ", "i").lower()


@dataclass(frozen=True)
class TextEncoder:
    """All that stands between a text and the numbers of its tokens, fitted on training texts only.

    Attributes:
        unit: What a token is.
        lowercase: Whether upper case is folded.
        vocabulary: Of words or characters, or the sub-word pieces.

    Example:
        >>> encoder = TextEncoder.fit(["good film", "bad film"])
        >>> encoder.encode(["a good film"])[0].tolist(), encoder.tokens("a good film")
        ([1, 4, 2], ['a', 'good', 'film'])
    """

    unit: Unit
    lowercase: bool
    vocabulary: Vocabulary | SubwordVocabulary

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        unit: Unit | None = None,
        lowercase: bool = True,
        max_size: int | None = None,
        min_count: int | None = None,
    ) -> Self:
        """The encoder for training texts; see `fit_encode`."""
        return cls.fit_encode(texts, unit=unit, lowercase=lowercase, max_size=max_size, min_count=min_count)[0]

    @classmethod
    def fit_encode(
        cls,
        texts: Sequence[str],
        *,
        unit: Unit | None = None,
        lowercase: bool = True,
        max_size: int | None = None,
        min_count: int | None = None,
    ) -> tuple[Self, list[Ids]]:
        """The encoder for training texts, and the same texts encoded, tokenising them once.

        Args:
            texts: Of the training rows, and no others.
            unit: What a token is; None leaves it to `choose_unit`.
            lowercase: Fold upper case.
            max_size: Of the vocabulary; by default 30,000, and 8,000 for sub-word pieces.
            min_count: Occurrences that a token must have; see `Vocabulary.fit_encode` for None.

        Raises:
            InputError: An option is not valid.
        """
        unit = unit or choose_unit(texts)
        if unit not in get_args(Unit):
            raise InputError(f"unit is {unit!r}{nearest(unit, get_args(Unit))}")
        if unit == "subword":
            prepared = [_prepare(text, lowercase) for text in texts]
            pieces = SubwordVocabulary.fit(prepared, max_size=max_size or 8_000, min_count=min_count)
            return cls(unit, lowercase, pieces), pieces.encode_all(prepared)
        split = words if unit == "word" else characters
        vocabulary, ids = Vocabulary.fit_encode(
            (split(text, lowercase=lowercase) for text in texts), max_size=max_size or 30_000, min_count=min_count
        )
        return cls(unit, lowercase, vocabulary), ids

    def encode(self, texts: Iterable[str]) -> list[Ids]:
        """The numbers of the tokens of every text; a text without tokens is an empty array."""
        if isinstance(self.vocabulary, SubwordVocabulary):
            return self.vocabulary.encode_all(_prepare(text, self.lowercase) for text in texts)
        return self.vocabulary.encode_all(self.tokens(text) for text in texts)

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text as a person reads them, one for each number of `encode`.

        Unknown ones, too, are shown as they are; a sub-word piece that is nothing but a space as `▁`.
        """
        if self.unit == "subword":
            text = _prepare(text, self.lowercase)
            return [text[start:end] or "▁" for start, end in self.spans(text)]
        return (words if self.unit == "word" else characters)(text, lowercase=self.lowercase)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where every token stands in the text as it was given: `(start, end)` in characters."""
        text = _prepare(text, self.lowercase)
        if isinstance(self.vocabulary, SubwordVocabulary):
            return self.vocabulary.spans(text)
        pattern = _CHARACTER if self.unit == "char" else _token_pattern(text)
        return [match.span() for match in pattern.finditer(text)]

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {"unit": self.unit, "lowercase": self.lowercase, "vocabulary": self.vocabulary.to_json()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """The encoder that `to_json` saved.

        Raises:
            InputError: It is damaged.
        """
        unit: Any = saved.get("unit")
        lowercase, vocabulary = saved.get("lowercase"), saved.get("vocabulary")
        if unit not in get_args(Unit) or not isinstance(lowercase, bool) or not isinstance(vocabulary, dict):
            raise InputError("the saved text encoder is damaged: expected unit, lowercase and vocabulary")
        kind = SubwordVocabulary if unit == "subword" else Vocabulary
        return cls(unit, lowercase, kind.from_json(vocabulary))
