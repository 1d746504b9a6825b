"""A group of pointwise functions as one pass over the rows: every number is read once, used, and written once."""

from typing import Any

from treadle.compiler.cpu import math
from treadle.compiler.cpu.ir import Code, Value
from treadle.compiler.schedule import GroupStage, Place


def write_group(module: Any, name: str, stage: GroupStage, places: list[Place], dtype: str, lanes: int) -> Any:
    """A function of `rows, width` and an address and row stride for every place."""
    names = ["rows", "width", *(name for i in range(len(places)) for name in (f"*p{i}", f"s{i}"))]
    code = Code(module, name, names, dtype, lanes, private=True)
    g, b = code.arguments, code.builder
    index = {place: i for i, place in enumerate(places)}
    single = stage.width == 1
    with code.loop(code.integer(0), g["rows"]) as row:
        bases = [code.at(g[f"p{i}"], code.mul(row, g[f"s{i}"])) for i in range(len(places))]
        splats = {
            entry[1]: code.splat(code.load(bases[index[entry[1]]], code.integer(0), code.scalar))
            for entry in stage.code
            if entry[0] == "splat"
        }
        sums = [entry for entry in stage.code if entry[0] == "sum"]

        def column(j: Value, carrier: list[Value], mask: Value | None) -> list[Value]:
            values: list[Value] = []
            totals: list[Value] = []
            for operation, *operands in stage.code:
                value = None
                match operation:
                    case "load":
                        base = bases[index[operands[0]]]
                        value = code.load(base, j) if mask is None else code.masked_load(base, j, mask)
                    case "splat":
                        value = splats[operands[0]]
                    case "constant":
                        value = code.number(operands[0])
                    case "store":
                        base = bases[index[operands[0]]]
                        if mask is None:
                            code.store(values[operands[1]], base, j)
                        else:
                            code.masked_store(values[operands[1]], base, j, mask)
                    case "accumulate":
                        base = bases[index[operands[0]]]
                        if mask is None:
                            code.store(b.fadd(values[operands[1]], code.load(base, j)), base, j)
                        else:
                            sum_ = b.fadd(values[operands[1]], code.masked_load(base, j, mask))
                            code.masked_store(sum_, base, j, mask)
                    case "sum":
                        value = values[operands[1]]
                        if mask is not None:
                            value = b.select(mask, value, code.number(0.0))
                        totals.append(b.fadd(carrier[len(totals)], value))
                    case _:
                        value = math.apply(code, operation, [values[i] for i in operands])
                values.append(value)
            return totals

        whole = code.sub(g["width"], b.srem(g["width"], code.integer(code.lanes)))
        if single:
            whole = b.select(b.icmp_signed("==", g["rows"], code.integer(1)), whole, code.integer(0))
        with code.loop(code.integer(0), whole, code.lanes, carried=[code.number(0.0)] * len(sums)) as loop:
            loop.next = column(loop.index, loop.values, None)
        totals = loop.values
        with code.loop(whole, g["width"], code.lanes, carried=totals) as loop:
            loop.next = column(loop.index, loop.values, code.tail_mask(code.sub(g["width"], loop.index)))
        for entry, value in zip(sums, loop.values, strict=True):
            b.store(code.horizontal_sum(value), bases[index[entry[1]]])
    code.done()
    return code.function
