"""Panels: weights brought into the form that products read, the columns of large ones by several threads."""

from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from treadle.compiler.cpu import library, team, tile
from treadle.compiler.cpu.amx.pack import column_floats
from treadle.compiler.cpu.amx.registers import LANES
from treadle.compiler.cpu.functions import amx_pack_entry, tile_functions
from treadle.compiler.cpu.machine import host
from treadle.compiler.cpu.tables import Tables
from treadle.compiler.slabs import Slab

PACKED_BY_ONE = 1 << 17
"""Weights below which a second thread costs more time than it saves."""


def pack_panels(weight: Tensor, width: int, into: int) -> None:
    """A weight `[inputs, outputs]` of any strides in the panels that `tile` reads, at an address.

    Args:
        weight: What is packed.
        width: Its columns in whole vectors.
        into: The address of the panels.
    """
    item, (down, across), (inputs, outputs) = weight.element_size(), weight.stride(), weight.shape
    tables = []
    for first, end in _shares(inputs, width, item):
        columns, vectors = min(end, outputs) - first, (end - first) * item // host().vector_bytes
        origin, target = weight.data_ptr() + first * across * item, into + first * inputs * item
        tables.append((origin, down, across, inputs, columns, vectors, target))
    if len(tables) == 1:
        _pack(weight.dtype)(*tables[0])
    else:
        team.run(_tile(weight.dtype)["enter"], Tables(tables))


def pack_tiles(weight: Tensor, width: int, into: int) -> None:
    """A weight `[inputs, outputs]` of any strides in the tiles that `amx` reads, at an address.

    Args:
        weight: What is packed, in float32.
        width: Its columns in whole vectors.
        into: The address of the tiles.
    """
    inputs, item = len(weight), weight.element_size()
    panels, depth = Slab(width * inputs * item), column_floats(len(weight))
    pack_panels(weight, width, panels.address)
    tables = [
        (panels.address + first * inputs * item, inputs, (end - first) // LANES, into + first * depth * item)
        for first, end in _shares(inputs, width, item)
    ]
    team.run(amx_pack_entry(), Tables(tables))


def _shares(inputs: int, width: int, item: int) -> list[tuple[int, int]]:
    """The columns of each thread, in whole panels of numbers of so many bytes."""
    if inputs * width < PACKED_BY_ONE:
        return [(0, width)]
    panel = host().vector_bytes // item * host().panel_vectors
    threads = max(1, min(torch.get_num_threads(), width // panel))
    borders = [width // panel * thread // threads * panel for thread in range(threads)]
    return list(pairwise([*borders, width]))


@cache
def _pack(dtype: torch.dtype) -> Any:
    return library.function(_tile(dtype)["pack"], len(tile.PACK))


def _tile(dtype: torch.dtype) -> dict[str, int]:
    return tile_functions(str(dtype).removeprefix("torch."))
