"""Emit: from a schedule to vector code for a whole sequence.

A kernel is one function, `loop(table)`. The table holds 64-bit integers by the names in `Kernel.slots`: addresses,
strides and sizes; nothing of a layer's sizes is in the code. Rows come packed (see `packing`): step `s` has `n[s]`
rows, which stand together from row `at[s]` of every sequence buffer.

    for every chunk of steps:
        the hoisted products, for all steps of the chunk
        for every step of the chunk:
            rows that begin here get the initial value of what is carried
            the stages; what is carried goes on to the next step, or out where a row ends
"""

from dataclasses import dataclass

from llvmlite import ir

from treadle.compiler.cpu.entry import Meeting, write_entry
from treadle.compiler.cpu.group import write_group
from treadle.compiler.cpu.ir import POINTER, Code, Value
from treadle.compiler.cpu.machine import Machine
from treadle.compiler.cpu.tile import declare_product
from treadle.compiler.schedule import GroupStage, Place, ProductStage, Schedule

SLOTS = ("steps", "at", "n", "chunk", "together", "first")
"""Slots of every kernel: the number of steps, two tables of rows, steps a chunk, whether a chunk's rows stand together,
and the first row of this thread among those of all."""


_PLACED = ("load", "splat", "store", "sum", "accumulate")
"""Instructions with a place."""

BLOCK = 32
"""Steps that are added up by themselves before they join a sum over all steps; a power of two."""


@dataclass(frozen=True)
class Kernel:
    """The code of a loop and the names of what its table holds.

    Attributes:
        module: The code.
        slots: The names, in the order of the table.
        columns: For every buffer the columns that the code knows by their number only.
    """

    module: ir.Module
    slots: tuple[str, ...]
    columns: dict[str, list[int]]


def emit(
    schedule: Schedule,
    machine: Machine,
    dtype: str,
    *,
    keeps: bool,
    product: str = "product",
    other: str | None = None,
    sharing: bool = False,
) -> Kernel:
    """Write the kernel of a schedule.

    Args:
        schedule: What to compute.
        machine: The processor.
        dtype: "float32" or "float64".
        keeps: Whether carried values are kept for all steps (in the packed order) or only for two.
        product: The name of the product that it calls.
        other: The name of one that it calls instead where the table says so, on weights that are packed for it.
        sharing: Whether threads share the columns of all rows, meeting before every product, in place of the rows.
    """
    return _Emitter(schedule, machine, dtype, keeps, (product, other), sharing).run()


