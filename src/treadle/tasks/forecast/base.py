"""Linear rules on the last window, as they are or corrected by ridge regression: what forecasts begin from."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BASES = ("last", "level", "season", "profile", "season-drift")
"""The names of all rules."""

MOST_GROWTH = 20.0
"""What the weights of an autoregression may sum to in size, at any step ahead; above, it runs away."""

ITERATED = ("last", "level", "season")
"""Rules whose next step autoregressions correct."""


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


@dataclass(frozen=True)
class Rule:
    """A rule, corrected or not.

    Attributes:
        name: One of `BASES`.
        strength: Of ridge regression, in mean squares of a window's values; 0 for the rule as it is.
        lags: Last values of the window that correct the next step alone, which is then iterated; 0 where every step
            ahead is corrected by all values.
    """

    name: str
    strength: float = 0.0
    lags: int = 0

    def __str__(self) -> str:
        if not self.strength:
            return self.name
        return f"{self.name}, " + (f"autoregression {self.lags} " if self.lags else "") + f"ridge {self.strength:g}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`.

        Raises:
            ValueError: It is no rule.
        """
        found = re.fullmatch(r"([a-z-]+)(?:, (?:autoregression (\d+) )?ridge ([0-9.e-]+))?", text)
        if found is None:
            raise ValueError(f"{text!r} is no rule")
        name, lags, strength = found.groups()
        return cls(name, float(strength or 0), int(lags or 0))


class Corrections:
    r"""Windows and what came after them, on which rules are corrected.

    With a rule's weights B, all windows X and what came after them Y (both less the window's mean and in its scale),

    $$A = B + (Y - X B^\top)^\top X\,(X^\top X + \lambda\,\tfrac{\mathrm{tr}\,X^\top X}{W} I)^{-1}$$

    with the means of the columns taken off. As an autoregression, the first row of A alone is found so, from the last
    values of the windows, and step after step goes back into the window; of fewer numbers to learn, it errs less far
    ahead where series are short beside the horizon.

    Args:
        windows: `[origins, lookback]`, X.
        ahead: `[origins, horizon]`, Y; NaN where it is not known, which counts as if the rule were right.
        season: m; 1 for none.

    Source: A. Hoerl & R. Kennard, "Ridge regression", Technometrics 12, 1970.
    """

    def __init__(self, windows: Floats, ahead: Floats, season: int) -> None:
        self.windows, self.ahead, self.season = windows, ahead, season
        self._products: dict[str, Floats] = {}

    @cached_property
    def _centred(self) -> Floats:
        """All windows, less the means of their columns."""
        return np.asarray(self.windows - self.windows.mean(0))

    @cached_property
    def _square(self) -> Floats:
        """Their products with themselves, `[lookback, lookback]`."""
        return np.asarray(self._centred.T @ self._centred)

    def weights(self, rule: Rule) -> Floats | None:
        """The weights of a rule, `[horizon, lookback]`, each row of which sums to 1; None if it runs away."""
        lookback, horizon = self.windows.shape[1], self.ahead.shape[1]
        plain = self.plain(rule.name)
        if not rule.strength:
            return plain
        lags = rule.lags or lookback
        square = self._square[-lags:, -lags:].copy()
        square[np.diag_indices(lags)] += rule.strength * max(np.trace(square), 1e-9) / lags
        steps = 1 if rule.lags else horizon
        corrected = plain[:steps].copy()
        corrected[:, -lags:] += np.linalg.solve(square, self._product(rule.name, plain)[-lags:, :steps]).T
        if rule.lags:
            corrected = iterated(corrected[0], horizon)
            if not np.abs(corrected).sum(1).max() < MOST_GROWTH:
                return None
        # A window less its mean has no part along the ones, so that the rows may be made to sum to 1.
        return np.asarray(corrected + (1 - corrected.sum(1, keepdims=True)) / lookback)

    def plain(self, name: str) -> Floats:
        """The weights of a rule as it is."""
        return base_matrix(name, self.ahead.shape[1], self.windows.shape[1], self.season)

    def _product(self, name: str, plain: Floats) -> Floats:
        """Of all windows with what a rule errs by, `[lookback, horizon]`."""
        if name not in self._products:
            error = self.ahead - self.windows @ plain.T
            error = np.nan_to_num(error - np.nan_to_num(column_medians(error)))
            self._products[name] = self._centred.T @ error
        return self._products[name]


def iterated(step: Floats, horizon: int) -> Floats:
    """The weights of all steps ahead, `[horizon, lookback]`, where each follows from those before it as the first does.

    Args:
        step: `[lookback]`, of the next step.
        horizon: Steps ahead.
    """
    unread = int(np.argmax(step != 0))
    read = len(step) - unread
    rows = np.concatenate([np.eye(read), np.zeros((horizon, read))])
    with np.errstate(over="ignore", invalid="ignore"):  # of one that runs away
        for ahead in range(horizon):
            rows[read + ahead] = step[unread:] @ rows[ahead : ahead + read]
    return np.pad(rows[read:], ((0, 0), (unread, 0)))


def column_medians(values: Floats) -> Floats:
    """Of every column, NaN where nothing is known."""
    found = np.full(values.shape[1], np.nan)
    known = ~np.isnan(values).all(0)
    found[known] = np.nanmedian(values[:, known], 0)
    return found
