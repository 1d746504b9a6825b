"""From pictures or frames to captions: a search, text again, and where was looked for each word."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treadle.tasks.caption.features import CaptionFeatures, Seen
from treadle.tasks.search import BeamSettings, Hypothesis
from treadle.tasks.translate.network import TranslationNetwork
from treadle.tasks.translate.predictions import Drawing, searched


@dataclass(frozen=True)
class Caption:
    """One sentence on one picture, or on one sequence of frames.

    Attributes:
        text: As it reads.
        score: By which sentences on one picture are ranked, the higher the better.
        log_probability: In nats.
        tokens: Its symbols, spelt.
        attention: Where the model looked when it wrote each: of a picture `[tokens, rows, columns]`, a weight for every
            region; of frames `[tokens, frames]`. The weights of a token sum to one.
    """

    text: str
    score: float
    log_probability: float
    tokens: list[str]
    attention: NDArray[np.float32]

    @property
    def places(self) -> list[tuple[int, ...]]:
        """For every token, what it looked at most: row and column of a region, or the number of a frame, from 0."""
        shape = self.attention.shape[1:]
        return [tuple(int(n) for n in np.unravel_index(int(one.argmax()), shape)) for one in self.attention]


def captions(
    features: CaptionFeatures,
    network: TranslationNetwork,
    seen: Seen,
    how: BeamSettings,
    *,
    drawing: Drawing | None = None,
) -> list[list[Caption]]:
    """The best sentences on everything that is seen, the best first.

    Args:
        features: Of the model.
        network: Likewise.
        seen: Pictures or frames as numbers.
        how: The search; a beam of one is greedy.
        drawing: Draw `n_best` sentences instead, by the model's probabilities.
    """
    answers: list[list[Caption]] = [[]] * len(seen.lengths)
    limits = seen.limits(features.limit)
    grids = seen.shapes
    for row, several in searched([network], seen.lengths, lambda rows: [seen.pad(rows)], limits, how, drawing=drawing):
        answers[row] = [_written(features, one, grids[row]) for one in several]
    return answers


def _written(features: CaptionFeatures, found: Hypothesis, shape: Sequence[int]) -> Caption:
    regions = int(np.prod(shape))
    looked = found.attention[:, :regions].float().cpu().numpy() if found.symbols else np.zeros((0, regions))
    return Caption(
        features.write(found.symbols),
        found.score,
        found.log_probability,
        features.target.spell(found.symbols),
        looked.astype(np.float32).reshape(-1, *shape),
    )
