"""Rows set aside from training data, to stop early by."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError

Rows = NDArray[np.int64]


def split_rows(rows: int | Sequence[Hashable], fraction: float = 0.1, *, seed: int = 0) -> tuple[Rows, Rows]:
    """Divide rows into a larger and a smaller part at random, the same way for the same seed.

    Given labels, the split is stratified: the smaller part holds of every class its share, rounded such
    that the whole comes out right (largest remainders), and the larger part keeps at least one row of every
    class.

    Args:
        rows: The label of every row, or just the number of rows.
        fraction: Share of the smaller part, between 0 and 1.
        seed: Zero or more.

    Returns:
        Row numbers of the larger and of the smaller part, each in rising order. Both hold at least one row.

    Raises:
        InputError: The fraction is out of range, or no row can be set aside (fewer than two rows; one row a
        class).

    Example:
        >>> train, dev = split_rows(["a"] * 8 + ["b"] * 2, 0.5)
        >>> len(train), len(dev), sorted(dev >= 8)
        (5, 5, [np.False_, np.False_, np.False_, np.False_, np.True_])
    """
    if not 0 < fraction < 1:
        raise InputError(f"fraction set aside is {fraction}; expected a share between 0 and 1")
    count = rows if isinstance(rows, int) else len(rows)
    labels: Sequence[Hashable] = [None] * count if isinstance(rows, int) else rows
    if count < 2:
        raise InputError(f"{count} row(s) cannot be split into two parts; expected 2 or more")
    # Classes in order of first appearance, which is the same on every machine; the order of a set of
    # strings is not.
    number_of: dict[Hashable, int] = {}
    classes = np.fromiter((number_of.setdefault(label, len(number_of)) for label in labels), np.int64, count)
    sizes = np.bincount(classes)

    share = sizes * fraction
    taken = np.minimum(np.floor(share).astype(np.int64), sizes - 1)
    missing = max(1, round(count * fraction)) - int(taken.sum())
    # At most one more for each class, the largest remainder first. A class of one row has nothing to give.
    givers = [c for c in np.argsort(taken - share, kind="stable") if taken[c] < sizes[c] - 1]
    taken[givers[: max(0, missing)]] += 1
    if taken.sum() == 0:
        raise InputError("no row can be set aside: every class has a single row; expected 2 or more of some class")

    rng = np.random.default_rng(seed)
    aside = np.zeros(count, dtype=bool)
    by_class = np.split(np.argsort(classes, kind="stable"), np.cumsum(sizes)[:-1])
    for members, size in zip(by_class, taken, strict=True):
        aside[rng.permutation(members)[:size]] = True
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def held_out(rows: int | Sequence[Hashable], fraction: float, *, seed: int) -> tuple[Rows, Rows]:
    """`split_rows` into rows to train on and rows to choose the best epoch by; one row alone is both.

    Raises:
        InputError: As there.
    """
    count = rows if isinstance(rows, int) else len(rows)
    return (np.arange(1), np.arange(1)) if count == 1 else split_rows(rows, fraction, seed=seed)
