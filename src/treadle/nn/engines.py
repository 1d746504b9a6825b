"""Which engine unrolls a cell, and why.

An engine runs one cell over a padded batch. "eager" is the loop as it is written, the reference that all others are
held to; "cpu" compiles the cell's step into fused kernels; "torch" calls torch.nn's own kernels; "int8" is "cpu" with
the weights of all products in 8 bits, for answers alone, and is never chosen by itself. A request that cannot
be met raises; nothing falls back in silence.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from treadle.cells import Cell, State
from treadle.errors import InputError, nearest
from treadle.nn import compiled, eager, torch_kernels
from treadle.nn.sequences import clear_padding, reverse, reverse_reset

Run = Callable[..., tuple[Tensor, State]]


def _anything(_cell: Cell, _x: Tensor) -> None:
    """No input is refused."""


def _begin(cell: Cell, x: Tensor) -> State:
    return cell.initial_state(x.shape[0], device=x.device, dtype=x.dtype)


@dataclass(frozen=True)
class Engine:
    """A way to unroll a cell.

    Attributes:
        run: `(cell, x [batch, time, feature], state, lengths, reset) -> (y, state)`, forward in time; `x` is zero in
            the padding, where `y` may hold anything, unless `reads_no_padding`.
        refusal: Why it cannot run a cell, one clause, or None where it can.
        merit: Why it is chosen where it can run, one clause.
        unsuited: Why it cannot run this input with a cell that it can run, one clause, or None.
        begin: `(cell, x) -> state`, the one before the first step where none is given.
        run_backwards: `(cell, x, state, lengths) -> (y, state)`, from every row's last real step to its first, where
            the engine can do so without turning anything round.
        reads_no_padding: Whether both, without resets, neither read the padding nor leave anything there.
        answers_only: Whether it gives answers that are near those of the others, and no gradients.
        one_type: Whether the state has the type of the input in every field, as kernels need it.
        checkpoints: Whether both take a last argument, `checkpoint`: steps between the states kept for the gradient.
    """

    run: Run
    refusal: Callable[[Cell], str | None]
    merit: str
    unsuited: Callable[[Cell, Tensor], str | None] = _anything
    begin: Callable[[Cell, Tensor], State] = _begin
    run_backwards: Run | None = None
    reads_no_padding: bool = False
    answers_only: bool = False
    one_type: bool = False
    checkpoints: bool = False

    def unroll(
        self,
        cell: Cell,
        x: Tensor,
        state: State,
        lengths: Tensor | None,
        reset: Tensor | None,
        *,
        backwards: bool,
        checkpoint: int | None = None,
    ) -> tuple[Tensor, State]:
        """Run a cell in either direction of time; `y` is zero in the padding.

        Raises:
            InputError: The engine cannot do with the states at some steps.
        """
        if checkpoint is not None and not self.checkpoints:
            raise InputError("checkpoint= needs the engine 'cpu', which computes again what it did not keep")
        more = (checkpoint,) if self.checkpoints else ()
        padded = None if self.reads_no_padding and reset is None else lengths
        x = clear_padding(x, padded)
        if backwards and reset is None and self.run_backwards is not None:
            y, state = self.run_backwards(cell, x, state, lengths, *more)
        elif backwards:
            turned = None if reset is None else reverse_reset(reset, lengths)
            y, state = self.run(cell, reverse(x, lengths), state, lengths, turned, *more)
            y = reverse(y, lengths)
        else:
            y, state = self.run(cell, x, state, lengths, reset, *more)
        return clear_padding(y, padded), state


ENGINES: dict[str, Engine] = {
    "cpu": Engine(
        compiled.run,
        compiled.refusal,
        "its step is compiled for this processor",
        compiled.unsuited,
        compiled.begin,
        compiled.run_backwards,
        reads_no_padding=True,
        one_type=True,
        checkpoints=True,
    ),
    "torch": Engine(torch_kernels.run, torch_kernels.refusal, "torch has a fused kernel for this cell", one_type=True),
    "eager": Engine(eager.run, eager.refusal, "the loop runs any cell"),
    "int8": Engine(
        compiled.run_int8,
        compiled.refusal,
        "its step is compiled for this processor, with weights in 8 bits",
        compiled.unsuited_int8,
        compiled.begin,
        compiled.run_int8_backwards,
        reads_no_padding=True,
        one_type=True,
        answers_only=True,
    ),
}
"""The engines by name, the preferred first."""

ON_REQUEST = "it rounds, so it runs where it is asked for"
"""Why an engine that only answers is not chosen."""


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


def check_type(cell: Cell, x: Tensor) -> None:
    """Hold an input to the type of number of a cell's parameters; under autocast torch brings the two together.

    Raises:
        InputError: It is of another type.
    """
    own = {p.dtype: None for p in cell.parameters() if p.is_floating_point()}
    if own and x.dtype not in own and not torch.is_autocast_enabled(x.device.type):
        kinds = " or ".join(str(dtype)[6:] for dtype in own)
        raise InputError(f"x is {kinds} as the parameters of {type(cell).__name__} are, found {str(x.dtype)[6:]}")


def choose_engine(cell: Cell, requested: str, x: Tensor | None = None) -> Explanation:
    """The engine that runs a cell.

    Args:
        cell: What is to be unrolled.
        requested: "auto" or the name of an engine.
        x: The input, of which the device and the type of number matter; None before there is one.

    Raises:
        InputError: There is no such engine, or it cannot run this cell or this input.
    """
    if requested != "auto" and requested not in ENGINES:
        raise InputError(f"there is no engine {requested!r}{nearest(requested, [*ENGINES, 'auto'])}")
    refusals = {name: _why_not(engine, cell, x) for name, engine in ENGINES.items()}
    if requested != "auto":
        if refusals[requested]:
            raise InputError(f"engine {requested!r} cannot run this cell: {refusals[requested]}")
        others = {name: why or "another was requested" for name, why in refusals.items() if name != requested}
        return Explanation(requested, "requested", others)
    chosen = next(name for name, why in refusals.items() if why is None)
    first = f"{chosen!r} comes first: {ENGINES[chosen].merit}"
    others = {
        name: why or (ON_REQUEST if ENGINES[name].answers_only else first)
        for name, why in refusals.items()
        if name != chosen
    }
    return Explanation(chosen, ENGINES[chosen].merit, others)


def _why_not(engine: Engine, cell: Cell, x: Tensor | None) -> str | None:
    return engine.refusal(cell) or (None if x is None else engine.unsuited(cell, x))
