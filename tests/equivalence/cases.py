"""What the equivalence suite runs over, and how two results are compared.

A case is a cell, an engine, a direction and a number type. Every registered cell takes part, on every engine that can
run it, in both directions in float64; `VARIANTS` adds options that change a cell's shapes, and a cell of a user's own.
What is `THOROUGH` also runs in float32: the cells that have kernels of their own beside the loop, and the user's.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from treadle.cells import Cell, LSTMCell, RecurrentDropout, State, Zoneout, cell_names, make_cell
from treadle.nn import ENGINES, Recurrent

INPUT, HIDDEN, BATCH, STEPS = 3, 4, 5, 9
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-9}

EXACT = [name for name, engine in ENGINES.items() if not engine.answers_only]
"""The engines that are held to the loop; one that only answers is held to a bound, in E8."""

Result = dict[str, Tensor]
"""Outputs, last states and gradients by name."""


class TwoSpeeds(NamedTuple):
    """The state of `OwnCell`: two vectors of different sizes."""

    fast: Tensor
    slow: Tensor


class OwnCell(Cell):
    """A user's cell, as unlike the built-in ones as the contract allows.

    Its initial state is learned and not zero, its two states have different sizes, and its output is neither of them.
    """

    state_type = TwoSpeeds

    def __init__(self, input_size: int, hidden_size: int, *, dtype: torch.dtype | None = None) -> None:
        super().__init__(input_size, hidden_size)
        self.mix = nn.Linear(input_size + hidden_size + 2, hidden_size, dtype=dtype)
        self.slow = nn.Linear(hidden_size, 2, bias=False, dtype=dtype)
        self.read = nn.Linear(hidden_size + 2, 3, dtype=dtype)
        self.start = nn.Parameter(torch.zeros(hidden_size + 2, dtype=dtype))

    @property
    def output_size(self) -> int:
        return 3

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return (self.hidden_size, 2)

    def initial_state(
        self, batch_size: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> TwoSpeeds:
        start = self.start.to(device=device, dtype=dtype).expand(batch_size, -1)
        return TwoSpeeds(*start.split(self.state_sizes, dim=-1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, TwoSpeeds]:
        fast = torch.tanh(self.mix(torch.cat([x, *state], -1)))
        slow = 0.9 * state.slow + 0.1 * self.slow(fast)
        return self.read(torch.cat([fast, slow], -1)), TwoSpeeds(fast, slow)


def noisy_lstm(input_size: int, hidden_size: int, **options: Any) -> Cell:
    """Two wrappers, in evaluation mode, where the initial state is not drawn; states that are given hold noise."""
    return Zoneout(RecurrentDropout(LSTMCell(input_size, hidden_size, **options), 0.3), 0.2).eval()


VARIANTS: dict[str, Callable[..., Cell]] = {
    **{name: partial(make_cell, name) for name in cell_names()},
    "elman, no bias": partial(make_cell, "elman", bias=False),
    "gru, no bias": partial(make_cell, "gru", bias=False),
    "lstm, no bias": partial(make_cell, "lstm", bias=False),
    "lstm, projected": partial(make_cell, "lstm", projection_size=2),
    "own": OwnCell,
    "noisy lstm": noisy_lstm,
}

THOROUGH = {name for name in VARIANTS if name == "own" or name.split(",")[0] in ("elman", "elman-relu", "gru", "lstm")}


@dataclass(frozen=True)
class Case:
    """One point of the product: which cell, how it is unrolled, and in which numbers."""

    variant: str
    engine: str
    reverse: bool
    dtype: torch.dtype

    def __str__(self) -> str:
        return f"{self.variant}-{self.engine}-{'reverse' if self.reverse else 'forward'}-{str(self.dtype)[11:]}"

    @property
    def tolerance(self) -> float:
        return TOLERANCE[self.dtype]

    def cell(self, input_size: int = INPUT, hidden_size: int = HIDDEN) -> Cell:
        """The cell, with every parameter drawn, since a bias that is zero hides what is done with it."""
        cell = VARIANTS[self.variant](input_size, hidden_size, dtype=self.dtype)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.uniform_(-0.7, 0.7)
        return cell

    def layer(self, cell: Cell | None = None) -> Recurrent:
        return Recurrent(self.cell() if cell is None else cell, reverse=self.reverse, engine=self.engine)

    def inputs(self, batch: int = BATCH, steps: int = STEPS, size: int = INPUT) -> Tensor:
        return torch.randn(batch, steps, size, dtype=self.dtype)

    def state(self, layer: Recurrent, batch: int = BATCH) -> State:
        """A state that is not the initial one."""
        drawn = (torch.randn(batch, size, dtype=self.dtype) for size in layer.cell.state_sizes)
        return layer.cell.state_type(*drawn)

    def target(self, layer: Recurrent, batch: int = BATCH, steps: int = STEPS) -> tuple[Tensor, State]:
        """What the loss multiplies the outputs and the last states with, so that each of them matters differently."""
        return self.inputs(batch, steps, layer.cell.output_size), self.state(layer, batch)


def cases(
    *, engines: Iterable[str] = EXACT, dtypes: Iterable[torch.dtype] = TOLERANCE, variants: Iterable[str] = VARIANTS
) -> list[Any]:
    """The cases that exist, as pytest parameters; those that are not thorough leave out float32 beside float64."""
    found = []
    every = list(dtypes)
    fewer = [torch.float64] if torch.float64 in every else every
    for variant, engine in itertools.product(variants, engines):
        if ENGINES[engine].refusal(VARIANTS[variant](INPUT, HIDDEN)) is None:
            numbers = itertools.product((False, True), every if variant in THOROUGH else fewer)
            found += [Case(variant, engine, reverse, dtype) for reverse, dtype in numbers]
    return [pytest.param(case, id=str(case)) for case in found]


def with_gradients(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_()


def state_with_gradients(state: State) -> State:
    return type(state)(*map(with_gradients, state))


def gradients(loss: Tensor, by: Mapping[str, Tensor]) -> Result:
    """The gradient of a loss by everything named, zeros where it does not matter."""
    if not loss.requires_grad:  # nothing was computed, as for a sequence without steps
        return {f"d {name}": torch.zeros_like(t) for name, t in by.items()}
    found = torch.autograd.grad(loss, list(by.values()), allow_unused=True)
    pairs = zip(by.items(), found, strict=True)
    return {f"d {name}": torch.zeros_like(t) if gradient is None else gradient for (name, t), gradient in pairs}


def loss_of(y: Tensor, state: State, target: tuple[Tensor, State]) -> Tensor:
    """A number in which every output and every state counts with a weight of its own."""
    pairs = zip((y, *state), (target[0], *target[1]), strict=True)
    return torch.stack([(value * weight).sum() for value, weight in pairs]).sum()


def outcome(
    layer: Recurrent,
    x: Tensor,
    state: State | None,
    target: tuple[Tensor, State],
    *,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
) -> Result:
    """All that a layer says about a batch: outputs, last states, and the gradients by input, state and parameters."""
    x = with_gradients(x)
    leaves = {"x": x, **dict(layer.cell.named_parameters())}
    if state is not None:
        state = state_with_gradients(state)
        leaves |= state._asdict()
    y, after = layer(x, state, lengths=lengths, reset=reset)
    return {"y": y, **after._asdict(), **gradients(loss_of(y, after, target), leaves)}


def assert_same(found: Result, expected: Result, tolerance: float) -> None:
    """The same names, and under each the same finite numbers within `tolerance` (0: to the last bit)."""
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert torch.isfinite(expected[name]).all(), f"{name} is not finite in the reference"
        try:
            torch.testing.assert_close(value, expected[name], rtol=tolerance, atol=tolerance)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None


def joined(rows: list[Result], steps: int, shared: Iterable[str]) -> Result:
    """The outcome of a batch from those of its rows, each alone: `shared` parameters collect what the rows give."""
    sums = {f"d {name}" for name in shared}

    def one(name: str) -> Tensor:
        parts = [row[name] for row in rows]
        if name in sums:
            return torch.stack(parts).sum(0)
        if name in ("y", "d x"):
            parts = [nn.functional.pad(part, (0, 0, 0, steps - part.shape[1])) for part in parts]
        return torch.cat(parts)

    return {name: one(name) for name in rows[0]}


def take(state: State, rows: Any) -> State:
    """Some rows of a state, by an index or a slice."""
    return type(state)(*(field[rows] for field in state))


def row_by_row(
    layer: Recurrent, x: Tensor, state: State | None, target: tuple[Tensor, State], lengths: Tensor
) -> Result:
    """`outcome` by its definition: every row on its own, cut to its length."""
    rows = []
    for row, length in enumerate(lengths.tolist()):
        only = slice(row, row + 1)
        begin = None if state is None else take(state, only)
        rows.append(outcome(layer, x[only, :length], begin, (target[0][only, :length], take(target[1], only))))
    return joined(rows, x.shape[1], dict(layer.cell.named_parameters()))
