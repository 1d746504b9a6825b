"""Emit: from a schedule to vector code for a whole sequence.

A kernel is one function, `loop(table)`. The table holds 64-bit integers by the names in `Kernel.slots`: addresses,
strides and sizes; nothing of a layer's sizes is in the code. Rows come packed (see `packing`): step `s` has `n[s]`
rows, which stand together, or all `apart` rows from each other, from row `at[s]` of every sequence buffer on.

    for every chunk of steps:
        the hoisted products, for all steps of the chunk
        for every step of the chunk:
            rows that begin here get the initial value of what is carried
            the stages; what is carried goes on to the next step, or out where a row ends
"""

from dataclasses import dataclass

from llvmlite import ir

from treadle.compiler.cpu.entry import Meeting, write_entry
from treadle.compiler.cpu.group import write_run
from treadle.compiler.cpu.ir import Code, Value
from treadle.compiler.cpu.machine import Machine
from treadle.compiler.cpu.runs import Run, runs
from treadle.compiler.cpu.slots import Slots
from treadle.compiler.cpu.step import Step
from treadle.compiler.cpu.tile import declare_product
from treadle.compiler.schedule import Place, ProductStage, Schedule

SLOTS = ("steps", "at", "n", "apart", "chunk", "together", "first")
"""Slots of every kernel: the number of steps, two tables of rows, how many rows further the next one of a step stands,
steps a chunk, whether a chunk's rows stand together, and the first row of this thread among those of all."""

BLOCK = 32
"""Steps that are added up by themselves before they join a sum over all steps; a power of two."""


