r"""The matrix product of a step with weights in 8 bits (see `treadle.compiler.quantisation`).

Each row of the operand is brought to whole numbers when it is met, by a scale of its own, so that the sums are sums of
whole numbers, and exact:

$$\mathrm{out}_{rj} = \mathrm{start}_{rj} + \sigma_r s_j \sum_k p_{rk} q_{kj},
\qquad \sigma_r = \max_k |a_{rk}| / 127, \qquad p_{rk} = \mathrm{round}(a_{rk} / \sigma_r)$$

Panels are those of `tile`, with four inputs of a column together in the place of one number: a vector holds four inputs
of as many columns as a vector of float32 does. Before them stand the scales of the panel's columns. Weights are kept
128 too large, without a sign, as the instruction wants its first factor; 128 times the row's sum is taken off again.
"""

from collections.abc import Mapping
from typing import Any

import torch
from llvmlite import ir
from torch import Tensor

from treadle.compiler.cpu.blocks import Shape, call_tile, even_blocks, over_panels, shapes
from treadle.compiler.cpu.ir import I8, I32, Code, Value
from treadle.compiler.cpu.machine import Machine
from treadle.compiler.cpu.tile import PRODUCT
from treadle.compiler.quantisation import LARGEST, quantise

NAME = "product_int8"

TOGETHER = 4
"""Inputs whose products are added in one instruction."""

OFFSET = 128
"""What is added to a weight so that it needs no sign."""

WHOLE = 1.5 * 2.0**23
"""Added to a small number, it leaves no place for a fraction: the sum's last bits are the rounded number."""

ARGUMENTS = ["*p", "p_row", "*scales", "*sums", "*panel", "groups", "*start", "start_row", "*out", "out_row"]
"""Of a tile: rows of whole numbers, their scales and sums, and the rest as in `tile`, inputs by groups."""


