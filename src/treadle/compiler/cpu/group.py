"""Groups of pointwise functions as passes over rows: every number is read once, used, and written once.

Groups that follow each other take one row after the other, each row through all of them, while what they hand on lies
near. What is one number of a row (the sum over its features, a mean, a scale) is handed on in registers.
"""

from typing import Any

from llvmlite import ir

from treadle.compiler.cpu import math
from treadle.compiler.cpu.ir import I32, Code, Value
from treadle.compiler.cpu.runs import Run
from treadle.compiler.schedule import GroupStage, Place


def write_run(module: Any, name: str, run: Run, dtype: str, lanes: int) -> Any:
    """A function of `rows`, the width of each group, and an address and row stride for every place.

    Args:
        module: Where it goes.
        name: Its name.
        run: The groups.
        dtype: "float32" or "float64".
        lanes: Numbers of a vector.
    """
    stages, places = list(run.groups.values()), run.places
    widths = [f"width{i}" for i in range(len(stages))]
    names = ["rows", *widths, *(name for i in range(len(places)) for name in (f"*p{i}", f"s{i}"))]
    code = Code(module, name, names, dtype, lanes, private=True)
    given = code.arguments
    with code.loop(code.integer(0), given["rows"]) as row:
        bases = {}
        for i, place in enumerate(places):
            first, apart = given[f"p{i}"], given[f"s{i}"]
            bases[place] = first if place in run.passing else code.at(first, code.mul(row, apart))
        writer = _Row(code, bases)
        for stage, width in zip(stages, widths, strict=True):
            if stage.width == 1 and len(stages) > 1:
                writer.number(stage)
            else:
                writer.vector(stage, given[width])
    code.done()
    return code.function


class _Row:
    """Writes the passes over one row.

    Args:
        code: Where they go.
        bases: Where the row begins in every place.
    """

    def __init__(self, code: Code, bases: dict[Place, Value]) -> None:
        self.code, self.bases = code, bases
        self.numbers: dict[Place, Value] = {}  # of width 1, made by an earlier pass

    def number(self, stage: GroupStage) -> None:
        """A group of width 1."""
        code = self.code.narrowed()
        values: list[Value] = []
        for operation, *operands in stage.code:
            value = None
            match operation:
                case "load" | "splat":
                    value = code.splat(self.read(operands[0]))
                case "constant":
                    value = code.number(operands[0])
                case "store":
                    self.write(operands[0], _only(code, values[operands[1]]))
                case "accumulate":
                    self.write(operands[0], code.builder.fadd(_only(code, values[operands[1]]), self.read(operands[0])))
                case _:
                    value = math.apply(code, operation, [values[i] for i in operands])
            values.append(value)

    def read(self, place: Place) -> Value:
        """A number of the row."""
        known = self.numbers.get(place)
        return self.code.load(self.bases[place], self.code.integer(0), self.code.scalar) if known is None else known

    def write(self, place: Place, number: Value) -> None:
        """Keep a number of the row, for the passes to come too."""
        self.code.store(number, self.bases[place], self.code.integer(0))
        self.numbers[place] = number

    def vector(self, stage: GroupStage, width: Value) -> None:
        """A group of any width."""
        code, b = self.code, self.code.builder
        splats = {entry[1]: code.splat(self.read(entry[1])) for entry in stage.code if entry[0] == "splat"}
        sums = [entry[1] for entry in stage.code if entry[0] == "sum"]

        def column(j: Value, carrier: list[Value], mask: Value | None) -> list[Value]:
            values: list[Value] = []
            totals: list[Value] = []
            for operation, *operands in stage.code:
                value = None
                match operation:
                    case "load":
                        value = self.load(operands[0], j, mask)
                    case "splat":
                        value = splats[operands[0]]
                    case "constant":
                        value = code.number(operands[0])
                    case "store":
                        self.store(values[operands[1]], operands[0], j, mask)
                    case "accumulate":
                        both = b.fadd(values[operands[1]], self.load(operands[0], j, mask))
                        self.store(both, operands[0], j, mask)
                    case "sum":
                        value = values[operands[1]]
                        if mask is not None:
                            value = b.select(mask, value, code.number(0.0))
                        totals.append(b.fadd(carrier[len(totals)], value))
                    case _:
                        value = math.apply(code, operation, [values[i] for i in operands])
                values.append(value)
            return totals

        whole = code.sub(width, b.srem(width, code.integer(code.lanes)))
        if stage.width == 1:
            whole = b.select(b.icmp_signed("==", code.arguments["rows"], code.integer(1)), whole, code.integer(0))
        with code.loop(code.integer(0), whole, code.lanes, carried=[code.number(0.0)] * len(sums)) as loop:
            loop.next = column(loop.index, loop.values, None)
        totals = loop.values
        with code.loop(whole, width, code.lanes, carried=totals) as loop:
            loop.next = column(loop.index, loop.values, code.tail_mask(code.sub(width, loop.index)))
        for place, value in zip(sums, loop.values, strict=True):
            self.write(place, code.horizontal_sum(value))

    def load(self, place: Place, j: Value, mask: Value | None) -> Value:
        """A vector of the row, or as much of it as there is."""
        base = self.bases[place]
        return self.code.load(base, j) if mask is None else self.code.masked_load(base, j, mask)

    def store(self, value: Value, place: Place, j: Value, mask: Value | None) -> None:
        """Write a vector of the row, or as much of it as there is."""
        if mask is None:
            self.code.store(value, self.bases[place], j)
        else:
            self.code.masked_store(value, self.bases[place], j, mask)


def _only(code: Code, vector: Value) -> Value:
    """The number of a vector of one."""
    return code.builder.extract_element(vector, ir.Constant(I32, 0))
