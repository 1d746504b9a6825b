"""How a matrix product is cut into tiles: rows in even blocks, columns in panels."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from treadle.compiler.cpu.ir import Code, Value
from treadle.compiler.cpu.machine import Machine

Shape = tuple[int, int, int]
"""Of a tile: rows, vectors of a panel, panels."""


def shapes(machine: Machine) -> list[Shape]:
    """Of all tiles that a product calls."""
    most = machine.panel_vectors
    single = [(rows, width, 1) for rows in range(1, machine.tile_rows + 1) for width in range(1, most + 1)]
    return [*single, (1, most, 2), (2, most, 2)]


@contextmanager
def even_blocks(code: Code, rows: Value, most: Value) -> Iterator[tuple[Value, Value]]:
    """A loop over blocks of at most `most` rows, as equal as can be: the first row and the count."""
    b = code.builder
    blocks = b.sdiv(code.sub(code.add(rows, most), code.integer(1)), most)
    few = b.sdiv(rows, b.select(b.icmp_signed(">", blocks, code.integer(0)), blocks, code.integer(1)))
    more = code.sub(rows, code.mul(blocks, few))  # so many blocks have a row more
    with code.loop(code.integer(0), blocks, carried=[code.integer(0)]) as block:
        (row,) = block.values
        count = code.add(few, b.zext(b.icmp_signed("<", block.index, more), few.type))
        yield row, count
        block.next = [code.add(row, count)]


def over_panels(
    code: Code,
    machine: Machine,
    rows: Value,
    vectors: Value,
    strip: Callable[[Value, int, int], None],
    back: Value | None = None,
) -> None:
    """All columns: `strip(column in vectors, vectors of a panel, panels)` for each; few rows take panels in pairs.

    With `back` 1 the pairs come from the last to the first.
    """
    b, most = code.builder, machine.panel_vectors
    two = code.integer(2 * most)
    paired = b.select(b.icmp_signed("<=", rows, code.integer(2)), b.sdiv(vectors, two), code.integer(0))
    done = code.mul(paired, two)
    turned = code.integer(0) if back is None else back
    with code.loop(code.integer(0), done, 2 * most) as column:
        other = code.sub(code.sub(done, two), column)
        strip(b.select(b.icmp_signed("!=", turned, code.integer(0)), other, column), most, 2)
    full = code.mul(b.sdiv(vectors, code.integer(most)), code.integer(most))
    with code.loop(done, full, most) as column:
        strip(column, most, 1)
    rest = code.sub(vectors, full)
    for width in range(1, most):
        with code.when(b.icmp_signed("==", rest, code.integer(width))):
            strip(full, width, 1)


def call_tile(
    code: Code, tiles: Mapping[Shape, Any], rows: Value, width: int, panels: int, arguments: list[Value]
) -> None:
    """Call the tile for a number of rows that is known only when the code runs."""
    b = code.builder
    end = code.function.append_basic_block("tiled")
    switch = b.switch(rows, end)
    for count in sorted(shape[0] for shape in tiles if shape[1:] == (width, panels)):
        case = code.function.append_basic_block(f"rows_{count}")
        switch.add_case(code.integer(count), case)
        b.position_at_end(case)
        b.call(tiles[count, width, panels], arguments)
        b.branch(end)
    b.position_at_end(end)
