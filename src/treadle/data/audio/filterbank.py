"""Log-mel filter banks: how loud each band of the ear's scale is, a hundred times a second."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.data.audio.waveform import optional
from treadle.errors import InputError

WINDOW, SHIFT = 25.0, 10.0
"""Milliseconds that a frame looks at, and from one frame to the next."""

FULL_SCALE = 32768.0
"""What kaldi takes for the loudest sample: it reads whole numbers of 16 bits."""

Frames = NDArray[np.float32]


@dataclass(frozen=True)
class FilterBank:
    r"""Samples to frames of log-mel energies, by kaldi-native-fbank.

    $$x_{t,m} = \log \sum_k M_{mk}\, |\mathrm{FFT}(w \odot s_t)_k|^2$$

    with \(s_t\) the 25 ms that begin \(10\,t\) ms after the start, freed of their mean and pre-emphasised by 0.97,
    \(w\) Povey's window and \(M\) triangles that are equally wide on the mel scale, from 20 Hz to half the rate. A
    frame depends on its own window and nothing else, so a stream gives the frames of the whole file to the last bit;
    no dither is added. What fills no whole window at the end gives no frame.

    Args:
        rate: Samples a second.
        bins: Bands, m.

    Raises:
        InputError: There are too many bands for the rate, or kaldi-native-fbank is not installed.

    Example:
        >>> bank = FilterBank(8000, 40)
        >>> bank.compute(np.zeros(8000, np.float32)).shape, bank.frames(8000)
        ((98, 40), 98)
    """

    rate: int
    bins: int = 40

    @property
    def window(self) -> int:
        """Samples of a window, rounded down as kaldi does."""
        return _samples(self.rate, WINDOW)

    @property
    def shift(self) -> int:
        """Samples from one window to the next."""
        return _samples(self.rate, SHIFT)

    def frames(self, samples: int) -> int:
        """How many frames so many samples give."""
        return 0 if samples < self.window else 1 + (samples - self.window) // self.shift

    def compute(self, samples: NDArray[np.float32]) -> Frames:
        """The frames of a whole recording: `[samples]` to `[frames, bins]`."""
        count = self.frames(len(samples))
        if count == 0:
            return np.zeros((0, self.bins), np.float32)
        bank = self._bank(SHIFT)
        bank.accept_waveform(self.rate, (samples * FULL_SCALE).tolist())
        return np.stack([bank.get_frame(frame) for frame in range(count)])

    def by_window(self) -> "WindowSteps":
        """The same frames, one window at a time."""
        return WindowSteps(self, self._bank(WINDOW))

    def _bank(self, shift: float) -> Any:
        library = optional("kaldi_native_fbank")
        options = library.FbankOptions()
        options.frame_opts.samp_freq = self.rate
        options.frame_opts.frame_length_ms = WINDOW
        options.frame_opts.frame_shift_ms = shift
        options.frame_opts.dither = 0
        options.mel_opts.num_bins = self.bins
        if self.bins < 3 or self.window < self.bins:
            raise InputError(
                f"{self.bins} bands cannot be told apart in windows of {self.window} samples ({self.rate} a second); "
                "expected at least 3, and no more than a window has samples"
            )
        return library.OnlineFbank(options)


class WindowSteps:
    """Frames of windows that need not follow each other, as those of several streams do not.

    The windows are put end to end for a filter bank whose shift is the window, which so sees each by itself.

    Args:
        bank: Whose frames.
        library: kaldi's, with such a shift.
    """

    def __init__(self, bank: FilterBank, library: Any) -> None:
        self.bank, self._library = bank, library
        self._done = 0

    def compute(self, windows: NDArray[np.float32]) -> Frames:
        """`[windows, window]` samples to `[windows, bins]`."""
        self._library.accept_waveform(self.bank.rate, (windows.reshape(-1) * FULL_SCALE).tolist())
        frames = np.stack([self._library.get_frame(self._done + place) for place in range(len(windows))])
        self._library.pop(len(windows))
        self._done += len(windows)
        return frames


def _samples(rate: int, milliseconds: float) -> int:
    """Kaldi multiplies in single precision and cuts off."""
    return int(np.float32(rate) * np.float32(0.001) * np.float32(milliseconds))