def column_floats(inputs: int) -> int:
    """The size of a column, its scale included, in float32 numbers."""
    return -(-inputs // TOGETHER) + 1


def pack(weight: Tensor, lanes: int, panel_vectors: int) -> Tensor:
    """The panels of a weight `[inputs, outputs]`, as float32 numbers that are none.

    Args:
        weight: In float32.
        lanes: Columns of a vector.
        panel_vectors: Vectors of a panel.
    """
    inputs, outputs = weight.shape
    groups = -(-inputs // TOGETHER)
    whole = weight.new_zeros(-(-outputs // lanes) * lanes, groups * TOGETHER)
    whole[:outputs, :inputs] = weight.t()
    numbers, scale = quantise(whole)
    raised = (numbers.to(torch.int16) + OFFSET).to(torch.uint8)
    panels = []
    for own, scales in zip(raised.split(panel_vectors * lanes), scale.split(panel_vectors * lanes), strict=True):
        by_group = own.view(-1, groups, TOGETHER).transpose(0, 1).contiguous()
        panels += [scales, by_group.view(-1).view(torch.float32)]
    return torch.cat(panels)


def build(machine: Machine) -> ir.Module:
    """The module with `product_int8`."""
    module = ir.Module("tile int8")
    lanes = machine.vector_bytes // 4
    tiles = {shape: _tile(module, machine, lanes, *shape) for shape in shapes(machine)}
    _product(module, lanes, machine, tiles, _quantise(module, lanes))
    return module


def _tile(module: Any, machine: Machine, lanes: int, rows: int, vectors: int, panels: int) -> Any:
    """A block of `rows` by `panels` panels of `vectors` vectors."""
    code = Code(module, f"tile_{rows}_{vectors}_{panels}", ARGUMENTS, "float32", lanes, private=True)
    g, b = code.arguments, code.builder
    wide = code.integer(vectors * lanes)
    size = code.mul(code.add(g["groups"], code.integer(1)), wide)
    bases = [code.at(g["panel"], code.mul(size, code.integer(p))) for p in range(panels)]
    columns = [(p, v) for p in range(panels) for v in range(vectors)]
    left = [code.at(g["p"], code.mul(code.integer(r), g["p_row"]), I8) for r in range(rows)]
    surplus = [code.load(g["sums"], code.integer(r), I32) for r in range(rows)]
    sums = [code.splat(b.mul(ir.Constant(I32, -OFFSET), surplus[r])) for r in range(rows) for _ in columns]
    kind = ir.VectorType(I32, lanes)
    with code.loop(code.integer(0), g["groups"], carried=sums) as k:
        offset = code.mul(code.add(k.index, code.integer(1)), wide)  # after the scales
        weights = [b.bitcast(code.load(bases[p], code.add(offset, code.integer(v * lanes))), kind) for p, v in columns]
        for r in range(rows):
            four = code.splat(code.load(left[r], k.index, I32))
            for i, weight in enumerate(weights):
                place = r * len(columns) + i
                k.next[place] = _dot(code, machine, k.values[place], weight, four)
    for r in range(rows):
        own = code.splat(code.load(g["scales"], code.integer(r), code.scalar))
        for i, (p, v) in enumerate(columns):
            column = code.integer((p * vectors + v) * lanes)
            scale = b.fmul(own, code.load(bases[p], code.integer(v * lanes)))
            start = code.load(g["start"], code.add(code.mul(code.integer(r), g["start_row"]), column))
            whole = b.sitofp(k.values[r * len(columns) + i], code.vector())
            code.store(
                code.fma(whole, scale, start), g["out"], code.add(code.mul(code.integer(r), g["out_row"]), column)
            )
    code.done()
    return code.function


def _dot(code: Code, machine: Machine, sums: Value, weights: Value, numbers: Value) -> Value:
    """To the 32-bit `sums`, the products of four bytes without and four with a sign in every lane."""
    features = machine.features.split(",")
    b, bits = code.builder, 32 * code.lanes
    if (bits == 512 and "+avx512vnni" in features) or (bits == 256 and "+avxvnni" in features):
        name = f"llvm.x86.avx512.vpdpbusd.{bits}"
        return b.call(code.intrinsic(name, [], sums.type, [sums.type] * 3), [sums, weights, numbers])
    eight = ir.Constant(sums.type, [8] * code.lanes)
    high = ir.Constant(sums.type, [24] * code.lanes)
    for _ in range(TOGETHER):  # the lowest byte of each, then the next
        without = b.and_(weights, ir.Constant(sums.type, [255] * code.lanes))
        signed = b.ashr(b.shl(numbers, high), high)
        sums = b.add(sums, b.mul(without, signed))
        weights, numbers = b.lshr(weights, eight), b.lshr(numbers, eight)
    return sums


def _quantise(module: Any, lanes: int) -> Any:
    """`quantise(a, inputs, to, scale, sum)`: a row in whole numbers, zeros up to a whole vector, its scale and sum."""
    code = Code(module, "quantise", ["*a", "inputs", "*to", "*scale", "*sum"], "float32", lanes, private=True)
    g, b = code.arguments, code.builder
    whole = code.sub(g["inputs"], b.srem(g["inputs"], code.integer(lanes)))
    mask = code.tail_mask(code.sub(g["inputs"], whole))
    integers = ir.VectorType(I32, lanes)

    def largest(before: Value, vector: Value) -> Value:
        return code.call_vector("llvm.maximum", before, code.call_vector("llvm.fabs", vector))

    with code.loop(code.integer(0), whole, lanes, carried=[code.number(0.0)]) as k:
        k.next = [largest(k.values[0], code.load(g["a"], k.index))]
    found = largest(k.values[0], code.masked_load(g["a"], whole, mask))
    reduce = code.intrinsic("llvm.vector.reduce.fmaximum", [found.type], code.scalar, [found.type])
    most = b.call(reduce, [found])
    number = ir.Constant(code.scalar, float(LARGEST))
    tiny = b.fcmp_ordered("<", most, ir.Constant(code.scalar, 2.0**-100))
    per = code.splat(b.select(tiny, ir.Constant(code.scalar, 0.0), b.fdiv(number, most)))
    b.store(b.fdiv(most, number), g["scale"])

    def write(sums: Value, vector: Value, place: Value) -> Value:
        moved = code.fma(vector, per, code.number(WHOLE))
        numbers = b.sub(b.bitcast(moved, integers), b.bitcast(code.number(WHOLE), integers))
        b.store(b.trunc(numbers, ir.VectorType(I8, lanes)), code.at(g["to"], place, I8)).align = 1
        return b.add(sums, numbers)

    with code.loop(code.integer(0), whole, lanes, carried=[ir.Constant(integers, None)]) as k:
        k.next = [write(k.values[0], code.load(g["a"], k.index), k.index)]
    sums = write(k.values[0], code.masked_load(g["a"], whole, mask), whole)
    add = code.intrinsic("llvm.vector.reduce.add", [integers], I32, [integers])
    b.store(b.call(add, [sums]), g["sum"])
    code.done()
    return code.function


def _product(module: Any, lanes: int, machine: Machine, tiles: Mapping[Shape, Any], quantise_row: Any) -> None:
    """All rows by all columns: blocks of rows outermost, each brought to whole numbers once."""
    code = Code(module, NAME, PRODUCT, "float32", lanes)
    g, b = code.arguments, code.builder
    groups = b.sdiv(code.add(g["inputs"], code.integer(TOGETHER - 1)), code.integer(TOGETHER))
    vectors = b.sdiv(code.add(g["inputs"], code.integer(lanes)), code.integer(lanes))
    p_row = code.mul(vectors, code.integer(lanes))  # the last vector is written even where nothing is left for it
    p = b.alloca(I8, size=code.mul(p_row, code.integer(machine.tile_rows)))
    scales, sums = (b.alloca(kind, size=machine.tile_rows) for kind in (code.scalar, I32))
    for memory in (p, scales, sums):
        memory.align = 64
    with even_blocks(code, g["rows"], code.integer(machine.tile_rows)) as (row, rows):
        with code.loop(code.integer(0), rows) as r:
            origin = code.at(g["a"], code.mul(code.add(row, r), g["a_row"]))
            target = code.at(p, code.mul(r, p_row), I8)
            b.call(quantise_row, [origin, g["inputs"], target, code.at(scales, r), code.at(sums, r, I32)])
        start, out = (code.at(g[name], code.mul(row, g[f"{name}_row"])) for name in ("start", "out"))

        def strip(
            column: Value, width: int, panels: int, start: Value = start, out: Value = out, rows: Value = rows
        ) -> None:
            """The rows of the block by the panels at `column` (in vectors)."""
            first = code.mul(column, code.integer(lanes))
            panel = code.at(g["weights"], code.mul(first, code.add(groups, code.integer(1))))
            places = [code.at(start, first), g["start_row"], code.at(out, first), g["out_row"]]
            call_tile(code, tiles, rows, width, panels, [p, p_row, scales, sums, panel, groups, *places])

        over_panels(code, machine, rows, g["vectors"], strip)
    code.done()
