"""Functions that any kernel shares on a machine: products, what packs weights for them, and a digest."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from treadle.compiler.cpu import library, tile, tile_int8
from treadle.compiler.cpu.amx import product as amx
from treadle.compiler.cpu.amx import sums as amx_sums
from treadle.compiler.cpu.amx.registers import LANES
from treadle.compiler.cpu.machine import host


@cache
def tile_functions(dtype: str) -> dict[str, int]:
    """The addresses of `product`, `pack` and `digest` for a type of number."""
    functions = ["product", "pack", "digest"]
    return library.load(tile.build(host(), dtype), functions, announce=f"the matrix tile for {dtype}")


@cache
def int8_product() -> int:
    """The address of the product with weights in 8 bits."""
    return library.load(tile_int8.build(host()), [tile_int8.NAME], announce="the matrix tile for int8")[tile_int8.NAME]


@cache
def amx_functions() -> dict[str, int]:
    """The addresses of `product_amx`, `pack_amx` and `enter`."""
    return library.load(amx.build(), [amx.NAME, "pack_amx", "enter"], announce="the matrix tile for AMX")


@cache
def amx_sums_entry() -> int:
    """The address of the entry that sums products over rows."""
    return library.load(amx_sums.build(), ["enter"], announce="sums for AMX")["enter"]


def pack_panels(weight: Tensor, width: int, into: Tensor) -> None:
    """A weight `[inputs, outputs]` of any strides in the panels that `tile` reads, `width` columns in whole vectors."""
    lanes = host().vector_bytes // weight.element_size()
    place = weight.data_ptr(), *weight.stride(), *weight.shape
    _pack(weight.dtype)(*place, width // lanes, into.data_ptr())


def pack_tiles(weight: Tensor, width: int, into: Tensor) -> None:
    """A weight `[inputs, outputs]` of any strides in the tiles that `amx` reads, `width` columns in whole vectors."""
    inputs = len(weight)
    panels = torch.empty(width * inputs, dtype=weight.dtype)
    pack_panels(weight, width, panels)
    depth, panel = amx.column_floats(inputs), host().panel_vectors * LANES
    for column in range(0, width, panel):
        vectors = min(panel, width - column) // LANES
        origin, target = panels.data_ptr() + 4 * column * inputs, into.data_ptr() + 4 * column * depth
        _pack_amx()(origin, inputs, vectors, target)


def content(tensors: Sequence[Tensor]) -> Any:
    """What tells whether tensors are the same as before: where they lie, torch's count of their changes, and a digest.

    The digest is for changes that torch does not count, such as those of `parameter.data`.
    """
    if not all(tensor.is_contiguous() for tensor in tensors):
        return None
    places = [(tensor.data_ptr(), tensor.nbytes // 4) for tensor in tensors]
    table, sums = np.array(places, dtype=np.int64), np.empty(len(places) * host().vector_bytes // 2, dtype=np.int32)
    _digest()(table.ctypes.data, len(places), sums.ctypes.data)
    versions = [None if tensor.is_inference() else tensor._version for tensor in tensors]
    return places, versions, sums.tobytes()


@cache
def _pack(dtype: torch.dtype) -> Any:
    return library.function(tile_functions(str(dtype).removeprefix("torch."))["pack"], 7)


@cache
def _pack_amx() -> Any:
    return library.function(amx_functions()["pack_amx"], 4)


@cache
def _digest() -> Any:
    return library.function(tile_functions("float32")["digest"], 3)
