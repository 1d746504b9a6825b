"""Sums: the gradients that only accumulate, each one product over all steps and rows after the loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from treadle.compiler.cpu.large import product, sums_of_products
from treadle.compiler.partition import SUMMED, Columns, Partition
from treadle.compiler.program import Matrix, Vector
from treadle.compiler.workspace import Arrays


@dataclass(frozen=True)
class _Block:
    """A part of a weight's gradient: `operand^T @ gradient`, or its transpose for a weight `[outputs, inputs]`."""

    matrix: Matrix
    operand: Columns
    gradient: Columns

    @property
    def left(self) -> Columns:
        """What makes the rows of the gradient."""
        return self.gradient if self.matrix.transposed else self.operand

    @property
    def right(self) -> Columns:
        """What makes its columns."""
        return self.operand if self.matrix.transposed else self.gradient


@dataclass(frozen=True)
class _Share:
    """What a part of a vector gets of the sum over an array's rows.

    Attributes:
        vector: The part.
        columns: Of the array.
        piece: Which of the pieces that the sum is split into; None where it is not one of them.
        shared: Whether a vector before it may have the same.
    """

    vector: Vector
    columns: Columns
    piece: int | None
    shared: bool


class Sums:
    """What is left to sum after a backward loop.

    Args:
        partition: The step and its gradient, taken apart.
    """

    def __init__(self, partition: Partition) -> None:
        blocks = [_Block(*use) for use in partition.matrices]
        blocks.sort(key=lambda b: (b.matrix.parameter, b.operand.array, b.operand.start, b.matrix.outputs))
        self.blocks: list[_Block] = []
        for block in blocks:
            self.blocks[-1:] = _joined(self.blocks[-1:], block)
        vectors: list[tuple[Vector, Columns]] = []
        for vector, place in sorted(partition.vectors, key=lambda use: (use[0].parameter, use[0].start)):
            vectors[-1:] = _joined_vectors(vectors[-1:], vector, place)
        self.borders = _borders([columns for _, columns in vectors])
        self.shares = [
            _Share(vector, columns, _piece(columns, self.borders), any(_overlap(columns, c) for _, c in vectors[:i]))
            for i, (vector, columns) in enumerate(vectors)
        ]
        self.x_in_loop = partition.x_in_loop
        self.x: list[tuple[Columns, Matrix]] = []
        for columns, matrix in sorted(partition.x, key=lambda term: (term[1].parameter, term[1].inputs)):
            self.x[-1:] = _joined_terms(self.x[-1:], columns, matrix)

    def of_input(self, arrays: Arrays, derived: Sequence[Tensor]) -> Tensor:
        """The packed gradient by the input."""
        x = arrays["x"]
        result = arrays["dx"] if self.x_in_loop else None
        for columns, matrix in self.x:
            gradient, weight = _columns(arrays, columns), matrix.of(derived[matrix.parameter])
            if matrix.outputs[1] == x.shape[1]:
                result = product(gradient, weight) if result is None else result.addmm_(gradient, weight)
            else:
                result = torch.zeros_like(x) if result is None else result
                start, width = matrix.outputs
                result[:, start : start + width].addmm_(gradient, weight)
        return torch.zeros_like(x) if result is None else result

    def of_parameters(
        self,
        arrays: Arrays,
        summed: Tensor | None,
        derived: Sequence[Tensor],
        needed: Sequence[bool],
    ) -> list[Tensor | None]:
        """The gradients by the derived parameters that need one.

        Args:
            arrays: What the passes stored.
            summed: What the backward loop summed, side by side; None where it summed nothing.
            derived: The parameters.
            needed: Which of them need a gradient.
        """
        found: list[Tensor | None] = [None] * len(derived)
        wanted = [block for block in self.blocks if needed[block.matrix.parameter]]
        whole: dict[Columns, list[_Block]] = {}
        for block in wanted:
            if block.matrix.inputs[1] * block.matrix.outputs[1] == derived[block.matrix.parameter].numel():
                whole.setdefault(block.left, []).append(block)
                continue
            number = block.matrix.parameter
            if found[number] is None:
                found[number] = torch.zeros_like(derived[number], memory_format=torch.contiguous_format)
            view = block.matrix.of(found[number])
            left, right = (_columns(arrays, side) for side in (block.left, block.right))
            (view.t() if block.matrix.transposed else view).addmm_(left.t(), right)
        for side, blocks in whole.items():
            sums = sums_of_products(_columns(arrays, side), [_columns(arrays, block.right) for block in blocks])
            for block, total in zip(blocks, sums, strict=True):
                number = block.matrix.parameter
                before = found[number]
                found[number] = total if before is None else before.add_(total)
        self._add_vectors(found, arrays, summed, derived, needed)
        return found

    def _add_vectors(
        self,
        found: list[Tensor | None],
        arrays: Arrays,
        summed: Tensor | None,
        derived: Sequence[Tensor],
        needed: Sequence[bool],
    ) -> None:
        """Sums over all steps and rows, each array once."""
        wanted = [share for share in self.shares if needed[share.vector.parameter]]
        sums = {name: arrays[name].sum(0) for name in {share.columns.array for share in wanted} - {SUMMED}}
        if summed is not None:
            sums[SUMMED] = summed
        split = {name: _split(one, self.borders[name]) for name, one in sums.items()}
        for share in wanted:
            vector, columns = share.vector, share.columns
            gradient, parameter = found[vector.parameter], derived[vector.parameter]
            part = _part(sums[columns.array], columns) if share.piece is None else split[columns.array][share.piece]
            if gradient is None and vector.width == parameter.numel():
                part = part.clone() if share.shared else part
                found[vector.parameter] = part if parameter.dim() == 1 else part.view(parameter.shape)
                continue
            if gradient is None:
                gradient = torch.zeros_like(parameter, memory_format=torch.contiguous_format)
                found[vector.parameter] = gradient
            gradient.view(-1)[vector.start : vector.start + vector.width] += part


