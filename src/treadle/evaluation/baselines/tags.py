"""The tagger that looks at one token at a time: the tag it most often had."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

LONGEST_ENDING = 3
"""Letters of an ending that is looked at."""


class FrequentTagBaseline:
    r"""The most frequent tag of the token in training; of a token that training did not hold, that of tokens like it.

    Tokens like it are those that stood in training just once, since a token not seen before is most like one that was
    all but missed: frequent tokens are mostly function words, and would say the wrong thing about it. Among those, the
    ones that share its case, whether it has digits, and its last three letters, or two, or one, or none, whichever are
    the most that any shares. Ties go to the tag that is the more frequent in all, then to the first by name, so the
    same data always gives the same tags.

    Example:
        >>> sentences = [["the", "dog", "runs"], ["the", "cat", "sits"]]
        >>> baseline = FrequentTagBaseline().fit(sentences, [["D", "N", "V"]] * 2)
        >>> baseline.predict([["the", "fox", "sees"]])
        [['D', 'N', 'V']]
    """

    name = "most frequent tag of the token"

    def __init__(self) -> None:
        self.description = ""

    def fit(self, tokens: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]) -> "FrequentTagBaseline":
        """Count.

        Args:
            tokens: Of the training sentences.
            tags: One a token.

        Raises:
            ValueError: There is no token, or not one tag for each.
        """
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for some, others in zip(tokens, tags, strict=True):
            for token, tag in zip(some, others, strict=True):
                counts[token][tag] += 1
        if not counts:
            raise ValueError("no token, expected sentences with tokens")
        total: Counter[str] = Counter()
        for of_token in counts.values():
            total.update(of_token)
        self._total = total
        self._of_token = {token: self._best(of_token) for token, of_token in counts.items()}
        once = [token for token, of_token in counts.items() if of_token.total() == 1]
        endings: dict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
        for token in once or counts:
            for key in _likeness(token):
                endings[key].update(counts[token])
        self._of_ending = {key: self._best(of_ending) for key, of_ending in endings.items()}
        # The last key of every likeness is the empty one, so there is always an answer.
        self.description = f"{len(counts):,} tokens; of others, by the {len(once):,} that training held once"
        return self

    def predict(self, tokens: Iterable[Iterable[str]]) -> list[list[str]]:
        """A tag for every token."""
        return [[self._tag(token) for token in sentence] for sentence in tokens]

    def _tag(self, token: str) -> str:
        known = self._of_token.get(token)
        if known is not None:
            return known
        return next(self._of_ending[key] for key in _likeness(token) if key in self._of_ending)

    def _best(self, counts: Counter[str]) -> str:
        return min(counts, key=lambda tag: (-counts[tag], -self._total[tag], tag))


def _likeness(token: str) -> Iterable[tuple[object, ...]]:
    """What a token has in common with others, the most telling first; the last is what all have."""
    look = token[:1].isupper(), any(letter.isdigit() for letter in token)
    for length in range(min(LONGEST_ENDING, len(token)), -1, -1):
        yield (*look, token[len(token) - length :].lower())
    yield ()
