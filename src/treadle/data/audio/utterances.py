"""Recordings and what is said in them, each knowing where it came from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from treadle.data.audio.encoder import Cell


@dataclass(frozen=True)
class Utterances:
    """Recordings, and what is said in each.

    Attributes:
        audio: Files or waveforms.
        texts: What is said; None where nobody knows, as in what is to be transcribed.
        places: Where each stands: "train.csv, line 7"; None for rows in memory.
        source: What was read.
        note: How it was understood, in one phrase.

    Example:
        >>> said = Utterances(["a.wav", "b.wav"], ["one", "two"])
        >>> len(said), said.take([1]).texts, said.where(0)
        (2, ['two'], 'row 0 (counted from 0)')
    """

    audio: Sequence[Cell]
    texts: Sequence[str] | None = None
    places: Sequence[str] | None = None
    source: str = "memory"
    note: str = ""

    def __len__(self) -> int:
        return len(self.audio)

    def where(self, row: int) -> str:
        """The place of an utterance, as an error sentence names it."""
        return f"row {row} (counted from 0)" if self.places is None else self.places[row]

    def take(self, rows: Iterable[int]) -> "Utterances":
        """Some of them, in the given order."""
        picked = [int(row) for row in rows]
        return replace(
            self,
            audio=[self.audio[row] for row in picked],
            texts=None if self.texts is None else [self.texts[row] for row in picked],
            places=[self.where(row) for row in picked],
        )
