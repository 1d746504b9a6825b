"""Workspace: the memory of a pass, kept for the next one.

Fresh memory costs a page fault for every 4 KiB that is first touched, as much time as the arithmetic of a small layer.
So what a pass keeps for its gradient is carved from a slab, and the slab is kept when nobody needs it any more. It
belongs to one holder at a time, and a holder that torch keeps (a graph that is retained) keeps it.
"""

from collections.abc import Mapping
from itertools import accumulate
from threading import Lock

import torch
from torch import Tensor

KEPT_BYTES = 256 * 1024 * 1024
"""Slabs that nobody holds are kept up to this many bytes in all; beyond it the oldest go."""

ALIGNED = 64
"""Bytes of a line of the cache, where every array begins."""

_free: list[Tensor] = []
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
        sizes = [-(-rows * width // line) * line for width in widths.values()]
        super().__init__(sum(sizes) * dtype.itemsize)
        numbers = self.memory.view(dtype)
        starts = accumulate(sizes, initial=0)
        self.arrays: dict[str, Tensor] = {
            name: numbers.as_strided((rows, width), (width, 1), start)
            for (name, width), start in zip(widths.items(), starts, strict=False)
        }


def _take(size: int) -> Tensor:
    """A slab of at least `size` bytes: the smallest free one that is not much too large, or a new one."""
    with _lock:
        fitting = [slab for slab in _free if size <= slab.numel() <= 4 * size]
        if fitting:
            chosen = min(fitting, key=Tensor.numel)
            _free[:] = [slab for slab in _free if slab is not chosen]
            return chosen
    return torch.empty((size + size // 8) // ALIGNED * ALIGNED + ALIGNED, dtype=torch.uint8)


def _give(slab: Tensor) -> None:
    with _lock:
        _free.append(slab)
        while sum(slab.numel() for slab in _free) > KEPT_BYTES:
            _free.pop(0)
