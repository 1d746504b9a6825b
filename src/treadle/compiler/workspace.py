"""Workspace: the memory of a pass, kept for the next one.

Fresh memory costs a page fault for every 4 KiB that is first touched, as much time as the arithmetic of a small layer.
So what a pass keeps for its gradient is carved from a slab, and the slab is kept when nobody needs it any more. It
belongs to one holder at a time, and a holder that torch keeps (a graph that is retained) keeps it.
"""

import mmap
from bisect import bisect_left, insort
from collections.abc import Mapping
from contextlib import suppress
from itertools import accumulate
from threading import Lock

import torch
from torch import Tensor

KEPT_BYTES = 256 * 1024 * 1024
"""Slabs that nobody holds are kept up to this many bytes in all; beyond it the largest go."""

ALIGNED = 64
"""Bytes of a line of the cache, where every array begins."""

LARGE = 4 * 1024 * 1024
"""Bytes of a slab that is asked for in pages of 2 MiB: a long sequence walks through so many of 4 KiB that finding them
takes up to a sixth of the time."""

SMALLEST = 4096
"""Bytes of the smallest slab, so that few kinds of them serve all that is small."""

Place = tuple[int, int]
"""Where an array lies: its address, and the numbers from one row to the next."""

_free: list[Tensor] = []
"""From the smallest to the largest."""
_lock = Lock()


class Slab:
    """At least `size` bytes; they go back when this object does."""

    def __init__(self, size: int) -> None:
        self.memory = _take(size)
        self.address = self.memory.data_ptr()

    def __del__(self) -> None:
        """Give the memory back."""
        _give(self.memory)


class Workspace(Slab):
    """Arrays `[rows, width]` on one slab.

    Args:
        rows: Rows of every array.
        widths: Their widths by name.
        dtype: Their type.
    """

    def __init__(self, rows: int, widths: Mapping[str, int], dtype: torch.dtype) -> None:
        line = ALIGNED // dtype.itemsize
        *starts, size = accumulate((-(-rows * width // line) * line for width in widths.values()), initial=0)
        super().__init__(size * dtype.itemsize)
        self._rows, self._dtype = rows, dtype
        self._starts = dict(zip(widths, zip(starts, widths.values(), strict=True), strict=True))
        self.places: dict[str, Place] = {
            name: (self.address + start * dtype.itemsize, width) for name, (start, width) in self._starts.items()
        }

    def array(self, name: str) -> Tensor:
        """One of them as a tensor."""
        start, width = self._starts[name]
        return self.memory.view(self._dtype).as_strided((self._rows, width), (width, 1), start)


class Arrays:
    """What the passes of a call read and write, by name.

    Kernels want addresses alone, and a tensor is made only of what torch reads.

    Args:
        given: Tensors `[rows, width]`, or with the rows in several axes that stand right after each other.
        spaces: Where the others lie.
    """

    def __init__(self, given: Mapping[str, Tensor], *spaces: Workspace) -> None:
        self.spaces = spaces
        self.places: dict[str, Place] = {}
        for space in spaces:
            self.places |= space.places
        self._tensors = dict(given)
        for name, tensor in given.items():
            self.places[name] = tensor.data_ptr(), tensor.stride(-2)

    def __getitem__(self, name: str) -> Tensor:
        """One of them as a tensor."""
        if name not in self._tensors:
            self._tensors[name] = next(space for space in self.spaces if name in space.places).array(name)
        return self._tensors[name]

    def joined(self, given: Mapping[str, Tensor], space: Workspace) -> "Arrays":
        """These and others."""
        return Arrays({**self._tensors, **given}, *self.spaces, space)


def _take(size: int) -> Tensor:
    """A slab of at least `size` bytes: the smallest free one that is not much too large, or a new one."""
    size = max(size, SMALLEST)
    with _lock:
        place = bisect_left(_free, size, key=Tensor.numel)
        if place < len(_free) and _free[place].numel() <= 4 * size:
            return _free.pop(place)
    return _fresh((size + size // 8) // ALIGNED * ALIGNED + ALIGNED)


def _fresh(size: int) -> Tensor:
    """New memory, in large pages where it is large and the system has them."""
    if size < LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(size, dtype=torch.uint8)
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without large pages
        pages.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(pages, dtype=torch.uint8)


def _give(slab: Tensor) -> None:
    with _lock:
        insort(_free, slab, key=Tensor.numel)
        if sum(map(Tensor.numel, _free)) > KEPT_BYTES:
            _free.pop()
