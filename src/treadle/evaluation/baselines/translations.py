"""Translations without a network: the source as it is, and each word by a dictionary learnt from the pairs."""

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

ROUNDS = 5
"""Of expectation and maximisation; more change few of the likeliest words."""
MOST_PAIRS = 5_000_000
"""Pairs of words that are learnt from: those of the first sentences, as far as so many go."""


class CopyBaseline:
    """The source, unchanged."""

    name = "the source as it is"
    description = "nothing is translated"

    def predict(self, sources: Sequence[str]) -> list[str]:
        """The same texts."""
        return list(sources)


class DictionaryBaseline:
    r"""Word for word, each by its likeliest translation in IBM model 1; a word that training did not hold is copied.

    $$p(t \mid s) = \prod_j \frac{1}{|s| + 1} \sum_{i=0}^{|s|} d(t_j \mid s_i)$$

    with \(s_0\) an empty word. The dictionary d is learnt by expectation and maximisation from equal numbers. It is
    used in the other direction than a decoder would: of every source word, \(\arg\max_t d(t \mid s_i)\), in the
    source's order, and nothing for the empty word.

    Source: P. Brown et al., "The mathematics of statistical machine translation: parameter estimation", 1993, section
    4.1.

    Example:
        >>> german = [["das", "haus"], ["das", "buch"], ["ein", "buch"]]
        >>> english = [["the", "house"], ["the", "book"], ["a", "book"]]
        >>> DictionaryBaseline().fit(german, english).predict([["ein", "haus", "!"]])
        [['a', 'house', '!']]
    """

    name = "word-for-word dictionary"

    def __init__(self) -> None:
        self.description = ""
        self.entries: dict[str, str] = {}

    def fit(self, sources: Sequence[Sequence[str]], targets: Sequence[Sequence[str]]) -> "DictionaryBaseline":
        """Learn the dictionary.

        Args:
            sources: Words of every source.
            targets: Words of every target.

        Raises:
            ValueError: There are not as many targets as sources.
        """
        words = _numbered(chain.from_iterable(sources)), _numbered(chain.from_iterable(targets))
        from_, to, slot = self._pairs(sources, targets, *words)
        if not len(to):
            return self
        # Every pair of words that share a sentence is one number of the table.
        cell, pair = np.unique(from_.astype(np.int64) * len(words[1]) + to, return_inverse=True)
        source, target = cell // len(words[1]), cell % len(words[1])
        table: npt.NDArray[np.float64] = np.full(len(cell), 1.0)
        for _ in range(ROUNDS):
            share = table[pair] / np.bincount(slot, table[pair])[slot]
            counts = np.bincount(pair, share, len(cell))
            table = counts / np.bincount(source, counts)[source]
        order = np.lexsort((target, -table, source))
        first = order[np.unique(source[order], return_index=True)[1]]
        named = list(words[0]), list(words[1])
        self.entries = {named[0][source[at] - 1]: named[1][target[at]] for at in first if source[at]}
        self.description = f"IBM model 1, {len(self.entries):,} source words"
        return self

    def _pairs(
        self,
        sources: Sequence[Sequence[str]],
        targets: Sequence[Sequence[str]],
        source_numbers: dict[str, int],
        target_numbers: dict[str, int],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Source word (0 the empty one), target word and target place of every pair of words in a sentence."""
        from_, to, slots, total, places = [], [], [], 0, 0
        for source, target in zip(sources, targets, strict=True):
            given = np.array([0, *(source_numbers[word] + 1 for word in source)], dtype=np.int64)
            wanted = np.array([target_numbers[word] for word in target], dtype=np.int64)
            total += len(given) * len(wanted)
            if total > MOST_PAIRS:
                break
            from_.append(np.tile(given, len(wanted)))
            to.append(np.repeat(wanted, len(given)))
            slots.append(np.repeat(np.arange(places, places + len(wanted)), len(given)))
            places += len(wanted)
        empty = np.zeros(0, dtype=np.int64)
        return np.concatenate([empty, *from_]), np.concatenate([empty, *to]), np.concatenate([empty, *slots])

    def predict(self, sources: Sequence[Sequence[str]]) -> list[list[str]]:
        """The words of every answer."""
        return [[self.entries.get(word, word) for word in source] for source in sources]


def _numbered(words: Iterable[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for word in words:
        numbers.setdefault(word, len(numbers))
    return numbers