@dataclass(frozen=True)
class Kernel:
    """The code of a loop and the names of what its table holds.

    Attributes:
        module: The code.
        slots: The names, in the order of the table.
        columns: For every buffer the columns that the code knows by their number only.
        sequences: The sequence buffers.
        changing: The first slot of what changes from call to call: address and stride of every sequence buffer, then
            where every carried value begins and ends.
        totals: The first slot of where the sums go.
    """

    module: ir.Module
    slots: tuple[str, ...]
    columns: dict[str, list[int]]
    sequences: list[str]
    changing: int
    totals: int


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
        product, other = products
        self.external = declare_product(self.module, product)
        self.other = None if other is None else declare_product(self.module, other)
        self.code = Code(self.module, "loop", ["*table"], dtype, self.lanes)
        self.table = Slots(self.code)
        self.meeting = Meeting(self.code) if sharing else None

    def run(self) -> Kernel:
        code = self.code
        body = code.function.append_basic_block("begin")
        code.builder.position_at_end(body)
        sequences, changing, totals = self.take_slots()
        steps, chunk = self.table.slot("steps"), self.table.slot("chunk")
        with code.loop(code.integer(0), steps, chunk) as start:
            stop = code.min(code.add(start, chunk), steps)
            for place, stage in enumerate(self.schedule.stages):
                if isinstance(stage, ProductStage) and stage.hoisted:
                    self.hoist(place, stage, start, stop)
            with code.loop(start, stop, carried=[code.integer(0)]) as step:
                self.step(step.index, step.values[0])
                step.next = [code.add(step.values[0], self.table.rows_at(step.index))]
        code.done()
        code.builder.position_at_end(code.function.entry_basic_block)
        code.builder.branch(body)
        write_entry(self.module, code.function, together=self.meeting is not None)
        return Kernel(self.module, self.table.names, self.table.columns, sequences, changing, totals)

    def take_slots(self) -> tuple[list[str], int, int]:
        """The sequence buffers, and the first slots of what changes and of where sums go, which stand together."""
        kinds = {name: buffer.kind for name, buffer in self.schedule.buffers.items()}
        whole = ("sequence", "carried") if self.keeps else ("sequence",)
        sequences = [name for name, kind in kinds.items() if kind in whole]
        places = [f"{what} {name}" for name in sequences for what in ("buffer", "row")]
        places += [f"{what} {name}" for name in self.schedule.carried for what in ("initial", "final")]
        sums = [f"buffer {name}" for name, kind in kinds.items() if kind == "total"]
        for name in (*SLOTS, *places, *sums):
            self.table.slot(name)
        return sequences, len(SLOTS), len(SLOTS) + len(places)

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
        weights, inputs = self.table.pointer(f"weights {name}"), self.table.slot(f"inputs {name}")
        place = name.split()[0]
        if self.meeting is None:
            vectors = self.table.slot(f"vectors {place}")
            self.call_product(name, [*a, weights, inputs, *start, *out, rows, vectors, back])
            return
        stage = self.schedule.stages[int(place)]
        assert isinstance(stage, ProductStage)
        for piece in range(len(stage.pieces)):
            column, vectors = self.table.slot(f"from {place} {piece}"), self.table.slot(f"vectors {place} {piece}")
            mine = code.at(weights, code.mul(column, self.table.slot(f"depth {name}")))
            begin, result = ((code.at(address, column), stride) for address, stride in (start, out))
            self.call_product(name, [*a, mine, inputs, *begin, *result, rows, vectors, back])

    def call_product(self, name: str, arguments: list[Value]) -> None:
        """One of the two products."""
        b = self.code.builder
        if self.other is None:
            b.call(self.external, arguments)
            return
        with b.if_else(b.icmp_signed("!=", self.table.slot(f"other {name}"), self.code.integer(0))) as (other, usual):
            with other:
                b.call(self.other, arguments)
            with usual:
                b.call(self.external, arguments)

    def hoist(self, place: int, stage: ProductStage, start: Value, stop: Value) -> None:
        """The hoisted terms of a stage for all steps of a chunk."""
        code, b = self.code, self.code.builder
        out = self.table.pointer(f"buffer {stage.out}")
        width = self.table.slot(f"row {stage.out}")

        def terms(row: Value, rows: Value, further: Value, out: Value) -> None:
            begin = (self.table.pointer(f"bias {place}"), code.integer(0))
            for number, term in enumerate(stage.hoisted):
                one = self.table.slot(f"row {term.place.buffer}")
                base = self.table.pointer(f"buffer {term.place.buffer}")
                a = code.at(base, code.add(code.mul(row, one), self.table.column(term.place)))
                operand = a, code.mul(one, further)
                self.product(f"{place} h{number}", rows, operand, begin, (out, width), code.integer(0))
                begin = (out, width)

        with b.if_else(b.icmp_signed("!=", self.table.slot("together"), code.integer(0))) as (together, apart):
            with together:
                row = self.table.row_at(start)
                terms(row, code.sub(self.table.row_at(stop), row), code.integer(1), out)
            with apart, code.loop(start, stop, carried=[code.integer(0)]) as step:
                rows = self.table.rows_at(step.index)
                place_of_rows = code.at(out, code.mul(step.values[0], width))
                terms(self.table.row_at(step.index), rows, self.table.slot("apart"), place_of_rows)
                step.next = [code.add(step.values[0], rows)]

    def multiply(self, place: int, stage: ProductStage, here: Step) -> None:
        """The terms of a stage that belong to one step, on top of the hoisted ones or the bias."""
        if self.meeting is not None and stage.terms:
            self.meeting.write(
                self.table.pointer("meeting"), self.table.pointer("meeting own"), self.table.slot("threads")
            )
        width = self.table.slot(f"row {stage.out}")
        out = (here.address(Place(stage.out)), width)
        begin = out if stage.hoisted else (self.table.pointer(f"bias {place}"), self.code.integer(0))
        odd = self.code.builder.and_(here.index, self.code.integer(1))
        for number, term in enumerate(stage.terms):
            operand = here.address(term.place), here.stride(term.place)
            self.product(f"{place} t{number}", here.rows, operand, begin, out, odd)
            begin = out

    # A step.

    def step(self, step: Value, chunk_row: Value) -> None:
        here = Step(self.code, self.table, self.schedule, self.keeps, step, chunk_row)
        for name in self.schedule.carried:
            self.join(name, here)
        for stage in runs(self.schedule, apart=self.meeting is not None):
            if isinstance(stage, Run):
                self.run_groups(stage, here)
            else:
                self.multiply(*stage, here)
        totals = [name for name, buffer in self.schedule.buffers.items() if buffer.kind == "total"]
        if totals:
            part = self.code.builder.and_(step, self.code.integer(BLOCK - 1))
            with self.code.when(self.code.builder.icmp_signed("==", part, self.code.integer(BLOCK - 1))):
                for name in totals:
                    self.flush(name)

    def join(self, name: str, here: Step) -> None:
        """Rows that begin with this step take up the initial value of what is carried."""
        code = self.code
        width = self.table.slot(f"row {name}")
        source, target = self.table.pointer(f"initial {name}"), here.address(Place(name))
        begin = code.mul(here.before, width)
        count = code.sub(code.mul(here.rows, width), begin)
        origin = code.at(source, code.mul(self.table.slot("first"), width))
        with code.loop(code.integer(0), count) as i:
            place = code.add(begin, i)
            code.store(code.load(origin, place, code.scalar), target, place)

    def flush(self, name: str) -> None:
        """Move what some steps have added up to the sum of all, so that small terms do not meet a large sum."""
        code, width = self.code, self.table.slot(f"row {name}")
        recent = self.table.pointer(f"buffer {name}")
        whole = code.at(recent, self.table.slot("summed"))
        with code.loop(code.integer(0), width) as i:
            both = code.builder.fadd(code.load(recent, i, code.scalar), code.load(whole, i, code.scalar))
            code.store(both, whole, i)
            code.store(ir.Constant(code.scalar, 0.0), recent, i)

    def run_groups(self, run: Run, here: Step) -> None:
        """All rows of a run; where it stores what is carried, first those that go on, then those that end."""
        code = self.code
        number = min(run.groups)
        function = write_run(self.module, f"run_{number}", run, self.dtype, self.lanes)
        widths = [self.table.slot(f"width {group}") for group in run.groups]

        def call(start: Value, stop: Value, *, ending: bool) -> None:
            rows = code.sub(stop, start)
            arguments = [code.integer(1), rows] if run.flat else [rows, *widths]
            for place in run.places:
                stride = here.stride(place)
                address = here.ending(place) if ending and place.after else here.address(place)
                if self.meeting is not None and place not in run.spread:
                    address = code.at(address, self.table.slot(f"from {number}"))
                arguments += [code.at(address, code.mul(start, stride)), stride]
            code.builder.call(function, arguments)

        zero = code.integer(0)
        if any(place.after for place in run.places):
            going = code.min(here.rows, here.following)
            call(zero, going, ending=False)
            with code.when(code.builder.icmp_signed("<", going, here.rows)):
                call(going, here.rows, ending=True)
        else:
            call(zero, here.rows, ending=False)
