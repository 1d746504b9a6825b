"""From pairs of texts to numbers and back: the symbols of either side, fitted on training pairs only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data import Ragged
from treadle.data.codec import CodecUnit, TokenCodec
from treadle.data.pairs import Pairs
from treadle.data.text import choose_unit
from treadle.data.vocabulary import UNKNOWN
from treadle.errors import InputError
from treadle.tasks.translate.network import TranslationBatch
from treadle.tasks.translate.settings import PairSettings

SENTENCE = 1.5
"""Words between spaces, in the mean, from which a text is a sentence."""
FEW = 200
"""Different words up to which they are symbols of their own, as phonemes are, if they occur often."""
OCCURRENCES = 5
"""Of each of them in the mean, at least."""
SHARED = 0.5
"""Share of either side's characters that the other has too, from which the two have their symbols in common."""
SLACK = 10
"""Symbols that an answer may have beyond twice the usual length for its source."""

_NOUNS = {"word": "word", "char": "character", "subword": "sub-word", "byte": "byte"}


@dataclass(frozen=True)
class PairFeatures:
    """The symbols of source and target, and what is usual of their lengths.

    Attributes:
        source: From source text to symbols.
        target: From target text to symbols and back; the same object where `joint`.
        joint: Whether both sides have the same symbols.
        longest: Symbols of the longest source in training.
        expansion: Symbols of the target for one of the source, in the 99th percentile.
        sentences: Whether targets are sentences, of which a part can be right, or single words.
        unspaced: Whether targets are in a script without spaces.
    """

    source: TokenCodec
    target: TokenCodec
    joint: bool
    longest: int
    expansion: float
    sentences: bool
    unspaced: bool

    @classmethod
    def fit(cls, pairs: Pairs, settings: PairSettings) -> "PairFeatures":
        """The features of training pairs.

        Where `unit` is left open: sub-words if both sides are sentences; else the characters of a side, or its words if
        there are few different ones between spaces, as phonemes are. Where `joint` is: yes for sub-words, if half
        of either side's characters occur in the other.

        Raises:
            InputError: An option is not valid, or the sides are to be joint and have different units.
        """
        assert pairs.targets is not None
        sides = pairs.sources, pairs.targets
        spoken = [is_sentence(texts) for texts in sides]
        if settings.unit is not None:
            units: list[CodecUnit] = [settings.unit] * 2
        elif all(spoken):
            units = ["subword", "subword"]
        else:
            units = [_unit_of_symbols(texts) for texts in sides]
        joint = settings.joint
        if joint is None:
            joint = units == ["subword", "subword"] and overlap(*sides) >= SHARED
        if joint and units[0] != units[1]:
            raise InputError(f"joint symbols need one unit, found {units[0]!r} and {units[1]!r}; name one by unit=")
        how: dict[str, Any] = {
            "lowercase": settings.lowercase,
            "max_size": settings.vocabulary_size,
            "min_count": settings.min_count,
        }
        if joint:
            source = target = TokenCodec.fit([*pairs.sources, *pairs.targets], unit=units[0], **how)
        else:
            source, target = (TokenCodec.fit(texts, unit=unit, **how) for texts, unit in zip(sides, units, strict=True))
        read, written = (
            np.array([len(ids) for ids in codec.encode_all(texts)])
            for codec, texts in zip((source, target), sides, strict=True)
        )
        expansion = float(np.quantile(written / np.maximum(1, read), 0.99))
        unspaced = choose_unit(pairs.targets) == "char"
        return cls(source, target, joint, int(read.max()), expansion, spoken[1], unspaced)

    def encode_sources(self, texts: Sequence[str]) -> Ragged:
        """The symbols of every source."""
        return Ragged.from_arrays(self.source.encode_all(texts), dtype=torch.int64)

    def encode(self, pairs: Pairs) -> "EncodedPairs":
        """The symbols of both sides."""
        assert pairs.targets is not None
        targets = Ragged.from_arrays(self.target.encode_all(pairs.targets), dtype=torch.int64)
        return EncodedPairs(self.encode_sources(pairs.sources), targets)

    def limits(self, lengths: Tensor) -> Tensor:
        """How many symbols the answer to sources of `lengths [batch]` has at most, the end among them."""
        return (2 * self.expansion * lengths).long() + SLACK

    def write(self, symbols: Sequence[int], copies: Sequence[str] | None = None) -> str:
        """The text of target symbols.

        Args:
            symbols: Without an end.
            copies: For every symbol, what stands in its place if it is unknown, unless it is a sub-word piece of the
                source that is nothing but a space (`▁`).
        """
        space = "▁" if self.source.unit == "subword" else None
        writer = self.target.writer()
        pieces = []
        for place, symbol in enumerate(symbols):
            piece = writer.write(symbol)
            if symbol == UNKNOWN and copies is not None and copies[place] != space:
                shown = "<unk>" if self.target.unit == "word" else "\ufffd"
                piece = piece.removesuffix(shown) + copies[place]
            pieces.append(piece)
        return "".join([*pieces, writer.end()])

    def describe(self) -> str:
        """Both vocabularies in one phrase."""
        if self.joint:
            return f"{len(self.source):,} {_NOUNS[self.source.unit]}s for both sides"
        sides = (f"{len(codec):,} {_NOUNS[codec.unit]}s" for codec in (self.source, self.target))
        return " to ".join(sides)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {
            "source": self.source.to_json(),
            "target": None if self.joint else self.target.to_json(),
            "longest": self.longest,
            "expansion": self.expansion,
            "sentences": self.sentences,
            "unspaced": self.unspaced,
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "PairFeatures":
        """The features that `to_json` saved.

        Raises:
            InputError, KeyError, TypeError, ValueError: They are damaged.
        """
        source = TokenCodec.from_json(saved["source"])
        joint = saved["target"] is None
        target = source if joint else TokenCodec.from_json(saved["target"])
        longest, expansion = int(saved["longest"]), float(saved["expansion"])
        return cls(source, target, joint, longest, expansion, bool(saved["sentences"]), bool(saved["unspaced"]))


@dataclass(frozen=True)
class EncodedPairs:
    """Pairs as numbers."""

    sources: Ragged
    targets: Ragged

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`[pairs]`: steps of the longer side, by which batches are cut."""
        longer: NDArray[np.int64] = torch.maximum(self.sources.lengths, self.targets.lengths + 1).numpy()
        return longer

    def batch(self, rows: NDArray[np.int64], device: torch.device | str = "cpu") -> TranslationBatch:
        """Some pairs, padded."""
        return TranslationBatch(*self.sources.pad(rows), *self.targets.pad(rows)).to(device)


def is_sentence(texts: Sequence[str]) -> bool:
    """Whether texts are sentences, not single words: by spaces, or in a script without them.

    Example:
        >>> is_sentence(["two words", "and three words"]), is_sentence(["2012-02-08"]), is_sentence(["你好"])
        (True, False, True)
    """
    spaced = sum(len(text.split()) for text in texts) / max(1, len(texts))
    return spaced >= SENTENCE or choose_unit(texts) == "char"


def overlap(source: Sequence[str], target: Sequence[str]) -> float:
    """The share of characters that the other side has too, of the side that shares less.

    Example:
        >>> overlap(["abc"], ["bcd"]), overlap(["汤姆在跑 Tom"], ["mot"])
        (0.6666666666666666, 0.2857142857142857)
    """
    counts = [
        Counter(character for text in side for character in text if not character.isspace())
        for side in (source, target)
    ]
    shares = []
    for own, other in (counts, counts[::-1]):
        shares.append(sum(count for character, count in own.items() if character in other) / max(1, own.total()))
    return min(shares)


def _unit_of_symbols(texts: Sequence[str]) -> CodecUnit:
    spaced = [text.split() for text in texts]
    words, different = sum(map(len, spaced)), len(set().union(*spaced))
    symbols = words >= SENTENCE * len(texts) and different <= min(FEW, words / OCCURRENCES)
    return "word" if symbols else "char"
