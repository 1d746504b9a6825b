"""What is said of a recurrent layer's memory agrees with closed forms and with the theory of a hundred textbooks."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from treadle.cells import Cell, HiddenState, Zoneout, cell_names, make_cell
from treadle.errors import InputError
from treadle.evaluation.diagnosis import CLOSED, OPEN, as_text
from treadle.nn import Recurrent, Stack
from treadle.training.diagnosis import diagnose, examine, spectra
from treadle.training.recall import CHANCE, compare_recall, draw_recall


class Linear(Cell):
    """h' = h W^T + x, whose gradient over k steps is W to the power of k."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__(len(weight), len(weight))
        self.weight_hh = nn.Parameter(weight)

    def step(self, x, state):
        h = x + state.hidden @ self.weight_hh.T
        return h, HiddenState(h)


def reads(layer, *, rows=4, steps=30, **options):
    x = torch.randn(rows, steps, layer.cell.input_size, generator=torch.Generator().manual_seed(1))
    return diagnose(layer, lambda: layer(x, **options))[0]


@pytest.mark.parametrize("factor", [0.5, 0.97, 1.0, 1.2])
def test_a_scaled_rotation_shrinks_every_gradient_by_its_factor(factor):
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(0)))[0]
    found = reads(Recurrent(Linear(factor * rotation), engine="eager"))
    np.testing.assert_allclose(found.gradient, factor ** np.arange(30), rtol=1e-5)
    assert found.decay == pytest.approx(factor, rel=1e-6)
    assert found.step_radius == pytest.approx(factor, rel=1e-6)
    assert found.weights[0].radius == pytest.approx(factor, rel=1e-6)
    assert found.weights[0].norm == pytest.approx(factor, rel=1e-6)
    expected = math.floor(math.log(0.01) / math.log(factor)) + 1 if factor == 0.5 else None
    assert found.memory == expected


def test_an_eigenvalue_hides_behind_a_larger_singular_value():
    """Of a shear, all eigenvalues are 1 and the norm is not: the golden ratio, for [[1, 1], [0, 1]]."""
    (found,) = spectra(Linear(torch.tensor([[1.0, 1.0], [0.0, 1.0]])))
    assert found.radius == pytest.approx(1.0)
    assert found.norm == pytest.approx((1 + math.sqrt(5)) / 2)


def test_exploding_and_vanishing_are_told_with_advice():
    exploding = reads(Recurrent(Linear(1.3 * torch.eye(4)), engine="eager"))
    vanishing = reads(Recurrent(Linear(0.3 * torch.eye(4)), engine="eager"))
    said = as_text([exploding]), as_text([vanishing])
    assert "explodes" in said[0]
    assert "clip_norm" in said[0]
    assert "vanishes" in said[1]
    assert "4 steps" in said[1]


def test_padding_and_direction_change_nothing():
    torch.manual_seed(0)
    forward, backward = Recurrent(make_cell("gru", 3, 5)), Recurrent(make_cell("gru", 3, 5), reverse=True)
    backward.load_state_dict(forward.state_dict())
    x = torch.randn(2, 20, 3)
    lengths = torch.tensor([20, 11])
    turned = torch.stack([x[0].flip(0), torch.cat([x[1, :11].flip(0), torch.full((9, 3), math.nan)])])
    one = diagnose(forward, lambda: forward(x, lengths=lengths))[0]
    two = diagnose(backward, lambda: backward(turned, lengths=lengths))[0]
    np.testing.assert_allclose(one.gradient, two.gradient, rtol=1e-9)
    assert one.gates == two.gates


