"""What a forecast has to beat: the last value, the last season, a straight line; and the M4 competition's reference.

Each takes one history, `[time]`, in which missing values are interpolated, and answers for `horizon` steps. Quantiles
are those of a normal distribution whose variance grows as the method's own theory says, with the variance of its
one-step residuals: R. Hyndman & G. Athanasopoulos, "Forecasting: principles and practice", 3rd edition, section 5.5.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from treadle.errors import InputError
from treadle.evaluation.forecasting import Floats, Forecasts

_SIGNIFICANT = 1.645  # of the 90 % test of autocorrelation at the lag of the season


@dataclass(frozen=True)
class Foreseen:
    """What a method expects of one series.

    Attributes:
        point: `[horizon]`, in the unit of the series.
        quantiles: `[horizon, levels]`.
        form: How it was made, where the method has several ways: "MAM".
    """

    point: Floats
    quantiles: Floats
    form: str = ""


Method = Callable[[npt.ArrayLike, int, int, Sequence[float]], Foreseen]
"""History, horizon, season and levels to what is expected."""


def naive(history: npt.ArrayLike, horizon: int, season: int = 1, levels: Sequence[float] = ()) -> Foreseen:  # noqa: ARG001 - the form of all methods
    """The last value, for ever.

    Args:
        history: `[time]`.
        horizon: Steps to foresee.
        season: Not used.
        levels: Of the quantiles.

    Raises:
        InputError: The history has no value.

    Example:
        >>> naive([1.0, 3.0, 2.0], 2).point.tolist()
        [2.0, 2.0]
    """
    past = interpolated(history)
    steps = np.arange(1, horizon + 1)
    return _normal(np.full(horizon, past[-1]), _spread(np.diff(past)) * np.sqrt(steps), levels)


def seasonal_naive(history: npt.ArrayLike, horizon: int, season: int = 1, levels: Sequence[float] = ()) -> Foreseen:
    """The last season, for ever; the last value, where the history has no whole season.

    Args:
        history: `[time]`.
        horizon: Steps to foresee.
        season: Steps of a season; 1 for none.
        levels: Of the quantiles.

    Raises:
        InputError: The history has no value.

    Example:
        >>> seasonal_naive([1.0, 2.0, 3.0, 4.0], 3, season=2).point.tolist()
        [3.0, 4.0, 3.0]
    """
    past = interpolated(history)
    if season < 2 or len(past) < season:
        return naive(past, horizon, 1, levels)
    ahead = np.arange(horizon)
    spread = _spread(past[season:] - past[:-season]) * np.sqrt(ahead // season + 1)
    return _normal(past[-season:][ahead % season], spread, levels)


def drift(history: npt.ArrayLike, horizon: int, season: int = 1, levels: Sequence[float] = ()) -> Foreseen:  # noqa: ARG001 - likewise
    """The line through the first and the last value.

    Args:
        history: `[time]`.
        horizon: Steps to foresee.
        season: Not used.
        levels: Of the quantiles.

    Raises:
        InputError: The history has no value.

    Example:
        >>> drift([1.0, 9.0, 3.0], 2).point.tolist()
        [4.0, 5.0]
    """
    past = interpolated(history)
    steps, intervals = np.arange(1, horizon + 1), max(len(past) - 1, 1)
    slope = (past[-1] - past[0]) / intervals
    return _normal(
        past[-1] + slope * steps, _spread(np.diff(past) - slope) * np.sqrt(steps * (1 + steps / intervals)), levels
    )


def naive2(history: npt.ArrayLike, horizon: int, season: int = 1, levels: Sequence[float] = ()) -> Foreseen:
    """Naive on the seasonally adjusted series: what the overall weighted average (OWA) is measured by.

    The series counts as seasonal if its autocorrelation at the lag of the season is significant at 90 % (Bartlett's
    formula) in three seasons or more. Then it is divided by the seasonal indices of the classical decomposition by a
    centred moving average; or they are subtracted, where a value is not positive. Source: S. Makridakis, E. Spiliotis &
    V. Assimakopoulos, "The M4 competition", International Journal of Forecasting 36, 2020, section 2.4.

    Args:
        history: `[time]`.
        horizon: Steps to foresee.
        season: Steps of a season; 1 for none.
        levels: Of the quantiles.

    Raises:
        InputError: The history has no value.
    """
    past = interpolated(history)
    if not is_seasonal(past, season):
        return naive(past, horizon, 1, levels)
    indices, multiplied = seasonal_indices(past, season)
    times = np.arange(len(past) + horizon) % season
    seen, coming = indices[times[: len(past)]], indices[times[len(past) :]]
    adjusted = naive(past / seen if multiplied else past - seen, horizon, 1, levels)
    if multiplied:
        return Foreseen(adjusted.point * coming, adjusted.quantiles * coming[:, None])
    return Foreseen(adjusted.point + coming, adjusted.quantiles + coming[:, None])


def forecast(
    method: Method,
    ids: Sequence[str],
    histories: Sequence[npt.ArrayLike],
    horizons: Sequence[int],
    season: int,
    levels: tuple[float, ...] = (),
) -> tuple[Forecasts, list[str]]:
    """A method's forecasts of many series, and in what form it made each.

    Args:
        method: One of this module, or `exponential_smoothing`.
        ids: Names of the series.
        histories: `[time]` of each.
        horizons: Steps to foresee of each.
        season: Steps of a season; 1 for none.
        levels: Of the quantiles.

    Raises:
        InputError: A history has no value.
    """
    seen = [method(history, steps, season, levels) for history, steps in zip(histories, horizons, strict=True)]
    return Forecasts(ids, [one.point for one in seen], levels, [one.quantiles for one in seen]), [
        one.form for one in seen
    ]


def interpolated(history: npt.ArrayLike) -> Floats:
    """The history with missing values drawn on a line between their neighbours; at the ends, the nearest value.

    Raises:
        InputError: It has no value.
    """
    past = np.asarray(history, dtype=np.float64)
    missing = np.isnan(past)
    if missing.all():
        raise InputError(f"a history of {len(past)} steps has no value, expected at least one to forecast from")
    if not missing.any():
        return past
    time = np.arange(len(past))
    return np.interp(time, time[~missing], past[~missing])


def is_seasonal(past: Floats, season: int) -> bool:
    """Whether the autocorrelation at the lag of the season is significant at 90 %, over three seasons or more."""
    if season < 2 or len(past) < 3 * season:
        return False
    centred = past - past.mean()
    variance = float(centred @ centred)
    if variance == 0:
        return False
    correlations = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, season + 1)]) / variance
    limit = _SIGNIFICANT * np.sqrt((1 + 2 * (correlations[:-1] ** 2).sum()) / len(past))
    return bool(abs(correlations[-1]) > limit)


def seasonal_indices(past: Floats, season: int) -> tuple[Floats, bool]:
    """`[season]` indices of the classical decomposition, from the first step on; whether they multiply or are added."""
    multiplied = bool((past > 0).all())
    weights = np.ones(season)
    if season % 2 == 0:  # a mean over one step more, of which the outer two count half, has a step in its middle
        weights = np.concatenate([[0.5], np.ones(season - 1), [0.5]])
    trend = np.convolve(past, weights / season, mode="valid")
    first = len(weights) // 2
    inner = past[first : first + len(trend)]
    ratio = inner / trend if multiplied else inner - trend
    phase = (first + np.arange(len(ratio))) % season
    indices = np.bincount(phase, ratio, season) / np.bincount(phase, minlength=season)
    return (indices / indices.mean() if multiplied else indices - indices.mean()), multiplied


def _spread(residuals: Floats) -> float:
    return float(np.sqrt((residuals**2).mean())) if len(residuals) else 0.0


def _normal(point: Floats, spread: Floats, levels: Sequence[float]) -> Foreseen:
    scores = np.array([NormalDist().inv_cdf(level) for level in levels])
    return Foreseen(point, point[:, None] + spread[:, None] * scores)
