"""Exponential smoothing in the form that suits the series best: what a statistician would try first."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from treadle.evaluation.baselines.forecasts import Foreseen, interpolated, naive, seasonal_naive
from treadle.evaluation.forecasting import Floats

if TYPE_CHECKING:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel, ETSResults

LONGEST = 1000
"""Steps of a history that are read at most, or four seasons if those are more: what is older weighs nothing."""

_SHORTEST = 10  # statsmodels' own limit
_ESTIMATED = 24, 20  # longest season, and seasons of history, whose initial values are estimated: later ones fade
_PATHS = 500
_STATES = 20_000_000  # numbers that drawing paths may hold


class Form(NamedTuple):
    """A form of exponential smoothing, in the words of statsmodels; None: without this component."""

    error: str
    trend: str | None
    damped: bool
    seasonal: str | None

    @property
    def name(self) -> str:
        """In the words of the field: error, trend and season, such as "MAM" or "AAdN"."""
        letters = {"add": "A", "mul": "M", None: "N"}
        return f"{letters[self.error]}{letters[self.trend]}{'d' * self.damped}{letters[self.seasonal]}"

    def parameters(self, season: int) -> int:
        """Numbers that are chosen: weights, initial states and the variance."""
        return 3 + 2 * (self.trend is not None) + self.damped + (season + 1) * (self.seasonal is not None)


_TRENDS = ((None, False), ("add", False), ("add", True))


def forms(*, positive: bool, seasonal: bool) -> list[Form]:
    """The forms that are tried: with and without season, with no trend, a straight or a damped one.

    A season is added under errors that are added, and multiplied under errors that are multiplied, the latter for
    positive series only; the other mixtures are unstable or hardly ever chosen.

    Args:
        positive: Whether all values are above 0.
        seasonal: Whether the history has two whole seasons.

    Example:
        >>> [form.name for form in forms(positive=True, seasonal=True)]
        ['ANN', 'AAN', 'AAdN', 'ANA', 'AAA', 'AAdA', 'MNM', 'MAM', 'MAdM']
    """
    kinds: list[tuple[str, str | None]] = [("add", None)]
    kinds += [("add", "add")] * seasonal + [("mul", "mul")] * (seasonal and positive)
    return [Form(error, trend, damped, season) for error, season in kinds for trend, damped in _TRENDS]


def exponential_smoothing(
    history: npt.ArrayLike, horizon: int, season: int = 1, levels: Sequence[float] = ()
) -> Foreseen:
    """Exponential smoothing, its form chosen by the corrected Akaike criterion (AICc).

    Each of `forms` is fitted by maximum likelihood (statsmodels' `ETSModel`), to the last `LONGEST` steps or four
    seasons; the season's initial values are read off the first seasons where it is long or there are many. Quantiles
    are those of 500 paths drawn from the chosen form, the same ones every time. A series that no form can be fitted
    to, because it is too short or does not change, is foreseen by seasonal naive. Source: R. Hyndman, A. Koehler, J.
    Ord & R. Snyder, "Forecasting with exponential smoothing", 2008, chapters 2, 5 and 7.

    Args:
        history: `[time]`; missing values are interpolated.
        horizon: Steps to foresee.
        season: Steps of a season; 1 for none.
        levels: Of the quantiles.

    Returns:
        What is expected; its `form` is that chosen, such as "MAM", or "seasonal naive" or "naive".

    Raises:
        InputError: The history has no value.

    Example:
        >>> exponential_smoothing([3.0, 1.0, 2.0], 2).form  # too short
        'naive'
    """
    past = interpolated(history)[-max(LONGEST, 4 * season) :]
    scale = float(np.abs(past).mean())
    if len(past) >= _SHORTEST and np.ptp(past) > 1e-9 * scale:
        seasonal = 1 < season <= len(past) // 2
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of fits that do not converge and of forms that do not suit: none is kept
            for form, fitted in _fits(past / scale, season, forms(positive=bool((past > 0).all()), seasonal=seasonal)):
                point, quantiles = _foresee(fitted, horizon, season, levels)
                if np.isfinite(point).all() and np.isfinite(quantiles).all():
                    return Foreseen(scale * point, scale * quantiles, form.name)
    if 1 < season <= len(past):
        return Foreseen(*_parts(seasonal_naive(past, horizon, season, levels)), "seasonal naive")
    return Foreseen(*_parts(naive(past, horizon, 1, levels)), "naive")


def _fits(past: Floats, season: int, tried: Sequence[Form]) -> "list[tuple[Form, ETSResults]]":
    """Every form that can be fitted, the best first."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    found: list[tuple[float, int, Any]] = []
    for number, form in enumerate(tried):
        spare = len(past) - form.parameters(season) - 1
        if spare < 1:
            continue
        estimated = form.seasonal is None or (season <= _ESTIMATED[0] and len(past) <= _ESTIMATED[1] * season)
        try:
            model = ETSModel(
                past,
                error=form.error,
                trend=form.trend,
                damped_trend=form.damped,
                seasonal=form.seasonal,
                seasonal_periods=season if form.seasonal else None,
                initialization_method="estimated" if estimated else "heuristic",
            )
            starts = [None] if form.seasonal else [None, _lively(model)]
            fitted = max((model.fit(start_params=start, disp=False) for start in starts), key=lambda one: one.llf)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):  # a likelihood that is not finite on its way
            continue
        count = form.parameters(season)
        criterion = float(-2 * fitted.llf + 2 * count + 2 * count * (count + 1) / spare)
        if np.isfinite(criterion):
            found.append((criterion, number, fitted))
    return [(tried[number], fitted) for _, number, fitted in sorted(found, key=lambda one: one[:2])]


def _lively(model: "ETSModel") -> Floats:
    """The model's own first guess, with a level that follows the series.

    From its own, with a level that hardly moves, the line through all values is sometimes not left, however bad it is.
    """
    start = np.array(model.start_params, dtype=np.float64)
    start[model.param_names.index("smoothing_level")] = 0.5
    return start


def _foresee(fitted: "ETSResults", horizon: int, season: int, levels: Sequence[float]) -> tuple[Floats, Floats]:
    point = np.asarray(fitted.forecast(horizon), dtype=np.float64)
    if not levels:
        return point, np.empty((horizon, 0))
    paths = max(100, min(_PATHS, _STATES // (horizon * season)))
    errors = np.random.default_rng(0).normal(scale=np.sqrt(fitted.scale), size=(horizon, paths))
    drawn = np.asarray(fitted.simulate(horizon, anchor="end", repetitions=paths, random_errors=errors))
    return point, np.quantile(drawn.reshape(horizon, paths), levels, axis=1).T


def _parts(foreseen: Foreseen) -> tuple[Floats, Floats]:
    return foreseen.point, foreseen.quantiles
