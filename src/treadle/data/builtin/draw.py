"""Random choices that come out the same on every machine."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Draw:
    """Choices made of uniform numbers only.

    How NumPy makes a permutation or a bounded integer may change with its version; the uniform numbers of a named bit
    generator are the least likely to.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.Generator(np.random.PCG64(seed))

    def one(self, choices: Sequence[T]) -> T:
        """One of the choices, all equally likely."""
        return choices[int(self._rng.random() * len(choices))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self._rng.random() < probability)

    def uniform(self) -> float:
        """A number of [0, 1)."""
        return float(self._rng.random())

    def uniforms(self, count: int) -> NDArray[np.float64]:
        """So many of them."""
        return self._rng.random(count)

    def order(self, count: int) -> NDArray[np.int64]:
        """The numbers below `count` in random order."""
        return np.argsort(self._rng.random(count), kind="stable")
