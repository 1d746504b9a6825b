"""Which tag may follow which: the rules of a scheme, for checking data and for a conditional random field."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from treadle.data.tagging.schemes import LETTERS, OUTSIDE, Parts, Scheme, parts_in

_BOUNDARY = Parts(OUTSIDE, "")  # before the first and after the last token


def allowed(labels: Sequence[str], scheme: Scheme | None) -> npt.NDArray[np.bool_]:
    """Which tag may follow which, begin a sentence and end one.

    Args:
        labels: The K tags of a model, in its order.
        scheme: How they are written; None, as for parts of speech, allows everything.

    Returns:
        `[K + 1, K + 1]`: entry `[i, j]` says whether tag j may follow tag i; row K is for the first token of a
        sentence, column K for its end, and `[K, K]`, the empty sentence, is true.

    Raises:
        InputError: A label is not of the scheme.

    Example:
        >>> allowed(["O", "B-PER", "I-PER"], "iob2").astype(int).tolist()
        [[1, 1, 0, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 1]]
    """
    if scheme is None:
        return np.ones((len(labels) + 1, len(labels) + 1), dtype=np.bool_)
    parts = [*(parts_in(label, scheme) for label in labels), _BOUNDARY]
    return np.array([[_legal(first, second, scheme) for second in parts] for first in parts], dtype=np.bool_)


def illegal_places(tags: Sequence[str], scheme: Scheme | None) -> list[int]:
    """The tokens of one sentence at which its tags break the rules of the scheme.

    Args:
        tags: Of one sentence.
        scheme: How they are written.

    Returns:
        Token numbers from 0: of the second of two tags that may not follow each other, and of the last one where the
        sentence may not end with it.

    Raises:
        InputError: A tag is not of the scheme.

    Example:
        >>> illegal_places(["I-PER", "O", "B-PER", "I-LOC"], "iob2"), illegal_places(["O", "B-PER"], "bioes")
        ([0, 3], [1])
    """
    if scheme is None:
        return []
    parts = [_BOUNDARY, *(parts_in(tag, scheme) for tag in tags), _BOUNDARY]
    wrong = [index for index in range(len(parts) - 1) if not _legal(parts[index], parts[index + 1], scheme)]
    return sorted({min(index, len(tags) - 1) for index in wrong})


def _legal(first: Parts, second: Parts, scheme: Scheme) -> bool:
    """Whether `second` may follow `first`."""
    letters = LETTERS[scheme]
    same = second.type == first.type
    if letters.closes:
        is_open = first.letter in (letters.begin, letters.inside)
        goes_on = second.letter in (letters.inside, letters.end)
        return goes_on and same if is_open else not goes_on
    after_own = same and first.letter != OUTSIDE
    if scheme == "iob1":
        return second.letter != letters.begin or after_own
    return second.letter != letters.inside or after_own
