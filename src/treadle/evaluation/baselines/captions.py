"""Captions without a network: that of the training picture that looks most alike, and the commonest of all."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CHUNK = 512
"""Rows that are compared with all of training at once."""


class NearestBaseline:
    r"""The caption of the nearest training row: \(\arg\min_i \lVert x - x_i \rVert\), the first of several.

    Source: as a baseline for captions, J. Devlin et al., "Exploring nearest neighbor approaches for image captioning",
    2015, there on features of a trained network, here on what is given.

    Example:
        >>> train = np.array([[0.0, 0.0], [1.0, 1.0]])
        >>> NearestBaseline("pixels").fit(train, ["dark", "light"]).predict(np.array([[0.9, 0.7]]))
        ['light']

    Args:
        measured: By what rows are compared, in a few words.
    """

    name = "caption of the nearest in training"

    def __init__(self, measured: str) -> None:
        self.measured = measured
        self.description = ""
        self.rows: Floats = np.zeros((0, 0))
        self.captions: list[str] = []

    def fit(self, rows: Floats, captions: Sequence[str]) -> "NearestBaseline":
        """Remember training rows `[rows, numbers]` and the caption of each.

        Raises:
            ValueError: There are not as many captions as rows, or none.
        """
        if len(rows) != len(captions) or not len(rows):
            raise ValueError(f"{len(rows)} rows and {len(captions)} captions: expected equally many, at least one")
        self.rows, self.captions = rows, list(captions)
        self.description = f"nearest of {len(rows):,} by {self.measured}"
        return self

    def predict(self, rows: Floats) -> list[str]:
        """The captions for rows `[rows, numbers]`."""
        squares = (self.rows**2).sum(1)
        found: list[str] = []
        for start in range(0, len(rows), CHUNK):
            # |x|^2 is the same for all candidates of a row, and left out.
            distances = squares - 2 * rows[start : start + CHUNK] @ self.rows.T
            found += [self.captions[place] for place in distances.argmin(1).tolist()]
        return found


class CommonestBaseline:
    """The most frequent training caption, the first of several, whatever is seen.

    Example:
        >>> CommonestBaseline().fit(["a cat", "a dog", "a dog"]).predict(2)
        ['a dog', 'a dog']
    """

    name = "the most frequent caption"
    description = "whatever is seen"

    def __init__(self) -> None:
        self.caption = ""

    def fit(self, captions: Sequence[str]) -> "CommonestBaseline":
        """Count training captions."""
        self.caption = Counter(captions).most_common(1)[0][0]
        return self

    def predict(self, count: int) -> list[str]:
        """So many times the same."""
        return [self.caption] * count
