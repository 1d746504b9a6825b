"""E1: a whole sequence, the same in random chunks, and the same step by step give the same results."""

import random
from itertools import pairwise

import pytest
import torch
from cases import (
    BATCH,
    HIDDEN,
    INPUT,
    STEPS,
    Case,
    assert_same,
    cases,
    gradients,
    loss_of,
    outcome,
    state_with_gradients,
    with_gradients,
)

from treadle.cells import State
from treadle.errors import InputError
from treadle.nn import Stack

LENGTHS = torch.tensor([9, 4, 0, 1, 7])


def windows(seed: int, steps: int = STEPS) -> list[slice]:
    """Random consecutive windows over the steps; two of them are empty."""
    chosen = random.Random(seed).choices(range(steps + 1), k=4)
    borders = sorted([0, 0, *chosen, steps, steps])
    return [slice(start, end) for start, end in pairwise(borders)]


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_random_chunks_with_carried_state_equal_the_whole(case: Case, lengths: torch.Tensor | None) -> None:
    layer = case.layer()
    x, state, target = case.inputs(), case.state(layer), case.target(layer)
    whole = outcome(layer, x, state, target, lengths=lengths)
    for seed in range(2):
        chunked, begin = with_gradients(x), state_with_gradients(state)
        carried, outputs = begin, {}
        for window in windows(seed)[:: -1 if case.reverse else 1]:  # against time, the last chunk comes first
            here = None if lengths is None else (lengths - window.start).clamp(0, window.stop - window.start)
            outputs[window.start, window.stop], carried = layer(chunked[:, window], carried, lengths=here)
        y = torch.cat([outputs[place] for place in sorted(outputs)], 1)
        leaves = {"x": chunked, **dict(layer.cell.named_parameters()), **begin._asdict()}
        found = {"y": y, **carried._asdict(), **gradients(loss_of(y, carried, target), leaves)}
        assert_same(found, whole, case.tolerance)


@pytest.mark.parametrize("case", cases())
def test_step_by_step_equals_the_whole(case: Case) -> None:
    layer = case.layer()
    x, state = case.inputs(), case.state(layer)
    if case.reverse:
        with pytest.raises(InputError, match="no single step"):
            layer.step(x[:, 0], state)
        return
    for begin in (None, state):
        y, after = layer(x, begin)
        carried: State | None = begin
        outputs = []
        for t in range(STEPS):
            output, carried = layer.step(x[:, t], carried)
            outputs.append(output)
        assert carried is not None
        found = {"y": torch.stack(outputs, 1), **carried._asdict()}
        assert_same(found, {"y": y, **after._asdict()}, case.tolerance)


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].reverse])
def test_a_stack_in_chunks_and_step_by_step_equals_the_whole(case: Case) -> None:
    stack = Stack(case.cell, INPUT, HIDDEN, num_layers=3, residual=True, dropout=0.5, engine=case.engine).eval()
    x = case.inputs()
    y, after = stack(x)
    chunks, carried = [], None
    for window in windows(3):
        chunk, carried = stack(x[:, window], carried)
        chunks.append(chunk)
    steps, stepped = [], None
    for t in range(STEPS):
        output, stepped = stack.step(x[:, t], stepped)
        steps.append(output)
    for outputs, state in ((torch.cat(chunks, 1), carried), (torch.stack(steps, 1), stepped)):
        assert state is not None
        torch.testing.assert_close(outputs, y, rtol=case.tolerance, atol=case.tolerance)
        torch.testing.assert_close(state, after, rtol=case.tolerance, atol=case.tolerance)


def test_a_bidirectional_stack_says_that_it_has_no_step() -> None:
    stack = Stack("gru", INPUT, HIDDEN, bidirectional=True)
    with pytest.raises(InputError, match="no single step"):
        stack.step(torch.zeros(BATCH, INPUT))
