"""The states of many streams: an array for every field, a row for every stream."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError
from treadle.streaming.keys import Key

Array = NDArray[Any]
Integers = NDArray[np.int64]

FEWEST = 64
"""Rows that the arrays have at least, once there is a stream; they double when they are full."""

STEPS = "pool.steps"
"""Beside the model's own fields: how many steps a stream has taken."""

_NEVER = np.iinfo(np.int64).max


class States:
    """Streams in memory, each in the row that its key names; rows are used again.

    Args:
        begin: `[size]` by field: where a stream begins.
        limit: Streams at most.

    Attributes:
        rows: The row of every key.
        fields: `[rows, size]` by field.
    """

    def __init__(self, begin: Mapping[str, Array], limit: int) -> None:
        self.begin = {**begin, STEPS: np.array(0)}
        self.limit = limit
        self.rows: dict[Key, int] = {}
        self.fields = {name: np.empty((0, *one.shape), one.dtype) for name, one in self.begin.items()}
        self._keys: list[Key | None] = []
        self._free: list[int] = []
        self._used = np.empty(0, dtype=np.int64)
        self._clock = 0

    @property
    def bytes_per_stream(self) -> int:
        """Memory of one row of all arrays."""
        return sum(one.nbytes for one in self.begin.values()) + self._used.itemsize

    def rows_of(self, keys: Sequence[Key]) -> Integers:
        """The rows of keys, -1 for one that is not here."""
        return np.array([self.rows.get(key, -1) for key in keys], dtype=np.int64)

    def gather(self, rows: Integers, into: Mapping[str, Array]) -> None:
        """Copy states to the first rows of arrays by field; -1 is the state that a stream begins with."""
        count, here = len(rows), rows >= 0
        for name, field in into.items():
            if here.all():
                np.take(self.fields[name], rows, axis=0, out=field[:count])
            else:
                field[:count] = self.begin[name]
                field[:count][here] = self.fields[name][rows[here]]

    def put(self, rows: Integers, states: Mapping[str, Array]) -> None:
        """Put states in their rows."""
        for name, field in states.items():
            self.fields[name][rows] = field

    def use(self, rows: Integers) -> None:
        """These streams are the ones that were used last."""
        self._clock += 1
        self._used[rows] = self._clock

    def take(self, key: Key) -> int:
        """A row for a new key, in the state that a stream begins with."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        self.rows[key], self._keys[row] = row, key
        self._used[row] = self._clock
        for name, one in self.begin.items():
            self.fields[name][row] = one
        return row

    def drop(self, key: Key) -> None:
        """Give up the row of a key."""
        row = self.rows.pop(key)
        self._keys[row] = None
        self._used[row] = _NEVER
        self._free.append(row)

    def oldest(self, count: int, but: Iterable[Key]) -> list[Key]:
        """The streams that were not used for the longest, leaving some keys out."""
        used = self._used.copy()
        used[[self.rows[key] for key in but if key in self.rows]] = _NEVER
        found = np.argsort(used, kind="stable")[:count]
        return [key for row in found if (key := self._keys[row]) is not None]

    def ordered(self) -> list[Key]:
        """All keys, that which was not used for the longest first."""
        rows = np.argsort(self._used, kind="stable")[: len(self.rows)]
        return [key for row in rows if (key := self._keys[row]) is not None]

    def refill(self, keys: Sequence[Key], states: Mapping[str, Array]) -> None:
        """Hold these streams and no others, in the order of their use."""
        for key in list(self.rows):
            self.drop(key)
        for place, key in enumerate(keys):
            row = self.take(key)
            for name, field in states.items():
                self.fields[name][row] = field[place]
            self._clock += 1
            self._used[row] = self._clock

    def _grow(self) -> None:
        have = len(self._keys)
        more = min(max(FEWEST, have), self.limit - have)
        if more < 1:
            raise InputError(f"{self.limit:,} streams are open, which is the limit")
        for name, one in self.begin.items():
            grown = np.empty((have + more, *one.shape), one.dtype)
            grown[:have] = self.fields[name]
            self.fields[name] = grown
        self._used = np.concatenate([self._used, np.full(more, _NEVER)])
        self._keys += [None] * more
        self._free = list(range(have + more - 1, have - 1, -1))
