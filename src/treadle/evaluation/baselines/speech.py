"""The recogniser that only remembers: the transcript of the recording that sounds most alike."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.float32]

TEMPLATES = 200
"""Recordings that are remembered, at most."""
LONGEST = 60
"""Steps that a recording is brought down to, at most: a comparison takes the product of two recordings' steps."""
TOGETHER = 16
"""Recordings that are compared at once."""


class NearestTemplateBaseline:
    r"""The transcript of the training recording that is nearest by dynamic time warping.

    $$D_{ij} = d(x_i, y_j) + \min(D_{i-1,j},\, D_{i,j-1},\, D_{i-1,j-1}), \qquad
    \mathrm{distance} = \frac{D_{IJ}}{I + J}$$

    with the Euclidean distance of frames, of which neighbours are averaged until there are 60 at most. Of all training
    recordings 200 are remembered, drawn by the seed so that as many transcripts as can be have one. It can answer
    nothing that was not said in training.

    Args:
        seed: Of the drawing.

    Source: H. Sakoe & S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition", 1978.

    Example:
        >>> up, down = np.arange(8, dtype=np.float32)[:, None], np.arange(8, dtype=np.float32)[::-1, None]
        >>> NearestTemplateBaseline().fit([up, down], ["up", "down"]).predict([up[::2], down[1:]])
        ['up', 'down']
    """

    name = "nearest template"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.description = ""

    def fit(self, frames: Sequence[Frames], texts: Sequence[str]) -> Self:
        """Remember some recordings.

        Args:
            frames: `[time, bins]` of every training recording.
            texts: What is said in each.

        Raises:
            ValueError: There is none.
        """
        if not texts:
            raise ValueError("no recording, expected at least one to remember")
        order = np.random.default_rng(self.seed).permutation(len(texts)).tolist()
        seen: dict[str, int] = {}
        turns: list[tuple[int, int, int]] = []
        for row in order:  # the first recordings of every transcript, then the second ones, and so on
            turns.append((seen.setdefault(texts[row], 0), len(turns), row))
            seen[texts[row]] += 1
        chosen = [row for _, _, row in sorted(turns)[:TEMPLATES]]
        self.texts = [texts[row] for row in chosen]
        shorter = [_shorter(frames[row]) for row in chosen]
        self.lengths = np.array([len(one) for one in shorter])
        self.templates = _padded(shorter)
        self.description = f"{len(chosen):,} recordings with {len(set(self.texts)):,} transcripts, time-warped"
        return self

    def predict(self, frames: Sequence[Frames]) -> list[str]:
        """The transcript of the nearest one, for every recording."""
        shorter = [_shorter(one) for one in frames]
        parts = [self._distances(shorter[start : start + TOGETHER]) for start in range(0, len(shorter), TOGETHER)]
        return [self.texts[int(nearest)] for part in parts for nearest in part.argmin(1)]

    def _distances(self, recordings: Sequence[Frames]) -> npt.NDArray[np.float64]:
        """From recordings to templates, `[recordings, templates]`; the tables of all pairs are filled together."""
        lengths = np.array([len(one) for one in recordings])
        gaps = _gaps(_padded(recordings), self.templates)
        steps, others = gaps.shape[:2]
        before = np.full((others + 1, *gaps.shape[2:]), np.inf)
        before[0] = 0
        found = np.full(gaps.shape[2:], np.inf)
        for step in range(steps):
            after = np.full_like(before, np.inf)
            for other in range(others):
                came = np.minimum(np.minimum(before[other], before[other + 1]), after[other])
                after[other + 1] = came + gaps[step, other]
            ended = np.flatnonzero(lengths == step + 1)
            found[ended] = after[self.lengths[None], ended[:, None], np.arange(len(self.lengths))]
            before = after
        distances: npt.NDArray[np.float64] = found / (lengths[:, None] + self.lengths)
        return distances


def _gaps(some: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """From all frames `[n, time, bins]` to all others `[m, time', bins]`: `[time, time', n, m]` distances."""
    (n, time, bins), (m, others_time, _) = some.shape, others.shape
    products = (some.reshape(-1, bins) @ others.reshape(-1, bins).T).reshape(n, time, m, others_time)
    squares = (some**2).sum(2)[:, :, None, None] + (others**2).sum(2)[None, None] - 2 * products
    return np.ascontiguousarray(np.sqrt(np.maximum(squares, 0)).transpose(1, 3, 0, 2))


def _padded(frames: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Recordings as one array `[recordings, longest, bins]`, zeros past an end."""
    padded = np.zeros((len(frames), max(map(len, frames)), frames[0].shape[1]), np.float32)
    for place, one in enumerate(frames):
        padded[place, : len(one)] = one
    return padded


def _shorter(frames: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A recording in `LONGEST` steps at most, and one at least."""
    if len(frames) == 0:
        return np.zeros((1, frames.shape[1]), np.float32)
    together = -(-len(frames) // LONGEST)
    edges = np.arange(0, len(frames), together)
    sums = np.add.reduceat(frames, edges, axis=0)
    shorter: npt.NDArray[Any] = sums / np.diff([*edges, len(frames)])[:, None]
    return shorter
