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
        self.templates = np.zeros((len(chosen), self.lengths.max(), shorter[0].shape[1]), np.float32)
        for place, one in enumerate(shorter):
            self.templates[place, : len(one)] = one
        self.description = f"{len(chosen):,} recordings with {len(set(self.texts)):,} transcripts, time-warped"
        return self

    def predict(self, frames: Sequence[Frames]) -> list[str]:
        """The transcript of the nearest one, for every recording."""
        return [self.texts[int(self._distances(_shorter(one)).argmin())] for one in frames]

    def _distances(self, x: Frames) -> npt.NDArray[np.float64]:
        """From a recording to each template, `[templates]`; the table is filled for all of them at once."""
        gaps = np.linalg.norm(x[:, None, None] - self.templates, axis=3)  # [time, templates, template's time]
        before = np.full((len(self.templates), gaps.shape[2] + 1), np.inf)
        before[:, 0] = 0
        for row in gaps:
            after = np.full_like(before, np.inf)
            for step in range(gaps.shape[2]):
                came = np.minimum(np.minimum(before[:, step], before[:, step + 1]), after[:, step])
                after[:, step + 1] = came + row[:, step]
            before = after
        found: npt.NDArray[np.float64] = before[np.arange(len(before)), self.lengths] / (len(x) + self.lengths)
        return found


def _shorter(frames: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A recording in `LONGEST` steps at most, and one at least."""
    if len(frames) == 0:
        return np.zeros((1, frames.shape[1]), np.float32)
    together = -(-len(frames) // LONGEST)
    edges = np.arange(0, len(frames), together)
    sums = np.add.reduceat(frames, edges, axis=0)
    shorter: npt.NDArray[Any] = sums / np.diff([*edges, len(frames)])[:, None]
    return shorter
