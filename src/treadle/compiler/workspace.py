"""Workspace: the arrays that the passes of a call read and write, and where each lies."""

from collections.abc import Mapping
from itertools import accumulate

import torch
from torch import Tensor

from treadle.compiler.slabs import ALIGNED, Slab

Place = tuple[int, int]
"""Where an array lies: its address, and the numbers from one row to the next."""


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


def place_of(tensor: Tensor) -> Place:
    """Where a tensor lies, `[rows, width]` or with the rows in several axes that stand right after each other."""
    return tensor.data_ptr(), tensor.stride(-2)


class Arrays:
    """What the passes of a call read and write, by name.

    Kernels want addresses alone, and a tensor is made only of what torch reads.

    Args:
        given: Tensors, as `place_of` takes them.
        spaces: Where the others lie.
    """

    def __init__(self, given: Mapping[str, Tensor], *spaces: Workspace) -> None:
        self.spaces = spaces
        self.places: dict[str, Place] = {}
        for space in spaces:
            self.places |= space.places
        self._tensors = dict(given)
        for name, tensor in given.items():
            self.places[name] = place_of(tensor)

    def __getitem__(self, name: str) -> Tensor:
        """One of them as a tensor."""
        if name not in self._tensors:
            self._tensors[name] = next(space for space in self.spaces if name in space.places).array(name)
        return self._tensors[name]

    def joined(self, given: Mapping[str, Tensor], space: Workspace) -> "Arrays":
        """These and others."""
        return Arrays({**self._tensors, **given}, *self.spaces, space)
