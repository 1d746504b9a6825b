"""The length of the season of a panel, found by the correlation of its series with themselves."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.panel import Panel
from treadle.errors import InputError

Floats = NDArray[np.float64]

_MOST_SERIES: Final = 100
_MOST_STEPS: Final = 20_000
_CUSTOMARY: Final = (2.33, 0.1)  # standard errors, and the least correlation: one lag tested, at 1 %
_UNUSUAL: Final = (4.0, 0.3)  # the highest of many lags
_CYCLES: Final = 4  # of an unusual season that a series must hold
_SHORTEST: Final = 4
_MULTIPLES: Final = 4
_NEARLY: Final = 0.75


def find_season(panel: Panel, longest: int | None = None) -> int:
    r"""The season's length in steps, 1 where there is none.

    For a length $m$, every series is freed from its trend by a centred mean over one season, and what is left,
    $r_t$, is correlated with itself a season later:

    $$\rho_m = \operatorname{corr}(r_t, r_{t-m}).$$

    Tried are the customary lengths of the frequency (`Frequency.seasons`) of which series hold two, and, for cycles
    that no calendar knows, as of the sun, peaks of the autocorrelation of which series hold four: the highest past its
    first negative lag, and the first nearly as high. $\rho_m$ over all series must exceed 2.33 standard errors (4 for a
    peak), which account for the persistence of the series (Bartlett's formula over the first positive correlations),
    and 0.1 (0.3). Of several lengths the shortest counts, unless a longer one halves what it leaves unexplained,
    $1 - \rho_m$, by more than chance. Long or large panels are looked at in part: the last 20,000 steps of 100 series.

    Args:
        panel: The series; missing values are left out.
        longest: The longest season to be tried.

    Raises:
        InputError: `longest` is below 1.

    Source:
        M. S. Bartlett, "On the theoretical specification and sampling properties of autocorrelated time-series", JRSS
        Supplement 8, 1946; the classical decomposition's centred mean, as in R. J. Hyndman and G. Athanasopoulos,
        Forecasting: principles and practice, 3rd edition, section 3.3.

    Example:
        >>> from treadle.data.forecasting import Frequency
        >>> daily = np.sin(np.arange(240) * 2 * np.pi / 24)
        >>> find_season(Panel(["a"], [0], [daily], Frequency("step")))
        24
    """
    if longest is not None and longest < 1:
        raise InputError(f"a longest season of {longest} steps was given, expected a whole number from 1")
    series = [one[-_MOST_STEPS:] for one in panel.values[:: -(-len(panel) // _MOST_SERIES) or 1]]
    found: dict[int, tuple[float, float]] = {}
    for length in panel.frequency.seasons:
        if longest is None or length <= longest:
            result = _strength(series, length, *_CUSTOMARY)
            if result is not None:
                found[length] = result
    for peak in _peaks(series, longest):
        if not any(0.9 * length <= peak <= 1.1 * length for length in found):
            result = _strength(series, peak, *_UNUSUAL)
            if result is not None:
                found[peak] = result
    season = 1
    for length in sorted(found):
        if season > 1:
            (strength, pairs), (shorter, _) = found[length], found[season]
            if 2 * (1 - strength) > 1 - shorter or strength - shorter < 2 / np.sqrt(pairs):
                continue
        season = length
    return season


def _strength(series: Sequence[Floats], length: int, errors: float, least: float) -> tuple[float, float] | None:
    """The mean correlation over a season, weighted by pairs, and their number; None where it may be chance."""
    total, weights, variance = 0.0, 0.0, 0.0
    for one in series:
        if len(one) < 2 * length:
            continue
        rest = _without_trend(one, length)
        products, pairs = correlation(rest, length)
        if pairs[length] < 2 or products[0] <= 0:
            continue
        rho = products / np.maximum(pairs, 1) / (products[0] / pairs[0])
        fall = np.flatnonzero(rho[1:] <= 0)
        persistent = rho[1 : 1 + (fall[0] if len(fall) else length)]
        weight = pairs[length]
        total += weight * np.clip(rho[length], -1, 1)
        weights += weight
        variance += weight * (1 + 2 * np.square(persistent).sum())  # weight² times the variance of this series' rho
    if not weights:
        return None
    strength = total / weights
    return (strength, weights) if strength > max(least, errors * np.sqrt(variance) / weights) else None


def _peaks(series: Sequence[Floats], longest: int | None) -> list[int]:
    """Lags of peaks of the mean autocorrelation past its first negative one: the highest, and the first nearly as high.

    Where a peak is broad, its multiples tell the place: the lag whose own and multiples' correlations sum to most.
    """
    whole = [one for one in series if len(one) >= _CYCLES * _SHORTEST and not np.isnan(one).all()]
    if not whole:
        return []
    half = int(np.median([len(one) for one in whole])) // 2
    most = 2 * half // _CYCLES
    most = most if longest is None else min(most, longest)
    products, pairs = np.zeros(half + 1), np.zeros(half + 1)
    for one in whole:
        rest = _without_line(one)
        scale = np.nanstd(rest)
        if scale > 0:
            more = correlation(rest / scale, half)
            products += more[0]
            pairs += more[1]
    rho = products / np.maximum(pairs, 1)
    negative = np.flatnonzero(rho < 0)
    first = max(int(negative[0]) if len(negative) else half, _SHORTEST)
    inner = np.arange(first, min(most, half - 1) + 1)
    peaks = inner[(rho[inner] > rho[inner - 1]) & (rho[inner] >= rho[inner + 1])]
    if not len(peaks):
        return []
    highest = peaks[np.argmax(rho[peaks])]
    refined = []
    for peak in (peaks[np.argmax(rho[peaks] >= _NEARLY * rho[highest])], highest):
        near = np.arange(max(first, int(np.ceil(0.85 * peak))), min(most, int(1.15 * peak)) + 1)
        multiples = range(1, max(1, min(_MULTIPLES, half // int(near[-1]))) + 1)
        refined.append(int(near[np.argmax(sum(rho[number * near] for number in multiples))]))
    return refined


def _without_trend(values: Floats, length: int) -> Floats:
    """Values less their line and then their centred mean over a season, where at least half a season is known."""
    values = _without_line(values)
    known = ~np.isnan(values)
    sums, weights = (_centred_sum(part, length) for part in (np.where(known, values, 0.0), known.astype(np.float64)))
    inside = known & (weights >= length / 2)
    if not inside.any():
        return np.full(len(values), np.nan)
    rest = np.where(inside, values - sums / np.maximum(weights, 1.0), np.nan)
    return np.asarray(rest - np.nanmean(rest))


def _without_line(values: Floats) -> Floats:
    """Values less the line of least squares through them."""
    known = np.flatnonzero(~np.isnan(values))
    if len(known) < 2:
        return np.where(np.isnan(values), np.nan, 0.0)
    time = np.arange(len(values)) - known.mean()
    centred = values - values[known].mean()
    return np.asarray(centred - time * (centred[known] @ time[known]) / np.square(time[known]).sum())


def _centred_sum(values: Floats, length: int) -> Floats:
    """Sums over a window of `length` around every step; for an even length its two ends count half."""
    half = length // 2
    ends = np.pad(values.cumsum(), (half + 1, half), mode="constant", constant_values=(0.0, values.sum()))
    sums = ends[2 * half + 1 :] - ends[: len(values)]  # over 2 * half + 1 steps
    if length % 2 == 0:
        padded = np.pad(values, half)
        sums = sums - (padded[: len(values)] + padded[2 * half :]) / 2
    return np.asarray(sums)


def correlation(values: Floats, most: int) -> tuple[Floats, Floats]:
    """Sums of products of a series with itself, and the number of pairs, at lags 0 to `most`; NaN counts for nothing.

    Args:
        values: `[time]`, of mean 0.
        most: The longest lag.

    Example:
        >>> products, pairs = correlation(np.array([1.0, -1.0, 1.0, -1.0]), 2)
        >>> products.round(6).tolist(), pairs.tolist()
        ([4.0, -3.0, 2.0], [4.0, 3.0, 2.0])
    """
    known = ~np.isnan(values)
    size = 1 << int(np.ceil(np.log2(len(values) + most + 1)))
    products, pairs = (
        np.fft.irfft(np.abs(np.fft.rfft(part, size)) ** 2, size)[: most + 1]
        for part in (np.where(known, values, 0.0), known.astype(np.float64))
    )
    return products, pairs.round()
