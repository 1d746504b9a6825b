"""Run: one pass of a compiled loop over packed rows.

Here addresses, strides and sizes are put into the tables that a kernel reads, and memory is made for what only the pass
itself needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from treadle.compiler.cpu import library, team
from treadle.compiler.cpu.kernel import emit
from treadle.compiler.cpu.machine import host
from treadle.compiler.cpu.sharing import looped_weights, parts, sharing_threads
from treadle.compiler.cpu.tile_int8 import NAME as INT8_PRODUCT
from treadle.compiler.cpu.weights import Bias, Int8Weights, Weights, content, int8_product, merged_runs, tile_functions
from treadle.compiler.packing import Packing, Share
from treadle.compiler.partition import Loop
from treadle.compiler.schedule import ProductStage, schedule

CHUNK_BYTES = 384 * 1024
"""Memory of the hoisted products of a chunk of steps: it should stay in a core's own cache."""


@dataclass(frozen=True)
class Prepared:
    """What a pass makes of the parameters before its loop: addresses by slot, and the tensors that hold them."""

    addresses: list[tuple[int, int]]
    tensors: list[Tensor]


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
        self.keeps = loop.name == "forward"
        self.sharing = sharing
        self.weights_as: type[Weights] = Int8Weights if int8 else Weights
        product = INT8_PRODUCT if int8 else "product"
        kernel = emit(self.schedule, host(), self.name, keeps=self.keeps, product=product, sharing=sharing > 1)
        imports = {product: int8_product() if int8 else tile_functions(self.name)[product]}
        if sharing > 1 and (size := team.team_size()) is not None:
            imports["omp_get_num_threads"] = size
        self.enter = library.load(kernel.module, ["enter"], imports=imports, announce=f"{name}, {loop.name}")["enter"]
        self.slots = {slot: place for place, slot in enumerate(kernel.slots)}
        self.lanes = host().vector_bytes // dtype.itemsize
        buffers = self.schedule.buffers
        self.vectors = [(self.slots[f"buffer {n}"], b.source) for n, b in buffers.items() if b.kind == "vector"]
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
        self.weights: list[Weights] = []
        self.biases: list[Bias] = []
        self.template = [0] * len(self.slots)
        self._fill_sizes(kernel.columns)
        self.parts = parts(self.schedule, self.lanes) if sharing > 1 else []
        self.memory: list[Tensor] = []
        self.last: tuple[Any, Prepared] | None = None
        self.shared_by: dict[int, int] = {}

    def _fill_sizes(self, columns: Mapping[str, list[int]]) -> None:
        """What does not change from call to call."""
        fixed = {f"row {name}": self.row_width(name) for name in self.schedule.buffers}
        for name, known in columns.items():
            fixed |= {f"column {name} {number}": column for number, column in enumerate(known)}
        for place, stage in enumerate(self.schedule.stages):
            if not isinstance(stage, ProductStage):
                fixed[f"width {place}"] = stage.width
                continue
            fixed[f"vectors {place}"] = vectors = -(-stage.outputs // self.lanes)
            for kind, terms in (("h", stage.hoisted), ("t", stage.terms)):
                for number, term in enumerate(terms):
                    fixed[f"inputs {place} {kind}{number}"] = term.inputs
                    slot = self.slots[f"weights {place} {kind}{number}"]
                    self.weights.append(self.weights_as.of(slot, term, stage.outputs, vectors * self.lanes))
                    fixed[f"depth {place} {kind}{number}"] = self.weights[-1].depth
            runs = merged_runs([(column, v.parameter, v.start, v.width) for column, v in stage.bias])
            if f"bias {place}" in self.slots:
                self.biases.append(Bias(self.slots[f"bias {place}"], vectors * self.lanes, runs))
        for name, size in fixed.items():
            if name in self.slots:
                self.template[self.slots[name]] = size
        for place, tensor in self.numbers.items():
            self.template[place] = tensor.data_ptr()

    def row_width(self, name: str) -> int:
        """Numbers from one row of a buffer to the next: products have whole vectors."""
        buffer = self.schedule.buffers[name]
        if buffer.source == "product":
            return -(-buffer.width // self.lanes) * self.lanes
        return buffer.width

    def prepare(self, derived: Sequence[Tensor]) -> Prepared:
        """Weights in panels, biases summed: what a call makes of the parameters before the loop."""
        sizes = [weights.width * weights.depth for weights in self.weights] + [bias.width for bias in self.biases]
        memory = torch.empty(sum(sizes), dtype=self.dtype)
        starts = list(accumulate(sizes, initial=0))
        base, item = memory.data_ptr(), self.dtype.itemsize
        for weights, start in zip(self.weights, starts, strict=False):
            weights.pack(derived, self.lanes, memory[start : start + weights.width * weights.depth])
        for bias, start in zip(self.biases, starts[len(self.weights) :], strict=False):
            bias.sum(derived, memory[start : start + bias.width])
        places = [weights.slot for weights in self.weights] + [bias.slot for bias in self.biases]
        addresses = [(slot, base + start * item) for slot, start in zip(places, starts, strict=False)]
        vectors = [derived[number].detach().reshape(-1).contiguous() for _, number in self.vectors]
        addresses += [(slot, vector.data_ptr()) for (slot, _), vector in zip(self.vectors, vectors, strict=True)]
        return Prepared(addresses, [memory, *vectors])

    @property
    def looped_bytes(self) -> int:
        """Bytes of the weights that every step reads."""
        return looped_weights(self.schedule) * (1 if self.weights_as is Int8Weights else self.dtype.itemsize)

    def sharing_threads(self, threads: int) -> int:
        """How many threads may share the columns of all rows."""
        if threads not in self.shared_by:
            self.shared_by[threads] = sharing_threads(self.schedule, threads, host(), self.lanes)
        return self.shared_by[threads]

    def prepare_once(self, derived: Sequence[Tensor]) -> Prepared:
        """`prepare`, or what it gave the last time where the parameters are still the same."""
        now, last = content(derived), self.last
        if last is not None and now is not None and last[0] == now:
            return last[1]
        prepared = self.prepare(derived)
        self.last = (now, prepared)
        return prepared

    def run(
        self,
        packing: Packing,
        shares: Sequence[Share],
        prepared: Prepared,
        sequences: Mapping[str, Tensor],
        initial: Mapping[str, Tensor],
        final: Mapping[str, Tensor],
        totals: Mapping[str, Tensor] | None = None,
    ) -> bool:
        """One pass.

        Args:
            packing: How the rows are packed.
            shares: Of each thread, in the order of this pass.
            prepared: What `prepare` gave.
            sequences: Every sequence buffer, `[size, width]`; a part of the columns of a wider array is fine.
            initial: What is carried, before the first step of every row, `[batch, width]` in the packed order.
            final: Where it goes after the last step of every row.
            totals: What the loop sums, `[threads, 2, width]`, zeros; the sum over the first two axes is the total.

        Returns:
            Whether it ran: threads that share rows must all be there, and sometimes are not.
        """
        steps = len(shares[0].n) - 3
        if steps == 0:
            return True
        slots, table = self.slots, self.template.copy()
        for place, address in prepared.addresses:
            table[place] = address
        for name, sequence in sequences.items():
            if (slot := f"buffer {name}") in slots:
                table[slots[slot]] = sequence.data_ptr()
                table[slots[f"row {name}"]] = sequence.stride(0)
        for name, start in initial.items():
            table[slots[f"initial {name}"]] = start.data_ptr()
            table[slots[f"final {name}"]] = final[name].data_ptr()
        chunk = self.chunk(packing, steps)
        table[slots["steps"]], table[slots["chunk"]] = steps, chunk
        if "ring" in slots:
            table[slots["ring"]] = packing.longest
        places = self._places(packing, chunk, initial)
        memory = self._take(sum(size for _, size in places) * len(shares))
        address = memory.data_ptr()
        tables: list[list[int]] = []
        for share in shares:
            mine = table.copy()
            mine[slots["at"]], mine[slots["n"]] = share.addresses
            mine[slots["first"]], mine[slots["together"]] = share.first, int(share.together)
            for place, size in places:
                mine[place] = address
                address += size * self.dtype.itemsize
            for name, total in (totals or {}).items():
                mine[slots[f"buffer {name}"]] = total[len(tables)].data_ptr()
            tables.append(mine)
        if self.sharing > 1:
            meeting = np.zeros(1, dtype=np.int64)
            tables = self._shared(tables[0], meeting.ctypes.data)
            ran = team.run_together(self.enter, np.array(tables, dtype=np.int64))
        else:
            ran = True
            team.run(self.enter, np.array(tables, dtype=np.int64))
        self.memory.append(memory)
        return ran

    def _shared(self, table: list[int], meeting: int) -> list[list[int]]:
        """The table of one row for all threads, each with its part of the columns."""
        table[self.slots["meeting"]], table[self.slots["threads"]] = meeting, self.sharing
        tables = []
        for thread in range(self.sharing):
            mine = table.copy()
            for part in self.parts:
                for slot, value in part.of(thread, self.sharing).items():
                    mine[self.slots[slot]] = value
            tables.append(mine)
        return tables

    def _places(self, packing: Packing, chunk: int, initial: Mapping[str, Tensor]) -> list[tuple[int, int]]:
        """The slots of what one thread needs for itself, and how many numbers each takes."""
        found = [(slot, width * packing.longest * (chunk if whole else 1)) for slot, width, whole in self.work]
        if not self.keeps:
            rings = ((self.slots[f"buffer {name}"], start.shape[1]) for name, start in initial.items())
            found += [(slot, 2 * packing.longest * width) for slot, width in rings]
        return [(slot, -(-size // 16) * 16) for slot, size in found]

    def _take(self, size: int) -> Tensor:
        """Memory for the pass itself: that of an earlier call where it is large enough and no other thread has it."""
        try:
            memory = self.memory.pop()
        except IndexError:
            memory = torch.empty(0, dtype=self.dtype)
        return memory if memory.numel() >= size else torch.empty(size, dtype=self.dtype)

    def chunk(self, packing: Packing, steps: int) -> int:
        """Steps whose hoisted products are computed at once."""
        width = sum(width for _, width, whole in self.work if whole)
        return max(1, min(steps, CHUNK_BYTES // max(1, width * packing.longest * self.dtype.itemsize)))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
