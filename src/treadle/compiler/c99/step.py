"""C99: one step of a cell as C statements, from the same schedule as the kernels of a CPU.

A product stage becomes calls of a function that multiplies, a group stage one loop over the units. Values carry the
names that the cell gives its gates and its state. Where the weights stand, and in which numbers, is the business of
whoever calls: `Constants`.
"""

import re
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from treadle.cells import Cell
from treadle.cells.gated import GatedCell
from treadle.compiler.c99.text import identifier
from treadle.compiler.c99.writer import Constants, Writer
from treadle.compiler.folding import fold
from treadle.compiler.lower import Lowered
from treadle.compiler.partition import Loop
from treadle.compiler.recurrence import Recurrence
from treadle.compiler.schedule import schedule
from treadle.compiler.trace import values_in

_WRAPPED = re.compile(r"^(cell\.)+")
"""How the names of parameters begin within wrappers."""


@dataclass(frozen=True)
class StepCode:
    """A step in C, reading `x` and every field of its state by name, writing `y` and the fields.

    Attributes:
        lines: The statements.
        fields: Name, size and first numbers of every field of the state that changes.
        helpers: Functions that are not in `<math.h>`, by name: "sigmoid", "relu", "sign", "minimum", "maximum".
        stack: Numbers in its local arrays.
    """

    lines: list[str]
    fields: list[tuple[str, Tensor]]
    helpers: frozenset[str]
    stack: int


def step_in_c(cell: Cell, constants: Constants, prefix: str) -> StepCode:
    """A cell's step in C, for its weights as they are and in evaluation mode.

    Args:
        cell: On the CPU.
        constants: Is given the weights.
        prefix: Of the names of its constants.

    Raises:
        InputError: The step cannot be compiled; the sentence names the line and the operator.
    """
    recurrence = Recurrence(cell)
    step = recurrence.step
    initial = [field[0] for field in cell.initial_state(1)]
    numbers = [float(one[0]) if bool((one == one[0]).all()) else None for one in initial]
    (y, *after), left = fold([step.y, *step.after], step.state, numbers)
    carried = tuple((step.state[number], root) for number, root in zip(left, after, strict=True))
    plan = schedule(Loop("step", carried, {"y": (y,)}))
    fields = cell.state_type._fields
    names = {f"s{number}": identifier(fields[number]) for number in left}
    derived = [tensor.detach().float() for tensor in recurrence.derived.tensors(cell)]
    called = _sources(step)
    innermost = _innermost(cell)
    gates = innermost.gates if isinstance(innermost, GatedCell) else ()
    writer = Writer(plan, constants, prefix, names, derived, called, gates)
    lines = writer.write()
    found = [(names[f"s{number}"], initial[number]) for number in left]
    return StepCode(lines, found, frozenset(writer.helpers), writer.stack)


def _sources(step: Lowered) -> list[str]:
    """What every tensor of a step that is made from parameters is called: by the parameters that it is made from."""
    known = {value: [_WRAPPED.sub("", name).replace(".", "_")] for name, value in step.parameters.items()}
    for call in step.calls:
        names = dict.fromkeys(name for value in values_in((call.args, call.kwargs)) for name in known.get(value, []))
        known |= {value: [*names] for value in values_in(call.result)}
    return ["_".join(known.get(value, ())) or "numbers" for value in step.derived]


def _innermost(cell: Any) -> Any:
    """The cell within its wrappers."""
    while isinstance(getattr(cell, "cell", None), Cell):
        cell = cell.cell
    return cell
