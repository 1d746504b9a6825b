"""What a forecast begins from: a plain rule on the last window, whose errors the network learns."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BASES = ("last", "level", "season", "profile", "season-drift")
"""The names of all rules."""


def base_matrix(name: str, horizon: int, lookback: int, season: int) -> Floats:
    r"""The weights of a rule, `[horizon, lookback]`: what it forecasts is their product with the last window.

    With W the lookback and m the season,

    | name | forecast of step h |
    |---|---|
    | last | the last value |
    | level | the mean of the last season (of the window without one) |
    | season | the last value of the same phase: seasonal naive |
    | profile | the mean of all values of the same phase, moved from the window's level to that of the last season |
    | season-drift | seasonal naive, and for each season ahead the change of level from the season before to the last |

    Every row of every rule sums to 1, so that a shift of the series shifts the forecast.

    Args:
        name: One of `BASES`.
        horizon: H.
        lookback: W, at least the season.
        season: m; 1 for none.
    """
    weights = np.zeros((horizon, lookback))
    steps = np.arange(horizon)
    phase = lookback - season + steps % season
    match name:
        case "last":
            weights[:, -1] = 1
        case "level":
            weights[:, -(season if season > 1 else lookback) :] = 1 / (season if season > 1 else lookback)
        case "season":
            weights[steps, phase] = 1
        case "profile":
            seasons = lookback // season
            for back in range(seasons):
                weights[steps, phase - back * season] += 1 / seasons
            weights[:, lookback - seasons * season :] -= 1 / (seasons * season)
            weights[:, lookback - season :] += 1 / season
        case "season-drift":
            weights[steps, phase] = 1
            ahead = (steps // season + 1)[:, None] / season
            weights[:, lookback - season :] += ahead
            weights[:, lookback - 2 * season : lookback - season] -= ahead
    return weights


def possible_bases(lookback: int, season: int) -> list[str]:
    """The rules that a window of this length has a meaning for."""
    if season == 1:
        return ["last", "level"]
    return ["last", "level", "season", *(["profile", "season-drift"] if lookback >= 2 * season else [])]


def choose_base(error_of: Callable[[Floats], float], horizon: int, lookback: int, season: int) -> str:
    """The rule that errs least on the training data; of equal ones the simplest.

    Args:
        error_of: The mean absolute error, in scales, of the forecasts by some weights.
        horizon: H.
        lookback: W.
        season: m.
    """
    names = possible_bases(lookback, season)
    return min(names, key=lambda name: error_of(base_matrix(name, horizon, lookback, season)))
