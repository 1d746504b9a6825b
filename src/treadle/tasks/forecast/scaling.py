r"""Every window of a series seen from its own level and in its own spread, computed from the past alone.

At step t, over the last W values (`lookback`) \(w\), of which the first are repeated before the series begins,

$$l_t = \bar w, \qquad s_t^2 = \overline{(w - l_t)^2} + \epsilon\, v_t$$

where \(v_t\) is the variance of the series so far and \(\epsilon\) is small, so that a quiet window does not blow
up what follows. A network that reads \((w - l_t) / s_t\) and answers in \(s_t\) gives to \(1000\,y + 5\) a thousand
times the forecast of \(y\), and 5. As nothing here looks ahead, a stream does the same a step at a time, in memory of W
numbers.

Of \(n < 4\) values the spread is hardly known, so that answers are given in

$$s_t'^2 = \tfrac{n}{4}\, s_t^2 + \tfrac{4 - n}{4}\, u_t^2$$

with \(u_t\) the usual scale of windows in training, or its usual share of their level where levels lie far from 0.

Sources: S. Smyl, "A hybrid method of exponential smoothing and recurrent neural networks for time series forecasting",
2020, whose windows are divided by their own level; T. Kim et al., "Reversible instance normalization", ICLR 2022.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scaling = Literal["window", "series", "none"]

FEW = 4
"""Values from which a series has a spread of its own."""
QUIET = 0.01
r"""\(\epsilon\): the share of the variance so far that every window has at least."""


class Statistics(NamedTuple):
    """What a window is scaled by, and how it lies in its series, for any number of windows.

    Attributes:
        level: `[...]`.
        scale: `[...]`; 0 where a series has stood still so far.
        spread: `[...]`, in which answers are given: the scale, but of few values.
        anchor: `[..., 2]`: the level's distance from the mean so far, in deviations so far, and the logarithm of the
            scale in them: all that a scaled window does not tell.
    """

    level: Floats
    scale: Floats
    spread: Floats
    anchor: Floats


@dataclass(frozen=True)
class Scaler:
    """Level and scale of windows.

    Attributes:
        lookback: W.
        scaling: "window" as above; "series": mean and deviation of the series so far; "none": 0 and 1.
        counts: Whether values are counts, whose level is 0 and whose scale is one more than the mean.
        usual: The usual scale of windows in training.
        relative: Whether that is a share of their level.
    """

    lookback: int
    scaling: Scaling
    counts: bool = False
    usual: float = 0.0
    relative: bool = False

    def statistics(self, windows: Floats, count: NDArray[np.int64], sums: Floats) -> Statistics:
        """What windows are scaled by.

        Args:
            windows: `[..., W]`.
            count: `[...]`: how many values each series has had so far.
            sums: `[..., 3]`: the first value, and the sums of all distances from it and of their squares.
        """
        distance, square = sums[..., 1] / count, sums[..., 2] / count
        mean, variance = sums[..., 0] + distance, np.maximum(square - distance**2, 0.0)
        valid = np.arange(self.lookback) >= self.lookback - count[..., None]
        number = valid.sum(-1)
        if self.counts:
            near = np.where(valid, windows, 0.0).sum(-1) / number if self.scaling == "window" else mean
            scale = 1 + np.maximum(near, 0.0) if self.scaling != "none" else np.ones_like(mean)
            return Statistics(np.zeros_like(mean), scale, scale, np.zeros((*mean.shape, 2)))
        if self.scaling == "none":
            one = np.ones_like(mean)
            return Statistics(np.zeros_like(mean), one, one, np.zeros((*mean.shape, 2)))
        if self.scaling == "series":
            scale = np.sqrt(variance)
            return Statistics(mean, scale, self._spread(mean, scale, count), np.zeros((*mean.shape, 2)))
        level = np.where(valid, windows, 0.0).sum(-1) / number
        around = np.where(valid, windows - level[..., None], 0.0)
        scale = np.sqrt((around**2).sum(-1) / number + QUIET * variance)
        moving = variance > 0
        deviation = np.sqrt(np.where(moving, variance, 1.0))
        place = np.clip((level - mean) / deviation, -5, 5)
        width = np.log(np.where(moving, scale, 1.0) / deviation)
        anchor = np.where(moving[..., None], np.stack([place, width], -1), 0.0)
        return Statistics(level, scale, self._spread(level, scale, count), anchor)

    def _spread(self, level: Floats, scale: Floats, count: NDArray[np.int64]) -> Floats:
        """The scale, mixed with the usual one where there are few values."""
        usual = self.usual * (np.abs(level) if self.relative else 1.0)
        mixed = np.sqrt((count * scale**2 + (FEW - np.minimum(count, FEW)) * usual**2) / FEW)
        return np.where(count < FEW, mixed, scale)


def usual_scale(level: Floats, scale: Floats, *, transformed: bool) -> tuple[float, bool]:
    """The usual scale of windows, and whether it is a share of their level, as it is where levels lie far above 0.

    Args:
        level: `[windows]`.
        scale: `[windows]`.
        transformed: Whether values are, so that a level of 0 means nothing.
    """
    moving = scale > 0
    level, scale = level[moving], scale[moving]
    if not len(scale):
        return 0.0, False
    relative = not transformed and float((level > 2 * scale).mean()) > 0.9
    return float(np.median(scale / level if relative else scale)), relative


def fill(values: Floats, season: int) -> Floats:
    """Values without gaps: a missing one is that of a season before, or the last one where there was none.

    Args:
        values: `[time]`, the first of which is not missing.
        season: Steps of a season.

    Example:
        >>> fill(np.array([1.0, 2.0, np.nan, np.nan, np.nan]), 2).tolist()
        [1.0, 2.0, 1.0, 2.0, 1.0]
    """
    filled = values.copy()
    for t in np.flatnonzero(np.isnan(values)):
        filled[t] = filled[t - season] if t >= season else filled[t - 1]
    return filled


def running_sums(filled: Floats) -> Floats:
    """Of every step of a series, what `Scaler.statistics` takes: `[time, 3]`."""
    distance = filled - filled[0]
    return np.stack([np.full_like(filled, filled[0]), np.cumsum(distance), np.cumsum(distance**2)], -1)
