"""What an anomaly detector has to beat: the rolling z-score."""

import math

import numpy as np


class RollingZScore:
    r"""How many standard deviations a value lies from the mean of the last ones.

    $$z_t = \frac{|x_t - \bar x|}{s}, \qquad \bar x, s \text{ of } x_{t-n} \dots x_{t-1}$$

    Args:
        window: The last values that a new one is compared with, n.
        least: Values before there is a score; 0 until then.

    Example:
        >>> baseline = RollingZScore()
        >>> scores = [baseline.step(value) for value in [1.0, 3.0] * 50 + [12.0]]
        >>> scores[-1]
        10.0
    """

    def __init__(self, window: int = 1000, least: int = 50) -> None:
        self.ring = np.full(window, np.nan)
        self.count, self.least = 0, least

    def step(self, value: float) -> float:
        """The score of a value, which is then taken in; a missing one scores 0."""
        if math.isnan(value):
            return 0.0
        known = self.ring[: self.count]
        mean, deviation = (float(known.mean()), float(known.std())) if self.count >= self.least else (value, 0.0)
        self.ring[self.count % len(self.ring)] = value
        self.count += 1
        difference = abs(value - mean)
        return difference / deviation if deviation > 0 else math.inf if difference > 0 else 0.0
