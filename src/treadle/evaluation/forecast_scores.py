"""Forecasts of many series beside what happened: every metric with its interval, and the verdict on two models."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from treadle.errors import counted
from treadle.evaluation.comparison import Comparison, compare_figures
from treadle.evaluation.forecasting import Floats, Forecasts, mae, naive_scale, percentage_errors, pinball
from treadle.evaluation.intervals import Interval, bootstrap_interval
from treadle.evaluation.scores import Estimate
from treadle.evaluation.wording import readable

HEADLINE = "mase"
"""The metric by which forecasts are compared."""

FEWEST_UNITS = 8
"""Series, or stretches of time, that an interval is drawn from at least."""

Table = npt.NDArray[np.float64]

# What is summed of every forecast.
_MASE, _MASES, _SMAPE, _SMAPES, _ABSOLUTE, _SQUARED, _SIZE, _PINBALL, _INSIDE, _STEPS, _MASE2, _SMAPE2 = range(12)


@dataclass(frozen=True)
class HeldOut:
    """What happened after the forecasts were made.

    Attributes:
        ids: The series of every forecast; one series may have several.
        history: `[time]` what was known, of every forecast.
        truth: `[horizon]` what followed; NaN where it is missing, or not known yet.
        season: Steps of a season; 1 for none.
        stretch: Of every forecast, the number of the stretch of time it falls into: forecasts of one series that share
            steps have the same. None where every series has one forecast.

    Raises:
        ValueError: The parts have different lengths.
    """

    ids: Sequence[str]
    history: Sequence[Floats]
    truth: Sequence[Floats]
    season: int
    stretch: Sequence[int] | None = None

    def __post_init__(self) -> None:
        stretches = self.ids if self.stretch is None else self.stretch
        if not len(self.ids) == len(self.history) == len(self.truth) == len(stretches):
            raise ValueError(f"{len(self.ids)} ids and {len(self.truth)} truths: expected one of each a forecast")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, forecasts: Sequence[int]) -> "HeldOut":
        """Some of them, by number."""
        return HeldOut(
            [self.ids[one] for one in forecasts],
            [self.history[one] for one in forecasts],
            [self.truth[one] for one in forecasts],
            self.season,
            None if self.stretch is None else [self.stretch[one] for one in forecasts],
        )

    @cached_property
    def scales(self) -> Floats:
        """`[forecasts]` what seasonal naive errs by on the history; NaN where that is 0 or not defined."""
        found = np.array([naive_scale(history, self.season) for history in self.history])
        return np.where(found > 0, found, np.nan)

    def amount(self) -> str:
        """In words: "24 forecasts of 2 series"."""
        series = len(set(self.ids))
        return f"{counted(len(self), 'forecast')} of {series:,} series"

    def units(self) -> npt.NDArray[np.int64]:
        """Of every forecast, the number of what is drawn as a whole for an interval.

        That is the series, or the stretch of time, whichever there are more of.
        """
        names = {name: number for number, name in enumerate(dict.fromkeys(self.ids))}
        series = np.array([names[name] for name in self.ids], dtype=np.int64)
        if self.stretch is None:
            return series
        stretch = np.unique(np.asarray(self.stretch), return_inverse=True)[1].astype(np.int64)
        return series if series.max(initial=0) >= stretch.max(initial=0) else stretch


def forecast_scores(held: HeldOut, forecasts: Forecasts, naive2: Forecasts | None = None) -> dict[str, Estimate]:
    r"""Every metric of forecasts, with its 95 % interval where there is enough to draw from.

    - `mase`, `smape`: means over forecasts of `treadle.evaluation.forecasting.mase` and `smape`; forecasts for which
      one is not defined do not count.
    - `owa`: of these means, as shares of those of `naive2`.
    - `crps`: \(2\sum\rho/\sum|y|\), the pinball loss of all steps and levels over the size of what happened, levels
      averaged; a share, so that series of all sizes can be taken together, of which the large ones count most. Source:
      D. Salinas et al., "DeepAR", International Journal of Forecasting 36, 2020, section 4.
    - `coverage`: share of steps within the widest central interval.
    - `rmse`, `mae`: over all steps, in the unit of y.

    The interval is a bootstrap over series, or over stretches of time if there are more of those; below `FEWEST_UNITS`
    of either there is none, as a single forecast does not tell how much luck was in it.

    Args:
        held: What happened.
        forecasts: What was expected, in the same order.
        naive2: The reference of `owa`; None leaves it out.

    Raises:
        ValueError: Forecasts and truth do not have the same lengths.

    Example:
        >>> held = HeldOut(["a"], [np.array([1.0, 2.0, 3.0])], [np.array([4.0, 5.0])], 1)
        >>> forecasts = Forecasts(["a"], [np.array([3.0, 3.0])], (), [np.empty((2, 0))])
        >>> forecast_scores(held, forecasts)["mase"].value
        1.5
    """
    table = _table(held, forecasts, naive2)
    columns: dict[str, Callable[[Table], float]] = {"mase": _mean_mase, "smape": _mean_smape}
    if naive2 is not None:
        columns["owa"] = _owa
    if forecasts.levels:
        columns["crps"] = _crps
    if forecasts.intervals():
        columns["coverage"] = _coverage
    columns |= {"rmse": _rmse, "mae": _mae}
    return {name: Estimate(figure(table), *_interval(figure, table)) for name, figure in columns.items()}


def compare_forecasts(
    held: HeldOut, model: Forecasts, baseline: Forecasts, name: str = "the baseline", *, rolled: bool = False
) -> Comparison:
    """Is the mean MASE of the model below the baseline's, beyond what chance explains?

    By the 95 % bootstrap interval of the difference, both on the same drawn series or stretches of time. Where there
    are fewer than `FEWEST_UNITS`, nothing is claimed.

    Args:
        held: What happened.
        model: The model's forecasts.
        baseline: The baseline's, in the same order.
        name: How the sentence calls the baseline.
        rolled: Whether the forecasts are from as many points in time as were asked for; else more are advised.
    """
    ours, theirs = _table(held, model, None), _table(held, baseline, None)
    both = np.concatenate([ours, theirs], 1)
    width = ours.shape[1]
    values = _mean_mase(ours), _mean_mase(theirs)
    if np.isnan(values).any():
        reason = f"MASE has no value here: {_why_undefined(held)}."
        return Comparison("not distinguishable", math.nan, f"Not compared with {name}", reason)
    low, high = _interval(lambda table: _mean_mase(table[:, :width]) - _mean_mase(table[:, width:]), both)
    if low is not None and high is not None:
        return compare_figures(HEADLINE, *values, Interval(low, high), name)
    ahead = "Ahead of" if values[0] < values[1] else "Not ahead of"
    few = counted(len(held), "forecast") if len(held) > 1 else "one forecast"
    luck = f"{held.amount()} can be luck" if len(held) > 1 else "A single forecast can be luck"
    evidence = (
        f"MASE {readable(values[0])} against {readable(values[1])}. {luck}: of fewer than {FEWEST_UNITS} series or "
        "stretches of time no interval is given."
    )
    if not rolled:
        evidence += " Forecasts from more points in time tell more (treadle evaluate --rolling)."
    return Comparison("not distinguishable", values[0] - values[1], f"{ahead} {name} in {few}", evidence)


def _why_undefined(held: HeldOut) -> str:
    """Why no forecast has a MASE: there is no value to compare with, or none of those that have one has a unit."""
    pairs = zip(held.history, held.truth, strict=True)
    units = [naive_scale(history, held.season) for history, truth in pairs if not np.isnan(truth).all()]
    if not units:
        return "what was forecast has no value in any step, so that there is nothing to compare with"
    unit = "its unit, what seasonal naive errs by on the history, is"
    same, few = "the history repeats itself season by season, or never changes", "no two values lie a season apart"
    if not np.isnan(units).any():
        return f"{unit} 0: {same}"
    return f"{unit} unknown: {few}" if np.isnan(units).all() else f"{unit} 0 or unknown: {same}, or {few}"


def window_errors(held: HeldOut, forecasts: Forecasts) -> Floats:
    """`[forecasts]` MASE of every forecast; NaN where it is not defined."""
    return np.array([mae(*pair) for pair in zip(held.truth, forecasts.point, strict=True)]) / held.scales


def _table(held: HeldOut, forecasts: Forecasts, naive2: Forecasts | None) -> Table:
    """`[units, columns]` sums over the forecasts of every unit."""
    if len(forecasts) != len(held):
        raise ValueError(f"{len(forecasts)} forecasts and {len(held)} truths: expected the same")
    rows = np.zeros((len(held), 12))
    errors = window_errors(held, forecasts)
    rows[:, _MASE], rows[:, _MASES] = np.nan_to_num(errors), ~np.isnan(errors)
    if naive2 is not None:
        others = window_errors(held, naive2)
        rows[:, _MASE2] = np.nan_to_num(others)
    widest = next(iter(forecasts.intervals()), None)
    for number, truth in enumerate(held.truth):
        known = ~np.isnan(truth)
        if not known.any():
            continue
        y, row = truth[known], rows[number]
        error = forecasts.point[number][known] - y
        row[_SMAPE], row[_SMAPES] = percentage_errors(y, error + y).mean(), 1
        row[_ABSOLUTE], row[_SQUARED] = np.abs(error).sum(), (error**2).sum()
        row[_SIZE], row[_STEPS] = np.abs(y).sum(), len(y)
        if forecasts.levels:
            row[_PINBALL] = 2 * pinball(y, forecasts.quantiles[number][known], forecasts.levels).mean(1).sum()
        if widest is not None:
            lower, upper = forecasts.interval(number, widest)
            row[_INSIDE] = ((y >= lower[known]) & (y <= upper[known])).sum()
        if naive2 is not None:
            row[_SMAPE2] = percentage_errors(y, naive2.point[number][known]).mean()
    units = held.units()
    sums = np.zeros((int(units.max(initial=-1)) + 1, rows.shape[1]))
    np.add.at(sums, units, rows)
    return sums


def _interval(figure: Callable[[Table], float], table: Table) -> tuple[float | None, float | None]:
    if len(table) < FEWEST_UNITS or not math.isfinite(figure(table)):
        return None, None
    return bootstrap_interval(figure, table, resamples=1000 if len(table) <= 2000 else 200)


def _ratio(table: Table, above: int, below: int) -> float:
    total = float(table[:, below].sum())
    return float(table[:, above].sum()) / total if total > 0 else math.nan


def _mean_mase(table: Table) -> float:
    return _ratio(table, _MASE, _MASES)


def _mean_smape(table: Table) -> float:
    return _ratio(table, _SMAPE, _SMAPES)


def _owa(table: Table) -> float:
    return (_ratio(table, _SMAPE, _SMAPE2) + _ratio(table, _MASE, _MASE2)) / 2


def _crps(table: Table) -> float:
    return _ratio(table, _PINBALL, _SIZE)


def _coverage(table: Table) -> float:
    return _ratio(table, _INSIDE, _STEPS)


def _rmse(table: Table) -> float:
    return math.sqrt(_ratio(table, _SQUARED, _STEPS))


def _mae(table: Table) -> float:
    return _ratio(table, _ABSOLUTE, _STEPS)
