"""Weights as tiles of bfloat16, three for a float32."""

from llvmlite import ir

from treadle.compiler.cpu.amx.registers import DEEP, LANES, LINE, PARTS, TILE, groups_of, store_parts
from treadle.compiler.cpu.entry import write_calls
from treadle.compiler.cpu.ir import I8, Code, Value

PACK = ["*from", "inputs", "vectors", "*to"]
"""Of the packing of panels that stand one after the other, with so many inputs and vectors of columns in all."""


def column_floats(inputs: int) -> int:
    """The size of a column in float32 numbers."""
    return -(-inputs // DEEP) * DEEP * PARTS // 2


def build(panel_vectors: int) -> ir.Module:
    """The module with `enter`: tiles from the panels that `tile` reads, some panels to a table."""
    module = ir.Module("pack amx")
    code = Code(module, "pack", PACK, "float32", LANES, private=True)
    g, b = code.arguments, code.builder
    groups, most = groups_of(code, g["inputs"]), code.integer(panel_vectors)
    with code.loop(code.integer(0), g["vectors"]) as v, code.loop(code.integer(0), groups) as k:
        inside = b.srem(v, most)
        first = code.sub(v, inside)
        vectors = code.min(most, code.sub(g["vectors"], first))
        panel = code.at(g["from"], code.mul(code.mul(first, g["inputs"]), code.integer(LANES)))
        tile = code.mul(code.add(code.mul(v, groups), k), code.integer(PARTS * TILE))
        with code.loop(code.integer(0), code.integer(LANES)) as pair:
            halves: list[Value] = []
            for i in range(2):
                number = code.add(code.mul(k, code.integer(DEEP)), code.integer(i * LANES), pair)
                there = b.icmp_signed("<", number, g["inputs"])
                row = code.add(code.mul(b.select(there, number, code.integer(0)), vectors), inside)
                halves.append(b.select(there, code.load(panel, code.mul(row, code.integer(LANES))), code.number(0.0)))
            row = code.add(tile, code.mul(pair, code.integer(LINE)))
            store_parts(code, halves, code.at(g["to"], row, I8))
    code.done()
    write_calls(module, code.function, PACK)
    return module
