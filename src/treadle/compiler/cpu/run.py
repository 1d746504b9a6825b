"""Run: one pass of a compiled loop over packed rows.

Here addresses, strides and sizes are put into the tables that a kernel reads, and memory is made for what only the pass
itself needs.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from treadle.compiler.cpu import library, team
from treadle.compiler.cpu.amx.product import NAME as AMX_PRODUCT
from treadle.compiler.cpu.bias import Bias, merged_runs
from treadle.compiler.cpu.functions import amx_functions, int8_product, tile_functions
from treadle.compiler.cpu.kernel import emit
from treadle.compiler.cpu.machine import host
from treadle.compiler.cpu.operands import Operand, Operands, Prepared
from treadle.compiler.cpu.plan import Plan
from treadle.compiler.cpu.sharing import parts, read_weights, shared_columns, sharing_threads
from treadle.compiler.cpu.tile_int8 import NAME as INT8_PRODUCT
from treadle.compiler.cpu.weights import AmxWeights, Int8Weights, Weights
from treadle.compiler.packing import Packing
from treadle.compiler.partition import Loop
from treadle.compiler.schedule import ProductStage, Term, schedule
from treadle.compiler.slabs import standing_off
from treadle.compiler.workspace import Place

CHUNK_BYTES, CHUNK_BYTES_MOST = 384 * 1024, 8 * 1024 * 1024
"""Memory of the hoisted products of a chunk of steps: it should stay in a core's own cache. Where their weights take
more, it may take as much, for they are read once a chunk; but not without end."""

PAGE = 4096
"""Bytes after which addresses fall on the same places of the nearest cache: rows that stand so far apart push each
other out when a tile takes a part of 16. Rows of a page and less gain nothing (measured)."""


class Pass:
    """A loop, compiled for one type of number.

    Args:
        loop: What it computes.
        dtype: torch.float32 or torch.float64.
        name: What to call it while it is compiled.
        sharing: How many threads share the columns of every row; 1 where each has rows of its own.
        int8: Whether its products read weights in 8 bits; float32 only.
    """

    def __init__(self, loop: Loop, dtype: torch.dtype, name: str, sharing: int = 1, *, int8: bool = False) -> None:
        self.dtype, self.name = dtype, _name(dtype)
        self.schedule = schedule(loop)
        self.keeps, self.backwards = loop.name == "forward", loop.name == "backward"
        self.sharing = sharing
        self.weights_as: type[Weights] = Int8Weights if int8 else Weights
        product = INT8_PRODUCT if int8 else "product"
        other = AMX_PRODUCT if host().amx and dtype == torch.float32 and not int8 else None
        kernel = emit(
            self.schedule, host(), self.name, keeps=self.keeps, product=product, other=other, sharing=sharing > 1
        )
        imports = {product: int8_product() if int8 else tile_functions(self.name)[product]}
        if other is not None:
            imports[other] = amx_functions()[other]
        if sharing > 1 and (size := team.team_size()) is not None:
            imports["omp_get_num_threads"] = size
        self.enter = library.load(kernel.module, ["enter"], imports=imports, announce=f"{name}, {loop.name}")["enter"]
        self.slots = {slot: place for place, slot in enumerate(kernel.slots)}
        self.lanes = host().vector_bytes // dtype.itemsize
        buffers = self.schedule.buffers
        vectors = [(self.slots[f"buffer {n}"], b.source) for n, b in buffers.items() if b.kind == "vector"]
        self.operands = Operands(dtype, vectors, kept=loop.name == "inference")
        self.numbers = {
            self.slots[f"buffer {n}"]: torch.tensor([b.source], dtype=dtype)
            for n, b in buffers.items()
            if b.kind == "number"
        }
        self.work = [
            (self.slots[f"buffer {n}"], self.row_width(n), b.kind == "chunk")
            for n, b in buffers.items()
            if b.kind in ("chunk", "scratch") and f"buffer {n}" in self.slots
        ]
        *begins, _ = accumulate((b.width for b in buffers.values() if b.kind == "total"), initial=0)
        self.begins = [dtype.itemsize * begin for begin in begins]
        self.template = [0] * len(self.slots)
        self._fill_sizes(kernel.columns)
        carried = [(name, self.row_width(name)) for name in self.schedule.carried]
        self.rings = [] if self.keeps else [(self.slots[f"buffer {name}"], width) for name, width in carried]
        self.carried = [(self.slots[f"initial {name}"], self.slots[f"final {name}"]) for name, _ in carried]
        self.sequences, self.changing, self.totals = kernel.sequences, kernel.changing, kernel.totals
        self.parts = parts(self.schedule, self.lanes) if sharing > 1 else []
        self.plans: WeakKeyDictionary[Packing, Plan] = WeakKeyDictionary()
        self.memory: list[Tensor] = []
        self.shared_by: dict[int, int] = {}

    def _fill_sizes(self, columns: Mapping[str, list[int]]) -> None:
        """What does not change from call to call."""
        fixed = {f"row {name}": self.row_width(name) for name in self.schedule.buffers}
        fixed["summed"] = sum(b.width for b in self.schedule.buffers.values() if b.kind == "total")
        for name, known in columns.items():
            fixed |= {f"column {name} {number}": column for number, column in enumerate(known)}
        for place, stage in enumerate(self.schedule.stages):
            if not isinstance(stage, ProductStage):
                fixed[f"width {place}"] = stage.width
                continue
            fixed[f"vectors {place}"] = vectors = -(-stage.outputs // self.lanes)
            for kind, terms in (("h", stage.hoisted), ("t", stage.terms)):
                for number, term in enumerate(terms):
                    name = f"{place} {kind}{number}"
                    fixed[f"inputs {name}"] = term.inputs
                    self.operands.products.append(self._operand(name, term, stage.outputs, hoisted=kind == "h"))
            runs = merged_runs([(column, v.parameter, v.start, v.width) for column, v in stage.bias])
            if f"bias {place}" in self.slots:
                self.operands.biases.append(Bias(self.slots[f"bias {place}"], vectors * self.lanes, runs))
        for name, size in fixed.items():
            if name in self.slots:
                self.template[self.slots[name]] = size
        for place, tensor in self.numbers.items():
            self.template[place] = tensor.data_ptr()

    def _operand(self, name: str, term: Term, outputs: int, *, hoisted: bool) -> Operand:
        """What a term reads, and where the table says how."""
        choice = self.slots.get(f"other {name}")
        kinds = (self.weights_as,) if choice is None else (self.weights_as, AmxWeights)
        width = -(-outputs // self.lanes) * self.lanes
        forms = [kind.of(self.slots[f"weights {name}"], term, outputs, width) for kind in kinds]
        return Operand(forms, hoisted, choice, self.slots.get(f"depth {name}"))

    def row_width(self, name: str) -> int:
        """Numbers from one row of a buffer to the next: products have whole vectors, and long rows stand off a page."""
        buffer = self.schedule.buffers[name]
        if buffer.source == "product":
            width = -(-buffer.width // self.lanes) * self.lanes
            item = self.dtype.itemsize
            return standing_off(width, item, PAGE // 2) if width * item > PAGE else width
        return buffer.width

    def plan(self, packing: Packing) -> Plan:
        """What the tables say of a packing; known again for the next call of the same shape."""
        found = self.plans.get(packing)
        if found is None:
            found = self.plans[packing] = self._plan(packing)
        return found

    def _plan(self, packing: Packing) -> Plan:
        shares = packing.backward_shares if self.backwards else packing.shares
        steps, longest, item = len(shares[0].n) - 3, packing.longest, self.dtype.itemsize
        width = sum(width for _, width, whole in self.work if whole)
        room = max(CHUNK_BYTES, min(self.weight_bytes(hoisted=True), CHUNK_BYTES_MOST))
        chunk = max(1, min(steps, room // max(1, width * longest * item)))
        sizes = [(slot, width * longest * (chunk if whole else 1) * item) for slot, width, whole in self.work]
        sizes += [(slot, 2 * longest * width * item) for slot, width in self.rings]
        rows = packing.size / max(1, steps * len(shares))
        forms = self.operands.forms(rows, rows * chunk if shares[0].together else rows, packing.size)
        fixed = {"steps": steps, "apart": packing.apart, "chunk": chunk, "ring": longest, "threads": self.sharing}
        tables = [
            self._table({**fixed, **share.entries, **columns})
            for share in shares
            for columns in shared_columns(self.parts, self.sharing)
        ]
        meeting = (self.slots["meeting"], self.slots["meeting own"]) if self.sharing > 1 else None
        return Plan(steps, forms, tables, sizes, meeting)

    def _table(self, entries: Mapping[str, int]) -> list[int]:
        """The table with some of its slots filled, of those that this kernel has."""
        table = self.template.copy()
        for name, value in entries.items():
            if (slot := self.slots.get(name)) is not None:
                table[slot] = value
        return table

    def weight_bytes(self, *, hoisted: bool = False) -> int:
        """Bytes of the weights that every step reads, or every chunk of steps."""
        item = 1 if self.weights_as is Int8Weights else self.dtype.itemsize
        return item * read_weights(self.schedule, hoisted=hoisted)

    def sharing_threads(self, threads: int) -> int:
        """How many threads may share the columns of all rows."""
        if threads not in self.shared_by:
            self.shared_by[threads] = sharing_threads(self.schedule, threads, host(), self.lanes)
        return self.shared_by[threads]

    def run(
        self,
        plan: Plan,
        prepared: Prepared,
        places: Mapping[str, Place],
        initial: Sequence[Tensor],
        final: Sequence[Tensor],
        totals: Tensor | None = None,
    ) -> bool:
        """One pass.

        Args:
            plan: What `plan` gave for a packing.
            prepared: What `operands.prepare` gave for the forms of the plan.
            places: Of every sequence buffer, packed rows that stand right after each other or some numbers apart.
            initial: What is carried, before the first step of every row, `[batch, width]` in the packed order.
            final: Where it goes after the last step of every row.
            totals: What the loop sums, side by side, `[threads, 2, width]`, zeros; the sum over the first two axes is
                the total.

        Returns:
            Whether it ran: threads that share rows must all be there, and sometimes are not.
        """
        if plan.steps == 0:
            return True
        changing = [number for name in self.sequences for number in places[name]]
        for _, first, last in zip(self.carried, initial, final, strict=True):
            changing += (first.data_ptr(), last.data_ptr())
        memory = self._take(plan.size)
        tables = plan.take(prepared, memory.data_ptr())
        tables.fill_run(self.changing, changing)
        if totals is not None:
            for thread in range(tables.threads):
                base = totals[0 if self.sharing > 1 else thread].data_ptr()
                tables.fill_run(self.totals, [base + begin for begin in self.begins], thread)
        ran = True
        if self.sharing > 1:
            ran = team.run_together(self.enter, tables)
        else:
            team.run(self.enter, tables)
        plan.give(tables)
        self.memory.append(memory)
        return ran

    def _take(self, size: int) -> Tensor:
        """Bytes for the pass itself: those of an earlier call where they are enough and no other thread has them."""
        try:
            memory = self.memory.pop()
        except IndexError:
            memory = torch.empty(0, dtype=torch.uint8)
        return memory if memory.numel() >= size else torch.empty(size, dtype=torch.uint8)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
