"""The tile registers: their instructions, how many rows each has, and numbers brought into the form they multiply."""

from collections.abc import Sequence

from llvmlite import ir

from treadle.compiler.cpu.ir import I8, I32, I64, VOID, Code, Value

ROWS, LANES = 16, 16
"""Of a tile, in float32."""

DEEP = 32
"""Inputs of a tile."""

PARTS = 3
"""bfloat16 numbers that make a float32."""

TILE = 1024
"""Bytes of a tile."""

LINE = 64
"""Bytes of a row of a tile."""

NEAR = 1_300_000
"""Bytes that a core keeps near beside all else: the processors that have tiles have 2 MiB of cache a core."""

SUMS, WEIGHTS, OPERAND = (0, 1, 2, 3), (4, 5), 6
"""What each register is for."""


def groups_of(code: Code, inputs: Value) -> Value:
    """Tiles of inputs."""
    return code.builder.sdiv(code.add(inputs, code.integer(DEEP - 1)), code.integer(DEEP))


class Tiles:
    """The instructions on tile registers."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def _call(self, name: str, *operands: Value | int) -> None:
        known = [ir.Constant(I8, a) if isinstance(a, int) else a for a in operands]
        function = self.code.intrinsic(f"llvm.x86.{name}", [], VOID, [a.type for a in known])
        self.code.builder.call(function, known)

    def configure(self, configuration: Value) -> None:
        """Say how many rows every register has."""
        self._call("ldtilecfg", configuration)

    def release(self) -> None:
        """Leave the registers empty, so that nobody has to save them."""
        self._call("tilerelease")

    def load(self, register: int, address: Value, stride: Value) -> None:
        """Rows `stride` bytes apart."""
        self._call("tileloadd64", register, address, stride)

    def store(self, register: int, address: Value, stride: Value) -> None:
        """Rows `stride` bytes apart."""
        self._call("tilestored64", register, address, stride)

    def multiply(self, sums: int, a: int, b: int) -> None:
        """Add a product of bfloat16."""
        self._call("tdpbf16ps", sums, a, b)


class Configuration:
    """How many rows each register has: sums and operand as many as asked for, weights one for each pair of inputs."""

    def __init__(self, code: Code) -> None:
        self.code = code
        b = code.builder
        self.memory = b.alloca(I64, size=8)
        self.memory.align = LINE
        palette, columns = 1, sum(LINE << 16 * register for register in (*SUMS, *WEIGHTS, OPERAND))
        held = sum(ROWS << 8 * register for register in WEIGHTS)
        for place, word in enumerate((palette, 0, columns & (1 << 64) - 1, columns >> 64, 0, 0, held, 0)):
            b.store(ir.Constant(I64, word), code.at(self.memory, code.integer(place), I64))
        self.held = held

    def load(self, tiles: Tiles, rows: Value) -> None:
        """Say so to the processor."""
        code, b = self.code, self.code.builder
        ones = sum(1 << 8 * register for register in (*SUMS, OPERAND))
        word = b.or_(b.mul(rows, ir.Constant(I64, ones)), ir.Constant(I64, self.held))
        b.store(word, code.at(self.memory, code.integer(6), I64))
        tiles.configure(self.memory)


def store_parts(code: Code, halves: Sequence[Value], row: Value) -> None:
    """Two vectors of float32 as a row of `PARTS` tiles that stand one after the other."""
    for part, pairs in enumerate(_split_pairs(code, *halves)):
        code.builder.store(pairs, code.at(row, code.integer(part * TILE), I8)).align = LINE


def _split_pairs(code: Code, low: Value, high: Value) -> list[Value]:
    """Two vectors of float32 as `PARTS` vectors of pairs of bfloat16."""
    b, kind = code.builder, ir.VectorType(I32, LANES)

    def whole(number: int) -> Value:
        return ir.Constant(kind, [number] * LANES)

    def together(low: Value, high: Value) -> Value:
        return b.or_(b.lshr(low, whole(16)), high)

    found = []
    for _ in range(PARTS - 1):
        rounded = [b.and_(b.add(b.bitcast(x, kind), whole(0x8000)), whole(-0x10000)) for x in (low, high)]
        found.append(together(*rounded))
        low, high = (b.fsub(x, b.bitcast(r, code.vector())) for x, r in zip((low, high), rounded, strict=True))
    return [*found, together(b.bitcast(low, kind), b.bitcast(high, kind))]  # what is left has 8 bits
