"""The features of series one step at a time: the numbers that `PanelFeatures.encode` gives of whole ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from treadle.tasks.forecast.features import PanelFeatures
from treadle.tasks.forecast.scaling import Floats, Statistics
from treadle.tasks.forecast.windows import scaled_windows

Array = NDArray[Any]

WINDOW, COUNT, SUMS, PAST = "series.window", "series.count", "series.sums", "series.past"
LEVEL, SCALE = "series.level", "series.scale"


class SeriesSteps:
    """Up to `rows` series, of which each remembers its last window and a few sums.

    Args:
        features: Fitted.
        rows: Series at most.

    Attributes:
        state: `[rows, size]` by name: all that is remembered.
        initial: `[size]` of each, before the first value.
    """

    def __init__(self, features: PanelFeatures, rows: int) -> None:
        self.features = features
        self.initial: dict[str, Array] = {
            WINDOW: np.zeros(features.lookback),
            COUNT: np.zeros(1, dtype=np.int64),
            SUMS: np.zeros(3),
            PAST: np.zeros(len(features.past.names)),
            LEVEL: np.zeros(1),
            SCALE: np.zeros(1),
        }
        self.state = {name: np.repeat(one[None], rows, 0) for name, one in self.initial.items()}
        self._base = features.base_weights.T

    def begin(self, state: Mapping[str, Array]) -> None:
        """Take up the memory of series that were read as a whole."""
        for name, field in self.state.items():
            field[...] = state[name]

    def take(self, y: Floats, calendar: Floats, future: Floats, past: Floats, static: Floats) -> NDArray[np.float32]:
        """Read a value of the first rows; the window before the first is that value.

        Args:
            y: `[rows]`, transformed; NaN for a missing one, which cannot be the first.
            calendar: `[rows, C]` of the next step.
            future: `[rows, F]`, standardised, of the next step.
            past: `[rows, P]`, standardised; NaN where missing.
            static: `[rows, S]`, standardised.

        Returns:
            What the network reads, `[rows, input_size]`.
        """
        rows, features = len(y), self.features
        window, count, sums = (self.state[name][:rows] for name in (WINDOW, COUNT, SUMS))
        before = count[:, 0].copy()
        observed = ~np.isnan(y)
        earlier = np.where(before >= features.season, window[:, -features.season], window[:, -1])
        value = np.where(observed, y, earlier)
        fresh = before == 0
        window[fresh] = value[fresh, None]
        sums[fresh, 0] = value[fresh]
        window[:, :-1] = window[:, 1:].copy()
        window[:, -1] = value
        distance = value - sums[:, 0]
        sums[:, 1] += distance
        sums[:, 2] += distance**2
        count += 1
        known = self.state[PAST][:rows]
        known[...] = np.where(np.isnan(past), known, past)
        found = self._statistics(rows)
        self.state[LEVEL][:rows, 0], self.state[SCALE][:rows, 0] = found.level, found.spread
        other = features.other(observed, count[:, 0], found.anchor, calendar, future, known, static)
        scaled = scaled_windows(
            *(torch.from_numpy(one) for one in (window[:, -features.lags :], found.level, found.scale))
        )
        return np.concatenate([scaled.numpy(), other], -1)

    def _statistics(self, rows: int) -> Statistics:
        window, count, sums = (self.state[name][:rows] for name in (WINDOW, COUNT, SUMS))
        return self.features.scaler.statistics(window, count[:, 0], sums)

    def location(self, rows: int) -> Floats:
        """The base forecast of the first rows, `[rows, horizon]`."""
        return np.asarray(self.state[WINDOW][:rows] @ self._base)

    def scale(self, rows: int) -> Floats:
        """The scale of their answers, `[rows]`."""
        return np.asarray(self.state[SCALE][:rows, 0])
