r"""Forecasts of one or many series, and how near they come to what then happened.

A metric takes one series: `truth` and `point` are `[horizon]`, `quantiles` `[horizon, levels]`. Steps whose truth is
missing (NaN) do not count; a metric without any step to count is NaN.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

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
        ValueError: Shapes do not agree, levels do not rise within (0, 1), quantiles cross, or a value is not finite.

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
            if not (np.isfinite(point).all() and np.isfinite(table).all()):
                raise ValueError(f"series {name!r}: its forecast is not finite")
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
        return [(low, high) for low in self.levels for high in self.levels if low < high and abs(low + high - 1) < 1e-6]


def mae(truth: npt.ArrayLike, point: npt.ArrayLike) -> float:
    r"""Mean absolute error, \(\frac1h\sum_t|y_t-\hat y_t|\), in the unit of y."""
    return _mean(np.abs(_errors(truth, point)))


def mse(truth: npt.ArrayLike, point: npt.ArrayLike) -> float:
    r"""Mean squared error, \(\frac1h\sum_t(y_t-\hat y_t)^2\), in the unit of y squared."""
    return _mean(_errors(truth, point) ** 2)


def rmse(truth: npt.ArrayLike, point: npt.ArrayLike) -> float:
    """Root of the mean squared error, in the unit of y."""
    return float(np.sqrt(mse(truth, point)))


def smape(truth: npt.ArrayLike, point: npt.ArrayLike) -> float:
    r"""Symmetric mean absolute percentage error, \(\frac{200}{h}\sum_t\frac{|y_t-\hat y_t|}{|y_t|+|\hat y_t|}\).

    In per cent, 0 to 200; a step where both are zero counts 0. Source: S. Makridakis, E. Spiliotis & V. Assimakopoulos,
    "The M4 competition", International Journal of Forecasting 36, 2020, section 2.3.

    Example:
        >>> smape([100.0, 0.0], [300.0, 0.0])
        50.0
    """
    return _mean(percentage_errors(truth, point))


def percentage_errors(truth: npt.ArrayLike, point: npt.ArrayLike) -> Floats:
    """`[horizon]` what every step adds to `smape`."""
    size = np.abs(np.asarray(truth, dtype=np.float64)) + np.abs(np.asarray(point, dtype=np.float64))
    return 200 * np.abs(_errors(truth, point)) / np.where(size == 0, 1.0, size)


def mase(truth: npt.ArrayLike, point: npt.ArrayLike, history: npt.ArrayLike, season: int = 1) -> float:
    r"""Mean absolute scaled error: the mean absolute error over `naive_scale`.

    Below 1, the forecast errs less than seasonal naive did, one season ahead, on the history. NaN where the scale is 0
    or not defined. Source: R. Hyndman & A. Koehler, "Another look at measures of forecast accuracy", International
    Journal of Forecasting 22, 2006.

    Args:
        truth: `[horizon]`, what happened.
        point: `[horizon]`, what was expected.
        history: `[time]`, the series before.
        season: Steps of a season; 1 for none.

    Example:
        >>> mase([5.0, 6.0], [4.0, 4.0], history=[1.0, 2.0, 3.0, 4.0])
        1.5
    """
    scale = naive_scale(history, season)
    return mae(truth, point) / scale if scale > 0 else float("nan")


def naive_scale(history: npt.ArrayLike, season: int = 1) -> float:
    r"""\(\frac1{n-m}\sum_{t>m}|y_t-y_{t-m}|\): what seasonal naive errs by, one season m ahead, in the unit of y.

    Pairs with a missing value do not count; a history no longer than the season is scaled by steps, m = 1. NaN where no
    pair is left.
    """
    past = np.asarray(history, dtype=np.float64)
    lag = season if len(past) > season else 1
    return _mean(np.abs(past[lag:] - past[:-lag]))


def pinball(truth: npt.ArrayLike, quantiles: npt.ArrayLike, levels: Sequence[float]) -> Floats:
    r"""`[horizon, levels]` pinball loss, \(\max\bigl(q(y-\hat y_q),\,(q-1)(y-\hat y_q)\bigr)\), in the unit of y.

    Source: R. Koenker & G. Bassett, "Regression quantiles", Econometrica 46, 1978.
    """
    error = np.asarray(truth, dtype=np.float64)[:, None] - np.asarray(quantiles, dtype=np.float64)
    level = np.asarray(levels, dtype=np.float64)
    return np.maximum(level * error, (level - 1) * error)


def crps_from_quantiles(truth: npt.ArrayLike, quantiles: npt.ArrayLike, levels: Sequence[float]) -> float:
    r"""Continuous ranked probability score from quantiles: twice the mean pinball loss, in the unit of y.

    \(\mathrm{CRPS}(F,y)=2\int_0^1\rho_q\bigl(y,F^{-1}(q)\bigr)\,dq\), with evenly spaced levels in the place of all;
    it has only as much of the tails as they have. Source: T. Gneiting & R. Ranjan, "Comparing density forecasts using
    threshold- and quantile-weighted scoring rules", Journal of Business & Economic Statistics 29, 2011, equation 12.

    Args:
        truth: `[horizon]`.
        quantiles: `[horizon, levels]`.
        levels: Probabilities.

    Example:
        >>> crps_from_quantiles([3.0], [[2.0]], [0.5])
        1.0
    """
    return 2 * _mean(pinball(truth, quantiles, levels).mean(1))


def crps_from_samples(truth: npt.ArrayLike, samples: npt.ArrayLike) -> float:
    r"""Continuous ranked probability score of paths, \(\mathrm E|X-y|-\frac12\mathrm E|X-X'|\), in the unit of y.

    X and X' are drawn from the paths themselves, so \(X=X'\) counts: the score of the empirical distribution. Source:
    T. Gneiting & A. Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA 102, 2007, equation 21.

    Args:
        truth: `[horizon]`.
        samples: `[paths, horizon]`.

    Example:
        >>> crps_from_samples([1.0], [[0.0], [2.0]])
        0.5
    """
    ordered = np.sort(np.asarray(samples, dtype=np.float64), axis=0)
    paths = len(ordered)
    # E|X - X'| of sorted values: each counts as often above another as below.
    rank = (2 * np.arange(1, paths + 1) - paths - 1)[:, None]
    spread = 2 * (rank * ordered).sum(0) / paths**2
    return _mean(np.abs(ordered - np.asarray(truth, dtype=np.float64)).mean(0) - spread / 2)


def coverage(truth: npt.ArrayLike, lower: npt.ArrayLike, upper: npt.ArrayLike) -> float:
    """Share of steps whose truth lies within the interval, its ends included."""
    y = np.asarray(truth, dtype=np.float64)
    inside = (y >= np.asarray(lower, dtype=np.float64)) & (y <= np.asarray(upper, dtype=np.float64))
    return _mean(np.where(np.isnan(y), np.nan, inside))


def owa(smape: float, mase: float, naive_smape: float, naive_mase: float) -> float:
    r"""Overall weighted average: the mean of sMAPE and MASE, each as a share of that of naive 2.

    \(\frac12\bigl(\mathrm{sMAPE}/\mathrm{sMAPE}_{N2}+\mathrm{MASE}/\mathrm{MASE}_{N2}\bigr)\), each figure first
    averaged over series. N2 is naive on the seasonally adjusted series
    (`treadle.evaluation.baselines.forecasts.naive2`). Source: the M4 competition, as for `smape`.

    Example:
        >>> owa(smape=10.0, mase=0.5, naive_smape=10.0, naive_mase=1.0)
        0.75
    """
    if not (naive_smape > 0 and naive_mase > 0):
        return float("nan")
    return (smape / naive_smape + mase / naive_mase) / 2


def _errors(truth: npt.ArrayLike, point: npt.ArrayLike) -> Floats:
    y, expected = np.asarray(truth, dtype=np.float64), np.asarray(point, dtype=np.float64)
    if y.shape != expected.shape:
        raise ValueError(f"truth of shape {list(y.shape)} and forecast of {list(expected.shape)}: expected the same")
    return np.asarray(expected - y)


def _mean(values: npt.NDArray[Any]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
