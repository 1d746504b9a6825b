r"""How unusual a number is among those of late: a calibrated probability, far into the tail.

Over a running window of n numbers, the probability that one is at least as large as \(u\) is, below the window's upper
part, its rank,

$$p(u) = \frac{1 + \#\{u_i \ge u\}}{n + 1}$$

and above a high quantile \(q\), which k of them exceed, the rank of \(q\) times the tail of a generalised Pareto
distribution fitted to the excesses,

$$p(u) = \frac{k + 1}{n + 1} \Bigl(1 + \xi\, \frac{u - q}{\sigma}\Bigr)^{-1/\xi}$$

by probability-weighted moments. The shape \(\xi\) is held to [0, 1/2]: a tail with an end would call possible values
impossible.

Sources: A. Siffer, P.-A. Fouque, A. Termier & C. Largouët, "Anomaly detection in streams with extreme value theory",
KDD 2017, section 4; J. R. M. Hosking & J. R. Wallis, "Parameter and quantile estimation for the generalized Pareto
distribution", Technometrics 29(3), 1987, section 4.
"""

import math

import numpy as np
from numpy.typing import NDArray

from treadle.tasks.online.remembered import Arrays, Facts

Floats = NDArray[np.float64]

UPPER = 0.1
"""Share of the window that the tail is fitted to."""
FEWEST = 64
"""Numbers before there is a probability at all."""
EVERY = 16
"""Numbers between two fits."""
HEAVIEST = 0.5
"""The largest shape that is believed."""
RAREST = 1e-4
"""The probability of a number beyond which a larger one counts no more: one that is far off hides none that follow."""
STRAIGHT = 1e-6
"""The shape below which a tail is an exponential one."""
LEAST = 1e-15
"""The smallest probability that is told: below it, one minus it would be one."""


class RunningTail:
    """Tail probabilities among the last numbers of a stream.

    Args:
        window: Numbers that are kept.

    Example:
        >>> tail = RunningTail(1000)
        >>> for number in np.random.default_rng(0).exponential(size=2000):
        ...     tail.update(number)
        >>> bool(0.5 < tail.probability(5.0) / math.exp(-5.0) < 2.0)
        True
    """

    def __init__(self, window: int) -> None:
        self.ring = np.zeros(window)
        self.count = 0
        self.sorted = np.zeros(0)
        self.quantile, self.shape, self.size, self.share = math.inf, 0.0, 1.0, 0.0
        self.most = math.inf

    def probability(self, number: float) -> float:
        """Of one at least as large; 1 as long as too few came."""
        n = len(self.sorted)
        if n < FEWEST:
            return 1.0
        if number <= self.quantile:
            return (1 + n - int(np.searchsorted(self.sorted, number))) / (n + 1)
        excess = (number - self.quantile) / self.size
        tail = math.exp(-excess) if self.shape < STRAIGHT else (1 + self.shape * excess) ** (-1 / self.shape)
        return max(LEAST, self.share * tail)

    def update(self, number: float) -> None:
        """Take in a number; now and then the tail is fitted anew."""
        self.ring[self.count % len(self.ring)] = min(number, self.most)
        self.count += 1
        if self.count >= FEWEST and self.count % EVERY == 0:
            self._fit()

    def _fit(self) -> None:
        self.sorted = np.sort(self.ring[: min(self.count, len(self.ring))])
        n = len(self.sorted)
        k = max(8, int(UPPER * n))
        self.quantile = float(self.sorted[n - k - 1])
        excesses = self.sorted[n - k :] - self.quantile
        mean = float(excesses.mean())
        self.share = (k + 1) / (n + 1)
        if mean <= 0:  # the whole upper part is one number: whatever exceeds it has never been seen
            self.shape, self.size, self.most = 0.0, max(abs(self.quantile), 1.0) * 1e-3, math.inf
            return
        # The two moments of the distribution, the second with the probability of exceeding as its weight.
        weights = (k - np.arange(1, k + 1) + 0.35) / k
        weighted = float((weights * excesses).mean())
        shape = 2 - mean / max(mean - 2 * weighted, 1e-9 * mean)
        self.shape = min(HEAVIEST, max(0.0, shape))
        self.size = mean * (1 - self.shape)  # so that the mean is right with the shape that is believed
        self.most = self._reached(RAREST)

    def _reached(self, probability: float) -> float:
        """The number beyond the quantile that this is the probability of."""
        rarer = self.share / probability
        return self.quantile + self.size * (
            math.log(rarer) if self.shape < STRAIGHT else (rarer**self.shape - 1) / self.shape
        )

    def facts(self) -> Facts:
        """Counts and the fitted tail."""
        quantile = None if math.isinf(self.quantile) else self.quantile
        fit = {"quantile": quantile, "shape": self.shape, "size": self.size, "share": self.share}
        return {"count": self.count, "most": None if math.isinf(self.most) else self.most, **fit}

    def arrays(self) -> Arrays:
        """The numbers."""
        return {"ring": self.ring, "sorted": self.sorted}

    def restore(self, facts: Facts, arrays: Arrays) -> None:
        """Take up what the two gave."""
        self.count, self.shape, self.size, self.share = (facts[name] for name in ("count", "shape", "size", "share"))
        self.quantile, self.most = (math.inf if facts[name] is None else facts[name] for name in ("quantile", "most"))
        self.ring, self.sorted = arrays["ring"].copy(), arrays["sorted"].copy()
