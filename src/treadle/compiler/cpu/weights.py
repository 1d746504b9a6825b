"""Weights: how a pass brings parameters into the form that its kernel reads."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from treadle.compiler.cpu import tile_int8
from treadle.compiler.cpu.amx.pack import column_floats
from treadle.compiler.cpu.machine import host
from treadle.compiler.cpu.panels import pack_panels, pack_tiles
from treadle.compiler.program import Matrix
from treadle.compiler.schedule import Term


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

    def pack(self, derived: Sequence[Tensor], into: int) -> None:
        """Write the panels, `[width * depth]`, to an address."""
        pack_panels(self.weight(derived), self.width, into)

    def weight(self, derived: Sequence[Tensor]) -> Tensor:
        """The weight `[inputs, outputs]`: a part of a parameter, or put together from parts of several."""
        if len(self.blocks) == 1:
            matrix = self.blocks[0][2]
            return matrix.of(derived[matrix.parameter])  # type: ignore[no-any-return]  # typed for any tree of numbers
        return self.whole(derived)

    def whole(self, derived: Sequence[Tensor]) -> Tensor:
        """The weight `[inputs, outputs]`, zeros where no parameter has a part in it."""
        weight = derived[self.blocks[0][2].parameter].new_zeros(self.inputs, self.outputs)
        for row, column, matrix in self.blocks:
            part = matrix.of(derived[matrix.parameter])
            weight[row : row + part.shape[0], column : column + part.shape[1]] = part
        return weight


class AmxWeights(Weights):
    """Those that are read as tiles of bfloat16, three for a float32."""

    @property
    def depth(self) -> int:
        """Numbers that a column takes."""
        return column_floats(self.inputs)

    def pack(self, derived: Sequence[Tensor], into: int) -> None:
        """Write the tiles, `[width * depth]`, to an address."""
        pack_tiles(self.weight(derived), self.width, into)


class Int8Weights(Weights):
    """Those that are read in 8 bits."""

    @property
    def depth(self) -> int:
        """Numbers that a column takes: its whole numbers, four to one of these, and its scale."""
        return tile_int8.column_floats(self.inputs)

    def pack(self, derived: Sequence[Tensor], into: int) -> None:
        """Write the panels, `[width * depth]`, to an address."""
        panels = tile_int8.pack(self.whole(derived), host().vector_bytes // 4, host().panel_vectors)
        ctypes.memmove(into, panels.data_ptr(), panels.nbytes)


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
