"""A step that cannot be compiled is refused in one sentence: what, where in the cell's file, and what to do instead."""

import inspect
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treadle.cells import Cell, HiddenState, make_cell
from treadle.errors import InputError
from treadle.nn import Recurrent

Change = Callable[["Changed", Tensor], Tensor]


class Changed(Cell):
    """A cell that can be compiled but for one function."""

    def __init__(self, change: Change) -> None:
        super().__init__(3, 4)
        self.mix = nn.Linear(7, 4)
        self.square = nn.Parameter(torch.randn(4, 4))
        self.change = change

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        h = self.change(self, torch.tanh(self.mix(torch.cat([x, state.hidden], -1))))
        return h, HiddenState(h)


def written(_cell: Cell, h: Tensor) -> Tensor:
    h = 1 * h
    h[:, 0] = 1
    return h


def without_gradient(_cell: Cell, h: Tensor) -> Tensor:
    with torch.no_grad():
        half = 0.5 * h
    return h + half


def added(_cell: Cell, h: Tensor) -> Tensor:
    h = 1 * h
    h += 1
    return h


REFUSED: dict[str, tuple[Change, str, str]] = {
    "an operator without a rule": (lambda c, h: h.cumsum(-1), "'cumsum'", "engine='eager'"),
    "one with advice": (lambda c, h: torch.softmax(h, -1), "'softmax'", "exp and sum"),
    "products of three axes": (lambda c, h: torch.einsum("bi,ij->bj", h, c.square), "'einsum'", "two-dimensional"),
    "a reshape to three axes": (lambda c, h: (2 * h.view(-1, 2, 2)).flatten(1), "'view'", "[batch, size]"),
    "a new axis": (lambda c, h: (h[:, :, None] * h[:, None]).sum(-1), "'getitem'", "[batch, size]"),
    "a mean over rows": (lambda c, h: h - h.mean(0), "'mean'", "dim=-1"),
    "a sum over all": (lambda c, h: h * h.sum(), "'sum'", "dim=-1"),
    "rows in another order": (lambda c, h: h.roll(1, 0), "'roll'", "engine='eager'"),
    "rows turned into columns": (lambda c, h: h @ (h.t() @ h), "'t'", "from the right"),
    "columns by number": (lambda c, h: h[:, [1, 0, 3, 2]], "'getitem'", "a slice"),
    "columns with gaps": (lambda c, h: h[:, ::2].repeat(1, 2), "'getitem'", "without gaps"),
    "a change in place": (lambda c, h: h.mul_(2), "(mul_)", "make a new one"),
    "an addition in place": (added, "(add_)", "make a new one"),
    "a condition on numbers": (lambda c, h: h if h.sum() > 0 else -h, "(bool)", "torch.where"),
    "a number taken out": (lambda c, h: h * h[:, 0].sum().item(), "(item)", "torch.where"),
    "a number printed": (lambda c, h: h * float(f"{h[:, 0].sum():.3f}"), "(format)", "torch.where"),
    "a place written": (written, "(__setitem__)", "make a new one"),
    "a function in place": (lambda c, h: F.relu(h, inplace=True), "(relu)", "make a new one"),
    "a gradient stopped": (without_gradient, "no_grad", "detach()"),
    "a largest feature": (lambda c, h: h * h.max(-1, keepdim=True)[0], "'max'", "keepdim"),
    "a largest feature by name": (lambda c, h: h * h.max(-1).values[:, None], "'max'", "of two tensors"),
    "an option without a rule": (lambda c, h: torch.round(h, decimals=2), "'round'", "decimals"),
    "another": (lambda c, h: torch.div(h, 0.3, rounding_mode="floor"), "'div'", "rounding_mode"),
    "rows as an attribute": (lambda c, h: h @ (h.T @ h), "'T'", "engine='eager'"),
    "a fixed tensor": (lambda c, h: h * torch.arange(4), "'mul'", "register_buffer"),
    "a tensor of the batch's size": (lambda c, h: h + torch.zeros(h.shape[0], 4), "'add'", "zeros_like"),
    "random numbers": (lambda c, h: h + torch.rand_like(h), "(rand_like)", "keep the draw in the state"),
    "random numbers of their own": (lambda c, h: h * torch.rand(()), "(rand)", "keep the draw in the state"),
    "dropout": (lambda c, h: F.dropout(h, 0.5), "(dropout)", "RecurrentDropout"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_names_operator_place_and_remedy(what: str) -> None:
    change, operator, remedy = REFUSED[what]
    with pytest.raises(InputError) as caught:
        Recurrent(Changed(change), engine="cpu")
    said = str(caught.value)
    assert said.startswith("engine 'cpu' cannot run this cell: ")
    assert operator in said
    assert remedy in said
    assert "\n" not in said
    lines, first = inspect.getsourcelines(change)
    places = [f"{Path(__file__).name}, line {first + i}" for i in range(len(lines))]
    assert any(f"{place}:" in said for place in places), said


@pytest.mark.parametrize("what", REFUSED)
def test_auto_runs_the_loop_instead_and_says_why(what: str) -> None:
    layer = Recurrent(Changed(REFUSED[what][0]))
    y, _ = layer(torch.randn(2, 5, 3))
    assert y.shape == (2, 5, 4)
    assert layer.explain().engine == "eager"
    assert REFUSED[what][1] in layer.explain().others["cpu"]


@pytest.mark.parametrize("change", [lambda c, h: h / h.shape[0], lambda c, h: h * random.random()])
def test_a_step_that_is_another_one_each_time_is_refused(change: Change) -> None:
    with pytest.raises(InputError, match="another one every time"):
        Recurrent(Changed(change), engine="cpu")
    assert Recurrent(Changed(change)).explain().engine == "eager"


@pytest.mark.parametrize(
    "change",
    [
        lambda c, h: h @ c.square.T,
        lambda c, h: h * c.square.mT[0],
        lambda c, h: h * h.bool() * 0.1 + h,
        lambda c, h: torch.logical_or(h, torch.zeros_like(h)) * h,
        lambda c, h: torch.logical_and(h, h - 3) * h,
        lambda c, h: h + (3 * h).to(torch.int64),
        lambda c, h: h + (torch.round(3 * h) - h).detach(),
        lambda c, h: h * torch.zeros_like(h).detach() + h,
    ],
)
def test_what_looks_alike_is_computed_alike(change: Change) -> None:
    cell = Changed(change).double()
    x = torch.randn(3, 5, 3, dtype=torch.float64)
    with torch.inference_mode():
        ours = Recurrent(cell, engine="cpu")(x)[0]
    outputs = [Recurrent(cell, engine=engine)(x)[0] for engine in ("eager", "cpu")]
    torch.testing.assert_close(ours, outputs[0])
    gradients = [
        torch.autograd.grad(y.square().sum(), list(cell.parameters()), materialize_grads=True, allow_unused=True)
        for y in outputs
    ]
    torch.testing.assert_close(gradients[1], gradients[0])


@pytest.mark.parametrize("name", ["gru", "clockwork", "fast-grnn"])
def test_inference_mode_before_and_while_a_layer_runs(name: str) -> None:
    """Also where weights are made from parameters, as those of a clockwork cell are by its mask."""
    cell = make_cell(name, 3, 4)
    x = torch.randn(2, 5, 3)
    expected, _ = Recurrent(cell, engine="eager")(x)
    layer = Recurrent(cell, engine="cpu")
    with torch.inference_mode():
        torch.testing.assert_close(layer(x)[0], expected, rtol=1e-5, atol=1e-5)
        assert Recurrent(make_cell(name, 3, 4), engine="cpu")(x)[0].shape == expected.shape


def test_the_callers_random_numbers_are_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    cell = Changed(lambda c, h: h + torch.rand_like(h))
    torch.manual_seed(5)
    Recurrent(cell)
    assert torch.equal(torch.rand(3), expected)


def test_no_width_of_a_layer_is_mistaken_for_rows() -> None:
    """A layer as wide as the length that marks rows in a trace is compiled like any other."""

    class Wide(Cell):
        def __init__(self) -> None:
            super().__init__(127, 131)
            self.mix = nn.Linear(258, 131)

        def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
            h = torch.tanh(self.mix(torch.cat([x, state.hidden], -1)))
            return h, HiddenState(h)

    assert Recurrent(Wide(), engine="cpu").explain().engine == "cpu"
