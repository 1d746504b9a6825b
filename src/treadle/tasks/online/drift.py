"""What tells that the error of an online estimator has risen for good, and what is then done."""

from typing import Any, Literal

from treadle.tasks.online.adwin import Adwin
from treadle.tasks.online.remembered import Arrays, Facts

Detector = Literal["adwin", "page-hinkley"]


class PageHinkley:
    r"""Page and Hinkley's test for a mean that has risen, with the settings that River's has by default.

    $$m_t = \frac{1}{t} \sum_{i \le t} x_i, \qquad S_t = \alpha S_{t-1} + (x_t - m_t - \delta), \qquad
    S_t - \min_{i \le t} S_i > \lambda$$

    After a change it begins anew.

    Source: E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954, in the form of D. V. Hinkley, 1971.

    Args:
        delta: Rise that is allowed for.
        threshold: \(\lambda\), of the sum that says there is a change.
        alpha: What is left of the sum after a step.
        least: Numbers before there can be a change.

    Attributes:
        rose: True, as only a rise is looked for.

    Example:
        >>> detector = PageHinkley()
        >>> [step for step in range(300) if detector.update(0.1 if step < 200 else 5.0)]
        [210]
    """

    rose = True

    def __init__(self, delta: float = 0.005, threshold: float = 50.0, alpha: float = 0.9999, least: int = 30) -> None:
        self.delta, self.threshold, self.alpha, self.least = delta, threshold, alpha, least
        self.count, self.mean, self.sum, self.smallest = 0, 0.0, 0.0, float("inf")

    def update(self, value: float) -> bool:
        """Take in a number; whether there is a change."""
        self.count += 1
        self.mean += (value - self.mean) / self.count
        self.sum = self.alpha * self.sum + value - self.mean - self.delta
        self.smallest = min(self.smallest, self.sum)
        changed = self.count >= self.least and self.sum - self.smallest > self.threshold
        if changed:
            self.count, self.mean, self.sum, self.smallest = 0, 0.0, 0.0, float("inf")
        return changed

    def facts(self) -> Facts:
        """All there is; the smallest sum is None before the first number."""
        smallest = self.smallest if self.count else None
        return {"count": self.count, "mean": self.mean, "sum": self.sum, "smallest": smallest}

    def arrays(self) -> Arrays:
        """Nothing."""
        return {}

    def restore(self, facts: Facts, arrays: Arrays) -> None:  # noqa: ARG002  # the facts are all there is
        """Take up what `facts` gave."""
        self.count, self.mean, self.sum = facts["count"], facts["mean"], facts["sum"]
        self.smallest = float("inf") if facts["smallest"] is None else facts["smallest"]


DETECTORS: dict[str, Any] = {"adwin": Adwin, "page-hinkley": PageHinkley}
"""By the names that `drift=` knows."""


class Watch:
    """Watches the error, and says by how much faster the network should learn.

    After a change the learning rate is `factor` times as high, and falls back evenly over `steps` steps.

    Args:
        detector: Its name, or None to watch nothing.
        factor: How many times as fast.
        steps: For how long.

    Attributes:
        changes: How often the error has risen.
        left: Steps until the learning rate is what it was.
    """

    def __init__(self, detector: Detector | None, factor: float, steps: int) -> None:
        self.detector: Any = None if detector is None else DETECTORS[detector]()
        self.factor, self.steps = factor, steps
        self.changes = self.left = 0

    def update(self, error: float) -> bool:
        """Take in the error of a step; whether errors have risen."""
        self.left = max(0, self.left - 1)
        if self.detector is None or not self.detector.update(error) or not self.detector.rose:
            return False
        self.changes += 1
        self.left = self.steps
        return True

    @property
    def rate(self) -> float:
        """By how much the learning rate is multiplied now."""
        return 1 + (self.factor - 1) * self.left / self.steps

    def facts(self) -> Facts:
        """Counts, and the detector's own."""
        own = None if self.detector is None else self.detector.facts()
        return {"changes": self.changes, "left": self.left, "detector": own}

    def arrays(self) -> Arrays:
        """Nothing."""
        return {}

    def restore(self, facts: Facts, arrays: Arrays) -> None:
        """Take up what `facts` gave."""
        self.changes, self.left = facts["changes"], facts["left"]
        if self.detector is not None:
            self.detector.restore(facts["detector"], arrays)
