"""Texts to symbols of a language model and back: by words, characters, sub-word pieces or bytes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, get_args

import numpy as np

from treadle.data.text import lower, words
from treadle.data.text_writer import BYTES, LINE_END, TextWriter, within
from treadle.data.vocabulary import SPECIAL, Ids, SubwordVocabulary, Vocabulary
from treadle.errors import InputError, nearest

CodecUnit = Literal["word", "char", "subword", "byte"]
"""What one symbol of a language model is."""

UNKNOWN_WORD: Final = "<unk>"
"""How tokenised text writes an unknown word itself."""

_SAMPLE = 200_000  # characters that are looked at to tell whether a text is tokenised
_ALONE: Final = re.compile(r"(?<!\S)[,.;!?，。；！？](?!\S)")
_ATTACHED: Final = re.compile(r"\w[,;!?，。；！？](?!\S)")  # a dot may be part of an abbreviation


@dataclass(frozen=True)
class TokenCodec:
    r"""All that stands between a text and the symbols of a language model, fitted on training texts only.

    | unit | a symbol is | `decode(encode(text))` gives |
    |---|---|---|
    | char | a character, white space and line ends included | the text |
    | byte | one of the 256 bytes of the text in UTF-8 | the text |
    | word, of tokenised text | what white space separates, and a line end | the text, with one space between tokens |
    | word, of other text | a word, a mark or a line end, case kept | the text, spaces put by a rule (below) |
    | subword | a piece of a word, see `SubwordVocabulary` | the text, each run of white space and each `▁` a space |

    Numbers 0 and 1 are `PADDING` and `UNKNOWN`. What the vocabulary does not hold is `UNKNOWN`, and comes back as
    `<unk>` among words and as `\ufffd` (`�`) otherwise. Tokenised text that says `<unk>` itself, as the Penn Treebank
    and WikiText do, means the same symbol. A `▁` (U+2581) in a text of sub-words is read as a space.

    The rule for spaces: none at the ends of a line, before closing marks (`.,;:!?%)]}`), after opening ones (`([{$#`),
    or between two words that are told apart without one (Chinese, Thai, ...); one space everywhere else. Encoding the
    result gives the same symbols again.

    Attributes:
        unit: What a symbol is.
        tokenised: Of words: whether white space alone separates tokens.
        lowercase: Whether upper case is folded; what is decoded is then lower case. Bytes are as they are.
        vocabulary: Of words or characters, or the sub-word pieces; None for bytes.

    Example:
        >>> codec = TokenCodec.fit(["To be, or not to be.\nThat is it."], unit="word")
        >>> ids = codec.encode("That is not it.\nOr be it?")
        >>> codec.decode(ids)
        'That is not it.\n<unk> be it <unk>'
        >>> codec.spell(ids)[:6]
        ['That', 'is', 'not', 'it', '.', '<eos>']
    """

    unit: CodecUnit
    tokenised: bool
    lowercase: bool
    vocabulary: Vocabulary | SubwordVocabulary | None

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        unit: CodecUnit,
        tokenised: bool | None = None,
        lowercase: bool = False,
        max_size: int | None = None,
        min_count: int | None = None,
    ) -> Self:
        """The codec of training texts.

        Args:
            texts: Of training, and no others.
            unit: What a symbol is.
            tokenised: Of words: whether white space alone separates tokens. None takes the look of the texts for it:
                they say `<unk>`, or commas and the like stand alone ten times as often as behind a word.
            lowercase: Fold upper case.
            max_size: Numbers at most; by default 8,000 for sub-word pieces, 30,000 for words unless the text says
                `<unk>` (its words have been chosen already), and no limit for characters.
            min_count: Occurrences that a token must have. None keeps all characters, all words of a text that says
                `<unk>`, and otherwise what `Vocabulary.fit_encode` says.

        Raises:
            InputError: An option is not valid.
        """
        if unit not in get_args(CodecUnit):
            raise InputError(f"unit is {unit!r}{nearest(unit, get_args(CodecUnit))}")
        if unit != "word" and tokenised is not None:
            raise InputError(f"tokenised is for words, found the unit {unit!r}")
        if unit == "byte":
            if max_size is not None or min_count is not None:
                raise InputError("max_size and min_count are for vocabularies that are learnt, found the unit 'byte'")
            return cls(unit, False, False, None)
        if lowercase:
            texts = [lower(text) for text in texts]
        if unit == "subword":
            pieces = SubwordVocabulary.fit(texts, max_size=8_000 if max_size is None else max_size, min_count=min_count)
            return cls(unit, False, lowercase, pieces)
        if unit == "char":
            least = 1 if min_count is None else min_count
            return cls(unit, False, lowercase, Vocabulary.fit(texts, max_size=max_size, min_count=least))
        if tokenised is None:
            tokenised = looks_tokenised(texts)
        if tokenised and any(UNKNOWN_WORD in text for text in texts):
            min_count = 1 if min_count is None else min_count
        elif max_size is None:
            max_size = 30_000
        known = ((token for token in _words(text, tokenised) if token != UNKNOWN_WORD) for text in texts)
        return cls(unit, tokenised, lowercase, Vocabulary.fit(known, max_size=max_size, min_count=min_count))

    def __len__(self) -> int:
        """How many numbers there are, padding and unknown included: the rows of an embedding."""
        return BYTES + len(SPECIAL) if self.vocabulary is None else len(self.vocabulary)

    @staticmethod
    def characters(text: str) -> int:
        """How many characters a text has as it was given, by which models of any unit are compared."""
        return len(text)

    def encode(self, text: str) -> Ids:
        """The symbols of one text.

        Bytes that were read as they are (`read_corpus(raw=True)`) are themselves again.

        Raises:
            InputError: For bytes, the text holds half of a surrogate pair.
        """
        if self.lowercase:
            text = lower(text)
        if isinstance(self.vocabulary, SubwordVocabulary):
            return self.vocabulary.encode(text)
        if self.vocabulary is None:
            try:
                data = text.encode("utf-8", "surrogateescape")
            except UnicodeEncodeError as error:
                half = f"character {error.start} (counted from 0) is half of a surrogate pair"
                raise InputError(f"the text cannot be written as bytes: {half}, expected whole characters") from None
            return np.frombuffer(data, np.uint8).astype(np.int64) + len(SPECIAL)
        return self.vocabulary.encode(text if self.unit == "char" else _words(text, self.tokenised))

    def encode_all(self, texts: Iterable[str]) -> list[Ids]:
        """`encode` for every text; sub-word pieces on all cores."""
        if isinstance(self.vocabulary, SubwordVocabulary):
            return self.vocabulary.encode_all(lower(text) if self.lowercase else text for text in texts)
        return [self.encode(text) for text in texts]

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text as they stand in it, one for each number of `encode`, unknown ones too.

        A line end among words is itself; a sub-word piece that is nothing but a space is `▁`.
        """
        if self.lowercase:
            text = lower(text)
        if isinstance(self.vocabulary, SubwordVocabulary):
            return [text[start:end] or "▁" for start, end in self.vocabulary.spans(text)]
        if self.vocabulary is None:
            return self.spell(self.encode(text))
        return list(text) if self.unit == "char" else _words(text, self.tokenised)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of symbols, as the class's table says.

        Raises:
            IndexError: A number is none of the symbols.
        """
        writer = self.writer()
        return "".join([*(writer.write(int(number)) for number in ids), writer.end()])

    def writer(self) -> TextWriter:
        """What turns symbols to text one at a time, as they are drawn."""
        return TextWriter(self.vocabulary, words_apart=self.unit == "word", tokenised=self.tokenised)

    def spell(self, ids: Iterable[int]) -> list[str]:
        r"""Every symbol for itself, to be shown in a table: a line end among words is `<eos>`, a byte `\x0a`.

        Raises:
            IndexError: A number is none of the symbols.
        """
        if self.vocabulary is None:
            table = [*SPECIAL, *(f"\\x{byte:02x}" for byte in range(BYTES))]
            return [table[within(int(number), len(table))] for number in ids]
        spelt = self.vocabulary.decode(ids)
        return ["<eos>" if token == LINE_END else token for token in spelt] if self.unit == "word" else spelt

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        vocabulary = None if self.vocabulary is None else self.vocabulary.to_json()
        return {
            "unit": self.unit,
            "tokenised": self.tokenised,
            "lowercase": self.lowercase,
            "vocabulary": vocabulary,
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """The codec that `to_json` saved.

        Raises:
            InputError: It is damaged.
        """
        unit: Any = saved.get("unit")
        tokenised: Any = saved.get("tokenised")
        lowercase: Any = saved.get("lowercase")
        vocabulary = saved.get("vocabulary")
        fits = vocabulary is None if unit == "byte" else isinstance(vocabulary, dict)
        sound = isinstance(tokenised, bool) and isinstance(lowercase, bool)
        if unit not in get_args(CodecUnit) or not sound or not fits:
            raise InputError("the saved codec is damaged: expected unit, tokenised, lowercase and vocabulary")
        if vocabulary is None:
            return cls(unit, tokenised, lowercase, None)
        kind = SubwordVocabulary if unit == "subword" else Vocabulary
        return cls(unit, tokenised, lowercase, kind.from_json(vocabulary))


def looks_tokenised(texts: Sequence[str]) -> bool:
    """Whether white space alone separates the tokens of texts, as their first 200,000 characters show it.

    Example:
        >>> looks_tokenised(["it is , he said , n't it ?"]), looks_tokenised(["It is, he said, isn't it?"])
        (True, False)
    """
    alone = attached = 0
    left = _SAMPLE
    for text in texts:
        part = text[:left]
        if UNKNOWN_WORD in part.split():
            return True
        alone += len(_ALONE.findall(part))
        attached += len(_ATTACHED.findall(part))
        left -= len(part)
        if left <= 0:
            break
    return alone > 0 and alone >= 10 * attached


def _words(text: str, tokenised: bool) -> list[str]:
    tokens: list[str] = []
    for line in text.split(LINE_END):
        tokens += line.split() if tokenised else words(line, lowercase=False)
        tokens.append(LINE_END)
    tokens.pop()  # the end of the text is not that of a line
    return tokens
