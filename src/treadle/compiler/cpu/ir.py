"""A little more than llvmlite's builder: vectors, loops, addresses. Everything that kernels are written in."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from llvmlite import ir

I1, I8, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
POINTER, VOID = ir.PointerType(), ir.VoidType()
FLOATS = {"float32": ir.FloatType(), "float64": ir.DoubleType()}
BYTES = {"float32": 4, "float64": 8}

Value = Any
"""A value of llvmlite's, which carries no types of its own."""


class Code:
    """Writes one function.

    Args:
        module: Where the function goes.
        name: Its name.
        arguments: Its arguments' names; all are 64-bit integers unless `types` says otherwise.
        dtype: "float32" or "float64".
        lanes: Numbers of a vector.
        private: Whether it is called from this module alone.
    """

    def __init__(
        self, module: Any, name: str, arguments: list[str], dtype: str, lanes: int, *, private: bool = False
    ) -> None:
        kinds = [POINTER if argument.startswith("*") else I64 for argument in arguments]
        self.function = ir.Function(module, ir.FunctionType(VOID, kinds), name)
        self.function.attributes.add("nounwind")
        if private:
            self.function.linkage = "internal"
        self.module, self.builder = module, ir.IRBuilder(self.function.append_basic_block("entry"))
        self.scalar, self.size, self.lanes = FLOATS[dtype], BYTES[dtype], lanes
        self.arguments = dict(zip((a.strip("*") for a in arguments), self.function.args, strict=True))

    def narrowed(self) -> "Code":
        """The same function at the same place, in vectors of one number."""
        other = copy(self)
        other.lanes = 1
        return other

    # Integers.

    def integer(self, value: int) -> Value:
        """A constant."""
        return ir.Constant(I64, value)

    def add(self, *values: Value) -> Value:
        """The sum."""
        result = values[0]
        for value in values[1:]:
            result = self.builder.add(result, value, flags=["nsw"])
        return result

    def sub(self, a: Value, b: Value) -> Value:
        """The difference."""
        return self.builder.sub(a, b, flags=["nsw"])

    def mul(self, a: Value, b: Value) -> Value:
        """The product."""
        return self.builder.mul(a, b, flags=["nsw"])

    def min(self, a: Value, b: Value) -> Value:
        """The smaller one."""
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    # Control.

    @contextmanager
    def loop(
        self, start: Value, stop: Value, step: Value | int = 1, carried: list[Value] | None = None
    ) -> Iterator[Any]:
        """`for index in range(start, stop, step)`; gives the index, or a `Carrier` where values are carried."""
        b = self.builder
        before = b.block
        head, body, after = (self.function.append_basic_block(name) for name in ("head", "body", "after"))
        b.branch(head)
        b.position_at_end(head)
        index = b.phi(I64)
        index.add_incoming(start, before)
        phis = [b.phi(value.type) for value in carried or []]
        for phi, value in zip(phis, carried or [], strict=True):
            phi.add_incoming(value, before)
        b.cbranch(b.icmp_signed("<", index, stop), body, after)
        b.position_at_end(body)
        carrier = Carrier(index, phis)
        yield carrier if carried is not None else index
        following = self.add(index, self.integer(step) if isinstance(step, int) else step)
        index.add_incoming(following, b.block)
        for phi, value in zip(phis, carrier.next, strict=True):
            phi.add_incoming(value, b.block)
        b.branch(head)
        b.position_at_end(after)

    def when(self, condition: Value) -> Any:
        """`if condition:` as a context."""
        return self.builder.if_then(condition)

    def done(self) -> None:
        """Return."""
        self.builder.ret_void()

    # Memory.

    def vector(self) -> Any:
        """The type of a vector."""
        return ir.VectorType(self.scalar, self.lanes)

    def at(self, base: Value, offset: Value, kind: Any = None) -> Value:
        """The address of a number: `offset` numbers after `base`."""
        return self.builder.gep(base, [offset], source_etype=kind or self.scalar, inbounds=True)

    def load(self, base: Value, offset: Value, kind: Any = None) -> Value:
        """A vector, or a value of another kind, `offset` numbers after `base`."""
        kind = kind or self.vector()
        value = self.builder.load(self.at(base, offset, None if _is_float(kind) else kind), typ=kind)
        value.align = self.size if _is_float(kind) else kind.width // 8
        return value

    def store(self, value: Value, base: Value, offset: Value) -> None:
        """Write a vector, or a number, `offset` numbers after `base`."""
        self.builder.store(value, self.at(base, offset)).align = self.size

    def prefetch(self, base: Value, offset: Value) -> None:
        """Ask for a line that will be read soon; nothing happens where there is none."""
        function = self.intrinsic("llvm.prefetch", [POINTER], VOID, [POINTER, I32, I32, I32])
        read, locality, data = (ir.Constant(I32, number) for number in (0, 2, 1))
        self.builder.call(function, [self.at(base, offset), read, locality, data])

    def masked_load(self, base: Value, offset: Value, mask: Value) -> Value:
        """The lanes of a vector where the mask is set, zeros elsewhere."""
        vector = self.vector()
        function = self.intrinsic("llvm.masked.load", [vector, POINTER], vector, [POINTER, I32, mask.type, vector])
        zero = ir.Constant(vector, None)
        return self.builder.call(function, [self.at(base, offset), ir.Constant(I32, self.size), mask, zero])

    def masked_store(self, value: Value, base: Value, offset: Value, mask: Value) -> None:
        """Write the lanes of a vector where the mask is set."""
        vector = self.vector()
        function = self.intrinsic("llvm.masked.store", [vector, POINTER], VOID, [vector, POINTER, I32, mask.type])
        self.builder.call(function, [value, self.at(base, offset), ir.Constant(I32, self.size), mask])

    # Numbers.

    def number(self, value: float) -> Value:
        """A constant in every lane."""
        return ir.Constant(self.vector(), [value] * self.lanes)

    def splat(self, scalar: Value) -> Value:
        """One number in every lane."""
        vector = ir.VectorType(scalar.type, self.lanes)
        one = self.builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(I32, 0))
        return self.builder.shuffle_vector(
            one, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(I32, self.lanes), None)
        )

    def transposed(self, rows: list[Value]) -> list[Value]:
        """The columns of a square block given by its rows: blocks change places, twice as large each time."""
        rows, n, size = list(rows), self.lanes, 1
        while size < n:
            low = [lane if lane % (2 * size) < size else n + lane - size for lane in range(n)]
            high = [lane + size if lane % (2 * size) < size else n + lane for lane in range(n)]
            for i in range(n):
                if not i & size:
                    a, b = rows[i], rows[i + size]
                    for place, lanes in ((i, low), (i + size, high)):
                        rows[place] = self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, n), lanes))
            size *= 2
        return rows

    def tail_mask(self, count: Value) -> Value:
        """True in the first `count` lanes."""
        lanes = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))
        return self.builder.icmp_signed("<", lanes, self.splat(count))

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """A product and a sum, rounded once."""
        return self.call_vector("llvm.fma", a, b, c)

    def call_vector(self, name: str, *operands: Value) -> Value:
        """An LLVM intrinsic of one vector type."""
        kind = operands[0].type
        return self.builder.call(self.intrinsic(name, [kind], kind, [a.type for a in operands]), list(operands))

    def intrinsic(self, name: str, overloads: list[Any], returns: Any, arguments: list[Any]) -> Any:
        """LLVM's function of that name for these types."""
        full = ".".join([name, *map(_suffix, overloads)])
        known = self.module.globals.get(full)
        return known or ir.Function(self.module, ir.FunctionType(returns, arguments), full)

    def horizontal_sum(self, vector: Value) -> Value:
        """The sum of the lanes."""
        function = self.intrinsic("llvm.vector.reduce.fadd", [vector.type], self.scalar, [self.scalar, vector.type])
        return self.builder.call(function, [ir.Constant(self.scalar, -0.0), vector], fastmath=("reassoc",))


class Carrier:
    """The index and the carried values of a loop; `next` is what they become."""

    def __init__(self, index: Value, values: list[Value]) -> None:
        self.index, self.values = index, values
        self.next: list[Value] = list(values)


def _suffix(kind: Any) -> str:
    """A type as LLVM writes it in an intrinsic's name."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_suffix(kind.element)}"
    return {"float": "f32", "double": "f64", "ptr": "p0"}.get(str(kind), str(kind))


def _is_float(kind: Any) -> bool:
    return isinstance(kind, (ir.FloatType, ir.DoubleType, ir.VectorType))
