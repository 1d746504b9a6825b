r"""Forecasts of one or many series, and how near they come to what then happened.

A metric takes one series: `truth` and `point` are `[horizon]`, `quantiles` `[horizon, levels]`. Steps whose truth is
missing (NaN) do not count; a metric without any step to count is NaN.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Forecasts:
    """What is expected of every series, and how sure that is.

    Attributes:
        ids: Name of every series.
        point: `[horizon]` of every series, in its unit.
        levels: Probabilities in (0, 1), rising; none for forecasts without quantiles.
        quantiles: `[horizon, levels]` of every series: below column `k` the value falls with probability `levels[k]`.
            They do not cross: they rise, or stay, along a row.

    Raises:
        ValueError: Shapes do not agree, levels do not rise within (0, 1), or quantiles cross.

    Example:
        >>> forecasts = Forecasts(["a"], [np.zeros(2)], (0.1, 0.9), [np.array([[-1.0, 1.0], [-2.0, 2.0]])])
        >>> [ends.tolist() for ends in forecasts.interval(0, 0.8)]
        [[-1.0, -2.0], [1.0, 2.0]]
    """

    ids: Sequence[str]
    point: Sequence[Floats]
    levels: tuple[float, ...]
    quantiles: Sequence[Floats]

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.point) == len(self.quantiles):
            raise ValueError(
                f"{len(self.ids)} ids, {len(self.point)} points and {len(self.quantiles)} tables of quantiles: "
                "expected one of each a series"
            )
        edges = np.array([0.0, *self.levels, 1.0])
        if not (np.diff(edges) > 0).all():
            raise ValueError(f"levels {self.levels}: expected rising probabilities between 0 and 1")
        for name, point, table in zip(self.ids, self.point, self.quantiles, strict=True):
            if table.shape != (len(point), len(self.levels)):
                raise ValueError(
                    f"series {name!r} has {len(point)} points and quantiles of shape {list(table.shape)}, "
                    f"expected {[len(point), len(self.levels)]}"
                )
            if (np.diff(table, axis=1) < 0).any():
                raise ValueError(f"series {name!r}: its quantiles cross, expected them to rise along every row")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, series: Iterable[int]) -> Self:
        """Those of some series, by number."""
        chosen = list(series)
        return type(self)(
            [self.ids[one] for one in chosen],
            [self.point[one] for one in chosen],
            self.levels,
            [self.quantiles[one] for one in chosen],
        )

    def intervals(self) -> list[float]:
        """The central intervals that the levels give, as shares of probability, the widest first: 0.8, 0.6, ..."""
        return [round(high - low, 9) for low, high in self._pairs()]

    def interval(self, series: int, share: float) -> tuple[Floats, Floats]:
        """Lower and upper end, `[horizon]` each, of a series' central interval.

        Args:
            series: Its number.
            share: One of `intervals()`.

        Raises:
            ValueError: The levels give no such interval.
        """
        for low, high in self._pairs():
            if abs(high - low - share) < 1e-6:
                table = self.quantiles[series]
                return table[:, self.levels.index(low)], table[:, self.levels.index(high)]
        raise ValueError(f"the levels {self.levels} give no interval of {share:.0%}, but {self.intervals()}")

    def _pairs(self) -> list[tuple[float, float]]:
        """Levels that lie equally far from both ends, outermost first."""
        pairs = zip(self.levels, reversed(self.levels), strict=True)
        return [(low, high) for low, high in pairs if low < high and abs(low + high - 1) < 1e-6]
