"""The matrix product of a step, written as vector code, and the packing of weights that it reads.

A weight `[inputs, outputs]` is packed in panels: `panel_vectors` vectors of columns stand together, and for every input
the numbers of these columns are contiguous; the last panel has as many vectors as are needed. A tile computes some rows
by one panel with all sums in registers:

    out[row, column] = start[row, column] + sum over k of a[row, k] * panel[k, column]

The rows are split evenly (16 = 6 + 5 + 5). One or two rows take two panels at a time, so that enough independent sums
hide the latency of the multiply-add.
"""

from collections.abc import Mapping
from typing import Any

from llvmlite import ir

from treadle.compiler.cpu.blocks import Shape, call_tile, even_blocks, over_panels, shapes
from treadle.compiler.cpu.entry import write_calls
from treadle.compiler.cpu.ir import I64, POINTER, VOID, Code, Value
from treadle.compiler.cpu.machine import Machine

ARGUMENTS = ["*a", "a_row", "*panel", "inputs", "*start", "start_row", "*out", "out_row"]
"""Of a tile: addresses, the number of inputs, and strides of rows in numbers."""

PRODUCT = ["*a", "a_row", "*weights", "inputs", "*start", "start_row", "*out", "out_row", "rows", "vectors", "back"]
"""Of a product: as a tile, `rows`, the columns by the number of vectors, and 1 where they are to come in the opposite
order: of the step before, the last ones are still in the nearest cache."""


PACK = ["*from", "input_stride", "output_stride", "inputs", "outputs", "vectors", "*to"]
"""Of the packing of a weight `[inputs, outputs]` with these strides: its columns by the number of vectors."""


def build(machine: Machine, dtype: str) -> ir.Module:
    """The module with `product`, `pack`, and `enter` for a weight whose columns are packed by several threads."""
    module = ir.Module("tile")
    lanes = machine.vector_bytes // (4 if dtype == "float32" else 8)
    tiles = {shape: _tile(module, dtype, lanes, *shape) for shape in shapes(machine)}
    _product(module, dtype, lanes, machine, tiles)
    write_calls(module, _pack(module, dtype, lanes, machine), PACK)
    return module


def _tile(module: Any, dtype: str, lanes: int, rows: int, vectors: int, panels: int) -> Any:
    """A block of `rows` by `panels` panels of `vectors` vectors."""
    code = Code(module, f"tile_{rows}_{vectors}_{panels}", ARGUMENTS, dtype, lanes, private=True)
    g = code.arguments
    wide = code.integer(vectors * lanes)
    bases = [code.at(g["panel"], code.mul(code.mul(g["inputs"], wide), code.integer(p))) for p in range(panels)]
    columns = [(p, v) for p in range(panels) for v in range(vectors)]

    def place(row: int, stride: Value, p: int, v: int) -> Value:
        return code.add(code.mul(code.integer(row), stride), code.integer((p * vectors + v) * lanes))

    starts = [code.load(g["start"], place(r, g["start_row"], p, v)) for r in range(rows) for p, v in columns]
    left = [code.at(g["a"], code.mul(code.integer(r), g["a_row"])) for r in range(rows)]
    with code.loop(code.integer(0), g["inputs"], carried=starts) as k:
        offset = code.mul(k.index, wide)
        weights = [code.load(bases[p], code.add(offset, code.integer(v * lanes))) for p, v in columns]
        for r in range(rows):
            number = code.splat(code.load(left[r], k.index, code.scalar))
            for i, weight in enumerate(weights):
                place_ = r * len(columns) + i
                k.next[place_] = code.fma(number, weight, k.values[place_])
    for r in range(rows):
        for i, (p, v) in enumerate(columns):
            code.store(k.values[r * len(columns) + i], g["out"], place(r, g["out_row"], p, v))
    code.done()
    return code.function


