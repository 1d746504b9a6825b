"""Two factors in the place of a weight: as near to it as the theorem says, in every engine and cell."""

import numpy as np
import pytest
import torch

from treadle.cells import cell_names, make_cell
from treadle.errors import InputError
from treadle.nn import Recurrent, Stack
from treadle.nn.low_rank import Factors, choose_ranks, factorise, recurrent_matrices
from treadle.nn.weight_drop import recurrent_weights


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_the_error_is_the_singular_values_that_were_left_out(rank):
    torch.manual_seed(0)
    layer = Recurrent(make_cell("gru", 5, 12))
    before = layer.cell.weight_hh.detach().double().numpy()
    factorise(layer, {"cell.weight_hh": rank})
    after = layer.cell.weight_hh.dense().detach().double().numpy()
    left_out = np.linalg.svd(before, compute_uv=False)[rank:]
    assert np.linalg.norm(before - after) == pytest.approx(np.sqrt((left_out**2).sum()), rel=1e-5)
    assert np.linalg.matrix_rank(after, tol=1e-4) == rank


def test_the_energy_is_reached_and_no_rank_below_reaches_it():
    torch.manual_seed(0)
    layer = Recurrent(make_cell("lstm", 32, 16))
    with torch.no_grad():
        for _, weight in recurrent_matrices(layer):
            weight.mul_(torch.linspace(1, 0, weight.shape[1]) ** 4)
    ranks = choose_ranks(layer, energy=0.9)
    assert set(ranks) == {"cell.weight_ih", "cell.weight_hh"}
    for name, weight in recurrent_matrices(layer):
        squares = np.linalg.svd(weight.detach().double().numpy(), compute_uv=False) ** 2
        share = squares.cumsum() / squares.sum()
        assert share[ranks[name] - 1] >= 0.9 > share[ranks[name] - 2]


def test_a_matrix_that_would_grow_is_left_alone():
    assert choose_ranks(Recurrent(make_cell("elman", 8, 8)), rank=4) == {}


@pytest.mark.parametrize("name", list(cell_names()))
def test_factors_of_full_rank_are_the_cell_in_every_engine(name):
    torch.manual_seed(0)
    stack = Stack(name, 6, 8, 2, engine="eager")
    x, lengths = torch.randn(3, 7, 6), torch.tensor([7, 0, 4])
    y, _ = stack(x, lengths=lengths)
    ranks = {name: min(weight.shape) for name, weight in recurrent_matrices(stack)}
    factorise(stack, ranks)
    for engine in ("eager", "auto"):
        for layer in stack.layers:
            layer[0].engine = engine
        found, _ = stack(x, lengths=lengths)
        torch.testing.assert_close(found, y, rtol=1e-3, atol=1e-4)


def test_the_compiled_engine_runs_factors_and_their_gradients():
    torch.manual_seed(0)
    stack = Stack("lstm", 6, 16)
    factorise(stack, choose_ranks(stack, rank=3))
    assert stack.explain().engine == "cpu"
    assert "LowRankLSTMCell" in stack.explain().others["torch"]
    grown = {}
    for engine in ("cpu", "eager"):
        stack.layers[0][0].engine = engine
        stack.zero_grad()
        stack(torch.ones(2, 5, 6))[0].sum().backward()
        grown[engine] = {name: p.grad.clone() for name, p in stack.named_parameters()}
    assert set(grown["cpu"]) >= {"layers.0.0.cell.weight_hh.up", "layers.0.0.cell.weight_hh.down"}
    for name, gradient in grown["cpu"].items():
        torch.testing.assert_close(gradient, grown["eager"][name], rtol=1e-3, atol=1e-4)


def test_step_by_step_is_the_sequence():
    torch.manual_seed(0)
    stack = Stack("gru", 4, 12)
    factorise(stack, choose_ranks(stack, rank=2))
    x, state = torch.randn(2, 6, 4), None
    y, _ = stack(x)
    for t in range(6):
        out, state = stack.step(x[:, t], state)
        torch.testing.assert_close(out, y[:, t], rtol=1e-4, atol=1e-5)


def test_what_drops_recurrent_weights_finds_the_factors():
    stack = Stack("gru", 4, 12)
    factorise(stack, choose_ranks(stack, rank=2))
    assert sorted(recurrent_weights(stack)) == [f"layers.0.0.cell.weight_hh.{one}" for one in ("down", "up")]


def test_what_else_is_done_with_a_weight_is_done_with_the_product():
    weight = Factors(torch.randn(4, 1), torch.randn(1, 3))
    assert weight.shape == (4, 3)
    torch.testing.assert_close(torch.cat(weight.chunk(2)), weight.dense())
    torch.testing.assert_close(torch.ones(2, 4) @ weight, torch.ones(2, 4) @ weight.dense())


def test_bad_numbers_are_refused():
    layer = Recurrent(make_cell("gru", 4, 12))
    with pytest.raises(InputError, match="above 0 and below 1, found 1"):
        choose_ranks(layer, energy=1.0)
    with pytest.raises(InputError, match="at least 1, found 0"):
        choose_ranks(layer, rank=0)
    with pytest.raises(InputError, match=r"no matrix 'cell\.weight'"):
        factorise(layer, {"cell.weight": 1})
    with pytest.raises(InputError, match="cannot run this cell"):
        factorise(Recurrent(make_cell("gru", 4, 12), engine="torch"), {"cell.weight_hh": 1})
