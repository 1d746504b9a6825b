r"""Sums over many rows: \(\sum_k a_k^\top b_k\), the gradients of weights, on tile registers.

Some hundred rows at a time are split into parts, those of each `b` once and those of `a`, which they have in common,
block by block. What they give is summed in registers that begin at zero, and only then added to the rest, so that small
terms do not meet a large sum.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from treadle.compiler.cpu.amx.blocks import BLOCK, TALL, WIDE, Blocks, over_columns, write_blocks
from treadle.compiler.cpu.amx.registers import (
    DEEP,
    LANES,
    LINE,
    PARTS,
    ROWS,
    TILE,
    Configuration,
    Tiles,
    groups_of,
    store_parts,
)
from treadle.compiler.cpu.entry import read_table, write_entry
from treadle.compiler.cpu.ir import I8, I64, Code, Value

SLOTS = ("*a", "a_row", "rows", "height", "*others", "count", "vectors", "*memory")
"""Of a thread's table: an array, its columns, the arrays that it is multiplied with and how many they are, and column
vectors of all of them."""

OTHERS = ("*b", "b_row", "width", "before", "*out")
"""Of each other array: where it lies, its columns, the column vectors of those before it, and what is added to."""

TOGETHER = 12
"""Tiles of rows that are summed before they join the rest."""


def memory_bytes(vectors: int) -> int:
    """What a thread needs beside its arrays: zeros, parts of `a`, the sums of a block, parts of the others."""
    return WIDE * LINE + TALL * BLOCK * PARTS * TILE + vectors * (TALL * TILE + TOGETHER * PARTS * TILE)


def build() -> ir.Module:
    """The module with `enter`."""
    module = ir.Module("sums amx")
    write_entry(module, _Sums(module, write_blocks(module)).write(), together=False)
    return module


class _Sums:
    """Writes the loop over a thread's rows."""

    def __init__(self, module: Any, blocks: Blocks) -> None:
        self.code = code = Code(module, "loop", ["*table"], "float32", LANES)
        self.blocks = blocks
        self.table = read_table(code, code.arguments["table"], SLOTS)
        self.width = code.mul(self.table["vectors"], code.integer(LANES))
        self.nothing = self.table["memory"]
        self.left = code.at(self.nothing, code.integer(WIDE * LINE), I8)
        self.found = code.at(self.left, code.integer(TALL * BLOCK * PARTS * TILE), I8)
        self.right = code.at(self.found, code.mul(self.width, code.integer(TALL * ROWS)))

    def write(self) -> Any:
        """The function of a table."""
        code, table, zero = self.code, self.table, self.code.integer(0)
        tiles = Tiles(code)
        Configuration(code).load(tiles, code.integer(ROWS))
        for column in range(WIDE):
            code.store(code.number(0.0), self.nothing, code.integer(column * LANES))
        with code.loop(zero, table["rows"], TOGETHER * DEEP) as k:
            rows = code.min(code.sub(table["rows"], k), code.integer(TOGETHER * DEEP))
            groups = groups_of(code, rows)
            self.split_right(k, rows, groups)
            with code.loop(zero, table["height"], TALL * ROWS) as top:
                high = code.min(code.sub(table["height"], top), code.integer(TALL * ROWS))
                with code.loop(zero, groups, BLOCK) as first:
                    here = code.min(code.sub(groups, first), code.integer(BLOCK))
                    row = code.mul(first, code.integer(DEEP))
                    a = code.at(table["a"], code.add(code.mul(code.add(k, row), table["a_row"]), top))
                    self.split_left(a, code.sub(rows, row), high, here)
                    self.multiply(first, here, high)
                self.add(top, high)
        tiles.release()
        code.done()
        return code.function

    def split_right(self, k: Value, rows: Value, groups: Value) -> None:
        """The parts of some rows of the other arrays, as weights."""
        code, zero = self.code, self.code.integer(0)
        with self.each_other() as other, code.loop(zero, groups) as group, code.loop(zero, code.integer(LANES)) as pair:
            origin = code.at(other["b"], code.mul(k, other["b_row"]))
            first = code.add(code.mul(group, code.integer(DEEP)), pair)
            with code.loop(zero, other["width"], LANES) as column:
                mask = code.tail_mask(code.sub(other["width"], column))
                numbers = (first, code.add(first, code.integer(LANES)))
                place = code.at(origin, column)
                halves = [_row(code, place, other["b_row"], number, rows, mask) for number in numbers]
                into = code.add(code.mul(other["before"], code.integer(LANES)), column)
                tiles = code.at(self.right, code.mul(into, code.integer(TOGETHER * PARTS * TILE // LANES)), I8)
                _store(code, tiles, group, pair, halves)

    @contextmanager
    def each_other(self) -> Iterator[dict[str, Value]]:
        """A loop over the other arrays."""
        code = self.code
        with code.loop(code.integer(0), self.table["count"]) as number:
            place = code.mul(number, code.integer(len(OTHERS)))
            yield read_table(code, code.at(self.table["others"], place, I64), OTHERS)

    def split_left(self, a: Value, rows: Value, high: Value, groups: Value) -> None:
        """The parts of some columns of `a`, turned round: an operand."""
        code, zero, stride = self.code, self.code.integer(0), self.table["a_row"]
        with code.loop(zero, high, ROWS) as first:
            mask = code.tail_mask(code.sub(high, first))
            origin = code.at(a, first)
            into = code.at(self.left, code.mul(first, code.integer(BLOCK * PARTS * TILE // ROWS)), I8)
            with code.loop(zero, groups) as group:
                turned = []
                for i in range(2):
                    begin = code.add(code.mul(group, code.integer(DEEP)), code.integer(i * LANES))
                    numbers = [code.add(begin, code.integer(j)) for j in range(LANES)]
                    for number in numbers:  # no processor foresees that the columns beside them come next
                        code.prefetch(origin, code.add(code.mul(number, stride), code.integer(TALL * ROWS)))
                    turned.append(code.transposed([_row(code, origin, stride, n, rows, mask) for n in numbers]))
                for r, halves in enumerate(zip(*turned, strict=True)):
                    _store(code, into, group, code.integer(r), list(halves))

    def multiply(self, first: Value, groups: Value, high: Value) -> None:
        """The block's sums over some groups of rows from `first` on."""
        code, b, zero = self.code, self.code.builder, self.code.integer(0)
        tall = b.sdiv(code.add(high, code.integer(ROWS - 1)), code.integer(ROWS))
        last = code.mul(code.sub(tall, code.integer(1)), code.integer(ROWS))
        begins = b.icmp_signed("==", first, zero)
        apart = code.integer(TOGETHER * PARTS * TILE)

        def strip(column: Value, block: Any) -> None:
            """What these rows add to the columns at `column` (in vectors)."""
            tiles = code.add(code.mul(column, apart), code.mul(first, code.integer(PARTS * TILE)))
            found = code.at(self.found, code.mul(column, code.integer(LANES)))
            start, start_row = b.select(begins, self.nothing, found), b.select(begins, zero, self.width)
            places = [start, start_row, found, self.width]
            panel = code.at(self.right, tiles, I8)
            b.call(block, [self.left, panel, apart, groups, *places, code.integer(ROWS), last])

        over_columns(code, self.blocks, tall, self.table["vectors"], strip)

    def add(self, top: Value, high: Value) -> None:
        """The block's sums to those of all rows before."""
        code, zero = self.code, self.code.integer(0)
        with self.each_other() as other, code.loop(zero, high) as r, code.loop(zero, other["width"], LANES) as column:
            mask = code.tail_mask(code.sub(other["width"], column))
            target = code.at(other["out"], code.mul(code.add(top, r), other["width"]))
            before = code.add(code.mul(other["before"], code.integer(LANES)), column)
            new = code.load(self.found, code.add(code.mul(r, self.width), before))
            both = code.builder.fadd(new, code.masked_load(target, column, mask))
            code.masked_store(both, target, column, mask)


def _row(code: Code, origin: Value, stride: Value, number: Value, rows: Value, mask: Value) -> Value:
    """A vector of a row; zeros past the last row, which is not read."""
    none = ir.Constant(mask.type, None)
    there = code.builder.icmp_signed("<", number, rows)
    return code.masked_load(origin, code.mul(number, stride), code.builder.select(there, mask, none))


def _store(code: Code, tiles: Value, group: Value, row: Value, halves: list[Value]) -> None:
    """Two vectors as a row of each of a group's tiles."""
    place = code.add(code.mul(group, code.integer(PARTS * TILE)), code.mul(row, code.integer(LINE)))
    store_parts(code, halves, code.at(tiles, place, I8))
