"""Blocks: some tiles of rows by one or two column vectors, with all sums in registers while the inputs pass."""

from collections.abc import Callable, Mapping
from typing import Any

from treadle.compiler.cpu.amx.registers import (
    DEEP,
    LANES,
    LINE,
    OPERAND,
    PARTS,
    SUMS,
    TILE,
    WEIGHTS,
    Tiles,
    store_parts,
)
from treadle.compiler.cpu.ir import I8, Code, Value

TALL = WIDE = 2
"""Tiles of rows and column vectors of the largest block: four sums hide the latency of the instruction."""

BLOCK = 4
"""Tiles of inputs that the operand is split for at once: its parts stay in the nearest cache while weights pass."""

ARGUMENTS = ["*a", "*panel", "panel_bytes", "groups", "*start", "start_row", "*out", "out_row", "more", "last"]
"""Of a block: tiles of the operand, of the weights, and how far apart those of two column vectors lie; the rest as in
`tile`, with rows of a tile and the first row of the last one."""

Blocks = Mapping[tuple[int, int], Any]
"""The functions of blocks, by how many tiles of rows and how many column vectors they take."""


def write_blocks(module: Any) -> Blocks:
    """All that a product calls."""
    return {(tall, wide): _write_block(module, tall, wide) for tall in (1, TALL) for wide in (1, WIDE)}


def over_columns(code: Code, blocks: Blocks, tall: Value, vectors: Value, strip: Callable[[Value, Any], None]) -> None:
    """All column vectors for tiles whose number is known only when the code runs: `strip(column, block)` for each."""
    b = code.builder
    whole = code.sub(vectors, b.srem(vectors, code.integer(WIDE)))
    with b.if_else(b.icmp_signed("==", tall, code.integer(1))) as cases:
        for case, count in zip(cases, (1, TALL), strict=True):
            with case:
                with code.loop(code.integer(0), whole, WIDE) as column:
                    strip(column, blocks[count, WIDE])
                with code.loop(whole, vectors) as column:
                    strip(column, blocks[count, 1])


def _write_block(module: Any, tall: int, wide: int) -> Any:
    """Up to `tall` tiles of rows by `wide` column vectors, with all sums in registers."""
    code = Code(module, f"block_{tall}_{wide}", ARGUMENTS, "float32", LANES, private=True)
    g, tiles = code.arguments, Tiles(code)
    line = code.integer(LINE)
    rows = [code.mul(code.integer(i), g["more"]) for i in range(tall - 1)] + [g["last"]]

    def place(base: str, i: int, j: int) -> tuple[Value, Value]:
        stride = g[f"{base}_row"]
        address = code.at(g[base], code.add(code.mul(rows[i], stride), code.integer(j * LANES)))
        return address, code.mul(stride, code.integer(4))

    sums = {(i, j): SUMS[i * wide + j] for i in range(tall) for j in range(wide)}
    for (i, j), register in sums.items():
        tiles.load(register, *place("start", i, j))
    with code.loop(code.integer(0), g["groups"]) as k:
        deep = code.mul(k, code.integer(PARTS * TILE))

        def load_operand(i: int, part: int) -> None:
            offset = code.add(deep, code.integer((i * BLOCK * PARTS + part) * TILE))
            tiles.load(OPERAND, code.at(g["a"], offset, I8), line)

        def load_weight(register: int, j: int, part: int) -> None:
            offset = code.add(deep, code.mul(code.integer(j), g["panel_bytes"]), code.integer(part * TILE))
            tiles.load(register, code.at(g["panel"], offset, I8), line)

        for other in range(PARTS):
            for j in range(wide):
                load_weight(WEIGHTS[j], j, other)
            for part in reversed(range(PARTS - other)):
                for i in range(tall):
                    load_operand(i, part)
                    for j in range(wide):
                        tiles.multiply(sums[i, j], OPERAND, WEIGHTS[j])
    for (i, j), register in sums.items():
        tiles.store(register, *place("out", i, j))
    code.done()
    return code.function


def write_split(module: Any) -> Any:
    """`split(a, inputs, groups, to)`: a row of the operand as one row in each of its tiles, zeros past its inputs."""
    code = Code(module, "split", ["*a", "inputs", "*to"], "float32", LANES, private=True)
    g = code.arguments
    whole = code.sub(g["inputs"], code.builder.srem(g["inputs"], code.integer(DEEP)))

    def write(k: Value, low: Value, high: Value) -> None:
        tile = code.mul(k, code.integer(PARTS * TILE // DEEP))
        store_parts(code, [low, high], code.at(g["to"], tile, I8))

    with code.loop(code.integer(0), whole, DEEP) as k:
        write(k, code.load(g["a"], k), code.load(g["a"], code.add(k, code.integer(LANES))))
    with code.loop(whole, g["inputs"], DEEP) as k:
        halves = [code.add(k, code.integer(i * LANES)) for i in range(2)]
        masks = [code.tail_mask(code.sub(g["inputs"], half)) for half in halves]
        write(k, *(code.masked_load(g["a"], half, mask) for half, mask in zip(halves, masks, strict=True)))
    code.done()
    return code.function
