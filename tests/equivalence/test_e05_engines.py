"""E5: every engine gives what the loop gives, in float64, with all gradients; and the gradients are right."""

import pytest
import torch
from cases import EXACT, Case, TwoSpeeds, assert_same, cases, outcome
from torch import Tensor

from treadle.nn import Recurrent

LENGTHS = torch.tensor([4, 9, 0, 1, 6])
FAST = [name for name in EXACT if name != "eager"]


def mask(share: float) -> Tensor:
    return torch.rand(5, 9) < share


@pytest.mark.parametrize("case", cases(engines=FAST, dtypes=[torch.float64]))
@pytest.mark.parametrize("given", ["", "state", "lengths", "reset", "state lengths", "state lengths reset"])
def test_every_engine_equals_the_loop(case: Case, given: str) -> None:
    layer = case.layer()
    loop = Recurrent(layer.cell, reverse=case.reverse, engine="eager")
    x, target = case.inputs(), case.target(layer)
    state = case.state(layer) if "state" in given else None
    lengths = LENGTHS if "lengths" in given else None
    reset = mask(0.3) if "reset" in given else None
    found = outcome(layer, x, state, target, lengths=lengths, reset=reset)
    expected = outcome(loop, x, state, target, lengths=lengths, reset=reset)
    assert_same(found, expected, case.tolerance)


@pytest.mark.parametrize("case", cases(engines=FAST))
def test_engines_agree_without_gradients_and_over_many_steps(case: Case) -> None:
    layer = case.layer(case.cell(input_size=7, hidden_size=16))
    loop = Recurrent(layer.cell, reverse=case.reverse, engine="eager")
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(0.5)  # not chaotic, so that rounding does not grow over the steps
        x, state = case.inputs(batch=6, steps=60, size=7), case.state(layer, batch=6)
        lengths = torch.tensor([60, 3, 59, 0, 31, 1])
        y, after = layer(x, state, lengths=lengths)
        expected, end = loop(x, state, lengths=lengths)
    torch.testing.assert_close(y, expected, rtol=case.tolerance, atol=case.tolerance)
    torch.testing.assert_close(after, end, rtol=case.tolerance, atol=case.tolerance)


@pytest.mark.parametrize("case", cases(dtypes=[torch.float64]))
def test_gradients_equal_finite_differences(case: Case) -> None:
    layer = case.layer(case.cell(input_size=2, hidden_size=3))
    x, state = case.inputs(batch=3, steps=4, size=2), case.state(layer, batch=3)
    lengths = torch.tensor([4, 1, 3])
    reset = torch.zeros(3, 4, dtype=torch.bool)
    reset[0, 2] = True
    names = [name for name, _ in layer.named_parameters()]
    fields = len(state)

    def run(x: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        begin = layer.cell.state_type(*leaves[:fields])
        parameters = dict(zip(names, leaves[fields:], strict=True))
        options = {"lengths": lengths, "reset": reset}
        y, after = torch.func.functional_call(layer, parameters, (x, begin), options)
        return (y, *after)

    leaves = [tensor.detach().clone().requires_grad_() for tensor in (x, *state, *layer.parameters())]
    assert torch.autograd.gradcheck(run, leaves, fast_mode=False)


def test_the_suite_holds_a_cell_whose_initial_state_matters() -> None:
    """A guard of the cases: a start that were zero, or ignored, would make resets and empty rows look right."""
    own = next(param.values[0] for param in cases(variants=["own"]))
    start = own.cell().initial_state(2)
    assert isinstance(start, TwoSpeeds)
    assert all(bool(field.abs().min() > 0) for field in start)
