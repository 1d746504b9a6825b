"""Log-mel frames as they might have been: bands and moments hidden, another noise behind them."""

from dataclasses import dataclass

import torch
from torch import Tensor

MOST_MASKED = 0.2
"""Share of a recording's frames that the masks of time may hide together, at most."""
NOISE_LEVELS = (0.0, 30.0)
"""Decibels from the mean level of a recording down to the noise that is put behind it: drawn evenly from here."""


@dataclass(frozen=True)
class Augmentation:
    r"""What training does to a batch of frames, drawn anew each time by torch's random numbers.

    - SpecAugment: `frequency_masks` times a band of up to `frequency_width` neighbours, and `time_masks` times up to
      `time_width` frames, are set to the mean (which is 0). Masks of time hide a fifth of a recording at most.
    - Noise, with probability `noise`: a steady noise of a random level and colour behind the recording. Energies of
      sounds that do not depend on each other add up, so in the logarithm

      $$x' = \log(e^{x} + e^{n}), \qquad n = l + c\, m + g$$

      with l the level, m the band from -1 to 1, c the colour and g the logarithm of a draw from the exponential
      distribution, which the energy of a steady noise has from window to window.

    Attributes:
        mean: `[bins]`, of the scaling that the frames have had.
        scale: Likewise.
        frequency_masks: How many masks of bands.
        frequency_width: Bands of one, at most.
        time_masks: How many masks of time.
        time_width: Frames of one, at most.
        noise: Probability of noise.

    Source: D. Park et al., "SpecAugment: a simple data augmentation method for automatic speech recognition",
    Interspeech 2019, section 2, without the time warping.
    """

    mean: Tensor
    scale: Tensor
    frequency_masks: int
    frequency_width: int
    time_masks: int
    time_width: int
    noise: float

    def __call__(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Another version of `x [batch, frames, bins]`, whose padding is beyond `lengths [batch]` and means nothing."""
        if self.noise:
            x = self._with_noise(x, lengths)
        hidden = torch.zeros(x.shape, dtype=torch.bool, device=x.device)
        bands = torch.arange(x.shape[2], device=x.device)
        for _ in range(self.frequency_masks):
            hidden |= _mask(bands, x.shape[0], self.frequency_width, x.shape[2], x.device)[:, None, :]
        steps = torch.arange(x.shape[1], device=x.device)
        for _ in range(self.time_masks):
            most = (lengths * (MOST_MASKED / self.time_masks)).clamp(max=self.time_width)
            hidden |= _mask(steps, x.shape[0], most, lengths, x.device)[:, :, None]
        return x.masked_fill(hidden, 0)

    def _with_noise(self, x: Tensor, lengths: Tensor) -> Tensor:
        batch, frames, bins = x.shape
        mean, scale = self.mean.to(x), self.scale.to(x)
        raw = x * scale + mean
        real = torch.arange(frames, device=x.device) < lengths[:, None]
        level = raw.masked_fill(~real[..., None], 0).sum((1, 2)) / (lengths.clamp(min=1) * bins)
        low, high = NOISE_LEVELS
        below = torch.empty(batch, device=x.device).uniform_(low, high) * (torch.log(torch.tensor(10.0)) / 10)
        colour = torch.randn(batch, device=x.device)
        band = torch.linspace(-1, 1, bins, device=x.device)
        grain = torch.empty(batch, frames, bins, device=x.device).exponential_() + 1e-3
        noise = (level - below)[:, None, None] + colour[:, None, None] * band + torch.log(grain)
        noisy = (torch.logaddexp(raw, noise) - mean) / scale
        drawn = torch.rand(batch, device=x.device) < self.noise
        return torch.where(drawn[:, None, None], noisy, x)


def _mask(places: Tensor, rows: int, width: int | Tensor, size: int | Tensor, device: torch.device) -> Tensor:
    """True at a stretch of up to `width` of the first `size` places, another one in each row: `[rows, places]`."""
    wide = (torch.rand(rows, device=device) * (width + 1)).floor()
    start = (torch.rand(rows, device=device) * (size - wide + 1).clamp(min=1)).floor()
    return (places >= start[:, None]) & (places < (start + wide)[:, None])