def _borders(columns: Sequence[Columns]) -> dict[str, list[int]]:
    """Of every array, where its parts begin and end."""
    found: dict[str, set[int]] = {}
    for one in columns:
        found.setdefault(one.array, {0}).update((one.start, one.start + one.width))
    return {name: sorted(borders) for name, borders in found.items()}


def _piece(columns: Columns, borders: dict[str, list[int]]) -> int | None:
    """Which of the pieces between the borders of their array some columns are, if one."""
    mine = borders[columns.array]
    place = mine.index(columns.start)
    return place if mine[place + 1] == columns.start + columns.width else None


def _split(summed: Tensor, borders: Sequence[int]) -> Sequence[Tensor]:
    """The pieces between some borders; one split takes less time than as many views."""
    if len(borders) == 2 and borders[1] == len(summed):
        return [summed]
    rest = len(summed) - borders[-1]
    sizes = [high - low for low, high in pairwise(borders)]
    return summed.split_with_sizes([*sizes, rest])


def _joined(last: list[_Block], block: _Block) -> list[_Block]:
    """Two blocks that continue each other in the weight and in the stored gradients, as one."""
    for other in last:
        m, n = other.matrix, block.matrix
        same = (m.parameter, m.transposed, m.inputs) == (n.parameter, n.transposed, n.inputs)
        same = same and other.operand == block.operand
        begin, width = m.outputs
        if same and begin + width == n.outputs[0] and _follows(other.gradient, block.gradient):
            outputs = (begin, width + n.outputs[1])
            gradient = Columns(other.gradient.array, other.gradient.start, outputs[1])
            return [_Block(Matrix(m.parameter, m.transposed, m.inputs, outputs), other.operand, gradient)]
    return [*last, block]


def _joined_terms(last: list[tuple[Columns, Matrix]], columns: Columns, matrix: Matrix) -> list[tuple[Columns, Matrix]]:
    """Two terms of the input's gradient that continue each other, as one."""
    for other, m in last:
        same = (m.parameter, m.transposed, m.outputs) == (matrix.parameter, matrix.transposed, matrix.outputs)
        if same and sum(m.inputs) == matrix.inputs[0] and _follows(other, columns):
            inputs = (m.inputs[0], m.inputs[1] + matrix.inputs[1])
            whole = Matrix(m.parameter, m.transposed, inputs, m.outputs)
            return [(Columns(other.array, other.start, inputs[1]), whole)]
    return [*last, (columns, matrix)]


def _joined_vectors(last: list[tuple[Vector, Columns]], vector: Vector, place: Columns) -> list[tuple[Vector, Columns]]:
    """Two parts of a vector that continue each other, as one."""
    for other, before in last:
        follows = (other.parameter, other.start + other.width) == (vector.parameter, vector.start)
        if follows and _follows(before, place):
            width = other.width + vector.width
            return [(Vector(vector.parameter, other.start, width), Columns(before.array, before.start, width))]
    return [*last, (vector, place)]


def _follows(a: Columns, b: Columns) -> bool:
    return a.array == b.array and a.start + a.width == b.start


def _overlap(a: Columns, b: Columns) -> bool:
    return a.array == b.array and a.start < b.start + b.width and b.start < a.start + a.width


def _columns(arrays: Arrays, columns: Columns) -> Tensor:
    return _part(arrays[columns.array], columns)


def _part(array: Tensor, columns: Columns) -> Tensor:
    """Some columns of an array, or of a sum over its rows; a view takes as long as a small sum."""
    whole = columns.width == array.shape[-1]
    return array if whole else array[..., columns.start : columns.start + columns.width]
