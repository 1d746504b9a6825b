"""A step that cannot be compiled is refused in one sentence: what, where in the cell's file, and what to do instead."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treadle.cells import Cell, HiddenState
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
    "a condition on numbers": (lambda c, h: h if h.sum() > 0 else -h, "(bool)", "reads the numbers"),
    "a number taken out": (lambda c, h: h * h[:, 0].sum().item(), "(item)", "reads the numbers"),
    "random numbers": (lambda c, h: h + torch.rand_like(h), "'rand_like'", "engine='eager'"),
    "dropout": (lambda c, h: F.dropout(h, 0.5), "'dropout'", "RecurrentDropout"),
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


def test_a_result_of_another_shape_than_the_cell_announces_is_named() -> None:
    with pytest.raises(InputError, match=r"Changed.step: output is \[\d+, 4\] .* found \[\d+, 2\]"):
        Recurrent(Changed(lambda c, h: h[:, :2]), engine="cpu")


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
