"""Tables: the numbers that a kernel's threads read, one table each, and the ticket by which they take them."""

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain

Entries = Iterable[tuple[int, int]]
"""What stands in a table: slots and numbers."""

APART = 16
"""Counters stand so many numbers apart, for threads that write them fight for the lines of the cache."""


class Tables:
    """What one call of a kernel reads; it is filled by one thread of Python at a time.

    Args:
        rows: The table of every thread.
    """

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self._cells = array("q", chain.from_iterable(rows))
        threads, slots = len(rows), len(rows[0])
        self._begins = range(0, threads * slots, slots)
        self._counts = array("q", bytes(8 * (1 + threads) * APART))
        self._counts[1], self._counts[2], self._counts[3] = threads, 8 * slots, self._cells.buffer_info()[0]
        self.ticket = self._counts.buffer_info()[0]
        self.threads = threads
        self.meetings = [self.ticket + 8 * APART * (1 + thread) for thread in range(threads)]
        self.filled_for: object = None

    def fill(self, entries: Entries) -> None:
        """Write the same into the tables of all threads."""
        cells, begins = self._cells, self._begins
        for slot, number in entries:
            for begin in begins:
                cells[begin + slot] = number

    def fill_run(self, slot: int, numbers: Iterable[int], thread: int | None = None) -> None:
        """Write numbers from a slot on, into the table of one thread or of all."""
        run = array("q", numbers)
        for begin in self._begins if thread is None else (self._begins[thread],):
            self._cells[begin + slot : begin + slot + len(run)] = run

    def fill_one(self, thread: int, entries: Entries) -> None:
        """Write into the table of one thread."""
        begin = self._begins[thread]
        for slot, number in entries:
            self._cells[begin + slot] = number

    def limit(self, threads: int) -> None:
        """Let only so many threads take part, the first ones."""
        self._counts[1] = self.threads = threads

    def free(self) -> int:
        """Let all tables be taken again; the ticket's address.

        The ticket holds the next table's number, the number of tables, the bytes of each, and where the first lies.
        """
        self._counts[0] = 0
        return self.ticket

    @property
    def taken(self) -> bool:
        """Whether a thread has taken one."""
        return self._counts[0] > 0
