"""Rows: taken from an array in any order, by all threads; where there is none to take, zeros."""

from functools import cache

import torch
from llvmlite import ir
from torch import Tensor

from treadle.compiler.cpu import library, team
from treadle.compiler.cpu.entry import write_calls
from treadle.compiler.cpu.ir import I64, Code, Value
from treadle.compiler.cpu.machine import Machine, host
from treadle.compiler.cpu.tables import Tables

ENOUGH = 1 << 16
"""Bytes that are worth a thread of their own."""

TAKE = ["*from", "from_row", "*index", "*to", "width", "rows"]
"""Of a thread's rows: the array and the 32-bit words from one of its rows to the next, which rows, and where they go,
right after each other."""


def take(source: Tensor, index: Tensor, into: Tensor) -> Tensor:
    """`into[i] = source[index[i]]`, or zeros where the index is negative.

    Args:
        source: `[some rows, width]`; it is copied unless the numbers of a row lie next to each other.
        index: `[rows]`, int64.
        into: `[rows, width]`, contiguous, of the same type.
    """
    source = source if source.stride(1) == 1 else source.contiguous()
    rows, words = len(index), into.element_size() // 4
    threads = max(1, min(torch.get_num_threads(), into.nbytes // ENOUGH))
    width, apart = words * source.shape[1], words * source.stride(0)
    tables = [
        (
            source.data_ptr(),
            apart,
            index.data_ptr() + 8 * first,
            into.data_ptr() + 4 * width * first,
            width,
            last - first,
        )
        for first, last in team.portions(rows, threads)
    ]
    team.run(_enter(), Tables(tables))
    return into


@cache
def _enter() -> int:
    return library.load(build(host()), ["enter"], announce="the taking of rows")["enter"]


def build(machine: Machine) -> ir.Module:
    """The module with `enter`, for the rows of each thread."""
    module = ir.Module("rows")
    code = Code(module, "take", TAKE, "float32", machine.vector_bytes // 4, private=True)
    g, b = code.arguments, code.builder
    whole = code.sub(g["width"], b.srem(g["width"], code.integer(code.lanes)))
    mask = code.tail_mask(code.sub(g["width"], whole))
    with code.loop(code.integer(0), g["rows"]) as row:
        number = code.load(g["index"], row, I64)
        target = code.at(g["to"], code.mul(row, g["width"]))
        with b.if_else(b.icmp_signed("<", number, code.integer(0))) as (none, some):
            with none:
                _fill(code, target, whole, mask, code.number(0.0))
            with some:
                _copy(code, code.at(g["from"], code.mul(number, g["from_row"])), target, whole, mask)
    code.done()
    write_calls(module, code.function, TAKE)
    return module


def _fill(code: Code, target: Value, whole: Value, mask: Value, vector: Value) -> None:
    with code.loop(code.integer(0), whole, code.lanes) as k:
        code.store(vector, target, k)
    code.masked_store(vector, target, whole, mask)


def _copy(code: Code, origin: Value, target: Value, whole: Value, mask: Value) -> None:
    with code.loop(code.integer(0), whole, code.lanes) as k:
        code.store(code.load(origin, k), target, k)
    code.masked_store(code.masked_load(origin, whole, mask), target, whole, mask)
