"""Where parameters begin: by gate, by what a gate does, for every cell and scheme."""

import math

import pytest
import torch

from treadle.cells import SCHEMES, Cell, cell_names, make_cell
from treadle.cells.gated import GatedCell
from treadle.cells.initialisation import LONGEST_MEMORY
from treadle.nn import Recurrent

HIDDEN = 24


def bias_of(cell: Cell, gate: str) -> torch.Tensor:
    assert isinstance(cell, GatedCell)
    assert cell.bias_ih is not None
    return cell.bias_ih.detach().chunk(len(cell.gates))[cell.gates.index(gate)]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", list(cell_names()))
def test_every_cell_begins_finite_and_can_learn_by_every_scheme(name: str, scheme: str) -> None:
    """Every number is written, a gain is 1 in every scheme, and over 40 steps neither output nor gradient blows up."""
    torch.manual_seed(2)
    cell = make_cell(name, 5, HIDDEN, init=scheme)
    for key, parameter in cell.named_parameters():
        assert torch.isfinite(parameter).all()
        if key.startswith("gain"):
            assert (parameter == 1).all()
    y, _ = Recurrent(cell, engine="eager")(torch.randn(3, 40, 5))
    (slope,) = torch.autograd.grad(y[:, -1].square().sum(), [cell.weight_ih], allow_unused=False)
    assert y.abs().max() < 1e3
    assert 0 < slope.norm() < 1e5


@pytest.mark.parametrize("name", list(cell_names()))
def test_recurrent_matrices_are_orthogonal_gate_by_gate(name: str) -> None:
    cell = make_cell(name, 5, HIDDEN)
    assert isinstance(cell, GatedCell)
    for key, parameter in cell.named_parameters():
        if key.startswith("weight_hh"):
            for block in parameter.detach().chunk(len(cell.gates)):
                torch.testing.assert_close(block @ block.T, torch.eye(len(block)), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "gate", "bias"),
    [
        ("lstm", "forget", 1.0),
        ("peephole-lstm", "forget", 1.0),
        ("janet", "forget", 1.0),
        ("sru", "forget", 1.0),
        ("minimal-gated", "forget", -1.0),  # this forget gate forgets where it is open
        ("recurrent-highway", "transform", -2.0),
        ("gru", "update", 0.0),
    ],
)
def test_a_gate_begins_where_it_keeps_the_past(name: str, gate: str, bias: float) -> None:
    assert (bias_of(make_cell(name, 5, HIDDEN), gate) == bias).all()


KEEPERS = {
    "lstm": "forget",
    "gru": "update",
    "janet": "forget",
    "light-gru": "update",
    "minimal-gated": "forget",
    "min-gru": "update",
    "layer-norm-gru": "update",
    "recurrent-highway": "transform",
}


@pytest.mark.parametrize(("name", "gate"), KEEPERS.items())
def test_chrono_makes_units_remember_up_to_its_longest_memory(name: str, gate: str) -> None:
    """With no input, a unit keeps a share of its state that a gate decides alone: over n steps, about (1 - 1/T)^n."""
    torch.manual_seed(3)
    cell = make_cell(name, 5, 400, init="chrono")
    assert isinstance(cell, GatedCell)
    logit = cell.keeps[gate] * bias_of(cell, gate)
    memory = 1 / (1 - torch.sigmoid(logit))  # steps
    assert memory.min() >= 2
    assert memory.max() <= LONGEST_MEMORY
    assert memory.median().item() == pytest.approx(LONGEST_MEMORY / 2, rel=0.2)  # drawn evenly in steps
    assert math.isclose(logit.max().item(), math.log(LONGEST_MEMORY), rel_tol=0.02)


def test_every_layer_of_a_recurrent_highway_begins_with_the_same_biases() -> None:
    cell = make_cell("recurrent-highway", 5, HIDDEN, depth=3)
    assert torch.equal(cell.bias_3, cell.bias_ih)
    assert torch.equal(cell.bias_2, cell.bias_ih)
