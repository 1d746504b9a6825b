"""How threads enter a kernel: each takes a table; and how they meet where all must have come so far."""

import platform
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from treadle.compiler.cpu.ir import I32, I64, POINTER, VOID, Code, Value

PATIENCE = 1 << 10
"""Looks at the others' progress before a waiting thread lets the system run something else on its core."""


def write_entry(module: Any, loop: Any, *, together: bool) -> None:
    """`enter(ticket)`: run the loop on one table after the other until all are taken, whichever thread calls it.

    The ticket holds the next table's number, the number of tables, the bytes of each, and the address of the first.
    With `together` no table is taken unless there is a thread for each, since they wait for each other.
    """
    code = Code(module, "enter", ["*ticket"], "float32", 1)
    b, ticket = code.builder, code.arguments["ticket"]
    tables, size, first = (code.load(ticket, code.integer(i), I64) for i in (1, 2, 3))
    head, body, after = (code.function.append_basic_block(name) for name in ("next", "take", "none"))
    if together:
        team = ir.Function(module, ir.FunctionType(I32, []), "omp_get_num_threads")
        b.cbranch(b.icmp_signed(">=", b.sext(b.call(team, []), I64), tables), head, after)
    else:
        b.branch(head)
    b.position_at_end(head)
    mine = b.atomic_rmw("add", ticket, code.integer(1), "monotonic")
    b.cbranch(b.icmp_signed("<", mine, tables), body, after)
    b.position_at_end(body)
    b.call(loop, [b.inttoptr(code.add(first, code.mul(mine, size)), POINTER)])
    b.branch(head)
    b.position_at_end(after)
    code.done()


def write_calls(module: Any, function: Any, arguments: Sequence[str]) -> None:
    """`enter(ticket)`: call a function with what stands in one table after the other, in the order of its arguments."""
    code = Code(module, "loop", ["*table"], "float32", 1, private=True)
    code.builder.call(function, list(read_table(code, code.arguments["table"], arguments).values()))
    code.done()
    write_entry(module, code.function, together=False)


def read_table(code: Code, origin: Value, names: Sequence[str]) -> dict[str, Value]:
    """Numbers, and addresses where a name begins with a star, that stand one after the other."""
    found = {}
    for place, name in enumerate(names):
        value = code.load(origin, code.integer(place), I64)
        found[name.strip("*")] = code.builder.inttoptr(value, POINTER) if name.startswith("*") else value
    return found


class Meeting:
    """A point that no thread passes before all have reached it.

    Args:
        code: The function that waits.
    """

    def __init__(self, code: Code) -> None:
        self.code = code
        self.count = code.builder.alloca(I64)
        code.builder.store(code.integer(0), self.count)
        self.x86 = "x86" in platform.machine().lower() or "amd64" in platform.machine().lower()

    def write(self, arrived: Value, threads: Value) -> None:
        """Write one meeting: `arrived` is the address of a counter that begins at 0."""
        code, b = self.code, self.code.builder
        goal = code.add(b.load(self.count, typ=I64), threads)
        b.store(goal, self.count)
        b.atomic_rmw("add", arrived, code.integer(1), "acq_rel")
        look, wait, rest, done = (code.function.append_basic_block(name) for name in ("look", "wait", "rest", "met"))
        before = b.block
        b.branch(look)
        b.position_at_end(look)
        looks = b.phi(I64)
        looks.add_incoming(code.integer(0), before)
        seen = b.load_atomic(arrived, "acquire", 8, typ=I64)
        b.cbranch(b.icmp_signed("<", seen, goal), wait, done)
        b.position_at_end(wait)
        if self.x86:
            b.call(code.intrinsic("llvm.x86.sse2.pause", [], VOID, []), [])
        tired = b.icmp_signed("==", b.and_(looks, code.integer(PATIENCE - 1)), code.integer(PATIENCE - 1))
        following = code.add(looks, code.integer(1))
        looks.add_incoming(following, wait)
        b.cbranch(tired, rest, look)
        b.position_at_end(rest)
        if platform.system() != "Windows":
            known = code.module.globals.get("sched_yield")
            b.call(known or ir.Function(code.module, ir.FunctionType(I32, []), "sched_yield"), [])
        looks.add_incoming(following, rest)
        b.branch(look)
        b.position_at_end(done)
