"""Tokens to numbers and back: a table of whole tokens, or sub-word pieces by byte-pair encoding.

Both kinds keep number 0 for padding and number 1 for whatever training data did not hold, are fitted on
training data only, come out the same on every machine, and are saved as JSON.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from treadle.data.encoding import without_halves
from treadle.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING: Final = 0
"""The number that fills a batch past the end of a row. No token is encoded as it."""
UNKNOWN: Final = 1
"""The number of every token that the vocabulary does not hold."""
SPECIAL: Final = ("<pad>", "<unk>")
"""How numbers 0 and 1 are displayed."""

Ids = NDArray[np.int64]


class Vocabulary:
    """A table of tokens: token `tokens[i]` has number `i + 2`.

    The special symbols have numbers but no spelling, so a token that happens to be spelt `"<unk>"` or
    `"<pad>"` is a token like any other.

    Args:
        tokens: Distinct strings, in the order of their numbers.

    Raises:
        ValueError: A token occurs twice.

    Example:
        >>> vocabulary = Vocabulary.fit([["to", "be", "or", "not", "to", "be"]])
        >>> vocabulary.encode(["to", "see"]).tolist(), vocabulary.decode([3, 1])
        ([3, 1], ['to', '<unk>'])
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = tuple(tokens)
        self._spellings = SPECIAL + self.tokens
        self._number_of = {token: number for number, token in enumerate(self.tokens, len(SPECIAL))}
        if len(self._number_of) != len(self.tokens):
            raise ValueError("a token occurs twice in the vocabulary")

    @classmethod
    def fit(
        cls, token_lists: Iterable[Iterable[str]], *, max_size: int | None = None, min_count: int | None = 1
    ) -> Self:
        """The vocabulary of training data; see `fit_encode`."""
        return cls.fit_encode(token_lists, max_size=max_size, min_count=min_count)[0]

    @classmethod
    def fit_encode(
        cls, token_lists: Iterable[Iterable[str]], *, max_size: int | None = None, min_count: int | None = 1
    ) -> tuple[Self, list[Ids]]:
        """The vocabulary of training data, and the same data encoded, in one pass.

        Numbers are given by falling count, then by token, so they do not depend on the order of the rows.

        Args:
            token_lists: The tokens of every row; may be a generator, nothing but numbers is kept of it.
            max_size: Numbers at most, padding and unknown included; the rarest tokens are left out.
            min_count: Occurrences that a token must have. None asks for 2 where there are 10,000 tokens or
                more, so that the unknown symbol is met, and so learnt, in training; and for 1 below, where
                no token can be spared.

        Returns:
            The vocabulary and one array of numbers a row.

        Raises:
            InputError: `max_size` or `min_count` is too small to mean anything.
        """
        _check_size(max_size, len(SPECIAL) + 1)
        # Every token gets a provisional number when it is first met; rows are kept as numbers, which is a
        # tenth of their size as strings.
        met: defaultdict[str, int] = defaultdict()
        met.default_factory = met.__len__
        rows = [np.fromiter(map(met.__getitem__, tokens), np.int32) for tokens in token_lists]
        met.default_factory = None
        flat = np.concatenate([np.zeros(0, np.int32), *rows])
        counts = np.bincount(flat, minlength=len(met)).tolist()

        least = _least_count(min_count, len(flat))
        kept = [(-count, token) for token, count in zip(met, counts, strict=True) if count >= least]
        kept.sort()
        vocabulary = cls(token for _, token in kept[: None if max_size is None else max_size - len(SPECIAL)])

        final = vocabulary.encode(met)
        return vocabulary, [final[row] for row in rows]

    def __len__(self) -> int:
        """How many numbers there are, padding and unknown included: the rows of an embedding."""
        return len(self.tokens) + len(SPECIAL)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._number_of

    def encode(self, tokens: Iterable[str]) -> Ids:
        """The number of every token, `UNKNOWN` for those not in the vocabulary."""
        return np.fromiter(map(self._number_of.get, tokens, repeat(UNKNOWN)), np.int64)

    def encode_all(self, token_lists: Iterable[Iterable[str]]) -> list[Ids]:
        """`encode` for every row."""
        return [self.encode(tokens) for tokens in token_lists]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The token of every number; `"<pad>"` and `"<unk>"` for 0 and 1.

        Raises:
            IndexError: A number is not in the vocabulary.
        """
        return _spell(self._spellings, ids)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {"kind": "tokens", "tokens": list(self.tokens)}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """The vocabulary that `to_json` saved.

        Raises:
            InputError: It is damaged.
        """
        tokens = saved.get("tokens")
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise InputError("the saved vocabulary is damaged: expected a list of tokens")
        if len(set(tokens)) != len(tokens):
            raise InputError("the saved vocabulary is damaged: a token occurs twice")
        return cls(tokens)


class SubwordVocabulary:
    """Pieces of words by byte-pair encoding (Sennrich, Haddow and Birch, 2016), by the library `tokenizers`.

    A run of white space becomes one space, shown as `▁` at the start of the piece that follows it. Pieces
    never cross white space or mix letters with punctuation. Scripts without spaces need nothing special: a
    run of their characters is one word to be cut into pieces. A character that training did not hold is one
    unknown symbol. A `▁` (U+2581) in a text is read as a space, and half of a surrogate pair as U+FFFD, which stands
    for what is no character.

    Args:
        tokenizer: As `fit` makes it.
    """

    def __init__(self, tokenizer: "Tokenizer") -> None:
        # Otherwise "<pad>" written in a user's text would become padding.
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._spellings: tuple[str, ...] | None = None

    @classmethod
    def fit(cls, texts: Iterable[str], *, max_size: int = 8000, min_count: int | None = None) -> Self:
        """Learn the pieces from training texts.

        Args:
            texts: May be a generator.
            max_size: Numbers at most, padding and unknown included. Half of them at most go to single
                characters, the commonest first.
            min_count: Occurrences that a character must have, and a piece (2 at least). None asks for 2
                where there are 10,000 characters or more, so that the unknown symbol is met, and so learnt,
                in training; and for 1 below.

        Raises:
            InputError: `max_size` or `min_count` is too small to mean anything.
        """
        from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

        texts = [without_halves(text) for text in texts]
        counts = Counter(chain.from_iterable(texts))
        least = _least_count(min_count, counts.total())
        _check_size(max_size, 2 * len(SPECIAL))
        # The trainer's own choice among equally rare characters differs from run to run; named ones are all
        # kept.
        common = sorted((-count, c) for c, count in counts.items() if count >= least and not c.isspace())
        alphabet = ["▁", *(character for _, character in common)][: max_size // 2]

        tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
        tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
        words_and_marks = pre_tokenizers.Split(Regex(r"▁?\w+|▁?[^\w▁]"), behavior="isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), words_and_marks])
        trainer = trainers.BpeTrainer(
            vocab_size=max_size,
            min_frequency=max(2, least),
            special_tokens=list(SPECIAL),
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    def __len__(self) -> int:
        """How many numbers there are, padding and unknown included: the rows of an embedding."""
        return int(self._tokenizer.get_vocab_size())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SubwordVocabulary) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self._tokenizer.to_str())

    def encode(self, text: str) -> Ids:
        """The numbers of the pieces of one text."""
        return np.array(self._tokenizer.encode(without_halves(text)).ids, dtype=np.int64)

    def encode_all(self, texts: Iterable[str]) -> list[Ids]:
        """`encode` for every text, on all cores."""
        encodings = self._tokenizer.encode_batch_fast([without_halves(text) for text in texts])
        return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where every piece stands in the text, `(start, end)` in characters, without the space before it.

        A piece that is nothing but a space is empty, `start == end`, and stands at the start of what follows it, before
        the first word too.
        """
        encoding = self._tokenizer.encode(without_halves(text))
        text = text.replace("▁", " ")
        spans = []
        for piece, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
            shown = text[start:end].lstrip()
            # The space that the library puts before the first word has the place of that word's first character.
            spans.append((start, start) if shown and piece == "▁" else (end - len(shown), end))
        return spans

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The piece of every number, with `▁` for the space before it; `"<pad>"` and `"<unk>"` for 0 and 1.

        Raises:
            IndexError: A number is not in the vocabulary.
        """
        if self._spellings is None:  # asking the library for each takes longer than reading most texts
            self._spellings = tuple(str(self._tokenizer.id_to_token(number)) for number in range(len(self)))
        return _spell(self._spellings, ids)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it: the tokenizer's own JSON as a string."""
        return {"kind": "subword", "tokenizer": self._tokenizer.to_str()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """The vocabulary that `to_json` saved.

        Raises:
            InputError: It is damaged.
        """
        from tokenizers import Tokenizer

        text = saved.get("tokenizer")
        if not isinstance(text, str):
            raise InputError("the saved sub-word vocabulary is damaged: expected the tokenizer as a string")
        try:
            tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # the library raises Exception itself, nothing narrower
            raise InputError(f"the saved sub-word vocabulary is damaged: {error}") from error
        if [tokenizer.token_to_id(symbol) for symbol in SPECIAL] != [PADDING, UNKNOWN]:
            raise InputError("the saved sub-word vocabulary is damaged: it does not begin with <pad> and <unk>")
        return cls(tokenizer)


def _check_size(max_size: int | None, smallest: int) -> None:
    if max_size is not None and max_size < smallest:
        raise InputError(f"vocabulary size is {max_size}; expected {smallest} or more")


def _least_count(min_count: int | None, total: int) -> int:
    """`min_count`, or the default that its docstrings give for `total` tokens."""
    if min_count is None:
        return 2 if total >= 10_000 else 1
    if min_count < 1:
        raise InputError(f"min_count is {min_count}; expected 1 or more")
    return min_count


def _spell(spellings: Sequence[str], ids: Iterable[int]) -> list[str]:
    numbers = [int(number) for number in ids]
    if numbers and not 0 <= min(numbers) <= max(numbers) < len(spellings):
        raise IndexError(f"a number is outside the vocabulary, which has {len(spellings)}")
    return [spellings[number] for number in numbers]
