"""Batches of rows of similar length, under a budget of tokens, ordered by seed and epoch alone."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treadle.errors import InputError

_Batch = TypeVar("_Batch")


class BucketBatches:
    """Cuts an epoch into batches of row numbers.

    Rows are sorted by length, cut into batches such that `rows * longest <= tokens` and `rows <= max_rows`,
    and the batches are shuffled. Padding is thereby a few per cent of a batch, and a batch costs about the
    same memory whatever it holds. A row longer than `tokens` is a batch of its own.

    With `shuffle`, every length is first multiplied by a random factor within `1 - noise` to `1 + noise`,
    so that rows do not meet the same companions in every epoch. All randomness is drawn from `(seed,
    epoch)`: nothing is carried from one epoch to the next, so training resumes at batch `position` of
    `epoch` by `epoch(number)[position:]`, whichever process asks.

    Args:
        lengths: `[n]`, the number of steps of every row; zero is allowed. An array, a list or a CPU tensor.
        tokens: Steps of a padded batch, at most.
        max_rows: Rows of a batch, at most; None for no limit but `tokens`.
        seed: Of the order; zero or more.
        shuffle: False gives the rows sorted by length, the same in every epoch, as evaluation wants them.
        noise: Relative noise on the lengths, from 0 to below 1.

    Raises:
        InputError: An option is out of its range.

    Example:
        >>> batches = BucketBatches([4, 1, 4, 1], tokens=8, shuffle=False)
        >>> [rows.tolist() for rows in batches.epoch(0)]
        [[1, 3], [0, 2]]
    """

    def __init__(
        self,
        lengths: ArrayLike,
        *,
        tokens: int = 8192,
        max_rows: int | None = 64,
        seed: int = 0,
        shuffle: bool = True,
        noise: float = 0.1,
    ) -> None:
        if tokens < 1:
            raise InputError(f"tokens a batch is {tokens}; expected 1 or more")
        if max_rows is not None and max_rows < 1:
            raise InputError(f"max_rows is {max_rows}; expected 1 or more")
        if seed < 0:
            raise InputError(f"seed is {seed}; expected 0 or more")
        if not 0 <= noise < 1:
            raise InputError(f"noise is {noise}; expected a share from 0 to below 1")
        self.lengths: NDArray[np.int64] = np.asarray(lengths, dtype=np.int64)
        if self.lengths.ndim != 1 or (self.lengths < 0).any():
            raise InputError("lengths must be one list of whole numbers, 0 or more")
        self.tokens = tokens
        self.max_rows = max_rows
        self.seed = seed
        self.shuffle = shuffle
        self.noise = noise

    def epoch(self, number: int) -> list[NDArray[np.int64]]:
        """The batches of one epoch: every row exactly once.

        Args:
            number: Of the epoch, from 0.

        Returns:
            Row numbers of each batch, in the order to be trained in. Epochs may differ by a few in their
            number of batches.
        """
        if not self.shuffle:
            return self._cut(np.argsort(self.lengths, kind="stable"))
        rng = np.random.default_rng([self.seed, number])
        # One is added so that rows of length zero, too, change places.
        key = (self.lengths + 1) * rng.uniform(1 - self.noise, 1 + self.noise, len(self.lengths))
        # The draws have no ties to speak of where noise > 0; with noise 0 equal lengths must still be mixed.
        batches = self._cut(np.lexsort((rng.permutation(len(key)), key)))
        return [batches[i] for i in rng.permutation(len(batches))]

    def count(self, epochs: int) -> int:
        """Number of batches in the first `epochs` epochs together, for a learning-rate schedule to know."""
        return sum(len(self.epoch(number)) for number in range(epochs))

    def _cut(self, order: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Cut rows in the given order into the longest batches that keep the budget."""
        lengths = self.lengths[order]
        batches = []
        start = 0
        while start < len(order):
            limit = max(1, self.tokens // max(1, int(lengths[start])))
            if self.max_rows is not None:
                limit = min(limit, self.max_rows)
            # Steps of the padded batch after its 1st, 2nd, ... row: both factors never fall, so the budget
            # is found by bisection.
            longest = np.maximum.accumulate(lengths[start : start + limit])
            padded = longest * np.arange(1, len(longest) + 1)
            rows = max(1, int(np.searchsorted(padded, self.tokens, side="right")))
            batches.append(order[start : start + rows])
            start += rows
        return batches


def shard(batches: Sequence[_Batch], rank: int, world_size: int) -> list[_Batch]:
    """The batches of one process out of several.

    Process `rank` gets batches `rank`, `rank + world_size`, ... Where they do not divide evenly, the first
    ones are given out a second time, so that every process takes the same number of steps and none waits
    for ever on the others; training can bear that, a metric must be told.

    Args:
        batches: All batches of an epoch, the same in every process.
        rank: Of this process, from 0.
        world_size: Number of processes.

    Returns:
        `ceil(len(batches) / world_size)` batches. Together the processes hold every batch.
    """
    if not 0 <= rank < world_size:
        raise ValueError(f"rank is {rank}; expected 0 to {world_size - 1}")
    steps = -(-len(batches) // world_size)
    return [batches[(step * world_size + rank) % len(batches)] for step in range(steps)]
