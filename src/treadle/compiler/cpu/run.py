"""Run: one pass of a compiled loop over packed rows.

Here addresses, strides and sizes are put into the tables that a kernel reads, weights are packed in panels, and
memory is made for what only the pass itself needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from treadle.compiler.cpu import library, team, tile
from treadle.compiler.cpu.kernel import emit
from treadle.compiler.cpu.machine import host
from treadle.compiler.packing import Packing, Share
from treadle.compiler.partition import Loop
from treadle.compiler.program import Matrix
from treadle.compiler.schedule import ProductStage, Term, schedule

CHUNK_BYTES = 384 * 1024
"""Memory of the hoisted products of a chunk of steps: it should stay in a core's own cache."""


@cache
def _tile(dtype: str) -> dict[str, int]:
    """The addresses of `product` and `pack` for a type of number."""
    return library.load(tile.build(host(), dtype), ["product", "pack"], announce=f"the matrix tile for {dtype}")


@cache
def _pack(dtype: str) -> Any:
    return library.function(_tile(dtype)["pack"], 7)


@dataclass(frozen=True)
class Weights:
    """How the weights of one operand of a product are brought into panels.

    Attributes:
        slot: Its name in the table.
        inputs: Rows of the weight.
        outputs: Columns of the weight.
        blocks: Parts of parameters with the row and column that they begin at, as few as possible.
    """

    slot: str
    inputs: int
    outputs: int
    blocks: list[tuple[int, int, Matrix]]

    def packed(self, derived: Sequence[Tensor], vectors: int, lanes: int) -> Tensor:
        """The panels."""
        first = derived[self.blocks[0][2].parameter]
        if len(self.blocks) == 1:
            weight = _view(derived, self.blocks[0][2])
        else:
            weight = first.new_zeros(self.inputs, self.outputs)
            for row, column, matrix in self.blocks:
                part = _view(derived, matrix)
                weight[row : row + part.shape[0], column : column + part.shape[1]] = part
        panels = first.new_empty(vectors * lanes * self.inputs)
        strides = (weight.stride(0), weight.stride(1))
        _pack(_name(first.dtype))(weight.data_ptr(), *strides, self.inputs, self.outputs, vectors, panels.data_ptr())
        return panels


