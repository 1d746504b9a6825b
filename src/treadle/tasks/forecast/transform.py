"""A function of every value, before all else, so that the spread of a series does not grow with its level."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError

Floats = NDArray[np.float64]
Transform = Literal["none", "sqrt", "log"]

STEEP, SOME = 0.75, 0.25
"""How fast the spread must grow with the level, as an exponent, for the logarithm and for the square root."""

LARGEST = 700.0
"""The logarithm of about the largest number there is."""


def choose_transform(series: Sequence[Floats], season: int) -> Transform:
    r"""The transform under which the spread of all series depends least on their level.

    Every series is cut into pieces of a season (twelve steps without one). If the spread of a piece grows as its level
    to the power b, \(y^{1-b}\) has a constant one; of \(1 - b\) the nearest of 0 (the logarithm), 1/2 (the square
    root) and 1 is taken. Series with a value below zero are left alone, and those with a zero have no logarithm.

    Args:
        series: `[time]` each, NaN where missing.
        season: Steps of a season; 1 for none.

    Source: V. Guerrero, "Time-series analysis supported by power transformations", Journal of Forecasting 12, 1993.

    Example:
        >>> growing = np.exp(np.arange(60) / 20) * (10 + np.sin(np.arange(60) * np.pi / 6))
        >>> choose_transform([growing], 12), choose_transform([growing - 40], 12)
        ('log', 'none')
    """
    known = np.concatenate([one[~np.isnan(one)] for one in series])
    if known.size == 0 or known.min() < 0:
        return "none"
    length = max(season, 12)
    levels, spreads = [], []
    for one in series:
        pieces = one[: len(one) // length * length].reshape(-1, length)
        pieces = pieces[~np.isnan(pieces).any(1)]
        level, spread = pieces.mean(1), pieces.std(1)
        kept = (level > 0) & (spread > 0)
        if kept.sum() > 2:
            # Between series the level may differ by their units; only what happens within a series tells of its shape.
            levels.append(np.log(level[kept]) - np.log(level[kept]).mean())
            spreads.append(np.log(spread[kept]) - np.log(spread[kept]).mean())
    if not levels:
        return "none"
    x, y = np.concatenate(levels), np.concatenate(spreads)
    power = float(x @ y / (x @ x)) if x @ x > 0 else 0.0
    if power >= STEEP and known.min() > 0:
        return "log"
    return "sqrt" if power >= SOME else "none"


def apply(transform: Transform, y: Floats, where: Callable[[int], str]) -> Floats:
    """The transformed values; NaN stays.

    Args:
        transform: Which.
        y: `[time]`.
        where: The place of a step, for the error sentence.

    Raises:
        InputError: A value has no logarithm or square root.
    """
    if transform == "none":
        return y
    bad = np.flatnonzero(y <= 0 if transform == "log" else y < 0)
    if len(bad):
        expected = "above 0" if transform == "log" else "of at least 0"
        raise InputError(
            f"{where(int(bad[0]))}: found {y[bad[0]]:g}, expected a value {expected}, as the model reads the "
            f"{transform} of every value; train with transform='none'"
        )
    return np.log(y) if transform == "log" else np.sqrt(y)


def undo(transform: Transform, z: Floats) -> Floats:
    """The values again; a root below zero stands for zero."""
    match transform:
        case "log":
            return np.exp(np.minimum(z, LARGEST))
        case "sqrt":
            return np.asarray(np.maximum(z, 0.0) ** 2)
    return z


def log_slope(transform: Transform, y: Floats) -> Floats:
    """The logarithm of the transform's slope at y, by which a density of z becomes one of y."""
    match transform:
        case "log":
            return np.asarray(-np.log(y))
        case "sqrt":
            return np.asarray(-np.log(2 * np.sqrt(np.maximum(y, np.finfo(np.float64).tiny))))
    return np.zeros_like(y)


TRANSFORMS = get_args(Transform)
"""The names of all transforms."""
