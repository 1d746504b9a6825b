"""The product of a step: any rows by packed weights."""

from typing import Any

from llvmlite import ir

from treadle.compiler.cpu.amx.blocks import BLOCK, TALL, Blocks, over_columns, write_blocks, write_split
from treadle.compiler.cpu.amx.registers import (
    DEEP,
    LANES,
    LINE,
    NEAR,
    PARTS,
    ROWS,
    TILE,
    Configuration,
    Tiles,
    groups_of,
)
from treadle.compiler.cpu.blocks import even_blocks
from treadle.compiler.cpu.entry import write_calls
from treadle.compiler.cpu.ir import I8, Code, Value
from treadle.compiler.cpu.tile import PRODUCT

NAME = "product_amx"

OUT = 512 * 1024
"""Bytes of the rows of results that are computed together where the weights are not near: all that some inputs add to
them, then all that the next ones do, so that weights come from afar once for all these rows."""


def build() -> ir.Module:
    """The module with `product_amx`, and `enter` for a product whose rows are shared out to threads."""
    module = ir.Module("tile amx")
    product = _product(module, write_blocks(module), write_split(module))
    write_calls(module, product, PRODUCT)
    return module


def _product(module: Any, blocks: Blocks, split: Any) -> Any:
    """All rows by all columns: some rows together, of these some inputs after the other, in blocks of rows."""
    code = Code(module, NAME, PRODUCT, "float32", LANES)
    g, b, tiles = code.arguments, code.builder, Tiles(code)
    parts = b.alloca(I8, size=TALL * BLOCK * PARTS * TILE)
    parts.align = LINE
    configuration = Configuration(code)
    panel_bytes = code.mul(groups_of(code, g["inputs"]), code.integer(PARTS * TILE))

    def multiply(tall: Value, places: list[Value], heights: list[Value]) -> None:
        """The operand's parts by all columns."""
        panel, groups, start, start_row, out = places

        def strip(column: Value, block: Any) -> None:
            here = code.at(panel, code.mul(column, panel_bytes), I8)
            begin, result = (code.at(base, code.mul(column, code.integer(LANES))) for base in (start, out))
            b.call(block, [parts, here, panel_bytes, groups, begin, start_row, result, g["out_row"], *heights])

        over_columns(code, blocks, tall, g["vectors"], strip)

    def block(row: Value, rows: Value, k: Value) -> None:
        """Some inputs of a block of rows by all columns."""
        tall = b.sdiv(code.add(rows, code.integer(ROWS - 1)), code.integer(ROWS))
        more = b.sdiv(code.sub(code.add(rows, tall), code.integer(1)), tall)
        last = code.sub(rows, more)  # the last tile may begin with rows of the one before, and makes the same of them
        configuration.load(tiles, more)
        inputs = code.min(code.sub(g["inputs"], k), code.integer(BLOCK * DEEP))
        a = code.at(g["a"], code.add(code.mul(row, g["a_row"]), k))
        with code.loop(code.integer(0), tall) as tile:
            first = code.min(code.mul(tile, more), last)
            into = code.at(parts, code.mul(tile, code.integer(BLOCK * PARTS * TILE)), I8)
            with code.loop(code.integer(0), more) as r:
                origin = code.at(a, code.mul(code.add(first, r), g["a_row"]))
                b.call(split, [origin, inputs, code.at(into, code.mul(r, code.integer(LINE)), I8)])
        begins = b.icmp_signed("==", k, code.integer(0))
        start, start_row = (b.select(begins, g[f"start{end}"], g[f"out{end}"]) for end in ("", "_row"))
        start = code.at(start, code.mul(row, start_row))
        out = code.at(g["out"], code.mul(row, g["out_row"]))
        panel = code.at(g["weights"], code.mul(k, code.integer(PARTS * TILE // DEEP)), I8)
        multiply(tall, [panel, groups_of(code, inputs), start, start_row, out], [more, last])

    few = code.integer(TALL * ROWS)
    many = code.mul(b.sdiv(b.sdiv(code.integer(OUT), code.mul(g["vectors"], code.integer(LINE))), few), few)
    large = b.icmp_signed(">", code.mul(g["vectors"], panel_bytes), code.integer(NEAR))
    together = b.select(b.and_(large, b.icmp_signed(">", many, few)), many, few)
    with (
        even_blocks(code, g["rows"], together) as (begin, count),
        code.loop(code.integer(0), g["inputs"], BLOCK * DEEP) as k,
        even_blocks(code, count, few) as (row, rows),
    ):
        block(code.add(begin, row), rows, k)
    tiles.release()
    code.done()
    return code.function