class _Emitter:
    def __init__(
        self,
        schedule: Schedule,
        machine: Machine,
        dtype: str,
        keeps: bool,
        products: tuple[str, str | None],
        sharing: bool,
    ) -> None:
        self.schedule, self.dtype, self.keeps = schedule, dtype, keeps
        self.lanes = machine.vector_bytes // (4 if dtype == "float32" else 8)
        self.module = ir.Module(schedule.name)
        self.slots: dict[str, Value] = {}
        self.columns: dict[str, list[int]] = {}
        product, other = products
        self.external = declare_product(self.module, product)
        self.other = None if other is None else declare_product(self.module, other)
        self.code = Code(self.module, "loop", ["*table"], dtype, self.lanes)
        self.meeting = Meeting(self.code) if sharing else None

    def run(self) -> Kernel:
        code = self.code
        body = code.function.append_basic_block("begin")
        code.builder.position_at_end(body)
        steps, chunk = self.slot("steps"), self.slot("chunk")
        for name in SLOTS:
            self.slot(name)
        with code.loop(code.integer(0), steps, chunk) as start:
            stop = code.min(code.add(start, chunk), steps)
            for place, stage in enumerate(self.schedule.stages):
                if isinstance(stage, ProductStage) and stage.hoisted:
                    self.hoist(place, stage, start, stop)
            with code.loop(start, stop, carried=[code.integer(0)]) as step:
                self.step(step.index, step.values[0])
                step.next = [code.add(step.values[0], self.rows_at(step.index))]
        code.done()
        code.builder.position_at_end(code.function.entry_basic_block)
        code.builder.branch(body)
        write_entry(self.module, code.function, together=self.meeting is not None)
        return Kernel(self.module, tuple(self.slots), self.columns)

    # The table.

    def slot(self, name: str) -> Value:
        """A number of the table, read once at the beginning."""
        if name not in self.slots:
            code, b = self.code, self.code.builder
            here = b.block
            b.position_at_end(code.function.entry_basic_block)
            value = code.load(code.arguments["table"], code.integer(len(self.slots)), ir.IntType(64))
            self.slots[name] = value
            b.position_at_end(here)
        return self.slots[name]

    def pointer(self, name: str) -> Value:
        return self.code.builder.inttoptr(self.slot(name), POINTER)

    def rows_at(self, step: Value, shift: int = 0) -> Value:
        """How many rows a step has; 0 before the first and after the last."""
        code = self.code
        return code.load(self.pointer("n"), code.add(step, code.integer(1 + shift)), ir.IntType(64))

    def row_at(self, step: Value, shift: int = 0) -> Value:
        """The first row of a step in the sequence buffers."""
        code = self.code
        return code.load(self.pointer("at"), code.add(step, code.integer(shift)), ir.IntType(64))

    def column(self, place: Place) -> Value:
        """The column of a place; its number is in the table, and the code only knows which one it is."""
        if not place.column:
            return self.code.integer(0)
        known = self.columns.setdefault(place.buffer, [])
        if place.column not in known:
            known.append(place.column)
        return self.slot(f"column {place.buffer} {known.index(place.column)}")

    # Products.

    def product(
        self,
        name: str,
        rows: Value,
        a: tuple[Value, Value],
        start: tuple[Value, Value],
        out: tuple[Value, Value],
        back: Value,
    ) -> None:
        """Call a product; operand, start and result are an address and the stride of rows."""
        code = self.code
        weights, inputs = self.pointer(f"weights {name}"), self.slot(f"inputs {name}")
        place = name.split()[0]
        if self.meeting is None:
            vectors = self.slot(f"vectors {place}")
            self.call_product(name, [*a, weights, inputs, *start, *out, rows, vectors, back])
            return
        stage = self.schedule.stages[int(place)]
        assert isinstance(stage, ProductStage)
        for piece in range(len(stage.pieces)):
            column, vectors = self.slot(f"from {place} {piece}"), self.slot(f"vectors {place} {piece}")
            mine = code.at(weights, code.mul(column, self.slot(f"depth {name}")))
            begin, result = ((code.at(address, column), stride) for address, stride in (start, out))
            self.call_product(name, [*a, mine, inputs, *begin, *result, rows, vectors, back])

    def call_product(self, name: str, arguments: list[Value]) -> None:
        """One of the two products."""
        b = self.code.builder
        if self.other is None:
            b.call(self.external, arguments)
            return
        with b.if_else(b.icmp_signed("!=", self.slot(f"other {name}"), self.code.integer(0))) as (other, usual):
            with other:
                b.call(self.other, arguments)
            with usual:
                b.call(self.external, arguments)

    def hoist(self, place: int, stage: ProductStage, start: Value, stop: Value) -> None:
        """The hoisted terms of a stage for all steps of a chunk."""
        code, b = self.code, self.code.builder
        out = self.pointer(f"buffer {stage.out}")
        width = self.slot(f"row {stage.out}")

        def terms(row: Value, rows: Value, out: Value) -> None:
            begin = (self.pointer(f"bias {place}"), code.integer(0))
            for number, term in enumerate(stage.hoisted):
                stride = self.slot(f"row {term.place.buffer}")
                base = self.pointer(f"buffer {term.place.buffer}")
                a = code.at(base, code.add(code.mul(row, stride), self.column(term.place)))
                self.product(f"{place} h{number}", rows, (a, stride), begin, (out, width), code.integer(0))
                begin = (out, width)

        with b.if_else(b.icmp_signed("!=", self.slot("together"), code.integer(0))) as (together, apart):
            with together:
                row = self.row_at(start)
                terms(row, code.sub(self.row_at(stop), row), out)
            with apart, code.loop(start, stop, carried=[code.integer(0)]) as step:
                rows = self.rows_at(step.index)
                terms(self.row_at(step.index), rows, code.at(out, code.mul(step.values[0], width)))
                step.next = [code.add(step.values[0], rows)]

    def multiply(self, place: int, stage: ProductStage, here: "_Step") -> None:
        """The terms of a stage that belong to one step, on top of the hoisted ones or the bias."""
        if self.meeting is not None and stage.terms:
            self.meeting.write(self.pointer("meeting"), self.pointer("meeting own"), self.slot("threads"))
        width = self.slot(f"row {stage.out}")
        out = (here.address(Place(stage.out)), width)
        begin = out if stage.hoisted else (self.pointer(f"bias {place}"), self.code.integer(0))
        odd = self.code.builder.and_(here.index, self.code.integer(1))
        for number, term in enumerate(stage.terms):
            stride = self.slot(f"row {term.place.buffer}")
            self.product(f"{place} t{number}", here.rows, (here.address(term.place), stride), begin, out, odd)
            begin = out

    # A step.

    def step(self, step: Value, chunk_row: Value) -> None:
        here = _Step(self, step, chunk_row)
        for name in self.schedule.carried:
            self.join(name, here)
        for place, stage in enumerate(self.schedule.stages):
            if isinstance(stage, ProductStage):
                self.multiply(place, stage, here)
            else:
                self.group(place, stage, here)
        totals = [name for name, buffer in self.schedule.buffers.items() if buffer.kind == "total"]
        if totals:
            part = self.code.builder.and_(step, self.code.integer(BLOCK - 1))
            with self.code.when(self.code.builder.icmp_signed("==", part, self.code.integer(BLOCK - 1))):
                for name in totals:
                    self.flush(name)

    def join(self, name: str, here: "_Step") -> None:
        """Rows that begin with this step take up the initial value of what is carried."""
        code = self.code
        width = self.slot(f"row {name}")
        source, target = self.pointer(f"initial {name}"), here.address(Place(name))
        begin = code.mul(here.before, width)
        count = code.sub(code.mul(here.rows, width), begin)
        origin = code.at(source, code.mul(self.slot("first"), width))
        with code.loop(code.integer(0), count) as i:
            place = code.add(begin, i)
            code.store(code.load(origin, place, code.scalar), target, place)

    def flush(self, name: str) -> None:
        """Move what some steps have added up to the sum of all, so that small terms do not meet a large sum."""
        code, width = self.code, self.slot(f"row {name}")
        recent = self.pointer(f"buffer {name}")
        whole = code.at(recent, self.slot("summed"))
        with code.loop(code.integer(0), width) as i:
            both = code.builder.fadd(code.load(recent, i, code.scalar), code.load(whole, i, code.scalar))
            code.store(both, whole, i)
            code.store(ir.Constant(code.scalar, 0.0), recent, i)

    def group(self, number: int, stage: GroupStage, here: "_Step") -> None:
        """All rows of a group; where it stores what is carried, first those that go on, then those that end."""
        places = list(dict.fromkeys(entry[1] for entry in stage.code if entry[0] in _PLACED))
        function = write_group(self.module, f"group_{number}", stage, places, self.dtype, self.lanes)
        width = self.slot(f"width {number}")
        spread = {entry[1] for entry in stage.code if entry[0] == "splat"}
        flat = stage.width == 1 and all(self.is_flat(place) for place in places)

        def call(start: Value, stop: Value, *, ending: bool) -> None:
            arguments = [self.code.sub(stop, start), width]
            if flat:
                arguments = [self.code.integer(1), arguments[0]]
            for place in places:
                stride = self.stride(place)
                address = here.ending(place) if ending and place.after else here.address(place)
                if self.meeting is not None and place not in spread:
                    address = self.code.at(address, self.slot(f"from {number}"))
                arguments += [self.code.at(address, self.code.mul(start, stride)), stride]
            self.code.builder.call(function, arguments)

        zero = self.code.integer(0)
        if any(place.after for place in places):
            going = self.code.min(here.rows, here.following)
            call(zero, going, ending=False)
            with self.code.when(self.code.builder.icmp_signed("<", going, here.rows)):
                call(going, here.rows, ending=True)
        else:
            call(zero, here.rows, ending=False)

    def is_flat(self, place: Place) -> bool:
        """Whether the rows of a place are single numbers that stand together, or one number for all rows."""
        buffer = self.schedule.buffers[place.buffer]
        if buffer.kind in ("vector", "number", "total"):
            return buffer.kind != "total"
        return buffer.width == 1 and not place.column and buffer.source is None

    def stride(self, place: Place) -> Value:
        """From one row to the next; parameters are the same for all rows."""
        if self.schedule.buffers[place.buffer].kind in ("vector", "number", "total"):
            return self.code.integer(0)
        return self.slot(f"row {place.buffer}")


