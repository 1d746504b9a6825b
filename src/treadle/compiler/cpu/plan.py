"""Plan: what the tables of a pass say of one packing, whatever its numbers are.

A call of a small layer takes less time than filling its tables anew, and calls of the same shape follow each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from treadle.compiler.workspace import ALIGNED

Entries = Sequence[tuple[int, int]]
"""What stands in a table: slots and numbers."""


@dataclass(frozen=True)
class Plan:
    """The tables of a packing.

    Attributes:
        steps: Steps of the longest row.
        forms: Of every operand of a product, whether its weights are read as tiles.
        tables: Of every thread, but for what each call fills in.
        own: What a thread needs for itself: slots, and bytes from the begin of its memory.
        size: Bytes of all of it.
        apart: Bytes from one thread's memory to the next one's; 0 where threads share it.
    """

    steps: int
    forms: tuple[bool, ...]
    tables: list[list[int]]
    own: Entries
    size: int
    apart: int

    @classmethod
    def of(
        cls, steps: int, forms: tuple[bool, ...], tables: list[list[int]], sizes: Entries, *, shared: bool
    ) -> "Plan":
        """A plan for threads that need so many bytes each at some slots, or have them in common."""
        lines = [-(-size // ALIGNED) * ALIGNED for _, size in sizes]
        *begins, whole = accumulate(lines, initial=0)
        own = [(slot, begin) for (slot, _), begin in zip(sizes, begins, strict=True)]
        return cls(steps, forms, tables, own, whole if shared else whole * len(tables), 0 if shared else whole)

    def fill(self, entries: Entries, memory: int) -> list[list[int]]:
        """The tables of one call.

        Args:
            entries: What is the same for all threads.
            memory: The address of `size` bytes.
        """
        filled = []
        for thread, table in enumerate(self.tables):
            mine, base = table.copy(), memory + thread * self.apart
            for slot, value in entries:
                mine[slot] = value
            for slot, begin in self.own:
                mine[slot] = base + begin
            filled.append(mine)
        return filled