def test_gates_are_counted_as_the_equations_say():
    """Of the shares of an LSTM's gates, beside those computed from its preactivations in NumPy."""
    torch.manual_seed(0)
    layer = Recurrent(make_cell("lstm", 3, 6))
    with torch.no_grad():
        layer.cell.bias_ih.normal_(0, 3)
    x = torch.randn(4, 9, 3)
    gates = {gate.name.partition(":")[0]: gate for gate in diagnose(layer, lambda: layer(x))[0].gates}
    y, _ = layer(x)
    before = torch.cat([torch.zeros(4, 1, 6), y[:, :-1]], 1)
    weights = {name: p.detach().double().numpy() for name, p in layer.cell.named_parameters()}
    a = x.double().numpy() @ weights["weight_ih"].T + before.detach().double().numpy() @ weights["weight_hh"].T
    a += weights["bias_ih"] + weights["bias_hh"]
    for number, name in enumerate(layer.cell.gates):
        part = a[..., 6 * number : 6 * number + 6]
        values = np.tanh(part) if name == "cell" else 1 / (1 + np.exp(-part))
        low, high = (-OPEN if name == "cell" else CLOSED), OPEN
        assert gates[name].low == pytest.approx((values < low).mean())
        assert gates[name].high == pytest.approx((values > high).mean())
    assert "tanh(c)" in gates


def test_dead_units_are_found():
    torch.manual_seed(0)
    layer = Recurrent(make_cell("elman", 3, 8, nonlinearity="relu"))
    with torch.no_grad():
        layer.cell.bias_ih[[2, 5]] = -1e3
    found = reads(layer)
    assert found.dead == (2, 5)
    assert not next(one for one in found.findings() if one.topic == "units").good


@pytest.mark.parametrize("name", list(cell_names()))
def test_every_cell_can_be_looked_into(name):
    torch.manual_seed(0)
    found = reads(Recurrent(make_cell(name, 4, 8), engine="eager"), steps=12)
    assert found.steps == 12
    assert np.isfinite(found.gradient).all()
    assert found.findings()


def test_noise_around_a_cell_is_no_memory():
    torch.manual_seed(0)
    cell = make_cell("gru", 3, 5)
    plain, wrapped = (examine(one, [(torch.ones(9, 3).double(), None)]) for one in (cell, Zoneout(cell, 0.0)))
    assert wrapped.cell == "GRUCell"
    assert wrapped.gates == plain.gates
    assert len(wrapped.gradient) == 9


def test_all_layers_are_found_and_nothing_is_changed():
    torch.manual_seed(0)
    stack = Stack("gru", 3, 4, 2, bidirectional=True)
    before = {name: p.clone() for name, p in stack.named_parameters()}
    found = diagnose(nn.ModuleDict({"deep": stack}), lambda: stack(torch.randn(2, 7, 3)))
    assert [one.name for one in found] == [f"deep, layer {n}{way}" for n in (1, 2) for way in ("", ", backward")]
    assert all(torch.equal(p, before[name]) and p.grad is None for name, p in stack.named_parameters())
    assert not any(module._forward_pre_hooks for module in stack.modules())


def test_a_network_that_reads_nothing_is_refused():
    with pytest.raises(InputError, match="has read a sequence"):
        diagnose(Stack("gru", 3, 4), lambda: None)


def test_what_is_to_be_recalled_stands_first():
    x, first = draw_recall(20, 5, torch.Generator().manual_seed(0))
    assert x.shape == (5, 21, 13)
    assert torch.equal(x[:, 0].argmax(1), first)
    assert bool((x[:, 1:, :8] == 0).all())


@pytest.mark.parametrize(("lag", "steps"), [(40, 250), pytest.param(100, 600, marks=pytest.mark.slow)])
def test_an_elman_net_forgets_what_a_gru_and_an_lstm_recall(lag, steps):
    elman, *gated = compare_recall(["elman", "gru", "lstm"][: 2 + (lag > 40)], lag, steps=steps, hidden_size=24)
    assert elman.diagnosis.gradient[lag - 1] < 1e-2
    assert elman.shares[-1] < 2 * CHANCE
    for one in gated:
        assert one.diagnosis.gradient[lag - 1] > 0.1
        assert one.shares[-1] > 0.9


def test_a_comparison_refuses_cells_that_are_not_there():
    with pytest.raises(InputError, match="did you mean 'elman'"):
        compare_recall(["elmann"], 10)
