"""Single step: a compiled pass with everything in place beforehand, for streams that take one step after the other.

A pass over a sequence packs rows, looks whether the weights have changed and fills its table anew, which costs tens of
times what a step of a small layer does. Here weights are packed once and the table is filled once; a step is a call of
the kernel and no more. It reads `x`, writes `y`, and leaves the state after the step where that before it was.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from treadle.compiler.cpu import team
from treadle.compiler.cpu.run import Pass
from treadle.compiler.cpu.tables import Tables

ROWS_A_THREAD = 32
"""Rows that are worth a thread of their own."""

ALIGNED = 16
"""Numbers of a line of the cache, in float32."""


class SingleStep:
    """One step of a compiled loop for up to as many rows as `x` has, on weights as they are now.

    Args:
        loop: The pass "inference" of a recurrence.
        derived: Its parameters; they are copied.
        x: `[rows, input]`, contiguous, where the input of every step is found.
        y: `[rows, output]`, contiguous, where the output goes.
        state: For every field `[rows, size]`, contiguous: before a step what it begins from, after it where it ended.
        threads: Threads at most that share the rows.
    """

    def __init__(
        self, loop: Pass, derived: Sequence[Tensor], x: Tensor, y: Tensor, state: Sequence[Tensor], threads: int = 1
    ) -> None:
        self._enter = loop.enter
        self._threads = threads
        rows = len(x)
        prepared = loop.operands.prepare([tensor.detach().clone() for tensor in derived])
        self._loop, self._prepared = loop, prepared
        self._kept = [x, y, *state]  # the table holds their addresses, which keep nothing alive
        slots, table = loop.slots, loop.template.copy()
        for slot, entry in prepared.entries:
            table[slot] = entry
        for name, array in (("x", x), ("y", y)):
            if f"buffer {name}" in slots:  # a step need not read its input
                table[slots[f"buffer {name}"]] = array.data_ptr()
                table[slots[f"row {name}"]] = array.shape[1]
        for (before, after), field in zip(loop.carried, state, strict=True):
            table[before] = table[after] = field.data_ptr()
        longest = max(-(-rows // threads), min(rows, 2 * ROWS_A_THREAD))
        table[slots["steps"]] = table[slots["chunk"]] = table[slots["together"]] = table[slots["apart"]] = 1
        if "ring" in slots:
            table[slots["ring"]] = longest
        self._at = np.zeros((threads, 2), dtype=np.int64)
        self._n = np.zeros((threads, 4), dtype=np.int64)  # no row before the step and none after it
        self._first = slots["first"]
        own = [(slot, width * longest) for slot, width, _ in loop.work]
        own += [(slot, 2 * longest * width) for slot, width in loop.rings]
        own = [(slot, -(-size // ALIGNED) * ALIGNED) for slot, size in own]
        memory = torch.zeros(threads * sum(size for _, size in own), dtype=loop.dtype)
        self._kept.append(memory)
        self._tables = Tables([table] * threads)
        address = memory.data_ptr()
        for thread in range(threads):
            mine = [(slots["at"], self._at[thread].ctypes.data), (slots["n"], self._n[thread].ctypes.data)]
            for slot, size in own:
                mine.append((slot, address))
                address += size * loop.dtype.itemsize
            self._tables.fill_one(thread, mine)
        self._rows = self._shares = 0

    def renew(self, derived: Sequence[Tensor]) -> None:
        """Take up other weights; the state stays as it is.

        Args:
            derived: The parameters of the recurrence, as in the beginning; they are copied.
        """
        prepared = self._loop.operands.prepare([tensor.detach().clone() for tensor in derived])
        self._tables.fill(prepared.entries)
        self._prepared = prepared

    def run(self, rows: int) -> None:
        """Take a step with the first `rows` rows."""
        if rows != self._rows:
            self._deal(rows)
        if self._shares:
            team.run(self._enter, self._tables)

    def _deal(self, rows: int) -> None:
        """Share the rows out among threads."""
        self._rows = rows
        self._shares = min(self._threads, max(1, rows // ROWS_A_THREAD)) if rows else 0
        for thread, (first, end) in enumerate(team.portions(rows, self._shares)):
            self._at[thread] = first, end
            self._n[thread, 1] = end - first
            self._tables.fill_one(thread, [(self._first, first)])
        self._tables.limit(self._shares)
