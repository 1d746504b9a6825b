"""What a forecast begins from: a linear rule on the last window, whose errors the network learns."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BASES = ("last", "level", "season", "profile", "season-drift")
"""The names of all rules."""

STRENGTHS = (0.003, 0.03, 0.3, 3.0)
"""Of ridge regression, in mean squares of a window's values."""
LAST = 0.25
"""Share of the training data, at its end, that rules are compared on."""
FEWEST = 20
"""Windows that a rule is fitted on at least."""
MARGIN = 0.005
"""By how much less a rule must err than a simpler one."""
RIDGE = ", ridge "
"""Between a rule's name and the strength of its correction."""


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


def fit_base(windows: Floats, ahead: Floats, place: Floats, reach: Floats, season: int) -> tuple[str, Floats]:
    r"""The rule, corrected by ridge regression, that errs least on the last quarter of the training data.

    With a rule's weights B, all windows X and what came after them Y (both less the window's mean and in its scale),

    $$A = B + (Y - X B^\top)^\top X\,(X^\top X + \lambda\,\tfrac{\mathrm{tr}\,X^\top X}{W} I)^{-1}$$

    with the means of the columns taken off. Rules and the strengths \(\lambda\) of `STRENGTHS` (and none: the rule
    itself) are compared by the mean absolute error on the last quarter of every series, but for what they always err
    by; the best is fitted once more on everything. Of fewer windows than can be parted so, the rules themselves are
    compared on all.

    Args:
        windows: `[origins, lookback]`, X.
        ahead: `[origins, horizon]`, Y; NaN where it is not known, which counts as if the rule were right.
        place: `[origins]`: where in its series each lies, from 0 to 1.
        reach: `[origins]`: how long the horizon is, in lengths of the series.
        season: m.

    Returns:
        The rule's name, with the strength if it is corrected, and the weights `[horizon, lookback]`, each row of which
        sums to 1.

    Source: A. Hoerl & R. Kennard, "Ridge regression", Technometrics 12, 1970.
    """
    lookback = windows.shape[1]
    names = possible_bases(lookback, season)
    last = place >= 1 - LAST
    first = place + np.minimum(reach, LAST / 2) < 1 - LAST
    strengths: tuple[float, ...] = (0.0, *STRENGTHS)
    if first.sum() < FEWEST or np.isnan(ahead[last]).all():
        first = last = np.asarray(~np.isnan(ahead).all(1))
        strengths = (0.0,)
    best = (math.inf, names[0], 0.0)
    for strength in strengths if last.any() else ():
        for name in names:
            weights = _corrected(name, strength, windows[first], ahead[first], season)
            always = _median(ahead[first] - windows[first] @ weights.T)
            error = float(np.nanmean(np.abs(ahead[last] - windows[last] @ weights.T - always)))
            if error < best[0] * (1 - MARGIN):
                best = (error, name, strength)
    _, name, strength = best
    chosen = f"{name}{RIDGE}{strength:g}" if strength else name
    return chosen, refit_base(chosen, windows, ahead, season)


def refit_base(chosen: str, windows: Floats, ahead: Floats, season: int) -> Floats:
    """The weights of a rule that `fit_base` chose, by its name, fitted to other data; arguments as there."""
    name, _, strength = chosen.partition(RIDGE)
    weights = _corrected(name, float(strength or 0), windows, ahead, season)
    # A window less its mean has no part along the ones, so that the rows may be made to sum to 1.
    return np.asarray(weights + (1 - weights.sum(1, keepdims=True)) / windows.shape[1])


def _corrected(name: str, strength: float, windows: Floats, ahead: Floats, season: int) -> Floats:
    """A rule with its correction of a certain strength; 0 for none."""
    rule = base_matrix(name, ahead.shape[1], windows.shape[1], season)
    if not strength:
        return rule
    error = ahead - windows @ rule.T
    error = np.nan_to_num(error - np.nan_to_num(_median(error)))
    x = windows - windows.mean(0)
    square = x.T @ x
    square[np.diag_indices_from(square)] += strength * max(np.trace(square), 1e-9) / len(square)
    return np.asarray(rule + np.linalg.solve(square, x.T @ error).T)


def _median(error: Floats) -> Floats:
    """Of every column, NaN where nothing is known."""
    found = np.full(error.shape[1], np.nan)
    known = ~np.isnan(error).all(0)
    found[known] = np.nanmedian(error[:, known], 0)
    return found
