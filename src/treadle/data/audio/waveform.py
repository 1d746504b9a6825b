"""Samples of sound and their rate: from files, from arrays, at another rate."""

from dataclasses import dataclass
from importlib import import_module
from math import gcd
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from treadle.data.paths import existing
from treadle.errors import InputError, counted

Channel = int | Literal["mean"] | None
"""Which channel of a recording is taken: a number from 0, the mean of all, or None where there is but one."""

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au")
"""Files that are taken for sound by their names."""

MOST_RATE = 384_000
"""Samples a second; what is above is no rate of sound."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """One channel of sound in memory.

    Attributes:
        samples: `[time]`, from -1 to 1: float32 of floats as they are, of whole numbers by the range of their type.
        rate: Samples a second.

    Raises:
        InputError: The samples are not one list of finite numbers, there is none, or the rate is no rate.

    Example:
        >>> Waveform(np.array([0, 16384, -32768], dtype=np.int16), 8000).samples.tolist()
        [0.0, 0.5, -1.0]
    """

    samples: NDArray[np.float32]
    rate: int

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or int(self.rate) != self.rate or not 1 <= self.rate <= MOST_RATE:
            raise InputError(f"the rate is {self.rate!r}, expected a whole number of samples a second")
        object.__setattr__(self, "samples", to_samples(self.samples))
        if len(self.samples) == 0:
            raise InputError("the recording has no sample, expected sound")

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    def at(self, rate: int) -> "Waveform":
        """The same sound at another rate, by a polyphase filter that keeps what both rates can hold."""
        if rate == self.rate:
            return self
        return Waveform(resample(self.samples, rate, self.rate), rate)


def to_samples(values: Any) -> NDArray[np.float32]:
    """Samples as float32 `[time]`, whole numbers scaled to -1 to 1 by their type.

    Raises:
        InputError: They are not one list of finite numbers.
    """
    try:
        found = np.asarray(values)
    except (TypeError, ValueError):
        found = np.asarray(None)
    if found.dtype.kind not in "iuf" and found.size:
        raise InputError(f"found {values!r:.40}, expected samples: one list of numbers")
    if found.ndim != 1:
        what = counted(found.shape[1], "channel") if found.ndim == 2 else f"{found.ndim} axes"
        raise InputError(f"the samples have {what} ({list(found.shape)}), expected one list, a channel alone")
    if found.dtype.kind in "iu" and found.dtype.itemsize < 8:
        span = np.iinfo(found.dtype)
        middle = 0 if span.min else (span.max + 1) // 2
        found = (found.astype(np.float64) - middle) / ((span.max + 1) // (1 if span.min else 2))
    samples = found.astype(np.float32)
    if not np.isfinite(samples).all():
        place = int(np.flatnonzero(~np.isfinite(samples))[0])
        raise InputError(f"sample {place} (counted from 0) is {samples[place]}, expected a finite number")
    return samples


def resample(samples: NDArray[np.float32], to: int, of: int) -> NDArray[np.float32]:
    """Samples at a rate of `to` from those at a rate of `of`, both in whole numbers of any unit."""
    from scipy.signal import resample_poly

    common = gcd(to, of)
    found: NDArray[np.float32] = resample_poly(samples, to // common, of // common).astype(np.float32)
    return found


def is_audio_file(name: object) -> bool:
    """Whether a name is one of a file of sound, by its end."""
    return isinstance(name, str | Path) and str(name).lower().endswith(AUDIO_SUFFIXES)


def read_audio(path: str | Path, channel: Channel = None) -> Waveform:
    """Read a file of sound: wav, flac, ogg and what else libsndfile knows.

    Args:
        path: The file.
        channel: Which one is taken of several; None refuses several, since the sum of two microphones or of two
            speakers is not what either said.

    Raises:
        InputError: There is no such file, it is broken or empty, has other channels, or soundfile is not installed.
    """
    path = existing(path)
    if path.is_dir():
        raise InputError(f"{path}: found a folder, expected a file of sound")
    soundfile = optional("soundfile")
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as sound ({_reason(error)}), expected wav or flac") from None
    if len(samples) == 0:
        raise InputError(f"{path}: the recording has no sample, expected sound")
    try:
        return Waveform(one_channel(samples, channel), int(rate))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def as_waveform(cell: "Waveform | str | Path", channel: Channel, place: str) -> Waveform:
    """The sound of a cell: a waveform as it is, a file read.

    Raises:
        InputError: The file cannot be read; the sentence begins with `place`.
    """
    if isinstance(cell, Waveform):
        return cell
    try:
        return read_audio(cell, channel)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def optional(module: str) -> Any:
    """A module of the extra `audio`.

    Raises:
        InputError: It is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise InputError(
            f"sound needs the package {module}, which is not installed; pip install 'treadle[audio]'"
        ) from None


def one_channel(samples: NDArray[np.float32], channel: Channel) -> NDArray[np.float32]:
    """One channel of `samples [time, channels]`.

    Raises:
        InputError: There are several and none is named, or there is none of the number.
    """
    count = samples.shape[1]
    if channel == "mean":
        mean: NDArray[np.float32] = samples.mean(1)
        return mean
    if channel is None and count > 1:
        raise InputError(
            f"found {count} channels, expected one; channel=0 takes the first, channel='mean' the mean of all"
        )
    number = channel or 0
    if not 0 <= number < count:
        raise InputError(f"found {counted(count, 'channel')}, expected one with the number {number} (counted from 0)")
    return samples[:, number]


def _reason(error: Exception) -> str:
    """What libsndfile says, without the path that is said already."""
    return str(getattr(error, "error_string", error)).strip().rstrip(".").lower()
