"""Series as a network reads them: flat arrays in memory, windows of every step cut when a batch is made."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.tasks.forecast.scaling import Statistics

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ORIGINS = 20_000
"""Steps that the base forecast is fitted at, at most."""


@dataclass(frozen=True)
class EncodedSeries:
    """One series in the network's numbers.

    Attributes:
        skipped: Missing values before its first one, which are left out below.
        filled: `[time]` without gaps, transformed.
        target: `[time]`, NaN where missing.
        statistics: Of the window that ends at every step.
        other: `[time, D]`: what else each step reads.
        known: `[time + horizon, F]`: covariates known in advance; NaN beyond what is known.
    """

    skipped: int
    filled: Floats
    target: Floats
    statistics: Statistics
    other: NDArray[np.float32]
    known: NDArray[np.float32]


@dataclass(frozen=True)
class Ahead:
    """What lies ahead of some origins.

    Attributes:
        target: `[origins, horizon]` float64, transformed; NaN where missing or beyond the end.
        location: `[origins, horizon]` float64: the base forecast.
        scale: `[origins]` float64.
        known: `[origins, horizon, F]` float32.
    """

    target: Tensor
    location: Tensor
    scale: Tensor
    known: Tensor


class Windows:
    """All series of a panel behind each other, each with room for a window before and a horizon after it.

    Args:
        series: The series.
        lookback: Values in a window.
        lags: Last values of a window that the network reads.
        horizon: Steps that are forecast.
        base: `[horizon, lookback]`, the weights of the base forecast.
    """

    def __init__(self, series: Sequence[EncodedSeries], lookback: int, lags: int, horizon: int, base: Floats) -> None:
        self.lookback, self.lags, self.horizon = lookback, lags, horizon
        self.base = torch.from_numpy(base)
        self.lengths: Integers = np.array([len(one.filled) for one in series], dtype=np.int64)
        self.skipped: Integers = np.array([one.skipped for one in series], dtype=np.int64)
        room = lookback - 1 + self.lengths + horizon
        self.first: Integers = np.cumsum(room) - room + lookback - 1
        """Where step 0 of every series lies."""
        before, after = lookback - 1, horizon
        self.filled = _flat([np.pad(one.filled, (before, after), mode="edge") for one in series])
        self.target = _flat([_padded(one.target, before, after, np.nan) for one in series])
        self.level = _flat([_padded(one.statistics.level, before, after) for one in series])
        self.scale = _flat([_padded(one.statistics.scale, before, after) for one in series])
        self.spread = _flat([_padded(one.statistics.spread, before, after) for one in series])
        self.other = _flat([_padded(one.other, before, after) for one in series])
        self.known = _flat([_padded(one.known, before, 0) for one in series])

    def __len__(self) -> int:
        return len(self.lengths)

    def inputs(self, series: Integers, start: Integers, lengths: Integers) -> tuple[Tensor, Tensor]:
        """What the network reads of some stretches of series.

        Args:
            series: `[batch]`, which.
            start: `[batch]`, the first step of each stretch.
            lengths: `[batch]`, its steps, none of which lies beyond the series' end.

        Returns:
            `[batch, time, lags + D]` float32 and the lengths.
        """
        steps = int(lengths.max(initial=0))
        at = torch.from_numpy(self.first[series] + start)
        last = len(self.filled) - 1
        values = self.filled[(at[:, None] + torch.arange(1 - self.lags, steps)).clamp(max=last)]
        here = (at[:, None] + torch.arange(steps)).clamp(max=last)
        windows = values.unfold(1, self.lags, 1)
        scaled = scaled_windows(windows, self.level[here], self.scale[here])
        return torch.cat([scaled, self.other[here]], -1), torch.from_numpy(lengths)

    def ahead(self, series: Integers, origin: Integers, end: Integers | None = None) -> Ahead:
        """What lies ahead of some steps.

        Args:
            series: `[origins]`, which.
            origin: `[origins]`, the last step that is known.
            end: `[origins]`: targets from this step on count as missing.
        """
        at = torch.from_numpy(self.first[series] + origin)
        steps = at[:, None] + torch.arange(1, self.horizon + 1)
        target = self.target[steps]
        if end is not None:
            limit = torch.from_numpy(self.first[series] + end)
            target = target.masked_fill(steps >= limit[:, None], torch.nan)
        window = self.filled[at[:, None] + torch.arange(1 - self.lookback, 1)]
        return Ahead(target, window @ self.base.T, self.spread[at], self.known[steps])

    def full(self) -> tuple[Floats, Floats]:
        """Level and scale of all windows without a repeated value, or of the last one of a series too short for any."""
        ends = self.first + self.lengths
        begins = np.minimum(self.first + self.lookback - 1, ends - 1)
        at = np.concatenate([np.arange(a, b) for a, b in zip(begins, ends, strict=True)])
        return self.level.numpy()[at], self.scale.numpy()[at]

    def training_pairs(self, ends: Integers | None = None) -> tuple[Floats, Floats, Floats, Floats]:
        """Windows and what came after them, less the window's mean and in its scale.

        The steps are at most `ORIGINS` of all series, in even distances.

        Args:
            ends: Of every series, where targets end; by default at its end.

        Returns:
            `[origins, lookback]`, `[origins, horizon]` with NaN where it is not known, and `[origins]` each: where in
            its series each lies, from 0 to 1, and how long the horizon is, in lengths of the series.
        """
        ends = self.lengths if ends is None else ends
        series = np.repeat(np.arange(len(self)), ends)
        origin = np.concatenate([np.arange(end) for end in ends])
        scale = self.scale.numpy()[self.first[series] + origin]
        kept = np.flatnonzero((origin >= np.minimum(self.lookback - 1, ends[series] // 3)) & (scale > 0))
        kept = kept[even_origins(0, len(kept), ORIGINS)]
        series, origin, scale = series[kept], origin[kept], scale[kept, None]
        at = torch.from_numpy(self.first[series] + origin)
        window = self.filled[at[:, None] + torch.arange(1 - self.lookback, 1)].numpy()
        mean = window.mean(1, keepdims=True)
        target = self.ahead(series, origin, ends[series]).target.numpy()
        return (window - mean) / scale, (target - mean) / scale, origin / ends[series], self.horizon / ends[series]


def even_origins(first: int, end: int, most: int) -> Integers:
    """At most so many steps from `first` to before `end`, in even distances, the last of them among them.

    The distances are no whole numbers, one of which could meet one phase of a season alone.
    """
    count = max(0, end - first)
    if not count:
        return np.zeros(0, np.int64)
    return np.unique(np.linspace(end - 1, first, min(most, count)).round().astype(np.int64))


def scaled_windows(windows: Tensor, level: Tensor, scale: Tensor) -> Tensor:
    """Values of windows less the level and in the scale of each, float32; zeros where a series stands still."""
    moves = scale > 0
    inverse = torch.where(moves, 1 / torch.where(moves, scale, torch.ones_like(scale)), torch.zeros_like(scale))
    return ((windows - level[..., None]) * inverse[..., None]).float()


def _padded(values: NDArray[np.generic], before: int, after: int, value: float = 0.0) -> NDArray[np.generic]:
    """Room before and after the steps."""
    width = [(before, after), *[(0, 0)] * (values.ndim - 1)]
    return np.pad(values, width, constant_values=value)


def _flat(parts: Sequence[NDArray[np.generic]]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts))