def _product(module: Any, dtype: str, lanes: int, machine: Machine, tiles: Mapping[Shape, Any]) -> None:
    """All rows by all columns: panels outermost, so that one stays in the nearest cache while the rows pass."""
    code = Code(module, "product", PRODUCT, dtype, lanes)
    g = code.arguments

    def strip(column: Value, width: int, panels: int) -> None:
        """All rows by the panels at `column` (in vectors)."""
        weights = code.at(g["weights"], code.mul(code.mul(column, code.integer(lanes)), g["inputs"]))
        start, out = (code.at(g[name], code.mul(column, code.integer(lanes))) for name in ("start", "out"))
        with even_blocks(code, g["rows"], code.integer(machine.tile_rows)) as (row, rows):
            a, first, out_row = (
                code.at(base, code.mul(row, stride))
                for base, stride in ((g["a"], g["a_row"]), (start, g["start_row"]), (out, g["out_row"]))
            )
            arguments = [a, g["a_row"], weights, g["inputs"], first, g["start_row"], out_row, g["out_row"]]
            call_tile(code, tiles, rows, width, panels, arguments)

    over_panels(code, machine, g["rows"], g["vectors"], strip, g["back"])
    code.done()


def _pack(module: Any, dtype: str, lanes: int, machine: Machine) -> Any:
    """Panels of a matrix `[inputs, outputs]` with any strides, zeros where its columns end within a vector."""
    code = Code(module, "pack", PACK, dtype, lanes)
    g, b, most = code.arguments, code.builder, machine.panel_vectors
    zero = code.integer(0)
    with code.loop(zero, g["vectors"], most) as first:
        width = code.mul(code.min(code.integer(most), code.sub(g["vectors"], first)), code.integer(lanes))
        column = code.mul(first, code.integer(lanes))
        source = code.at(g["from"], code.mul(column, g["output_stride"]))
        target = code.at(g["to"], code.mul(column, g["inputs"]))
        here = code.min(width, code.sub(g["outputs"], column))
        by_input = b.icmp_signed("==", g["output_stride"], code.integer(1))
        by_output = b.icmp_signed("==", g["input_stride"], code.integer(1))
        whole = code.sub(here, b.srem(here, code.integer(lanes)))  # columns that fill a vector
        block = b.select(b.or_(by_input, by_output), whole, zero)
        deep = code.sub(g["inputs"], b.srem(g["inputs"], code.integer(lanes)))
        with code.when(by_input), code.loop(zero, g["inputs"]) as k, code.loop(zero, whole, lanes) as j:
            code.store(
                code.load(source, code.add(code.mul(k, g["input_stride"]), j)), target, code.add(code.mul(k, width), j)
            )
        turned = b.and_(by_output, b.not_(by_input))
        with code.when(turned), code.loop(zero, deep, lanes) as k, code.loop(zero, whole, lanes) as j:
            rows = [
                code.load(source, code.add(code.mul(code.add(j, code.integer(i)), g["output_stride"]), k))
                for i in range(lanes)
            ]
            for i, row in enumerate(code.transposed(rows)):
                code.store(row, target, code.add(code.mul(code.add(k, code.integer(i)), width), j))
        with code.loop(zero, g["inputs"]) as k:
            begin = b.select(b.and_(turned, b.icmp_signed(">=", k, deep)), zero, block)
            with code.loop(begin, here) as j:
                origin = code.add(code.mul(k, g["input_stride"]), code.mul(j, g["output_stride"]))
                code.store(code.load(source, origin, code.scalar), target, code.add(code.mul(k, width), j))
            with code.loop(here, width) as j:
                code.store(ir.Constant(code.scalar, 0.0), target, code.add(code.mul(k, width), j))
    code.done()
    return code.function


def declare_product(module: Any, name: str = "product") -> Any:
    """A product, by its name, as a function of another module."""
    kinds = [POINTER if argument.startswith("*") else I64 for argument in PRODUCT]
    return ir.Function(module, ir.FunctionType(VOID, kinds), name)
