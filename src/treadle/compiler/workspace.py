"""Workspace: the arrays that the passes of a call read and write, and where each lies."""

from collections.abc import Container, Mapping

import torch
from torch import Tensor

from treadle.compiler.slabs import ALIGNED, Slab, standing_off

Place = tuple[int, int]
"""Where an array lies: its address, and the numbers from one row to the next."""


CROWDED = 512
"""Rows of a multiple of so many bytes begin at few places of the nearest cache. What takes a few columns of many rows,
as a sum over rows does, then finds no room for them there: 512 or 1024 columns of 3200 rows take a sixth longer."""


class Workspace(Slab):
    """Arrays `[rows, width]` on one slab.

    Args:
        rows: Rows of every array.
        widths: Their widths by name.
        dtype: Their type.
        by_column: The arrays that are read some columns at a time: their rows begin at different places of the cache.
    """

    def __init__(
        self, rows: int, widths: Mapping[str, int], dtype: torch.dtype, by_column: Container[str] = ()
    ) -> None:
        line = ALIGNED // dtype.itemsize
        self._shapes: dict[str, tuple[int, int, int]] = {}  # where an array begins, its width, from row to row
        begin = 0
        for name, width in widths.items():
            apart = standing_off(width, dtype.itemsize, CROWDED) if name in by_column else width
            self._shapes[name] = begin, width, apart
            begin += -(-rows * apart // line) * line
        super().__init__(begin * dtype.itemsize)
        self._rows, self._dtype = rows, dtype
        self.places: dict[str, Place] = {
            name: (self.address + start * dtype.itemsize, apart) for name, (start, _, apart) in self._shapes.items()
        }

    def array(self, name: str) -> Tensor:
        """One of them as a tensor."""
        start, width, apart = self._shapes[name]
        return self.memory.view(self._dtype).as_strided((self._rows, width), (apart, 1), start)


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
