"""The most multiply-adds that this machine does: a loop of nothing else, in registers, on every thread."""

from collections.abc import Callable

import numpy as np
from llvmlite import ir

from treadle.compiler.cpu import library, team
from treadle.compiler.cpu.entry import write_entry
from treadle.compiler.cpu.ir import I64, POINTER, Code
from treadle.compiler.cpu.machine import host
from treadle.compiler.cpu.tables import Tables

REPEATS = 1_000_000


def peak_call(threads: int) -> tuple[Callable[[], None], float]:
    """The loop as a call, and the floating-point operations of that call (a multiply-add is two)."""
    machine = host()
    lanes, chains = machine.vector_bytes // 4, machine.tile_rows * machine.panel_vectors
    enter = library.load(_module(lanes, chains), ["enter"], announce="the loop of multiply-adds")["enter"]
    # Every chain is x <- x / 2 + 1 / 2 from a beginning of its own: nothing overflows, vanishes or can be left out.
    numbers = np.full((threads, 2 + chains, lanes), 0.5, dtype=np.float32)
    numbers[:, 2:] = np.arange(chains)[:, None]

    def call() -> None:
        team.run(enter, Tables([(REPEATS, own.ctypes.data) for own in numbers]))

    return call, 2.0 * lanes * chains * REPEATS * threads


def _module(lanes: int, chains: int) -> ir.Module:
    """A task with the table `[repeats, address of the numbers]`, and its entry for `team.run`."""
    module = ir.Module("peak")
    code = Code(module, "task", ["*table"], "float32", lanes)
    repeats, address = (code.load(code.arguments["table"], code.integer(i), I64) for i in (0, 1))
    numbers = code.builder.inttoptr(address, POINTER)
    factor, addend, *chain = (code.load(numbers, code.integer(i * lanes)) for i in range(2 + chains))
    with code.loop(code.integer(0), repeats, carried=chain) as k:
        k.next = [code.fma(value, factor, addend) for value in k.values]
    for i, value in enumerate(k.values):
        code.store(value, numbers, code.integer((2 + i) * lanes))
    code.done()
    write_entry(module, code.function, together=False)
    return module
