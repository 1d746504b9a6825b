"""Functions that any kernel shares on a machine: products, and what packs weights for them."""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from treadle.compiler.cpu import library, tile, tile_int8
from treadle.compiler.cpu.amx import product as amx
from treadle.compiler.cpu.amx import sums as amx_sums
from treadle.compiler.cpu.amx.registers import LANES
from treadle.compiler.cpu.machine import host


@cache
def tile_functions(dtype: str) -> dict[str, int]:
    """The addresses of `product` and `pack` for a type of number."""
    functions = ["product", "pack"]
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


@cache
def _pack(dtype: torch.dtype) -> Any:
    return library.function(tile_functions(str(dtype).removeprefix("torch."))["pack"], 7)


@cache
def _pack_amx() -> Any:
    return library.function(amx_functions()["pack_amx"], 4)
