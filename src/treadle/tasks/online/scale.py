"""Running scale: mean and variance that follow a stream, and numbers brought to one size by them."""

import numpy as np
from numpy.typing import NDArray

from treadle.tasks.online.remembered import Arrays, Facts, widened

Floats = NDArray[np.float64]

CLIP = 8.0
"""Standard deviations beyond which a number is cut off: an outlier does not throw the network off."""
EPSILON = float(np.finfo(np.float64).eps)
"""What a number is rounded by."""
KNOWN = 100
"""Values of a column after which a single one cannot throw off its variance."""


class RunningScale:
    r"""Exponentially weighted mean and variance, a column each.

    $$\alpha_n = \max(1/n,\, 1 - 2^{-1/h}), \qquad d = x_n - m, \qquad m \leftarrow m + \alpha_n d, \qquad
    v \leftarrow (1 - \alpha_n)(v + \alpha_n d^2)$$

    with the half-life h in steps. As long as \(1/n\) is larger, these are the plain mean and variance of all n values
    so far, so the beginning weighs no more than what follows it. A value that is missing changes nothing. Once a column
    has had `KNOWN` values that were not all equal, d is held to \(\pm\sqrt{v / \alpha_n}\), or `CLIP` deviations where
    that is more: a single value, however far off, about doubles the variance, and a level that has changed for good is
    still reached within some dozen steps.

    Source: T. Finch, "Incremental calculation of weighted mean and variance", 2009, section 9.

    Args:
        width: Columns.
        half_life: Steps after which a value weighs half.

    Example:
        >>> scale = RunningScale(1, half_life=1000)
        >>> for value in (1.0, 2.0, 3.0, 4.0):
        ...     scale.update(np.array([value]))
        >>> float(scale.mean[0]), float(scale.variance[0])
        (2.5, 1.25)
    """

    def __init__(self, width: int, half_life: float) -> None:
        self.half_life = half_life
        self.least = 1 - 0.5 ** (1 / half_life)
        self.count = np.zeros(width)
        self.mean = np.zeros(width)
        self.variance = np.zeros(width)
        self._derive()

    def update(self, x: Floats) -> None:
        """Take in a step, `[width]`, NaN where a value is missing."""
        difference = x - self.mean
        if difference.sum() == difference.sum():  # no NaN among them
            self.count += 1
            alpha = np.maximum(1 / self.count, self.least)
        else:
            seen = x == x
            self.count += seen
            alpha = np.where(seen, np.maximum(1 / np.maximum(self.count, 1), self.least), 0.0)
            difference = np.where(seen, difference, 0.0)
        if np.abs(difference * self.factor).max(initial=0.0) > CLIP:
            limit = np.maximum(CLIP, 1 / np.sqrt(np.maximum(alpha, self.least))) * self.deviation
            limit = np.where((self.count > KNOWN) & (self.factor > 0), limit, np.inf)
            difference = np.clip(difference, -limit, limit)
        change = alpha * difference
        self.mean += change
        self.variance += change * difference
        self.variance *= 1 - alpha
        self._derive()

    def _derive(self) -> None:
        """The deviation, and what numbers are multiplied by: 0 where all values were equal, but for rounding."""
        self.deviation = np.sqrt(self.variance)
        known = self.deviation > EPSILON * np.minimum(self.count, 1 / self.least) * np.abs(self.mean)
        self.factor = known / np.where(known, self.deviation, 1.0)

    def scaled(self, x: Floats) -> Floats:
        """`(x - mean) / deviation`, cut off at `CLIP`; 0 where a value is missing or nothing is known of its size."""
        z = x - self.mean
        z *= self.factor
        np.minimum(z, CLIP, out=z)
        np.maximum(z, -CLIP, out=z)
        if z.sum() != z.sum():
            z[z != z] = 0.0
        return z

    def unscaled(self, z: Floats) -> Floats:
        """`mean + deviation * z`."""
        found: Floats = self.mean + self.deviation * z
        return found

    def widen(self, width: int) -> None:
        """Make room for further columns, of which nothing is known."""
        for name in ("count", "mean", "variance"):
            setattr(self, name, widened(getattr(self, name), width))
        self._derive()

    def facts(self) -> Facts:
        """Nothing."""
        return {}

    def arrays(self) -> Arrays:
        """All that was summed."""
        return {"count": self.count, "mean": self.mean, "variance": self.variance}

    def restore(self, facts: Facts, arrays: Arrays) -> None:  # noqa: ARG002  # the arrays are all there is
        """Take up what `arrays` gave."""
        self.count, self.mean, self.variance = (arrays[name].copy() for name in ("count", "mean", "variance"))
        self._derive()
