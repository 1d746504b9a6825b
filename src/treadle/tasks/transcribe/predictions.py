"""What a network says of recordings: transcripts with the place and the confidence of every word."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data import BucketBatches, Ragged
from treadle.nn.ctc import Emission, align, greedy, log_probabilities
from treadle.nn.prefix_beam import Scorer, prefix_beam_search
from treadle.tasks.transcribe.network import SpeechNetwork
from treadle.tasks.transcribe.units import Units, Word

FRAMES, ROWS = 8 * 8192, 64
"""Size of a batch where nothing is learnt."""

LEAST = 1e-4
"""In a beam search, a unit begins where its probability is at least this."""


@dataclass(frozen=True)
class Transcript:
    """What was heard in a recording.

    Attributes:
        text: All words, one space between them.
        words: Each with its place and confidence.
    """

    text: str
    words: list[Word]

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"text": self.text, "words": [word.to_json() for word in self.words]}


def said_by(network: SpeechNetwork, frames: Ragged) -> Iterator[tuple[int, Tensor]]:
    """The log-probabilities `[steps, units]` of every recording, those of similar length together, with their rows."""
    network.eval()
    device = next(network.parameters()).device
    for rows in BucketBatches(frames.lengths, tokens=FRAMES, max_rows=ROWS, shuffle=False).epoch(0):
        padded, lengths = frames.pad(rows)
        with torch.no_grad():
            logits, steps = network(padded.to(device), lengths.to(device))
            said = log_probabilities(logits, steps).float().cpu()
        for row, one, count in zip(rows.tolist(), said, steps.tolist(), strict=True):
            yield row, one[:count]


def transcripts(
    network: SpeechNetwork, units: Units, frames: Ragged, step: float, beam_size: int = 1, scorer: Scorer | None = None
) -> list[Transcript]:
    """What is said in recordings.

    Args:
        network: The trained network.
        units: That it writes with.
        frames: Of every recording.
        step: Seconds of a step of the network.
        beam_size: Prefixes that are kept; 1 without a scorer takes the likeliest unit of every step.
        scorer: What else speaks for a sequence of units.
    """
    found: list[Transcript] = [Transcript("", [])] * len(frames)
    for row, said in said_by(network, frames):
        words = units.words(_heard(said, beam_size, scorer), step)
        found[row] = Transcript(" ".join(word.text for word in words), words)
    return found


def _heard(said: Tensor, beam_size: int, scorer: Scorer | None) -> list[Emission]:
    if beam_size == 1 and scorer is None:
        return greedy(said)
    (best,) = prefix_beam_search(said, beam_size, scorer, least=LEAST)
    return align(said, best.units)


def rows_of(frames: list[NDArray[np.float32]], bins: int) -> Ragged:
    """Frames of recordings end to end, which keep their bins where no recording has a frame."""
    ragged = Ragged.from_arrays(frames, dtype=torch.float32)
    return ragged if ragged.values.dim() == 2 else Ragged(torch.zeros(0, bins), ragged.offsets)
