"""Replay: some chunks of the past, to be learnt from once more beside the newest one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.tasks.online.remembered import Arrays, Facts, widened

Array = NDArray[Any]


class Replay:
    """The last chunks, each with the state that it began from at the time.

    Source: S. Kapturowski et al., "Recurrent experience replay in distributed reinforcement learning", ICLR 2019,
    section 3, for chunks with the state stored beside them.

    Args:
        capacity: Chunks at most; the oldest goes.
        seed: Of what is drawn.
    """

    def __init__(self, capacity: int, seed: int) -> None:
        self.capacity = capacity
        self.count = 0
        self.stored: Arrays = {}
        self._random = np.random.Generator(np.random.PCG64(seed))

    def put(self, chunk: Arrays) -> None:
        """Keep a chunk, arrays by name."""
        if not self.stored:
            self.stored = {name: np.zeros((self.capacity, *one.shape), one.dtype) for name, one in chunk.items()}
        for name, one in chunk.items():
            self.stored[name][self.count % self.capacity] = one
        self.count += 1

    def draw(self, number: int) -> Arrays:
        """So many different chunks at random, or all where there are no more, `[number, ...]` by name."""
        here = min(self.count, self.capacity)
        places = np.argsort(self._random.random(here), kind="stable")[:number]
        return {name: stored[places] for name, stored in self.stored.items()}

    def widen(self, widths: dict[str, int]) -> None:
        """Make room for wider rows of some of the arrays."""
        for name, width in widths.items():
            if name in self.stored:
                self.stored[name] = widened(self.stored[name], *self.stored[name].shape[:-1], width)

    def facts(self) -> Facts:
        """How many chunks came, and where the random numbers are."""
        return {"count": self.count, "random": self._random.bit_generator.state}

    def arrays(self) -> Arrays:
        """The chunks."""
        return self.stored

    def restore(self, facts: Facts, arrays: Arrays) -> None:
        """Take up what the two gave."""
        self.count, self.stored = facts["count"], {name: one.copy() for name, one in arrays.items()}
        self._random.bit_generator.state = facts["random"]
