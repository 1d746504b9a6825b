"""How sure a figure is: intervals from the rows it was measured on.

They answer "what if another test set of this size had been drawn?", not "what if training had used another
seed?".
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Interval(NamedTuple):
    """From `low` to `high`, both within."""

    low: float
    high: float


def wilson_interval(successes: int, total: int, confidence: float = 0.95) -> Interval:
    r"""Interval of a share (accuracy, recall, ...).

    With \(\hat p=k/n\) and z the normal quantile of the confidence,
    \(\frac{\hat p+z^2/2n\;\pm\;z\sqrt{\hat p(1-\hat p)/n+z^2/4n^2}}{1+z^2/n}\). Unlike \(\hat p\pm z\sigma\)
    it stays within [0, 1] and is not empty where every row is right. Source: Wilson 1927; Brown, Cai and
    DasGupta 2001.

    Args:
        successes: How many rows were right, k.
        total: Of how many, n.
        confidence: The interval's coverage.

    Returns:
        Lower and upper end.

    Raises:
        ValueError: No row, or more successes than rows.

    Example:
        >>> low, high = wilson_interval(9, 10)
        >>> round(low, 3), round(high, 3)
        (0.596, 0.982)
    """
    if total < 1 or not 0 <= successes <= total:
        raise ValueError(f"{successes} successes of {total} rows is not a share")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = successes / total
    centre = p + z * z / (2 * total)
    spread = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return Interval(max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))


def bootstrap_interval(
    statistic: Callable[..., float],
    *arrays: npt.NDArray[Any],
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    groups: npt.NDArray[Any] | None = None,
) -> Interval:
    """Percentile bootstrap of any figure computed from rows.

    The rows are drawn again with replacement, the same ones from every array (so a difference of two models
    is paired), `resamples` times; the interval holds the middle `confidence` of what `statistic` then gives.
    Source: Efron 1979.

    Args:
        statistic: Called with the arrays' drawn rows; returns the figure.
        arrays: Arrays with one entry a row, all of the same length.
        confidence: The interval's coverage.
        resamples: How often to draw.
        seed: Of the drawing: the same seed gives the same interval.
        groups: `[rows]` rising from 0: which rows belong together, as the steps of a series do, and are drawn together.
            What a figure says of steps is far less certain than so many rows of their own would make it.

    Returns:
        Lower and upper end. Draws for which the figure is NaN (undefined) are left out.

    Raises:
        ValueError: No row, or arrays of different lengths.

    Example:
        >>> errors = np.array([0.1, -0.3, 0.2, 0.0])
        >>> low, high = bootstrap_interval(lambda e: np.abs(e).mean(), errors)
        >>> low < 0.15 < high
        True
    """
    rows = len(arrays[0])
    if rows == 0 or any(len(array) != rows for array in arrays):
        raise ValueError(f"arrays of {[len(array) for array in arrays]} rows: expected equal lengths, at least one row")
    generator = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    together = None if groups is None else np.split(np.arange(rows), np.flatnonzero(np.diff(groups)) + 1)
    for number in range(resamples):
        if together is None:
            chosen = generator.integers(0, rows, rows)
        else:
            chosen = np.concatenate([together[group] for group in generator.integers(0, len(together), len(together))])
        drawn[number] = statistic(*(array[chosen] for array in arrays))
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) == 0:
        return Interval(math.nan, math.nan)
    low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Interval(float(low), float(high))
