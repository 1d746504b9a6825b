"""How threads enter a kernel: each takes a table; and how they meet where all must have come so far."""

import platform
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from llvmlite.ir.instructions import StoreAtomicInstr

from treadle.compiler.cpu.ir import I32, I64, POINTER, VOID, Code, Value
from treadle.compiler.cpu.tables import APART

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

    Every thread counts its own meetings, in a line of the cache that nobody else writes, and looks at the counts of the
    others: a line then goes from core to core once, and not for every thread that arrives.

    Args:
        code: The function that waits.
    """

    def __init__(self, code: Code) -> None:
        self.code = code
        self.x86 = "x86" in platform.machine().lower() or "amd64" in platform.machine().lower()

    def write(self, counts: Value, own: Value, threads: Value) -> None:
        """Write one meeting: `counts` is the address of all threads' counts, `APART` numbers apart, `own` of one."""
        code, b = self.code, self.code.builder
        goal = code.add(b.load(own, typ=I64), code.integer(1))
        b._insert(StoreAtomicInstr(b.block, goal, own, "release", 8))  # `store_atomic` knows no opaque pointers
        with code.loop(code.integer(0), threads) as thread:
            self._wait(code.at(counts, code.mul(thread, code.integer(APART)), I64), goal)

    def _wait(self, count: Value, goal: Value) -> None:
        """Look at a count until it has come as far."""
        code, b = self.code, self.code.builder
        look, wait, rest, done = (code.function.append_basic_block(name) for name in ("look", "wait", "rest", "met"))
        before = b.block
        b.branch(look)
        b.position_at_end(look)
        looks = b.phi(I64)
        looks.add_incoming(code.integer(0), before)
        seen = b.load_atomic(count, "acquire", 8, typ=I64)
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
