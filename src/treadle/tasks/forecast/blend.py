"""The base of forecasts: rules that are compared on the end of the training data, and blended by how they err there."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from treadle.tasks.forecast.base import ITERATED, Corrections, Floats, Rule, column_medians, possible_bases
from treadle.tasks.forecast.windows import even_origins

Mask = NDArray[np.bool_]

STRENGTHS = (0.003, 0.03, 0.3, 3.0)
"""Of ridge regression, for every step ahead on its own."""
ITERATED_STRENGTHS = (0.01, 0.1, 0.3, 1.0)
"""Of ridge regression, for an autoregression."""
LAST = 0.25
"""Share of the training data, at its end, that rules are compared on."""
FEWEST = 20
"""Windows that a rule is fitted on at least."""
MOST = 2000
"""Windows that rules are compared on at most, in even distances."""
SHARPNESS = 10.0
"""By how much the logarithm of a rule's share falls where it errs by as much again as the best."""
LEAST_SHARE = 0.01
"""A smaller share is none."""


def fit_base(windows: Floats, ahead: Floats, place: Floats, reach: Floats, season: int) -> tuple[str, Floats]:
    r"""The rules that err least on the last quarter of the training data, each with a share.

    Every rule, as it is and with every correction (`treadle.tasks.forecast.base.Corrections`), is fitted on what lies
    before the last quarter of every series and measured there by its mean absolute error e, but for what it always errs
    by. Its share is

    $$w \propto \exp\left(-10\left(\tfrac{e}{e_{\min}} - 1\right)\right)$$

    and those with a share are fitted once more on everything. Of fewer windows than can be parted so, the rules
    themselves are compared on all.

    Args:
        windows: `[origins, lookback]`, less their means and in their scales.
        ahead: `[origins, horizon]`, what came after them; NaN where it is not known.
        place: `[origins]`: where in its series each lies, from 0 to 1.
        reach: `[origins]`: how long the horizon is, in lengths of the series.
        season: Steps of a season; 1 for none.

    Returns:
        Rules and shares, as `refit_base` reads them, and the weights `[horizon, lookback]`, whose rows sum to 1.

    Source: J. Bates & C. Granger, "The combination of forecasts", Operational Research Quarterly 20, 1969; for the form
    of the shares, A. Timmermann, "Forecast combinations", Handbook of Economic Forecasting 1, 2006.
    """
    last = place >= 1 - LAST
    first = place + np.minimum(reach, LAST / 2) < 1 - LAST
    parted = first.sum() >= FEWEST and not np.isnan(ahead[last]).all()
    if not parted:
        first = last = np.asarray(~np.isnan(ahead).all(1))
    rules = list(_candidates(windows.shape[1], ahead.shape[1], season, corrected=bool(parted)))
    before = Corrections(windows[first], ahead[first], season)
    errors = np.array([_error(before.weights(rule), windows, ahead, first, last) for rule in rules])
    if not np.isfinite(errors).any():
        return str(rules[0]), refit_base(str(rules[0]), windows, ahead, season)
    with np.errstate(over="ignore"):
        shares = np.exp(-SHARPNESS * (errors / max(errors.min(), 1e-12) - 1))
    shares[shares < LEAST_SHARE * shares.sum()] = 0
    shares /= shares.sum()
    named = {rule: share for rule, share in zip(rules, shares, strict=True) if share}
    chosen = " + ".join(f"{share:.4g} {rule}" for rule, share in named.items()) if len(named) > 1 else str(*named)
    return chosen, refit_base(chosen, windows, ahead, season)


def refit_base(chosen: str, windows: Floats, ahead: Floats, season: int) -> Floats:
    """The weights of what `fit_base` chose, by its name, fitted to other data; arguments as there."""
    corrections = Corrections(windows, ahead, season)
    blend, total = np.zeros((ahead.shape[1], windows.shape[1])), 0.0
    for share, name in _parts(chosen):
        rule = Rule.parse(name)
        weights = corrections.weights(rule)
        if weights is None:  # on these data, which shares were not found on
            weights = corrections.plain(rule.name)
        blend, total = blend + share * weights, total + share
    return np.asarray(blend / total)


def describe_base(chosen: str) -> str:
    """What `fit_base` chose, in one phrase."""
    parts = _parts(chosen)
    share, rule = max(parts, key=lambda part: part[0])
    return f"{rule!r} ({share:.0%}) and {len(parts) - 1} more" if len(parts) > 1 else repr(rule)


def _parts(chosen: str) -> list[tuple[float, str]]:
    """Every rule's share and name; a rule alone has no share before it."""
    if " + " not in chosen:
        return [(1.0, chosen)]
    return [(float(share), rule) for share, rule in (part.split(" ", 1) for part in chosen.split(" + "))]


def _candidates(lookback: int, horizon: int, season: int, *, corrected: bool) -> Iterator[Rule]:
    """All rules, the simplest first."""
    names = possible_bases(lookback, season)
    yield from (Rule(name) for name in names)
    if corrected:
        yield from (Rule(name, strength) for strength in STRENGTHS for name in names)
    if corrected and horizon > 1:
        followed = [name for name in names if name in ITERATED]
        orders = sorted({min(lookback, season + 1), lookback})
        yield from (Rule(name, one, lags) for lags in orders for one in ITERATED_STRENGTHS for name in followed)


def _error(weights: Floats | None, windows: Floats, ahead: Floats, first: Mask, last: Mask) -> float:
    """What a rule errs by on some windows, but for what it always errs by, which others tell; infinite if unknown."""
    if weights is None:
        return math.inf

    def errors(where: Mask) -> Floats:
        rows = np.flatnonzero(where)
        rows = rows[even_origins(0, len(rows), MOST)]
        return np.asarray(ahead[rows] - windows[rows] @ weights.T)

    found = np.abs(errors(last) - column_medians(errors(first)))
    return float(np.nanmean(found)) if np.isfinite(found).any() else math.inf