class _Step:
    """Where everything of one step lies."""

    def __init__(self, emitter: _Emitter, step: Value, chunk_row: Value) -> None:
        self.emitter, self.index, self.chunk_row = emitter, step, chunk_row
        self.before, self.rows, self.following = (emitter.rows_at(step, shift) for shift in (-1, 0, 1))
        self.row, self.next_row = emitter.row_at(step), emitter.row_at(step, 1)
        self.first = emitter.slot("first")

    def address(self, place: Place) -> Value:
        """The place's first row of this step, or of the next for a carried value after the step."""
        emitter, code = self.emitter, self.emitter.code
        buffer = emitter.schedule.buffers[place.buffer]
        base = emitter.pointer(f"buffer {place.buffer}")
        column = emitter.column(place)
        if buffer.kind in ("vector", "number", "scratch", "total"):
            return code.at(base, column)
        row = {"sequence": self.row, "chunk": self.chunk_row, "carried": self.carried_row(place.after)}[buffer.kind]
        return code.at(base, code.add(code.mul(row, emitter.slot(f"row {place.buffer}")), column))

    def carried_row(self, after: bool) -> Value:
        """The row of a carried value: in the packed order where all are kept, else one of two places in turn."""
        code = self.emitter.code
        if self.emitter.keeps:
            return self.next_row if after else self.row
        step = code.add(self.index, code.integer(int(after)))
        return code.mul(code.builder.and_(step, code.integer(1)), self.emitter.slot("ring"))

    def ending(self, place: Place) -> Value:
        """Where a carried value goes for rows that end with this step."""
        emitter, code = self.emitter, self.emitter.code
        width = emitter.slot(f"row {place.buffer}")
        offset = code.add(code.mul(self.first, width), emitter.column(place))
        return code.at(emitter.pointer(f"final {place.buffer}"), offset)
