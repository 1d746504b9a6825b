"""Cells made up at random from everything that a step may contain, for tests of the compiler.

A recipe is a list of instructions, each of which takes values that are there and adds one or more. Any instruction fits
any values, so hypothesis may draw and shrink recipes freely. Functions are arranged so that values stay small, the
recurrence is not chaotic, and no operand lies on a kink or a pole but where torch and the compiler must agree on it
(a state of zeros).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from treadle.cells import Cell


class Three(NamedTuple):
    """A state of two vectors and a counter of steps."""

    fast: Tensor
    slow: Tensor
    count: Tensor


UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": lambda a: torch.relu(a + 0.03),
    "exp": lambda a: torch.exp(torch.tanh(a)),
    "expm1": lambda a: torch.expm1(torch.tanh(a)),
    "log": lambda a: torch.log(2.0 + torch.tanh(a)),
    "log1p": lambda a: torch.log1p(torch.square(a)),
    "sqrt": lambda a: torch.sqrt(1 + a * a),
    "rsqrt": lambda a: torch.rsqrt(0.5 + a**2),
    "reciprocal": lambda a: torch.reciprocal(1.5 + torch.tanh(a)),
    "power": lambda a: (1.2 + torch.tanh(a)) ** 1.5,
    "cube": lambda a: torch.tanh(a) ** 3,
    "base": lambda a: 1.5 ** torch.tanh(a),
    "abs": lambda a: (a - 0.01).abs(),
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "elu": F.elu,
    "leaky relu": lambda a: F.leaky_relu(a, 0.2),
    "hardsigmoid": lambda a: F.hardsigmoid(2.01 * a),
    "hardtanh": lambda a: F.hardtanh(3 * a, -1.3, 1.1),
    "clamp": lambda a: (1.7 * a).clamp(-0.83, 0.71),
    "floor": lambda a: a + 0.1 * torch.floor(7 * a + 0.123),
    "sign": lambda a: 0.3 * torch.sign(a + 0.017) - a,
    "remainder": lambda a: torch.remainder(a + 0.37, 0.9),
    "negated": lambda a: 1 - a,
    "held": lambda a: torch.tanh(a) * torch.sigmoid(a).detach() + a.detach(),
    "rounded": lambda a: a + 0.1 * (torch.round(7 * a + 0.013) - a).detach(),
    "spread": lambda a: a / (0.5 + a.var(-1, unbiased=False, keepdim=True)),
    "varied": lambda a: torch.tanh(a) * a.var(-1, unbiased=False, keepdim=True),
    "quotient": lambda a: 1 / (2 + torch.sigmoid(a)),
}
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "scaled add": lambda a, b: torch.add(a, b, alpha=0.3),
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (2 + torch.tanh(b)),
    "minimum": torch.minimum,
    "maximum": torch.maximum,
    "where": lambda a, b: torch.where(a > b + 0.013, a, 0.5 * b),
    "where number": lambda a, b: torch.where((a < 0.21) & ~(b <= -0.17), a, b),
    "masked": lambda a, b: a.masked_fill(b >= 0.19, 0.4),
    "lerp": lambda a, b: torch.lerp(a, b, torch.sigmoid(a)),
    "compared": lambda a, b: a * (b != 0.3) + (b > 0.05),
}
MATRIX: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": lambda w: w,
    "bounded": torch.tanh,
    "normalised": lambda w: w / (1 + w.norm(dim=1, keepdim=True)),
    "masked": lambda w: w * (torch.arange(w.shape[1]) % 2),
}
"""What a product multiplies with, made from a parameter before the loop."""

SPLITS = ("dense", "right", "gates", "blocks")
NARROWED = ("sum", "mean", "column", "select")

_pick = st.integers(0, 99)
INSTRUCTIONS = st.one_of(
    st.tuples(st.sampled_from(SPLITS), _pick, st.integers(1, 6), st.sampled_from(sorted(MATRIX))),
    st.tuples(st.just("unary"), _pick, st.sampled_from(sorted(UNARY))),
    st.tuples(st.just("binary"), _pick, _pick, st.sampled_from(sorted(BINARY))),
    st.tuples(st.just("diagonal"), _pick, st.booleans()),
    st.tuples(st.just("norm"), _pick, st.booleans()),
    st.tuples(st.sampled_from(NARROWED), _pick, _pick),
    st.tuples(st.just("slice"), _pick, _pick, _pick),
    st.tuples(st.just("join"), _pick, _pick, _pick),
)


@dataclass(frozen=True)
class Recipe:
    """What makes a cell: sizes, instructions, and how states and output are made of the values at the end."""

    sizes: tuple[int, int, int]
    instructions: tuple[tuple[Any, ...], ...]
    updates: tuple[tuple[str, int], tuple[str, int]]
    output: tuple[str, int]
    seed: int


RECIPES = st.builds(
    Recipe,
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 5)),
    instructions=st.lists(INSTRUCTIONS, min_size=2, max_size=8).map(tuple),
    updates=st.tuples(*[st.tuples(st.sampled_from(("replace", "leak", "gate", "keep")), _pick)] * 2),
    output=st.tuples(st.sampled_from(("fast", "slow", "value", "product", "both")), _pick),
    seed=st.integers(0, 1000),
)


class RandomCell(Cell):
    """The cell of a recipe. Its parameters are made when an instruction first asks for them."""

    state_type = Three
    auxiliary = ("count",)

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe.sizes[0], recipe.sizes[1])
        self.recipe = recipe
        self.weights = nn.ParameterDict()
        self.generator: torch.Generator | None = torch.Generator().manual_seed(recipe.seed)
        x, *state = (torch.zeros(2, n, dtype=torch.float64) for n in (self.input_size, *self.state_sizes))
        self.output = self.step(x, Three(*state))[0].shape[1]
        self.generator = None

    @property
    def output_size(self) -> int:
        return self.output

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return (*self.recipe.sizes[1:], 1)

    def weight(self, name: str, *shape: int) -> Tensor:
        """A parameter, drawn the first time."""
        if self.generator is not None and name not in self.weights:
            drawn = torch.rand(*shape, generator=self.generator, dtype=torch.float64) - 0.5
            self.weights[name] = nn.Parameter(drawn * 1.6 / shape[-1] ** 0.5)
        return self.weights[name]

    def step(self, x: Tensor, state: Three) -> tuple[Tensor, Three]:
        count = state.count + 1
        ticks = (torch.remainder(count, 3.0) < 1.1) * self.weight("ticks", 1) + 0.25
        values = [x, state.fast, state.slow, ticks, 0.5 * torch.cos(count)]
        for number, (kind, *arguments) in enumerate(self.recipe.instructions):
            values += getattr(self, kind)(f"i{number}", values, *arguments)
        fast, slow = (
            self.updated(f"u{i}", old, values[pick % len(values)], how)
            for i, (old, (how, pick)) in enumerate(zip(state[:2], self.recipe.updates, strict=True))
        )
        how, pick = self.recipe.output
        value = values[pick % len(values)]
        outputs = {"fast": fast, "slow": slow, "both": torch.cat([slow, fast], -1), "value": value}
        y = outputs[how] if how in outputs else F.linear(value, self.weight("y", 3, value.shape[1]))
        return y, Three(fast, slow, count)

    def updated(self, name: str, old: Tensor, value: Tensor, how: str) -> Tensor:
        """A state after the step, from the state before it and a value of any width; no larger than 1."""
        if how == "keep":
            return old * self.weight(name, 1)
        if value.shape[1] != old.shape[1] or how == "gate":
            value = F.linear(
                value, self.weight(name, old.shape[1], value.shape[1]), self.weight(name + "b", old.shape[1])
            )
        if how == "leak":
            return 0.8 * old + 0.2 * torch.tanh(value)
        gate = torch.sigmoid(value)
        return gate * old + (1 - gate) * torch.sin(value) if how == "gate" else torch.tanh(value)

    # Instructions: `(name, values, ...) -> new values`.

    def matrix(self, name: str, outputs: int, inputs: int, how: str) -> Tensor:
        return MATRIX[how](self.weight(name, outputs, inputs))

    def dense(self, name: str, values: list[Tensor], pick: int, width: int, how: str) -> list[Tensor]:
        a = values[pick % len(values)]
        bias = self.weight(name + "b", width) if pick % 2 else None
        return [F.linear(a, self.matrix(name, width, a.shape[1], how), bias)]

    def right(self, name: str, values: list[Tensor], pick: int, width: int, how: str) -> list[Tensor]:
        a = values[pick % len(values)]
        return [a @ self.matrix(name, a.shape[1], width, how)]

    def gates(self, name: str, values: list[Tensor], pick: int, width: int, how: str) -> list[Tensor]:
        """One product taken apart, plus another of the fast state, as gated cells do."""
        a, count = values[pick % len(values)], 2 + pick % 3
        h = F.linear(
            values[1],
            self.weight(name + "h", count * width, values[1].shape[1]),
            self.weight(name + "b", count * width),
        )
        return list((F.linear(a, self.matrix(name, count * width, a.shape[1], how)) + h).chunk(count, -1))

    def blocks(self, name: str, values: list[Tensor], pick: int, width: int, how: str) -> list[Tensor]:
        """A block-diagonal product."""
        a = values[pick % len(values)]
        cuts = a.split(2, -1)
        parts = [F.linear(c, self.matrix(f"{name}k{i}", width, c.shape[1], how)) for i, c in enumerate(cuts)]
        return [torch.cat(parts, -1)]

    def unary(self, _name: str, values: list[Tensor], pick: int, function: str) -> list[Tensor]:
        return [UNARY[function](values[pick % len(values)])]

    def binary(self, _name: str, values: list[Tensor], first: int, second: int, function: str) -> list[Tensor]:
        a = values[first % len(values)]
        fitting = [b for b in values if b.shape[1] in (1, a.shape[1])]
        return [BINARY[function](a, fitting[second % len(fitting)])]

    def diagonal(self, name: str, values: list[Tensor], pick: int, shifted: bool) -> list[Tensor]:
        a = values[pick % len(values)]
        scaled = a * self.weight(name, a.shape[1])
        return [scaled + self.weight(name + "b", 1) if shifted else scaled]

    def norm(self, name: str, values: list[Tensor], pick: int, affine: bool) -> list[Tensor]:
        a = values[pick % len(values)]
        extra = (self.weight(name, a.shape[1]), self.weight(name + "b", a.shape[1])) if affine else ()
        return [F.layer_norm(a, (a.shape[1],), *extra, eps=0.1)]

    def sum(self, _name: str, values: list[Tensor], pick: int, _other: int) -> list[Tensor]:
        return [0.3 * values[pick % len(values)].sum(-1, keepdim=True)]

    def mean(self, _name: str, values: list[Tensor], pick: int, _other: int) -> list[Tensor]:
        return [values[pick % len(values)].mean(-1).unsqueeze(-1)]

    def column(self, _name: str, values: list[Tensor], pick: int, other: int) -> list[Tensor]:
        a = values[pick % len(values)]
        return [a[:, other % a.shape[1], None]]

    def select(self, _name: str, values: list[Tensor], pick: int, other: int) -> list[Tensor]:
        a = values[pick % len(values)]
        return [a.select(-1, other % a.shape[1])[:, None]]

    def slice(self, _name: str, values: list[Tensor], pick: int, start: int, width: int) -> list[Tensor]:
        a = values[pick % len(values)]
        start %= a.shape[1]
        return [a[:, start : start + 1 + width % a.shape[1]]]

    def join(self, _name: str, values: list[Tensor], *picks: int) -> list[Tensor]:
        return [torch.cat([values[pick % len(values)] for pick in picks], -1)]
