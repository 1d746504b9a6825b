r"""ADWIN: a window of all since the last change, which ends when its two ends no longer agree.

The window's numbers are kept in buckets whose sizes are powers of two, at most `buckets` of each size, so a window of
n numbers takes memory of the order of log n. Every `clock` numbers, each border between buckets is tried: where the
means of the older and the newer part differ by more than

$$\epsilon = \sqrt{2\, m\, \sigma^2 \ln\tfrac{2 \ln n}{\delta}} + \tfrac{2}{3}\, m \ln\tfrac{2 \ln n}{\delta},
\qquad m = \frac{1}{n_0 - l + 1} + \frac{1}{n_1 - l + 1}$$

with the least length l of a part, something has changed, and the window begins anew, as River's does.

Source: A. Bifet & R. Gavaldà, "Learning from time-changing data with adaptive windowing", SIAM International
Conference on Data Mining 2007, sections 3.1 and 3.2.
"""

import math

from treadle.tasks.online.remembered import Arrays, Facts

Bucket = tuple[float, float]
"""The sum of its numbers, and the sum of their squared differences from their mean."""


class Adwin:
    """ADWIN, with the settings that River's has by default.

    Args:
        delta: Probability of a false alarm that is allowed for.
        clock: Numbers between two checks.
        buckets: Buckets of one size at most.
        least: Numbers that a part of the window has at least, and twice as many the window.

    Attributes:
        width: Numbers in the window.
        rose: Whether the newer part of the window was larger, at the last change.

    Example:
        >>> detector = Adwin()
        >>> found = [step for step in range(400) if detector.update(0.2 if step < 200 else 0.9 - 0.1 * (step % 2))]
        >>> 200 < found[0] < 264
        True
    """

    def __init__(self, delta: float = 0.002, clock: int = 32, buckets: int = 5, least: int = 5) -> None:
        self.delta, self.clock, self.buckets, self.least = delta, clock, buckets, least
        self.rose = False
        self._begin()

    def _begin(self) -> None:
        self.rows: list[list[Bucket]] = [[]]  # row i has the buckets of 2^i numbers, oldest first
        self.width = 0
        self.total = self.squares = 0.0

    def update(self, value: float) -> bool:
        """Take in a number; whether something has changed."""
        if self.width:
            self.squares += self.width * (value - self.total / self.width) ** 2 / (self.width + 1)
        self.rows[0].append((value, 0.0))
        self.width += 1
        self.total += value
        self._compress()
        if self.width % self.clock or self.width <= 2 * self.least:
            return False
        changed = self._disagrees()
        if changed:
            self._begin()
        return changed

    def _compress(self) -> None:
        """Join the two oldest buckets of a size of which there are too many."""
        for number, row in enumerate(self.rows):
            if len(row) <= self.buckets:
                return
            size = 2**number
            (sum_a, squares_a), (sum_b, squares_b) = row[0], row[1]
            between = (sum_a - sum_b) ** 2 / (2 * size)
            del row[:2]
            if number + 1 == len(self.rows):
                self.rows.append([])
            self.rows[number + 1].append((sum_a + sum_b, squares_a + squares_b + between))

    def _disagrees(self) -> bool:
        """Whether there is a border whose two sides differ."""
        count, total = 0, 0.0
        spread = 2 * self.squares / self.width
        confidence = math.log(2 * math.log(self.width) / self.delta)
        for number in range(len(self.rows) - 1, -1, -1):
            for bucket, _ in self.rows[number]:
                count += 2**number
                total += bucket
                rest = self.width - count
                if rest < self.least:
                    return False
                if count < self.least:
                    continue
                m = 1 / (count - self.least + 1) + 1 / (rest - self.least + 1)
                difference = (self.total - total) / rest - total / count
                if abs(difference) > math.sqrt(m * spread * confidence) + 2 / 3 * confidence * m:
                    self.rose = difference > 0
                    return True
        return False

    def facts(self) -> Facts:
        """All there is."""
        return {name: getattr(self, name) for name in ("rows", "width", "total", "squares", "rose")}

    def arrays(self) -> Arrays:
        """Nothing."""
        return {}

    def restore(self, facts: Facts, arrays: Arrays) -> None:  # noqa: ARG002  # the facts are all there is
        """Take up what `facts` gave."""
        self.rows = [[(float(a), float(b)) for a, b in row] for row in facts["rows"]]
        self.width, self.rose = facts["width"], facts["rose"]
        self.total, self.squares = facts["total"], facts["squares"]
