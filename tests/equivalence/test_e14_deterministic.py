"""E14: two runs are equal to the last bit."""

import pytest
import torch
from cases import HIDDEN, INPUT, Case, Result, assert_same, cases, outcome, with_gradients

from treadle.nn import Pooling, Stack

LENGTHS = torch.tensor([9, 4, 0, 1, 7])


@pytest.mark.parametrize("case", cases())
def test_the_same_call_gives_the_same_bits(case: Case) -> None:
    layer = case.layer()
    x, state, target = case.inputs(), case.state(layer), case.target(layer)
    reset = torch.rand(x.shape[:2]) < 0.3
    first, second = (outcome(layer, x, state, target, lengths=LENGTHS, reset=reset) for _ in range(2))
    assert_same(first, second, tolerance=0)


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].reverse])
@pytest.mark.parametrize("locked", [True, False], ids=["locked", "every-step"])
def test_the_same_seed_trains_to_the_same_bits(case: Case, locked: bool) -> None:
    """Weights, dropout and three steps of an optimiser, all from one seed; another seed gives something else."""

    def train(seed: int) -> Result:
        torch.manual_seed(seed)
        stack = Stack(case.cell, INPUT, HIDDEN, 2, bidirectional=True, dropout=0.5, locked=locked, engine=case.engine)
        pooling = Pooling("attention", stack.output_size).to(case.dtype)
        parameters = {**dict(stack.named_parameters()), **dict(pooling.named_parameters(prefix="pooling"))}
        optimiser = torch.optim.Adam(parameters.values(), lr=0.01)
        for _ in range(3):
            x = with_gradients(case.inputs())
            loss = pooling(stack(x, lengths=LENGTHS)[0], LENGTHS).square().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        assert x.grad is not None
        return {"loss": loss, "d x": x.grad, **parameters}

    first, second, other = train(1), train(1), train(2)
    assert_same(first, second, tolerance=0)
    assert not torch.equal(first["loss"], other["loss"])
