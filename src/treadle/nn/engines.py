"""Which engine unrolls a cell, and why.

An engine runs one cell forward in time over a padded batch. "eager" is the loop as it is written, the reference that
all others are held to; "torch" calls torch.nn's own kernels. A request that cannot be met raises; nothing falls back in
silence.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from treadle.cells import Cell, State
from treadle.errors import InputError, nearest
from treadle.nn import eager, torch_kernels

Run = Callable[[Cell, Tensor, State, Tensor | None, Tensor | None], tuple[Tensor, State]]


@dataclass(frozen=True)
class Engine:
    """A way to unroll a cell.

    Attributes:
        run: `(cell, x [batch, time, feature], state, lengths, reset) -> (y, state)`, forward in time; `x` is zero in
            the padding, where `y` may hold anything.
        refusal: Why it cannot run a cell, one clause, or None where it can.
        merit: Why it is chosen where it can run, one clause.
    """

    run: Run
    refusal: Callable[[Cell], str | None]
    merit: str


ENGINES: dict[str, Engine] = {
    "torch": Engine(torch_kernels.run, torch_kernels.refusal, "torch has a fused kernel for this cell"),
    "eager": Engine(eager.run, eager.refusal, "the loop runs any cell"),
}
"""The engines by name, the preferred first."""


@dataclass(frozen=True)
class Explanation:
    """Which engine runs a layer and why the others do not.

    Attributes:
        engine: Its name.
        reason: Why it, one clause.
        others: For every other engine, why not.
    """

    engine: str
    reason: str
    others: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line for the engine that runs and one for each that does not."""
        return "\n".join(
            [f"engine {self.engine}: {self.reason}", *(f"  not {name}: {why}" for name, why in self.others.items())]
        )


def choose_engine(cell: Cell, requested: str) -> Explanation:
    """The engine that runs a cell.

    Args:
        cell: What is to be unrolled.
        requested: "auto" or the name of an engine.

    Raises:
        InputError: There is no such engine, or it cannot run this cell.
    """
    if requested != "auto" and requested not in ENGINES:
        raise InputError(f"there is no engine {requested!r}{nearest(requested, [*ENGINES, 'auto'])}")
    refusals = {name: engine.refusal(cell) for name, engine in ENGINES.items()}
    if requested != "auto":
        if refusals[requested]:
            raise InputError(f"engine {requested!r} cannot run this cell: {refusals[requested]}")
        others = {name: why or "another was requested" for name, why in refusals.items() if name != requested}
        return Explanation(requested, "requested", others)
    chosen = next(name for name, why in refusals.items() if why is None)
    others = {
        name: why or f"{chosen!r} comes first: {ENGINES[chosen].merit}"
        for name, why in refusals.items()
        if name != chosen
    }
    return Explanation(chosen, ENGINES[chosen].merit, others)
