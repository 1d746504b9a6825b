"""Sharing: the same rows for several threads, each with a part of the columns.

A single row's products are bound by reading the weights, so two cores with half of the columns each read them twice as
fast; and where the weights are too large for what a core keeps near, half of them may not be. Every thread computes, of
each product and each group of functions, the same part of the columns; before a product of the state all meet, since it
reads what the others have written.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from treadle.compiler.cpu.machine import Machine
from treadle.compiler.schedule import GroupStage, ProductStage, Schedule

ENOUGH = 1 << 15
"""Weights of a step's products that make two meetings of threads worth their while."""


@dataclass(frozen=True)
class Part:
    """Columns that are shared among threads.

    Attributes:
        begin: The slot of a thread's first column.
        count: The slot of how many it has, in units.
        start: The first column of all.
        width: The number of columns of all.
        unit: Columns that are counted as one.
    """

    begin: str
    count: str
    start: int
    width: int
    unit: int

    def of(self, thread: int, threads: int) -> dict[str, int]:
        """What the table of one thread holds."""
        low, high = (self.width * i // threads for i in (thread, thread + 1))
        return {self.begin: self.start + low, self.count: (high - low) // self.unit}


def parts(schedule: Schedule, lanes: int) -> list[Part]:
    """The columns of every product and group of a loop."""
    found = []
    for place, stage in enumerate(schedule.stages):
        if isinstance(stage, GroupStage):
            found.append(Part(f"from {place}", f"width {place}", 0, stage.width, 1))
            continue
        for number, (column, width) in enumerate(stage.pieces):
            slots = f"from {place} {number}", f"vectors {place} {number}"
            found.append(Part(*slots, column, width, lanes))
    return found


def shared_columns(parts: Sequence[Part], threads: int) -> list[dict[str, int]]:
    """What the table of each thread says of its columns."""
    return [{k: v for part in parts for k, v in part.of(thread, threads).items()} for thread in range(threads)]


def read_weights(schedule: Schedule, *, hoisted: bool = False) -> int:
    """The weights that every step reads, or those that are read for many steps at once."""
    products = [stage for stage in schedule.stages if isinstance(stage, ProductStage)]
    terms = [(term, stage) for stage in products for term in (stage.hoisted if hoisted else stage.terms)]
    return sum(term.inputs * stage.outputs for term, stage in terms)


def sharing_threads(schedule: Schedule, threads: int, machine: Machine, lanes: int) -> int:
    """How many threads may share the columns of a loop's rows; 1 where none may, or where it would not pay.

    None may where no product reads the state: the threads would not meet at all, and one that comes late would write
    the initial state over what another has carried on.
    """
    weights = read_weights(schedule)
    pays = weights > 0 and weights >= ENOUGH
    if threads < 2 or not pays or not all(_columns_apart(schedule, stage) for stage in schedule.stages):
        return 1
    panel = machine.panel_vectors * lanes
    for count in (threads, 2):
        if all(part.width % (count * panel) == 0 and part.start % panel == 0 for part in parts(schedule, lanes)):
            return count
    return 1


def _columns_apart(schedule: Schedule, stage: ProductStage | GroupStage) -> bool:
    """Whether a stage reads of the others' columns at most what they wrote before the last meeting."""
    buffers = schedule.buffers
    if isinstance(stage, ProductStage):
        return all(buffers[term.place.buffer].kind in ("carried", "sequence") for term in stage.terms)
    for operation, *operands in stage.code:
        if operation == "sum":
            return False
        if operation == "splat" and buffers[operands[0].buffer].kind not in ("number", "vector"):
            return False
        carried = operation == "load" and buffers[operands[0].buffer].kind == "carried"
        if carried and (operands[0].column or buffers[operands[0].buffer].width != stage.width):
            return False
    return True