class Pass:
    """A loop, compiled for one type of number.

    Args:
        loop: What it computes.
        dtype: torch.float32 or torch.float64.
        name: What to call it while it is compiled.
    """

    def __init__(self, loop: Loop, dtype: torch.dtype, name: str) -> None:
        self.dtype = dtype
        self.schedule = schedule(loop)
        self.keeps = loop.name == "forward"
        kernel = emit(self.schedule, host(), _name(dtype), keeps=self.keeps)
        imports = {"product": _tile(_name(dtype))["product"]}
        self.enter = library.load(kernel.module, ["enter"], imports=imports, announce=f"{name}, {loop.name}")["enter"]
        self.slots = {slot: place for place, slot in enumerate(kernel.slots)}
        self.lanes = host().vector_bytes // dtype.itemsize
        self.weights: list[Weights] = []
        self.biases: list[tuple[str, int, list[tuple[int, int, int, int]]]] = []
        self.template = np.zeros(len(self.slots), dtype=np.int64)
        self._fill_sizes(kernel.columns)
        self.numbers = {
            f"buffer {name}": torch.tensor([buffer.source], dtype=dtype)
            for name, buffer in self.schedule.buffers.items()
            if buffer.kind == "number"
        }

    def _set(self, table: Any, slot: str, value: int) -> None:
        if slot in self.slots:
            table[..., self.slots[slot]] = value

    def _fill_sizes(self, columns: Mapping[str, list[int]]) -> None:
        """What does not change from call to call."""
        table = self.template
        for name in self.schedule.buffers:
            self._set(table, f"row {name}", self.row_width(name))
            for number, column in enumerate(columns.get(name, [])):
                self._set(table, f"column {name} {number}", column)
        for place, stage in enumerate(self.schedule.stages):
            if not isinstance(stage, ProductStage):
                self._set(table, f"width {place}", stage.width)
                continue
            vectors = -(-stage.outputs // self.lanes)
            self._set(table, f"vectors {place}", vectors)
            for kind, terms in (("h", stage.hoisted), ("t", stage.terms)):
                for number, term in enumerate(terms):
                    self._set(table, f"inputs {place} {kind}{number}", term.inputs)
                    self.weights.append(_weights(f"weights {place} {kind}{number}", term, stage.outputs))
            runs = _merged([(column, v.parameter, v.start, v.width) for column, v in stage.bias])
            self.biases.append((f"bias {place}", vectors * self.lanes, runs))

    def row_width(self, name: str) -> int:
        """Numbers from one row of a buffer to the next: products have whole vectors."""
        buffer = self.schedule.buffers[name]
        if buffer.source == "product":
            return -(-buffer.width // self.lanes) * self.lanes
        return buffer.width

    def prepare(self, derived: Sequence[Tensor]) -> dict[str, Tensor]:
        """Weights in panels, biases summed: what a call makes of the parameters before the loop."""
        prepared: dict[str, Tensor] = {}
        for weights in self.weights:
            vectors = -(-weights.outputs // self.lanes)
            prepared[weights.slot] = weights.packed(derived, vectors, self.lanes)
        for slot, width, runs in self.biases:
            bias = torch.zeros(width, dtype=self.dtype)
            for column, parameter, start, count in runs:
                bias[column : column + count] += derived[parameter].detach().reshape(-1)[start : start + count]
            prepared[slot] = bias
        for name, buffer in self.schedule.buffers.items():
            if buffer.kind == "vector":
                prepared[f"buffer {name}"] = derived[buffer.source].detach().reshape(-1).contiguous()
        return prepared

    def run(
        self,
        packing: Packing,
        shares: Sequence[Share],
        prepared: Mapping[str, Tensor],
        sequences: Mapping[str, Tensor],
        initial: Mapping[str, Tensor],
        final: Mapping[str, Tensor],
    ) -> None:
        """One pass.

        Args:
            packing: How the rows are packed.
            shares: Of each thread, in the order of this pass.
            prepared: What `prepare` gave.
            sequences: Every sequence buffer, `[size, width]`; a part of the columns of a wider array is fine.
            initial: What is carried, before the first step of every row, `[batch, width]` in the packed order.
            final: Where it goes after the last step of every row.
        """
        steps = len(shares[0].n) - 3
        if steps == 0:
            return
        tables = np.tile(self.template, (len(shares), 1))
        keep: list[Any] = [shares]
        addresses: dict[str, Tensor] = {**prepared, **self.numbers}
        for name, sequence in sequences.items():
            addresses[f"buffer {name}"] = sequence
            self._set(tables, f"row {name}", sequence.stride(0))
        for name in self.schedule.carried:
            addresses[f"initial {name}"], addresses[f"final {name}"] = initial[name], final[name]
            if not self.keeps:
                ring = torch.empty(2 * packing.batch, initial[name].shape[1], dtype=self.dtype)
                addresses[f"buffer {name}"] = ring
        keep.append(addresses)
        for slot, tensor in addresses.items():
            self._set(tables, slot, tensor.data_ptr())
        self._set(tables, "steps", steps)
        chunk = self.chunk(packing, steps)
        self._set(tables, "chunk", chunk)
        self._set(tables, "ring", packing.batch)
        for table, share in zip(tables, shares, strict=True):
            self._set(table, "at", share.at.ctypes.data)
            self._set(table, "n", share.n.ctypes.data)
            self._set(table, "first", share.first)
            self._set(table, "together", int(share.together))
            if not self.keeps:
                for name in self.schedule.carried:
                    offset = share.first * initial[name].shape[1] * self.dtype.itemsize
                    self._set(table, f"buffer {name}", addresses[f"buffer {name}"].data_ptr() + offset)
            for name, buffer in self.schedule.buffers.items():
                if buffer.kind in ("chunk", "scratch"):
                    rows = packing.longest * (chunk if buffer.kind == "chunk" else 1)
                    memory = torch.empty(rows * self.row_width(name) + self.lanes, dtype=self.dtype)
                    keep.append(memory)
                    self._set(table, f"buffer {name}", memory.data_ptr())
        team.run(self.enter, tables)

    def chunk(self, packing: Packing, steps: int) -> int:
        """Steps whose hoisted products are computed at once."""
        width = sum(self.row_width(name) for name, b in self.schedule.buffers.items() if b.kind == "chunk")
        return max(1, min(steps, CHUNK_BYTES // max(1, width * packing.longest * self.dtype.itemsize)))


def _weights(slot: str, term: Term, outputs: int) -> Weights:
    """The blocks of a term, neighbours of one parameter joined."""
    blocks = term.blocks
    for axis in ("outputs", "inputs"):
        blocks = _joined(blocks, axis)
    return Weights(slot, term.inputs, outputs, blocks)


def _joined(blocks: list[tuple[int, int, Matrix]], axis: str) -> list[tuple[int, int, Matrix]]:
    """Blocks that continue each other along one axis, both in the weight and in their parameter, as one."""
    along = 1 if axis == "outputs" else 0
    result: list[tuple[int, int, Matrix]] = []
    for block in sorted(blocks, key=lambda block: (block[1 - along], block[along])):
        row, column, m = block
        if result:
            r, c, last = result[-1]
            size, begin = getattr(last, axis)[1], getattr(last, axis)[0]
            other = "inputs" if along else "outputs"
            same = all(getattr(last, name) == getattr(m, name) for name in ("parameter", "transposed", other))
            follows = (r, c + size) == (row, column) if along else (r + size, c) == (row, column)
            if same and follows and begin + size == getattr(m, axis)[0]:
                whole = (begin, size + getattr(m, axis)[1])
                inputs, outputs = (last.inputs, whole) if along else (whole, last.outputs)
                result[-1] = (r, c, Matrix(m.parameter, m.transposed, inputs, outputs))
                continue
        result.append(block)
    return result


def _merged(runs: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Runs `(column, parameter, start, width)` that continue each other as one."""
    result: list[tuple[int, int, int, int]] = []
    for column, parameter, start, width in sorted(runs, key=lambda run: (run[1], run[0])):
        if result:
            c, p, s, w = result[-1]
            if p == parameter and c + w == column and s + w == start:
                result[-1] = (c, p, s, w + width)
                continue
        result.append((column, parameter, start, width))
    return result


def _view(derived: Sequence[Tensor], matrix: Matrix) -> Tensor:
    """A part of a parameter as `[inputs, outputs]`."""
    weight = derived[matrix.parameter].detach()
    if matrix.transposed:
        weight = weight.t()
    (i, inputs), (o, outputs) = matrix.inputs, matrix.outputs
    return weight[i : i + inputs, o : o + outputs]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
