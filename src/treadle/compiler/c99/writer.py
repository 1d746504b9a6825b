"""The stages of a schedule as statements of C, each value under the name that the cell gives it."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from treadle.compiler.c99.text import ATOM, FACTOR, TERM, TEST, Expression, constant, function, identifier
from treadle.compiler.schedule import GroupStage, Place, ProductStage, Schedule

_GATES = frozenset({"sigmoid", "tanh", "relu", "exp", "sin", "where"})
"""Functions whose value is called by the gate that they are computed from."""

LONGEST = 60
"""Characters of an expression that is not yet worth a name."""


class Constants(Protocol):
    """Takes up the weights of a step, and says how C reads them."""

    def vector(self, name: str, values: Tensor) -> str:
        """Numbers `[size]` that are read one by one: the name of their array."""

    def product(self, out: str, name: str, terms: Sequence[tuple[str, Tensor]], bias: Tensor | None) -> list[str]:
        r"""The statements of \(\mathrm{out} = \sum_k a_k W_k + b\).

        Args:
            out: The array that it goes to.
            name: By which constants are called.
            terms: The array \(a_k\) as an expression of C, and \(W_k\) `[inputs, outputs]`.
            bias: `[outputs]`, or None.
        """


def _number(text: str) -> Expression:
    """A name or a number, which may be negative."""
    return Expression(text, FACTOR if text.startswith("-") else ATOM)


class Writer:
    """Writes the stages of a schedule, one after the other."""

    def __init__(
        self,
        plan: Schedule,
        constants: Constants,
        prefix: str,
        fields: dict[str, str],
        derived: list[Tensor],
        called: list[str],
        gates: tuple[str, ...],
    ) -> None:
        self.plan, self.constants, self.prefix = plan, constants, prefix
        self.derived, self.called, self.gates = derived, called, gates
        self.helpers: set[str] = set()
        self.stack = 0
        self.arrays = {"x": "x", "y": "y", **fields}
        self.taken = {"x", "y", "i", *fields.values()}
        self.gate: dict[tuple[str, int], set[str]] = {}  # of what lies at a place
        self.vectors: dict[int, str] = {}
        products = [stage for stage in plan.stages if isinstance(stage, ProductStage)]
        for number, stage in enumerate(products, 1):
            self.arrays[stage.out] = self.fresh("a" if len(products) == 1 else f"a{number}")
        self.moved = {name: self.fresh(f"next_{fields[name]}") for name in plan.carried if not self.in_place(name)}

    def write(self) -> list[str]:
        """The statements."""
        body: list[str] = []
        for stage in self.plan.stages:
            if isinstance(stage, ProductStage):
                body += self.product(stage)
            else:
                body += self.group(stage)
        for name, array in self.moved.items():
            body.append(f"memcpy({self.arrays[name]}, {array}, sizeof {array});")
        unread = [] if any(re.search(r"\bx\b", line) for line in body) else ["(void)x;"]
        return [*self.declarations(), *unread, *body]

    # Memory.

    def declarations(self) -> list[str]:
        """The arrays that a step needs for itself."""
        found = []
        for name, array in self.arrays.items():  # in the order in which they are written
            buffer = self.plan.buffers.get(name)
            if buffer is not None and buffer.kind in ("chunk", "scratch") and not self.is_single(name):
                found.append((array, buffer.width))
        found += [(array, self.plan.buffers[name].width) for name, array in self.moved.items()]
        self.stack = sum(width for _, width in found)
        return [f"float {array}[{width}];" for array, width in found]

    def is_single(self, name: str) -> bool:
        """Whether a buffer is one number, and no product: a variable of its own."""
        buffer = self.plan.buffers[name]
        return buffer.kind == "scratch" and buffer.width == 1 and buffer.source != "product"

    def in_place(self, name: str) -> bool:
        """Whether a field may be written where it is read: nothing reads another number of it from then on."""
        last_read, first_write, within = -1, len(self.plan.stages), True
        for number, stage in enumerate(self.plan.stages):
            if isinstance(stage, ProductStage):
                if any(term.place.buffer == name for term in [*stage.hoisted, *stage.terms]):
                    last_read = number
                continue
            reads = [one for one in stage.code if one[0] in ("load", "splat") and one[1].buffer == name]
            writes = [one[1] for one in stage.code if one[0] == "store" and one[1] == Place(name, one[1].column, True)]
            if writes:
                first_write = min(first_write, number)
                columns = {place.column for place in writes}
                spread = any(one[0] == "splat" and stage.width > 1 for one in reads)
                within = within and not spread and {one[1].column for one in reads} <= columns and len(columns) == 1
            if reads and not writes:
                last_read = number
        return within and last_read < first_write

    def at(self, place: Place) -> str:
        """A place as an expression of C: where an array begins."""
        array = self.moved.get(place.buffer, self.array(place.buffer)) if place.after else self.array(place.buffer)
        return f"{array} + {place.column}" if place.column else array

    def number(self, place: Place, width: int, *, spread: bool = False) -> str:
        """One number of a place, the i-th in a loop."""
        if self.plan.buffers[place.buffer].kind == "vector":
            parameter = self.plan.buffers[place.buffer].source
            if self.derived[parameter].numel() == 1:
                return constant(float(self.derived[parameter]))
        elif self.is_single(place.buffer):
            return self.array(place.buffer)
        array, _, column = self.at(place).partition(" + ")
        if width == 1 or spread:
            return f"{array}[{column or 0}]"
        return f"{array}[{column} + i]" if column else f"{array}[i]"

    def array(self, buffer: str) -> str:
        """The name of a buffer."""
        kind = self.plan.buffers[buffer]
        if kind.kind == "vector":
            if kind.source not in self.vectors:
                values = self.derived[kind.source].reshape(-1)
                self.vectors[kind.source] = self.constants.vector(
                    f"{self.prefix}_{identifier(self.called[kind.source])}", values
                )
            return self.vectors[kind.source]
        if buffer not in self.arrays:
            gate = self.gate.get((buffer, 0), set())
            self.arrays[buffer] = self.fresh(f"{min(gate)}_part" if len(gate) == 1 else "part")
        return self.arrays[buffer]

    def fresh(self, name: str) -> str:
        """A name that nothing has yet."""
        name, count = identifier(name), 1
        found = name
        while found in self.taken:
            count += 1
            found = f"{name}{count}"
        self.taken.add(found)
        return found

    # Stages.

    def product(self, stage: ProductStage) -> list[str]:
        """A comment, and the calls that multiply."""
        out = self.arrays[stage.out]
        terms, words = [], []
        for term in (*stage.hoisted, *stage.terms):
            weight = torch.zeros(term.inputs, stage.outputs)
            for row, column, matrix in term.blocks:
                part = matrix.of(self.derived[matrix.parameter])
                weight[row : row + part.shape[0], column : column + part.shape[1]] = part
            names = dict.fromkeys(self.called[matrix.parameter] for _, _, matrix in term.blocks)
            words.append(f"{' '.join(names)} {self.at(term.place)}")
            address = "&" if self.is_single(term.place.buffer) else ""
            terms.append((f"{address}{self.at(term.place)}", weight))
            for row, column, matrix in term.blocks:
                if row == 0:
                    self.name_gate(stage, column, matrix.outputs, self.derived[matrix.parameter].shape)
        bias = torch.zeros(stage.outputs) if stage.bias else None
        for column, vector in stage.bias:
            assert bias is not None
            bias[column : column + vector.width] += self.vector(vector.parameter, vector.start, vector.width)
            words.append(self.called[vector.parameter])
        known = [self.gate.get((stage.out, column), set()) for column, _ in stage.pieces]
        gates = ", ".join(min(names) for names in known) if all(len(names) == 1 for names in known) else ""
        comment = f"/* {out}{f' ({gates})' if gates else ''} = {' + '.join(dict.fromkeys(words))} */"
        return ["", comment, *self.constants.product(out, f"{self.prefix}_{out}", terms, bias)]

    def vector(self, parameter: int, start: int, width: int) -> Tensor:
        """A part of a parameter of one axis; one number of a scalar for every place."""
        values = self.derived[parameter].reshape(-1)
        return values.expand(width) if values.numel() == 1 else values[start : start + width]

    def name_gate(self, stage: ProductStage, column: int, outputs: tuple[int, int], shape: Sequence[int]) -> None:
        """Find out which gate begins in a column of a product: blocks of a parameter are the cell's gates in order."""
        if not self.gates or max(shape) % len(self.gates):
            return
        size = shape[0] // len(self.gates) if shape[0] % len(self.gates) == 0 else 0
        begin, width = outputs
        if size and begin % size == 0 and width <= size and begin // size < len(self.gates):
            self.gate[stage.out, column] = {self.gates[begin // size]}

    def group(self, stage: GroupStage) -> list[str]:
        """A loop over the units; what is read before it is overwritten is kept first, stores come last."""
        code, width = stage.code, stage.width
        uses = Counter(a for one in code for a in one[1:] if isinstance(a, int) and one[0] != "constant")
        stores = {
            one[2]: one for one in sorted(code, key=lambda one: one[0] == "store" and one[1].after) if one[0] == "store"
        }
        written = {one[1].buffer for one in code if one[0] == "store"}
        gates = self.gates_of(code)
        values: dict[int, Expression] = {}
        before: list[str] = []
        inner: list[str] = []
        last: list[str] = []

        def keep(number: int, made: Expression, name: str) -> None:
            test = made.level == TEST
            values[number] = Expression(self.fresh("is" if test else name), made.level if test else ATOM)
            inner.append(f"const {'int' if test else 'float'} {values[number].text} = {made.text};")

        for number, (operation, *arguments) in enumerate(code):
            match operation:
                case "constant":
                    values[number] = _number(constant(arguments[0]))
                case "load" | "splat":
                    place = arguments[0]
                    text = self.splat(place) if operation == "splat" else self.number(place, width)
                    values[number] = _number(text)
                    if place.buffer in written:
                        keep(number, values[number], f"old_{self.arrays[place.buffer]}")
                case "store":
                    place, value = arguments
                    self.gate[place.buffer, place.column] = gates[value]
                    if self.is_single(place.buffer):
                        inner.append(f"const float {self.array(place.buffer)} = {values[value].within(TERM)};")
                    else:
                        last.append(f"{self.number(place, width)} = {values[value].within(TERM)};")
                case "sum":
                    place, value = arguments
                    total = self.array(place.buffer)
                    before.append(f"float {total} = 0.0f;")
                    last.append(f"{total} += {values[value].within(TERM)};")
                case _:
                    made = function(operation, [values[a] for a in arguments], self.helpers)
                    values[number] = made
                    named = operation in _GATES and len(gates[number]) == 1
                    if uses[number] > 1 or named or len(made.text) > LONGEST:
                        keep(number, made, self.called_after(stores.get(number), gates[number] if named else set()))
        if width == 1:
            return ["", *before, *inner, *last]
        loop = [f"for (int i = 0; i < {width}; ++i) {{", *(f"    {line}" for line in (*inner, *last)), "}"]
        return ["", *before, *loop]

    def called_after(self, store: tuple[Any, ...] | None, gates: set[str]) -> str:
        """The name of a value: by the field of the state that it goes to, or by its gate."""
        if store is not None and store[1].after:
            return f"new_{self.arrays[store[1].buffer]}"
        if not gates:
            return "v"
        gate = min(gates)
        return f"{gate}_gate" if gate in self.arrays.values() or identifier(gate) != gate else gate

    def splat(self, place: Place) -> str:
        """One number that is the same for all units: of a sized constant itself."""
        buffer = self.plan.buffers[place.buffer]
        if buffer.kind == "number":
            return constant(buffer.source)
        return self.number(place, 2, spread=True)

    def gates_of(self, code: list[tuple[Any, ...]]) -> list[set[str]]:
        """The gates that every value of a group is computed from."""
        found: list[set[str]] = []
        for operation, *arguments in code:
            if operation in ("load", "splat"):
                found.append(self.gate.get((arguments[0].buffer, arguments[0].column), set()))
            elif operation in ("store", "sum", "constant"):
                found.append(set())
            elif operation in _GATES and operation != "where":
                inside = set().union(*(found[a] for a in arguments))
                found.append(inside if len(inside) == 1 else set())
            else:
                inside = set().union(*(found[a] for a in arguments))
                found.append(inside)
        return found
