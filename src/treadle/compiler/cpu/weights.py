"""Weights: how a pass brings parameters into the form that its kernel reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from treadle.compiler.cpu import library, tile, tile_int8
from treadle.compiler.cpu.machine import host
from treadle.compiler.program import Matrix
from treadle.compiler.schedule import Term


@cache
def tile_functions(dtype: str) -> dict[str, int]:
    """The addresses of `product`, `pack` and `digest` for a type of number."""
    functions = ["product", "pack", "digest"]
    return library.load(tile.build(host(), dtype), functions, announce=f"the matrix tile for {dtype}")


@cache
def int8_product() -> int:
    """The address of the product with weights in 8 bits."""
    return library.load(tile_int8.build(host()), [tile_int8.NAME], announce="the matrix tile for int8")[tile_int8.NAME]


@cache
def _pack(dtype: torch.dtype) -> Any:
    return library.function(tile_functions(str(dtype).removeprefix("torch."))["pack"], 7)


@cache
def _digest() -> Any:
    return library.function(tile_functions("float32")["digest"], 3)


def content(tensors: Sequence[Tensor]) -> Any:
    """What tells whether tensors are the same as before: where they lie, torch's count of their changes, and a digest.

    The digest is for changes that torch does not count, such as those of `parameter.data`.
    """
    found: list[Any] = []
    for tensor in tensors:
        if not tensor.is_contiguous():
            return None
        sums = np.empty(host().vector_bytes // 2, dtype=np.int32)
        words = tensor.numel() * tensor.element_size() // 4
        _digest()(tensor.data_ptr(), words, sums.ctypes.data)
        version = None if tensor.is_inference() else tensor._version
        found.append((tensor.data_ptr(), version, sums.tobytes()))
    return found


@dataclass(frozen=True)
class Weights:
    """How the weights of one operand of a product are brought into panels.

    Attributes:
        slot: Their place in the table.
        inputs: Rows of the weight.
        outputs: Columns of the weight.
        width: Columns in whole vectors.
        blocks: Parts of parameters with the row and column that they begin at, as few as possible.
    """

    slot: int
    inputs: int
    outputs: int
    width: int
    blocks: list[tuple[int, int, Matrix]]

    @classmethod
    def of(cls, slot: int, term: Term, outputs: int, width: int) -> Self:
        """Those of a term, neighbours of one parameter joined."""
        blocks = term.blocks
        for axis in ("outputs", "inputs"):
            blocks = _joined(blocks, axis)
        return cls(slot, term.inputs, outputs, width, blocks)

    @property
    def depth(self) -> int:
        """Numbers that a column takes."""
        return self.inputs

    def pack(self, derived: Sequence[Tensor], lanes: int, into: Tensor) -> None:
        """Write the panels, `[width * depth]`."""
        if len(self.blocks) == 1:
            weight = derived[self.blocks[0][2].parameter]
            place, by_input, by_output = _where(weight, self.blocks[0][2])
        else:
            weight = self.whole(derived)
            place, by_input, by_output = weight.data_ptr(), self.outputs, 1
        sizes = (self.inputs, self.outputs, self.width // lanes)
        _pack(weight.dtype)(place, by_input, by_output, *sizes, into.data_ptr())

    def whole(self, derived: Sequence[Tensor]) -> Tensor:
        """The weight `[inputs, outputs]`, zeros where no parameter has a part in it."""
        weight = derived[self.blocks[0][2].parameter].new_zeros(self.inputs, self.outputs)
        for row, column, matrix in self.blocks:
            part = matrix.of(derived[matrix.parameter])
            weight[row : row + part.shape[0], column : column + part.shape[1]] = part
        return weight


class Int8Weights(Weights):
    """Those that are read in 8 bits."""

    @property
    def depth(self) -> int:
        """Numbers that a column takes: its whole numbers, four to one of these, and its scale."""
        return tile_int8.column_floats(self.inputs)

    def pack(self, derived: Sequence[Tensor], lanes: int, into: Tensor) -> None:
        """Write the panels, `[width * depth]`."""
        into.copy_(tile_int8.pack(self.whole(derived), lanes, host().panel_vectors))


@dataclass(frozen=True)
class Bias:
    """How a product's bias is summed.

    Attributes:
        slot: Its place in the table.
        width: Numbers, in whole vectors.
        runs: Parts of parameters: column, parameter, start and width.
    """

    slot: int
    width: int
    runs: list[tuple[int, int, int, int]]

    def sum(self, derived: Sequence[Tensor], out: Tensor) -> None:
        """Write the bias, zeros where there is none."""
        out.zero_()
        for column, parameter, start, count in self.runs:
            out[column : column + count] += derived[parameter].detach().reshape(-1)[start : start + count]


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


def merged_runs(runs: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
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


def _where(weight: Tensor, matrix: Matrix) -> tuple[int, int, int]:
    """The address of a part of a parameter, and its strides from input to input and from output to output."""
    rows, columns = weight.stride()
    by_input, by_output = (columns, rows) if matrix.transposed else (rows, columns)
    offset = matrix.inputs[0] * by_input + matrix.outputs[0] * by_output
    return weight.data_ptr() + offset * weight.element_size(), by_input, by_output
