"""Plan: what the tables of a pass say of one packing, whatever its numbers are.

A call of a small layer takes less time than filling its tables anew, and calls of the same shape follow each other.
"""

from collections.abc import Sequence
from itertools import accumulate

from treadle.compiler.cpu.operands import Forms, Prepared
from treadle.compiler.cpu.tables import Entries, Tables
from treadle.compiler.slabs import ALIGNED


class Plan:
    """The tables of a packing.

    Args:
        steps: Steps of the longest row.
        forms: How each operand of a product is read.
        rows: The table of every thread, but for what each call fills in.
        sizes: What a thread needs for itself: slots, and bytes.
        meeting: The slots of where all threads count their meetings, and where one does; None where they do not meet,
            for each has rows of its own. Threads that meet have all memory in common.
    """

    def __init__(
        self, steps: int, forms: Forms, rows: Sequence[Sequence[int]], sizes: Entries, meeting: tuple[int, int] | None
    ) -> None:
        self.steps, self.forms = steps, forms
        slots, lines = [], []
        for slot, size in sizes:
            slots.append(slot)
            lines.append(-(-size // ALIGNED) * ALIGNED)
        *begins, whole = accumulate(lines, initial=0)
        self.size = whole if meeting is not None else whole * len(rows)
        self._apart = 0 if meeting is not None else whole
        self._own = list(zip(slots, begins, strict=True))
        self._rows, self._meeting = rows, meeting
        self._free: list[Tables] = []

    def take(self, prepared: Prepared, memory: int) -> Tables:
        """Tables that nobody else has, with the parameters and the threads' own memory in them.

        Args:
            prepared: What was made of the parameters.
            memory: The address of `size` bytes.
        """
        try:
            tables = self._free.pop()
        except IndexError:
            tables = Tables(self._rows)
            if self._meeting is not None:
                every, own = self._meeting
                for thread, count in enumerate(tables.meetings):
                    tables.fill_one(thread, [(every, tables.meetings[0]), (own, count)])
        if tables.filled_for != (now := (prepared.entries, memory)):
            tables.fill(prepared.entries)
            for thread in range(len(self._rows)):
                base = memory + thread * self._apart
                tables.fill_one(thread, [(slot, base + begin) for slot, begin in self._own])
            tables.filled_for = now
        return tables

    def give(self, tables: Tables) -> None:
        """Tables that nobody needs any more."""
        self._free.append(tables)
