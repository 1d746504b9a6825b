"""Large products outside the loop, for gradients: torch's, or in tiles where the processor has them."""

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from treadle.compiler.cpu import team
from treadle.compiler.cpu.amx import sums as amx_sums
from treadle.compiler.cpu.amx.pack import column_floats
from treadle.compiler.cpu.amx.registers import LANES, NEAR
from treadle.compiler.cpu.functions import amx_functions, amx_sums_entry
from treadle.compiler.cpu.machine import host
from treadle.compiler.cpu.panels import pack_tiles
from treadle.compiler.cpu.tables import Tables
from treadle.compiler.slabs import Slab

ROWS_A_THREAD = 512
"""Rows that are worth a thread of their own."""

SMALLEST = 32
"""Columns of an array below which the tiles would be filled too little."""


def product(a: Tensor, weight: Tensor) -> Tensor:
    """`a @ weight` of `a [rows, inputs]` and `weight [inputs, outputs]`; rows may stand apart from each other."""
    inputs, outputs = weight.shape
    if not _in_tiles(a, inputs, outputs):
        return a @ weight
    width = -(-outputs // LANES) * LANES
    tiles = Slab(4 * width * column_floats(inputs))
    pack_tiles(weight, width, tiles.address)
    start, found = torch.zeros(width), torch.empty(len(a), width)

    def table(first: int, last: int, _thread: int) -> tuple[int, ...]:
        rows = _at(a, first), a.stride(0), tiles.address, inputs, start.data_ptr(), 0, _at(found, first), width
        return *rows, last - first, width // LANES, 0

    _run(amx_functions()["enter"], len(a), table)
    return found[:, :outputs]


def sums_of_products(a: Tensor, others: Sequence[Tensor]) -> list[Tensor]:
    """`a.t() @ b` of `a [rows, height]` and each `b [rows, width]`; rows may stand apart from each other."""
    if not _in_tiles(a, a.shape[1], *(b.shape[1] for b in others)) or any(b.stride(1) != 1 for b in others):
        return [a.t() @ b for b in others]
    groups: list[list[Tensor]] = [[]]
    for b in others:
        if groups[-1] and amx_sums.memory_bytes(_vectors([*groups[-1], b])) > NEAR:
            groups.append([])
        groups[-1].append(b)
    return [total for group in groups for total in _sums_in_tiles(a, group)]


def _sums_in_tiles(a: Tensor, others: Sequence[Tensor]) -> list[Tensor]:
    """The same of arrays whose parts a core's own cache holds together: those of `a` are made once."""
    height, widths = a.shape[1], [b.shape[1] for b in others]
    threads = _threads(len(a))
    found = [torch.zeros(threads, height, width) for width in widths]
    *before, vectors = accumulate((_vectors([b]) for b in others), initial=0)
    needed = amx_sums.memory_bytes(vectors)
    memory = Slab(threads * needed)
    told = np.empty((threads, len(others), len(amx_sums.OTHERS)), dtype=np.int64)

    def table(first: int, last: int, thread: int) -> tuple[int, ...]:
        for i, b in enumerate(others):
            told[thread, i] = _at(b, first), b.stride(0), widths[i], before[i], found[i][thread].data_ptr()
        array = _at(a, first), a.stride(0), last - first, height
        return *array, told[thread].ctypes.data, len(others), vectors, memory.address + thread * needed

    _run(amx_sums_entry(), len(a), table)
    return [one[0] if threads == 1 else one.sum(0) for one in found]


def _vectors(arrays: Sequence[Tensor]) -> int:
    """Vectors of a row of all arrays."""
    return sum(-(-array.shape[1] // LANES) for array in arrays)


def _in_tiles(a: Tensor, *sizes: int) -> bool:
    """Whether tiles are faster for the rows of an array and these sizes of a product."""
    possible = host().amx and a.dtype == torch.float32 and a.stride(1) == 1
    return possible and len(a) >= ROWS_A_THREAD and min(sizes) >= SMALLEST


def _threads(rows: int) -> int:
    return max(1, min(torch.get_num_threads(), rows // ROWS_A_THREAD))


def _run(enter: int, rows: int, table: Callable[[int, int, int], tuple[int, ...]]) -> None:
    """Share the rows out to threads: `table(first, last, thread)` is what each is told."""
    tables = [table(first, last, thread) for thread, (first, last) in enumerate(team.portions(rows, _threads(rows)))]
    team.run(enter, Tables(tables))


def _at(array: Tensor, row: int) -> int:
    """The address of a row."""
    return array.data_ptr() + row * array.stride(0) * array.element_size()
