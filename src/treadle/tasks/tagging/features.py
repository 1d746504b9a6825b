"""From sentences of words to numbers, what is fitted on training data, applied to all others and saved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

import numpy as np
import torch
from torch import Tensor

from treadle.data.ragged import Ragged, Rows
from treadle.data.tagging import Scheme, TaggedSentences, allowed, convert, from_spans
from treadle.data.tagging.schemes import OUTSIDE, parts_in
from treadle.data.vocabulary import SPECIAL, Vocabulary
from treadle.data.word_vectors import WordVectors
from treadle.errors import InputError, nearest
from treadle.tasks.tagging.context import ContextFeature
from treadle.tasks.tagging.network import EMBEDDING_SCALE, TaggerBatch

INNER: Final[Scheme] = "bioes"
"""The scheme that a network learns, whatever the data is written in: a tag of its own for the end of a span and for one
token alone does better than IOB (Ratinov & Roth, "Design challenges and misconceptions in named entity recognition",
2009)."""

FOREIGN: Final = -1
"""The number of a gold tag or label that training does not have: whatever the network says there is wrong."""

LONGEST_WORD: Final = 40
"""Characters that are read of a word; of a longer one, half of them from its beginning and half from its end."""


@dataclass(frozen=True)
class Encoded:
    """Sentences as numbers, from which batches are cut by index arithmetic alone.

    Attributes:
        words: Number of each token's word.
        spellings: Row of `letters` of each token.
        letters: Numbers of the characters of every distinct word.
        tags: Number of each token's gold tag, where they are known; `FOREIGN` for those of no training sentence.
        labels: `[sentences]`, likewise.
        context: Number of each token's word in a language model, where one is read.
    """

    words: Ragged
    spellings: Ragged
    letters: Ragged
    tags: Ragged | None = None
    labels: Tensor | None = None
    context: Ragged | None = None

    @property
    def lengths(self) -> Tensor:
        """Tokens of every sentence."""
        return self.words.lengths

    def batch(self, rows: Rows, device: torch.device | str = "cpu") -> TaggerBatch:
        """Some of the sentences, padded; each distinct word among them stands once in `characters`."""
        words, lengths = self.words.pad(rows)
        distinct, places = self.spellings.pad(rows)[0].unique(return_inverse=True)
        characters, sizes = self.letters.pad(distinct)
        batch = TaggerBatch(
            words,
            lengths,
            characters,
            sizes,
            places,
            None if self.tags is None else self.tags.pad(rows)[0],
            None if self.labels is None else self.labels[torch.as_tensor(rows)],
            None if self.context is None else self.context.pad(rows)[0],
        )
        return batch.to(device)


@dataclass(frozen=True)
class TaggerFeatures:
    """What a tagger reads and what it answers with.

    Attributes:
        words: Vocabulary of words.
        characters: Alphabet.
        lowercase: Whether the words' case is folded; that of characters never is.
        tags: Of the network, in the order of its numbers; spans in `INNER`.
        scheme: How the training data writes spans, and so the answers; None where tags mark none.
        labels: Those of sentences, in the order of their numbers; empty where there are none.
        context: How a language model reads the words, or None.
    """

    words: Vocabulary
    characters: Vocabulary
    lowercase: bool
    tags: tuple[str, ...]
    scheme: Scheme | None
    labels: tuple[str, ...]
    context: ContextFeature | None = None

    @classmethod
    def fit(
        cls,
        data: TaggedSentences,
        named: TaggedSentences,
        *,
        lowercase: bool,
        min_count: int | None = None,
        vocabulary_size: int | None = None,
        words: Vocabulary | None = None,
        context: ContextFeature | None = None,
    ) -> "TaggerFeatures":
        """Vocabularies, tags and labels of training sentences.

        Every letter of the scheme is made for every type of span, so that no span of a known type is unheard of.

        Args:
            data: Training sentences and no others; with tags.
            named: They and those set aside from them, which tell what tags and labels there are.
            lowercase: Whether case is folded in `words`.
            min_count: Occurrences that a word must have; None for 2 in all but tiny data.
            vocabulary_size: Words at most; None for all.
            words: A vocabulary that is given, as that of word vectors.
            context: How a language model reads the words, where one is begun from.

        Raises:
            InputError: All tokens have one tag, or all sentences one label.
        """
        assert named.tags is not None
        if words is None:
            rows = (folded(tokens, lowercase) for tokens in data.tokens)
            words = Vocabulary.fit(rows, max_size=vocabulary_size, min_count=min_count)
        seen = {tag for tags in named.tags for tag in tags}
        if len(seen) < 2:
            raise InputError(f"{data.source}: all tokens have one tag, {min(seen)!r}; expected at least two")
        labels = sorted(set(named.labels or []))
        if len(labels) == 1:
            raise InputError(f"{data.source}: all sentences have one label, {labels[0]!r}; expected at least two")
        return cls(
            words,
            Vocabulary.fit(sorted({token for tokens in data.tokens for token in tokens}), min_count=None),
            lowercase,
            tuple(_inner_tags(seen, data.scheme)),
            data.scheme,
            tuple(labels),
            context,
        )

    def encode(self, data: TaggedSentences, *, gold: bool = False) -> Encoded:
        """Sentences as numbers.

        Args:
            data: Sentences.
            gold: Whether their tags and labels are wanted too.

        Raises:
            InputError: They have no labels, and the training data has them.
        """
        met: dict[str, int] = {}
        spellings = [[met.setdefault(token, len(met)) for token in tokens] for tokens in data.tokens]
        known = self.words.encode(folded(met, self.lowercase))
        letters = self.characters.encode_all(shortened(word) for word in met)
        places = Ragged.from_arrays(spellings, dtype=torch.int64)
        words = Ragged(torch.from_numpy(known)[places.values], places.offsets)
        encoded = Encoded(words, places, Ragged.from_arrays(letters, dtype=torch.int64))
        if self.context is not None:
            seen = torch.from_numpy(self.context.encode(met))
            encoded = replace(encoded, context=Ragged(seen[places.values], places.offsets))
        return replace(encoded, tags=self._tags(data), labels=self._labels(data)) if gold else encoded

    def _tags(self, data: TaggedSentences) -> Ragged:
        assert data.tags is not None
        number = {tag: place for place, tag in enumerate(self.tags)}
        return Ragged.from_arrays(
            [[number.get(tag, FOREIGN) for tag in tags] for tags in self.inner(data)], dtype=torch.int64
        )

    def _labels(self, data: TaggedSentences) -> Tensor | None:
        if not self.labels:
            return None
        if data.labels is None:
            raise InputError(f"{data.source}: found no labels of sentences, and the training data has them")
        number = {label: place for place, label in enumerate(self.labels)}
        return torch.tensor([number.get(label, FOREIGN) for label in data.labels], dtype=torch.int64)

    def inner(self, data: TaggedSentences) -> list[list[str]]:
        """The tags of sentences as the network knows them: those of spans in `INNER`, others as they are."""
        assert data.tags is not None
        if self.scheme is None or data.scheme is None:  # a part of the data with nothing but O has no scheme
            return data.tags
        scheme = data.scheme
        return [convert(tags, scheme, INNER) for tags in data.tags]

    def outer(self, tags: Sequence[str]) -> list[str]:
        """The network's tags of one sentence as the training data writes them."""
        return list(tags) if self.scheme is None else convert(tags, INNER, self.scheme)

    @property
    def answers(self) -> list[str]:
        """The tags that can be answered, as the training data writes them, sorted."""
        if self.scheme is None:
            return list(self.tags)
        return sorted(_every_tag(_types(self.tags, INNER), self.scheme) | ({OUTSIDE} & set(self.tags)))

    def allowed(self) -> Tensor:
        """Which of the network's tags may follow which, as `CRF` takes it."""
        return torch.from_numpy(allowed(self.tags, None if self.scheme is None else INNER))

    def describe(self) -> str:
        """One phrase: what is read and what is answered."""
        kinds = "tags" if self.scheme is None else f"{INNER.upper()} tags, answered in {self.scheme.upper()}"
        labels = f", {len(self.labels)} labels of sentences" if self.labels else ""
        known = "" if self.context is None else f" ({len(self.context.words):,} of the language model)"
        words = f"{len(self.words):,} words{known}"
        return f"{words}, {len(self.characters):,} characters, {len(self.tags)} {kinds}{labels}"

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {
            "words": self.words.to_json(),
            "characters": self.characters.to_json(),
            "lowercase": self.lowercase,
            "tags": list(self.tags),
            "scheme": self.scheme,
            "labels": list(self.labels),
            "context": None if self.context is None else self.context.to_json(),
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "TaggerFeatures":
        """The features that `to_json` saved.

        Raises:
            InputError: They are damaged.
            KeyError, TypeError, AttributeError: So are these.
        """
        for name in ("tags", "labels"):
            if not isinstance(saved[name], list) or len(set(map(str, saved[name]))) != len(saved[name]):
                raise InputError(f"the saved {name} are damaged: expected a list of distinct names")
        scheme = saved["scheme"]
        if scheme is not None and scheme not in get_args(Scheme):
            raise InputError(f"the saved scheme is {scheme!r}{nearest(str(scheme), get_args(Scheme))}")
        return cls(
            Vocabulary.from_json(saved["words"]),
            Vocabulary.from_json(saved["characters"]),
            bool(saved["lowercase"]),
            tuple(map(str, saved["tags"])),
            scheme,
            tuple(map(str, saved["labels"])),
            None if saved.get("context") is None else ContextFeature.from_json(saved["context"]),
        )


def folded(tokens: Iterable[str], lowercase: bool) -> list[str]:
    """Words as the vocabulary has them."""
    return [token.lower() for token in tokens] if lowercase else list(tokens)


def shortened(word: str) -> str:
    """The characters of a word that are read."""
    half = LONGEST_WORD // 2
    return word if len(word) <= LONGEST_WORD else word[:half] + word[-half:]


def starting_vectors(read: WordVectors, words: Vocabulary, seed: int) -> Tensor:
    """Where a word embedding begins: with the vectors of the file.

    Words without one are drawn as widely as the file's vectors spread.

    Returns:
        `[words, size]`.
    """
    found, known = read.rows(words.tokens)
    generator = np.random.default_rng(seed)
    spread = float(found[known].std()) if known.any() else EMBEDDING_SCALE
    table = generator.normal(0, spread, (len(words), read.size)).astype(np.float32)
    table[len(SPECIAL) :][known] = found[known]
    return torch.from_numpy(table)


def _inner_tags(seen: set[str], scheme: Scheme | None) -> list[str]:
    """The network's tags, sorted, for those of the training data."""
    if scheme is None:
        return sorted(seen)
    return sorted(_every_tag(_types(seen, scheme), INNER) | (seen & {OUTSIDE}))


def _types(tags: Iterable[str], scheme: Scheme) -> set[str]:
    return {parts_in(tag, scheme).type for tag in tags if tag != OUTSIDE}


def _every_tag(types: set[str], scheme: Scheme) -> set[str]:
    """All tags of spans of these types: two spans side by side, of one token and of three, have every letter."""
    return {tag for type_ in types for tag in from_spans([(0, 1, type_), (1, 4, type_)], 4, scheme)}
