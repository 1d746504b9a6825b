"""Every function that a step may call, with its options, at values where functions bend, jump or overflow.

The loop is the reference. Where it gives a finite number, or a finite gradient, so must the compiler, and the same one.
"""

import math
from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells import Cell, HiddenState
from treadle.nn import Recurrent

Function = Callable[[Tensor, Tensor], Tensor]

EDGES = (0.0, 1e-15, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 19.0, 20.5, 40.0, 90.0, 1000.0, 1e15, math.inf)


def _of_one(function: Callable[[Tensor], Tensor]) -> Function:
    return lambda a, _: function(a)


OPERATORS: dict[str, Function] = {
    "add": lambda a, b: torch.add(a, b),
    "add, alpha": lambda a, b: torch.add(a, b, alpha=-2.5),
    "add a number": lambda a, b: (a + 3) + (2.5 + b),
    "sub": lambda a, b: a - b,
    "sub, alpha": lambda a, b: torch.sub(a, b, alpha=0.5),
    "rsub": lambda a, b: (1 - a) * (2.5 - b),
    "rsub, alpha": lambda a, b: torch.rsub(a, b, alpha=3),
    "mul": lambda a, b: a * b,
    "mul itself": lambda a, _: a * a,
    "div": lambda a, b: a / b,
    "div by a number": lambda a, b: a / 3 + b / 4,
    "div a number": lambda a, _: 2.5 / a,
    "neg": lambda a, b: -a * b.neg(),
    "reciprocal": lambda a, _: torch.reciprocal(a),
    "square": lambda a, _: torch.square(a),
    "remainder": lambda a, b: torch.remainder(a.clamp(-100, 100), b.clamp(-5, 5).round() + 0.5),
    "remainder of a number": lambda a, _: a % 0.75,
    "lerp": lambda a, b: torch.lerp(a, b, torch.sigmoid(a)),
    "lerp by a number": lambda a, b: torch.lerp(a, b, 0.3),
    "abs": lambda a, b: a.abs() - torch.absolute(b),
    "sign": lambda a, b: torch.sign(a) * torch.sgn(b),
    **{f"pow {n}": lambda a, _, n=n: a**n for n in (-2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4)},
    **{f"power of {n}": lambda a, _, n=n: n**a for n in (0.5, 1, 2)},
    "pow by a tensor": lambda a, _: torch.pow(a, torch.tensor(2.0)),
    **{name: _of_one(getattr(torch, name)) for name in ("exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "sin", "cos")},
    **{name: _of_one(getattr(torch, name)) for name in ("erf", "sigmoid", "tanh", "relu")},
    **{name: _of_one(getattr(F, name)) for name in ("silu", "gelu", "elu", "leaky_relu", "softplus", "softsign")},
    **{name: _of_one(getattr(F, name)) for name in ("hardsigmoid", "hardtanh")},
    "to whole numbers": lambda a, b: a.floor() * b.ceil() + a.trunc() * b.round(),
    "elu, alpha": lambda a, _: F.elu(a, alpha=0.3),
    "leaky_relu, slope": lambda a, _: F.leaky_relu(a, negative_slope=-0.3),
    "softplus, threshold": lambda a, _: F.softplus(a, threshold=1),
    "softplus, beta and threshold": lambda a, _: F.softplus(a, 2, 3),
    "softplus, negative beta": lambda a, _: F.softplus(a, beta=-1.5),
    "hardtanh, limits": lambda a, _: F.hardtanh(a, -0.5, max_val=2),
    "clamp": lambda a, b: a.clamp(-0.5, 2) + b.clip(max=1) + a.clamp(min=0.25),
    "clamp, the wrong way round": lambda a, _: a.clamp(2, -1),
    "clamp between tensors": lambda a, b: a.clamp(b, b + 1),
    "clamp below a tensor": lambda a, b: torch.clamp_max(a, b),
    "clamp above a tensor": lambda a, b: torch.clamp_min(a, b),
    "clamp_max": lambda a, b: a.clamp_max(1.0) * b.clamp_min(0.5),
    "minimum": torch.minimum,
    "maximum": torch.maximum,
    "maximum of one": lambda a, _: torch.maximum(a, a),
    "min": lambda a, b: torch.min(a, b) * torch.max(b, a),
    "where": lambda a, b: torch.where(a > b, a, 0.5 * b),
    "where a number": lambda a, _: torch.where(a > 0, a, -1.0),
    "where both numbers": lambda a, b: torch.where(a > b, 1.0, -2.0) * b,
    "where by numbers": lambda a, b: torch.where(a.bool(), b, -b),
    "masked_fill": lambda a, b: a.masked_fill(b >= 1, 2.5),
    "compare": lambda a, b: (a > b) * a + (a >= b) * b + (a < 1) * 2.0 + (a <= b) * 3.0,
    "equal": lambda a, b: (a == b) * a + (a != 0.5) * b,
    "compare with truth": lambda a, b: ((a > 0) == True) * b,  # noqa: E712
    "not": lambda a, b: (~(a > b)) * b + torch.logical_not(a) * b,
    "and": lambda a, b: torch.logical_and(a, b) * a + ((a > 0) & (b > 0)) * b,
    "or": lambda a, b: torch.logical_or(a, b) * a + ((a > 0) | (b > 0)) * b,
    "conditions added": lambda a, b: ((a > 0) + (b > 0) + True) * b,
    "conditions counted": lambda a, b: ((a > 0).int() + (b > 0) * 2 - 1) * b,
    "conditions multiplied": lambda a, b: (a > 0) * (b > 0) * b,
    "conditions chosen": lambda a, b: torch.where(a > 0, b > 0, b > 1) * b,
    "least condition": lambda a, b: torch.minimum(a > 0, b > 0) * torch.maximum(a > 1, b > 1) * b,
    "detach": lambda a, b: a.detach() * b,
    "straight through": lambda a, b: a + (torch.round(a) - a).detach() * b,
    "zeros_like": lambda a, b: torch.zeros_like(a) * 2 + torch.ones_like(b) * b + torch.full_like(a, 0.5),
    "new_full": lambda a, b: b * a.new_full(a.shape, 2.5) + a.new_zeros(a.shape) - a.new_ones(a.shape),
    "like a condition": lambda a, b: torch.full_like(a > 0, True) * torch.ones_like(a > 0) * b,
    "sum": lambda a, b: torch.cat([a, b], -1).sum(-1, keepdim=True),
    "mean": lambda a, b: torch.cat([a, b, a], -1).mean(1, keepdim=True),
    "var": lambda a, b: torch.cat([a, b, a, b], -1).var(-1, keepdim=True),
    "var, unbiased": lambda a, b: torch.cat([a, b, a, b], -1).var(-1, False, True),
    "var, correction": lambda a, b: torch.cat([a, b, a, b], -1).var(-1, correction=2, keepdim=True),
    "std": lambda a, b: torch.cat([a, b, a, b], -1).std(-1, keepdim=True),
    "std, correction": lambda a, b: torch.cat([a, b, a, b], -1).std(dim=-1, correction=0, keepdim=True),
    "std of the same": lambda a, b: torch.cat([a, a], -1).std(-1, keepdim=True) * b,
    "layer_norm": lambda a, b: F.layer_norm(torch.cat([a, b, 2 * a], -1), (3,))[:, :1],
    "layer_norm, eps": lambda a, b: F.layer_norm(torch.cat([a, b, 2 * a], -1), (3,), eps=0.5)[:, 1:2],
    "narrow": lambda a, b: torch.cat([a, b, 2 * a], -1).narrow(-1, -2, 1),
    "narrow from the front": lambda a, b: torch.narrow(torch.cat([a, b, 2 * a], -1), 1, 1, length=1),
    "select": lambda a, b: torch.cat([a, b, 2 * a], -1).select(-1, -2)[:, None],
    "slice": lambda a, b: torch.cat([a, b, 2 * a], -1)[:, -2:-1],
    "ellipsis": lambda a, b: torch.cat([a, b, 2 * a], -1)[..., 1:2],
    "chunk": lambda a, b: torch.cat([a, b, 2 * a], -1).chunk(2, -1)[1],
    "split": lambda a, b: torch.cat([a, b, 2 * a], -1).split([1, 1, 1], dim=1)[2],
    "split evenly": lambda a, b: torch.split(torch.cat([a, b, 2 * a], -1), 2, dim=-1)[1],
    "shapes": lambda a, b: a.view(-1, 1).reshape(a.shape).squeeze(-1).unsqueeze(-1).expand_as(b) * b.clone(),
}


class Applied(Cell):
    """A cell that applies several functions, each to two numbers of its input."""

    def __init__(self, functions: list[Function]) -> None:
        super().__init__(2 * len(functions), len(functions))
        self.functions = functions

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        parts = [f(x[:, 2 * i : 2 * i + 1], x[:, 2 * i + 1 : 2 * i + 2]) for i, f in enumerate(self.functions)]
        return torch.cat(parts, -1), HiddenState(state.hidden)


def agree(found: Tensor, expected: Tensor, seen: Tensor, what: str, x: Tensor) -> None:
    """Hold numbers to those of the loop where these are finite and what was computed from is `seen`."""
    fine = x.dtype == torch.float64 and "hardsigmoid" not in what  # whose gradient torch has in float32
    precision = 1e-12 if fine else 2e-5
    scale = 1 + x.where(x.isfinite(), 0).abs().amax(-1)
    off = (found - expected).abs().nan_to_num(nan=math.inf) > precision * (expected.abs() + scale)
    wrong = seen & expected.isfinite() & off
    assert not wrong.any(), (what, x[wrong][:5], found[wrong][:5], expected[wrong][:5])


NAMES = list(OPERATORS)
GROUP = 12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("first", range(0, len(NAMES), GROUP))
def test_an_operator_is_compiled_as_torch_computes_it(first: int, dtype: torch.dtype) -> None:
    names = NAMES[first : first + GROUP]
    values = [sign * edge for edge in EDGES for sign in (1, -1)]
    x = torch.tensor(list(product(values, values)), dtype=dtype)
    cell, found = Applied([OPERATORS[name] for name in names]), []
    for engine in ("cpu", "eager"):
        given = x.repeat(1, len(names))[:, None].requires_grad_()
        y, _ = Recurrent(cell, engine=engine)(given)
        found.append((y[:, 0].detach(), torch.autograd.grad(y.sum(), given)[0][:, 0]))
    (ours, our_gradient), (theirs, their_gradient) = found
    for i, name in enumerate(names):
        finite = theirs[:, i].isfinite()
        agree(ours[:, i], theirs[:, i], finite, name, x)
        for column in (2 * i, 2 * i + 1):
            agree(our_gradient[:, column], their_gradient[:, column], finite, f"gradient of {name}", x)
