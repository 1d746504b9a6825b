"""Slabs: the memory of a pass, kept for the next one.

Fresh memory costs a page fault for every 4 KiB that is first touched, as much time as the arithmetic of a small layer.
So what a pass keeps for its gradient is carved from a slab, and the slab is kept when nobody needs it any more. It
belongs to one holder at a time, and a holder that torch keeps (a graph that is retained) keeps it.
"""

import mmap
from bisect import bisect_left, insort
from collections import deque
from contextlib import suppress
from operator import itemgetter
from threading import Lock

import torch
from torch import Tensor

KEPT_BYTES = 256 * 1024 * 1024
"""Slabs that nobody holds are kept up to this many bytes in all, or to the most that were ever held at a time; beyond
it those go that have lain longest."""

ALIGNED = 64
"""Bytes of a line of the cache, where every array begins."""

LARGE = 4 * 1024 * 1024
"""Bytes of a slab that is asked for in pages of 2 MiB: a long sequence walks through so many of 4 KiB that finding them
takes up to a sixth of the time."""

SMALLEST = 4096
"""Bytes of the smallest slab, so that few kinds of them serve all that is small."""


def standing_off(width: int, itemsize: int, multiple: int) -> int:
    """Numbers from one row of `width` to the next: a line more where rows are a multiple of so many bytes."""
    return width + ALIGNED // itemsize if width * itemsize % multiple == 0 else width


class Store:
    """The slabs that nobody holds, for whoever asks next."""

    def __init__(self) -> None:
        self.free: list[tuple[int, int, Tensor]] = []  # bytes, when it came back, the memory; the smallest first
        self._held = self._most = self._came_back = 0
        self._returned: deque[Tensor] = deque()
        self._lock = Lock()

    def take(self, size: int) -> Tensor:
        """At least `size` bytes: the smallest free slab that is not much too large, or a new one."""
        size = max(size, SMALLEST)
        with self._lock:
            self._collect()
            place = bisect_left(self.free, size, key=itemgetter(0))
            fits = place < len(self.free) and self.free[place][0] <= 4 * size
            memory = self.free.pop(place)[2] if fits else _fresh((size + size // 8) // ALIGNED * ALIGNED + ALIGNED)
            self._held += memory.numel()
            self._most = max(self._most, self._held)
        return memory

    def give(self, memory: Tensor) -> None:
        """Memory that nobody holds any more.

        Python may throw a slab away while this very thread is in `take`, so nobody waits here: who has the lock, or
        comes next, collects it.
        """
        self._returned.append(memory)
        if self._lock.acquire(blocking=False):
            try:
                self._collect()
            finally:
                self._lock.release()

    def _collect(self) -> None:
        """Put what was returned among the free slabs, and let those go that are too many."""
        while self._returned:
            memory = self._returned.popleft()
            self._held -= memory.numel()
            self._came_back += 1
            insort(self.free, (memory.numel(), self._came_back, memory), key=itemgetter(0))
        while sum(size for size, _, _ in self.free) > max(KEPT_BYTES, self._most):
            del self.free[min(range(len(self.free)), key=lambda place: self.free[place][1])]


_store = Store()


class Slab:
    """At least `size` bytes; they go back when this object does."""

    def __init__(self, size: int) -> None:
        self.memory = _store.take(size)
        self.address = self.memory.data_ptr()

    def __del__(self) -> None:
        """Give the memory back."""
        _store.give(self.memory)


def _fresh(size: int) -> Tensor:
    """New memory, in large pages where it is large and the system has them."""
    if size >= LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):
            pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            pages.madvise(mmap.MADV_HUGEPAGE)
            return torch.frombuffer(pages, dtype=torch.uint8)
    return torch.empty(size, dtype=torch.uint8)
