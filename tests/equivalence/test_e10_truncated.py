"""E10: back-propagation through k = T steps is back-propagation through time; the forward pass does not depend on k."""

import pytest
import torch
from cases import STEPS, Case, assert_same, cases, gradients, loss_of, outcome, state_with_gradients, with_gradients

from treadle.cells import make_cell
from treadle.errors import InputError
from treadle.nn import Recurrent

LENGTHS = torch.tensor([9, 4, 0, 1, 7])
FORWARD = [case for case in cases(dtypes=[torch.float64]) if not case.values[0].reverse]
COMPILED = cases(engines=["cpu"], dtypes=[torch.float64])


@pytest.mark.parametrize("case", FORWARD)
@pytest.mark.parametrize("k", [1, 2, 4, STEPS])
def test_truncation_changes_the_gradient_and_never_the_forward_pass(case: Case, k: int) -> None:
    layer = case.layer()
    x, state, target = case.inputs(), case.state(layer), case.target(layer)
    whole = outcome(layer, x, state, target, lengths=LENGTHS)
    given, begin = with_gradients(x), state_with_gradients(state)
    carried, outputs = begin, []
    for start in range(0, STEPS, k):
        here = (LENGTHS - start).clamp(0, min(k, STEPS - start))
        if start:
            carried = type(carried)(*(field.detach() for field in carried))
        y, carried = layer(given[:, start : start + k], carried, lengths=here)
        outputs.append(y)
    y = torch.cat(outputs, 1)
    found = {"y": y, **carried._asdict()}
    assert_same(found, {name: whole[name] for name in found}, case.tolerance)
    if k == STEPS:
        leaves = {"x": given, **dict(layer.cell.named_parameters()), **begin._asdict()}
        assert_same({**found, **gradients(loss_of(y, carried, target), leaves)}, whole, case.tolerance)


@pytest.mark.parametrize("case", COMPILED)
@pytest.mark.parametrize("every", [1, 4, STEPS - 1, STEPS, 100])
def test_states_kept_at_some_steps_give_the_whole_gradient(case: Case, every: int) -> None:
    cell = case.cell()
    layer = Recurrent(cell, reverse=case.reverse, engine="cpu")
    sparse = Recurrent(cell, reverse=case.reverse, engine="cpu", checkpoint=every)
    x, state, target = case.inputs(), case.state(layer), case.target(layer)
    reset = torch.rand(x.shape[:2]) < 0.2
    for options in ({}, {"lengths": LENGTHS}, {"lengths": LENGTHS, "reset": reset}):
        expected = outcome(layer, x, state, target, **options)
        assert_same(outcome(sparse, x, state, target, **options), expected, case.tolerance)


def test_only_the_compiled_engine_computes_again_what_it_did_not_keep() -> None:
    layer = Recurrent(make_cell("gru", 3, 4), engine="eager", checkpoint=5)
    with pytest.raises(InputError, match="checkpoint= needs the engine 'cpu'"):
        layer(torch.zeros(2, 9, 3))
    with pytest.raises(InputError, match="at least 1, found 0"):
        Recurrent(make_cell("gru", 3, 4), checkpoint=0)
