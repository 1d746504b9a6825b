"""Bias: what a product begins from, the sum of parts of parameters."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from llvmlite import ir
from torch import Tensor

from treadle.compiler.cpu import library
from treadle.compiler.cpu.ir import I64, POINTER, Code
from treadle.compiler.cpu.machine import Machine, host

RUN = ("*from", "column", "count")
"""What the function is told of a part: where it lies, the column that it begins at, and its numbers."""


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

    def sum(self, derived: Sequence[Tensor], into: int) -> None:
        """Write the bias to an address, zeros where there is none."""
        told, held, dtype = array("q"), [], derived[0].dtype
        for column, parameter, start, count in self.runs:
            whole = derived[parameter].contiguous()
            told.extend((whole.data_ptr() + start * dtype.itemsize, column, count))
            held.append(whole)
        _add_runs(dtype)(told.buffer_info()[0], len(self.runs), into, self.width)


@cache
def _add_runs(dtype: torch.dtype) -> Any:
    name = str(dtype).removeprefix("torch.")
    made = library.load(build(host(), name), ["add_runs"], announce=f"biases for {name}")
    return library.function(made["add_runs"], 4)


def build(machine: Machine, dtype: str) -> ir.Module:
    """The module with `add_runs(runs, count, to, width)`: the sum of all parts, in a width of whole vectors."""
    module = ir.Module("bias")
    lanes = machine.vector_bytes // (4 if dtype == "float32" else 8)
    code = Code(module, "add_runs", ["*runs", "count", "*to", "width"], dtype, lanes)
    g, b = code.arguments, code.builder
    zero = code.integer(0)
    with code.loop(zero, g["width"], lanes) as column:
        code.store(code.number(0.0), g["to"], column)
    with code.loop(zero, g["count"]) as run:
        place = code.mul(run, code.integer(len(RUN)))
        origin, first, count = (code.load(g["runs"], code.add(place, code.integer(i)), I64) for i in range(len(RUN)))
        source, target = b.inttoptr(origin, POINTER), code.at(g["to"], first)
        with code.loop(zero, count, lanes) as i:
            mask = code.tail_mask(code.sub(count, i))
            both = b.fadd(code.masked_load(source, i, mask), code.masked_load(target, i, mask))
            code.masked_store(both, target, i, mask)
    code.done()
    return module


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
