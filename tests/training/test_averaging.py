"""The running mean of the weights, against the sum that defines it."""

import torch
from torch import nn

from treadle.training.averaging import WeightAverage, meet


def test_mean_is_the_recursion_that_the_docstring_states() -> None:
    model = nn.Linear(2, 1, bias=False).double()
    average = WeightAverage(model, 0.9)
    expected = model.weight.detach().clone()
    for step in range(200):
        with torch.no_grad():
            model.weight.add_(torch.randn(1, 2, dtype=torch.float64))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    torch.testing.assert_close(average.weights["weight"], expected)


def test_the_model_has_the_mean_within_the_block_only() -> None:
    model = nn.Linear(2, 1)
    average = WeightAverage(model, 0.9)
    with torch.no_grad():
        model.weight.fill_(5.0)
    own = model.weight.detach().clone()
    with average.applied():
        assert not torch.equal(model.weight, own)
    assert torch.equal(model.weight, own)


def test_without_averaging_the_weights_stand() -> None:
    model = nn.Linear(2, 1)
    average = WeightAverage(model, 0.0)
    own = model.weight.detach().clone()
    average.update(0)
    with average.applied():
        assert torch.equal(model.weight, own)


def test_two_models_meet_half_way_and_what_counts_is_the_second_s() -> None:
    first, second = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    second(torch.randn(5, 3))
    met = meet(first, second)
    torch.testing.assert_close(met["running_var"], (first.running_var + second.running_var) / 2)
    assert int(met["num_batches_tracked"]) == 1
