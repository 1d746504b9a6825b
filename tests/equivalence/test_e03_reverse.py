"""E3: the reverse direction of a padded batch is the forward direction of each sequence, alone and turned round."""

import pytest
import torch
from cases import (
    BATCH,
    HIDDEN,
    INPUT,
    STEPS,
    Case,
    Result,
    assert_same,
    cases,
    joined,
    outcome,
    take,
)

from treadle.nn import Recurrent, Stack

LENGTHS = torch.tensor([7, 9, 1, 0, 4])


def turned(result: Result) -> Result:
    """Outputs and input gradients in the other order of time."""
    return {name: value.flip(1) if name in ("y", "d x") else value for name, value in result.items()}


@pytest.mark.parametrize("case", [case for case in cases() if case.values[0].reverse])
@pytest.mark.parametrize("begins", ["given", "initial"])
def test_reverse_is_the_short_sequence_alone_turned_round(case: Case, begins: str) -> None:
    layer = case.layer()
    forward = Recurrent(layer.cell, engine=case.engine)
    x, (y_aim, state_aim) = case.inputs(), case.target(layer)
    state = case.state(layer) if begins == "given" else None
    rows = []
    for row, length in enumerate(LENGTHS.tolist()):
        only = slice(row, row + 1)
        aim = (y_aim[only, :length].flip(1), take(state_aim, only))
        begin = None if state is None else take(state, only)
        rows.append(turned(outcome(forward, x[only, :length].flip(1), begin, aim)))
    found = outcome(layer, x, state, (y_aim, state_aim), lengths=LENGTHS)
    assert_same(found, joined(rows, STEPS, dict(layer.cell.named_parameters())), case.tolerance)


@pytest.mark.parametrize("case", [case for case in cases() if case.values[0].reverse])
def test_reverse_without_lengths_reads_from_the_last_step(case: Case) -> None:
    layer = case.layer()
    x, state, target = case.inputs(), case.state(layer), case.target(layer)
    full = torch.full((BATCH,), STEPS)
    expected = outcome(layer, x, state, target, lengths=full)
    assert_same(outcome(layer, x, state, target), expected, case.tolerance)


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].reverse])
def test_a_bidirectional_stack_joins_the_two_directions(case: Case) -> None:
    stack = Stack(case.cell, INPUT, HIDDEN, bidirectional=True, engine=case.engine)
    forward, backward = stack.layers[0]
    assert (forward.reverse, backward.reverse) == (False, True)
    x = case.inputs()
    y, states = stack(x, lengths=LENGTHS)
    size = forward.cell.output_size
    for part, state, layer in zip(y.split(size, dim=-1), states, (forward, backward), strict=True):
        expected, end = layer(x, lengths=LENGTHS)
        torch.testing.assert_close(part, expected, rtol=0, atol=0)
        torch.testing.assert_close(state, end, rtol=0, atol=0)
