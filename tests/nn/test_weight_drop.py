"""Dropped recurrent weights: the formula on every engine, the raw weight's gradient, and nothing in evaluation."""

import pytest
import torch

from treadle.cells import cell_names, make_cell
from treadle.errors import InputError
from treadle.nn import ENGINES, Stack
from treadle.nn.weight_drop import WeightDrop, keep_mask, recurrent_weights

NAMES = ["layers.0.0.cell.weight_hh", "layers.1.0.cell.weight_hh"]


def lstm(engine: str = "auto") -> Stack:
    torch.manual_seed(3)
    return Stack("lstm", 3, 4, num_layers=2, engine=engine).double()


@pytest.mark.parametrize("engine", [name for name, engine in ENGINES.items() if not engine.answers_only])
def test_it_is_the_layer_with_masked_weights_and_the_gradient_is_that_of_the_raw_ones(engine: str) -> None:
    stack, x = lstm(engine), torch.randn(2, 6, 3, dtype=torch.float64)
    drop = WeightDrop(0.4)
    torch.manual_seed(5)
    y, _ = drop(stack, x)
    y.square().sum().backward()
    found = {name: dict(stack.named_parameters())[name].grad for name in NAMES}

    by_hand = lstm("eager")
    torch.manual_seed(5)
    masks = [keep_mask(weight, 0.4) for weight in drop.weights(by_hand).values()]
    with torch.no_grad():
        for name, mask in zip(NAMES, masks, strict=True):
            dict(by_hand.named_parameters())[name].mul_(mask)
    expected, _ = by_hand(x)
    expected.square().sum().backward()
    torch.testing.assert_close(y, expected)
    for name, mask in zip(NAMES, masks, strict=True):
        torch.testing.assert_close(found[name], dict(by_hand.named_parameters())[name].grad * mask)


def test_evaluation_and_p_0_are_the_layers_themselves_to_the_last_bit() -> None:
    stack, x = lstm(), torch.randn(2, 6, 3, dtype=torch.float64)
    for drop in (WeightDrop(0.5).eval(), WeightDrop(0.0)):
        assert torch.equal(drop(stack, x)[0], stack(x)[0])


def test_the_layers_keep_their_raw_weights_even_where_a_call_fails() -> None:
    stack = lstm()
    before = {name: value.clone() for name, value in stack.state_dict().items()}
    drop = WeightDrop(0.5)
    drop(stack, torch.randn(2, 6, 3, dtype=torch.float64))
    with pytest.raises(InputError):
        drop(stack, torch.randn(2, 6, 5, dtype=torch.float64))
    assert stack.state_dict().keys() == before.keys()
    assert all(torch.equal(stack.state_dict()[name], value) for name, value in before.items())
    assert all(isinstance(dict(stack.named_parameters())[name], torch.nn.Parameter) for name in NAMES)
    assert not drop.state_dict()


def test_a_mask_is_drawn_once_a_call_and_new_at_the_next() -> None:
    stack, drop = lstm(), WeightDrop(0.5)
    after = []
    for steps in (1, 50):
        torch.manual_seed(7)
        drop(stack, torch.zeros(2, steps, 3, dtype=torch.float64))
        after.append(torch.get_rng_state())
    assert torch.equal(*after)
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    assert not torch.equal(drop(stack, x)[0], drop(stack, x)[0])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_of_zeros_is_p_and_the_mean_stays_one(p: float) -> None:
    mask = keep_mask(torch.empty(501, 399), p)
    assert float((mask == 0).float().mean()) == pytest.approx(p, abs=0.01)
    assert float(mask.max()) == pytest.approx(1 / (1 - p), rel=1e-3)
    neighbours = (mask[:, 1:] == 0) & (mask[:, :-1] == 0)  # four numbers come from one draw; they must not agree
    assert float(neighbours.float().mean()) == pytest.approx(p * p, abs=0.01)


@pytest.mark.parametrize("name", list(cell_names()))
def test_every_cell_with_a_recurrent_matrix_is_disturbed_and_others_are_refused(name: str) -> None:
    """Those without: by their papers, a unit of theirs reads no other unit's past."""
    elementwise = {"independent", "min-gru", "min-lstm", "sru"}
    stack, x = Stack(name, 4, 4, engine="eager"), torch.randn(2, 5, 4)
    assert (not recurrent_weights(make_cell(name, 4, 4))) == (name in elementwise)
    if name in elementwise:
        with pytest.raises(InputError, match="has no matrix of recurrent weights to drop, expected weight_drop 0"):
            WeightDrop(0.5)(stack, x)
    else:
        assert not torch.equal(WeightDrop(0.7)(stack, x)[0][:, 1:], stack(x)[0][:, 1:])


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_a_probability_out_of_range_is_refused(p: float) -> None:
    with pytest.raises(InputError, match="at least 0 and below 1"):
        WeightDrop(p)
