"""Functions that any kernel shares on a machine: products, sums, and what packs weights for them."""

from functools import cache

from treadle.compiler.cpu import library, tile, tile_int8
from treadle.compiler.cpu.amx import pack as amx_pack
from treadle.compiler.cpu.amx import product as amx
from treadle.compiler.cpu.amx import sums as amx_sums
from treadle.compiler.cpu.machine import host


@cache
def tile_functions(dtype: str) -> dict[str, int]:
    """The addresses of `product`, `pack` and `enter` for a type of number."""
    functions = ["product", "pack", "enter"]
    return library.load(tile.build(host(), dtype), functions, announce=f"the matrix tile for {dtype}")


@cache
def int8_product() -> int:
    """The address of the product with weights in 8 bits."""
    return library.load(tile_int8.build(host()), [tile_int8.NAME], announce="the matrix tile for int8")[tile_int8.NAME]


@cache
def amx_functions() -> dict[str, int]:
    """The addresses of `product_amx` and `enter`."""
    return library.load(amx.build(), [amx.NAME, "enter"], announce="the matrix tile for AMX")


@cache
def amx_pack_entry() -> int:
    """The address of the entry that packs panels as tiles."""
    return library.load(amx_pack.build(host().panel_vectors), ["enter"], announce="packing for AMX")["enter"]


@cache
def amx_sums_entry() -> int:
    """The address of the entry that sums products over rows."""
    return library.load(amx_sums.build(), ["enter"], announce="sums for AMX")["enter"]
