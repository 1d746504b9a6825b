"""From recordings to a network's numbers: log-mel frames, scaled by what training recordings are like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from treadle.data.audio.filterbank import FilterBank, Frames
from treadle.data.audio.waveform import Channel, Waveform, as_waveform, optional, resample
from treadle.data.paths import existing
from treadle.errors import InputError

Cell = str | Path | Waveform
"""A recording: a file, or samples in memory."""

Where = Callable[[int], str]

USUAL_RATE = 16_000
"""Speech holds little above half of it: recordings of higher rates are brought down to it, unless told otherwise."""

_LEAST_DEVIATION = 1e-3


@dataclass(frozen=True, eq=False)
class AudioEncoder:
    r"""Log-mel frames, every band freed of its mean and divided by its standard deviation in training.

    Attributes:
        bank: How frames are computed; recordings of other rates are brought to its rate.
        channel: Which one is taken of a file of several.
        mean: `[bins]`.
        scale: `[bins]`, above zero.

    Example:
        >>> sound = Waveform(np.sin(np.arange(8000, dtype=np.float32)), 8000)
        >>> encoder, frames = AudioEncoder.fit_encode([sound], bins=20)
        >>> frames[0].shape, round(float(abs(frames[0].mean())), 3)
        ((98, 20), 0.0)
    """

    bank: FilterBank
    channel: Channel
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def fit_encode(
        cls,
        cells: Sequence[Cell],
        *,
        rate: int | None = None,
        bins: int = 40,
        channel: Channel = None,
        where: Where | None = None,
    ) -> tuple[Self, list[Frames]]:
        """The encoder of training recordings, and their frames.

        Args:
            cells: Of training, and no others.
            rate: Samples a second; None for the lowest of these recordings, 16,000 at most.
            bins: Bands.
            channel: Which one is taken of a file of several.
            where: The place of a row, for error sentences.

        Raises:
            InputError: A recording cannot be read, or none is as long as a window.
        """
        where = where or _row
        bank = FilterBank(_lowest_rate(cells, channel, where) if rate is None else rate, bins)
        raw = cls(bank, channel, np.zeros(bins, np.float32), np.ones(bins, np.float32))
        frames = raw.encode(cells, where)
        count = sum(map(len, frames))
        if count == 0:
            raise InputError("no recording is as long as a window of 25 ms, expected sound to learn from")
        mean = np.sum([one.sum(0, dtype=np.float64) for one in frames], 0) / count
        square = np.sum([((one - mean) ** 2).sum(0) for one in frames], 0) / count
        scale = np.maximum(np.sqrt(square), _LEAST_DEVIATION)
        fitted = cls(bank, channel, mean.astype(np.float32), scale.astype(np.float32))
        return fitted, [fitted.scaled(one) for one in frames]

    @property
    def features(self) -> int:
        """Numbers a frame."""
        return self.bank.bins

    def encode(self, cells: Sequence[Cell], where: Where | None = None, *, speed: float = 1.0) -> list[Frames]:
        """The frames of recordings, `[frames, bins]` each.

        Args:
            cells: The recordings.
            where: The place of a row, for error sentences.
            speed: How many times as fast, and so as high, they are played.

        Raises:
            InputError: One cannot be read.
        """
        where = where or _row
        return [self.scaled(self.bank.compute(self.samples(cell, where(row), speed))) for row, cell in enumerate(cells)]

    def samples(self, cell: Cell, place: str, speed: float = 1.0) -> NDArray[np.float32]:
        """The samples of a recording at the bank's rate.

        Raises:
            InputError: It cannot be read; the sentence begins with `place`.
        """
        found = as_waveform(cell, self.channel, place).at(self.bank.rate).samples
        faster = Fraction(speed).limit_denominator(100)
        return found if faster == 1 else resample(found, faster.denominator, faster.numerator)

    def scaled(self, frames: Frames) -> Frames:
        """Frames as the bank gives them, freed of the mean and scaled."""
        return (frames - self.mean) / self.scale

    def describe(self) -> str:
        """One phrase: what is done with recordings."""
        return f"{self.bank.bins} log-mel bands of sound at {self.bank.rate:,} Hz"

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {
            "rate": self.bank.rate,
            "channel": self.channel,
            "mean": self.mean.astype(np.float64).tolist(),
            "scale": self.scale.astype(np.float64).tolist(),
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """The encoder that `to_json` saved.

        Raises:
            InputError: It is damaged.
        """
        try:
            mean, scale = (np.array(saved[name], dtype=np.float32) for name in ("mean", "scale"))
            rate, channel = saved["rate"], saved["channel"]
            sound = (
                mean.ndim == 1
                and mean.shape == scale.shape
                and bool(np.isfinite([mean, scale]).all() and (scale > 0).all())
                and isinstance(rate, int)
                and (channel is None or channel == "mean" or isinstance(channel, int))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the saved audio encoder is damaged: {error!r}") from None
        if not sound:
            raise InputError("the saved audio encoder is damaged: expected rate, channel, mean and scale")
        return cls(FilterBank(rate, len(mean)), channel, mean, scale)


def _lowest_rate(cells: Sequence[Cell], channel: Channel, where: Where) -> int:
    """The lowest rate of recordings: more would be made up where it is lacking, and tell where a recording is from."""
    rates = {_rate(cell, channel, where(row)) for row, cell in enumerate(cells)}
    return min(USUAL_RATE, *rates) if rates else USUAL_RATE


def _rate(cell: Cell, channel: Channel, place: str) -> int:
    if isinstance(cell, Waveform):
        return cell.rate
    library = optional("soundfile")
    try:
        return int(library.info(str(existing(cell))).samplerate)
    except (InputError, RuntimeError, OSError, ValueError):
        return as_waveform(cell, channel, place).rate  # which says in full what is wrong with it


def _row(row: int) -> str:
    return f"row {row} (counted from 0)"
