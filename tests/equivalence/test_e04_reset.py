"""E4: a reset mask is the same as splitting the sequence where it is set."""

from itertools import pairwise

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
    gradients,
    joined,
    loss_of,
    outcome,
    state_with_gradients,
    take,
    with_gradients,
)
from torch import Tensor

from treadle.cells import State
from treadle.nn import Recurrent, Stack

LENGTHS = torch.tensor([9, 6, 0, 1, 8])


def resets(share: float, seed: int) -> Tensor:
    """A random mask; it is also set in the padding, where it means nothing."""
    return torch.rand(BATCH, STEPS, generator=torch.Generator().manual_seed(seed)) < share


def split_row(layer: Recurrent, x: Tensor, state: State | None, cuts: list[int]) -> tuple[Tensor, State]:
    """One row in pieces: the state that was given goes into the first that is read, and no further."""
    borders = sorted({0, *cuts, x.shape[1]})
    pieces = [slice(*border) for border in pairwise(borders)] or [slice(0, 0)]
    if layer.reverse:
        pieces.reverse()
    elif 0 in cuts:
        state = None  # forward in time, a cut before the first step parts it from what came before
    outputs, after = {}, state
    for piece in pieces:
        outputs[piece.start], after = layer(x[:, piece], state)
        state = None
    return torch.cat([outputs[start] for start in sorted(outputs)], 1), after


def split_outcome(
    layer: Recurrent, x: Tensor, state: State | None, target: tuple[Tensor, State], lengths: Tensor, reset: Tensor
) -> Result:
    """`outcome` of rows that were split by hand."""
    rows = []
    for row, length in enumerate(lengths.tolist()):
        only = slice(row, row + 1)
        cut = with_gradients(x[only, :length])
        begin = None if state is None else state_with_gradients(take(state, only))
        y, after = split_row(layer, cut, begin, reset[row, :length].nonzero().flatten().tolist())
        leaves = {"x": cut, **dict(layer.cell.named_parameters()), **({} if begin is None else begin._asdict())}
        loss = loss_of(y, after, (target[0][only, :length], take(target[1], only)))
        rows.append({"y": y, **after._asdict(), **gradients(loss, leaves)})
    return joined(rows, x.shape[1], dict(layer.cell.named_parameters()))


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("begins", ["given", "initial"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_a_reset_mask_equals_splitting_the_sequence(case: Case, begins: str, lengths: Tensor | None) -> None:
    layer = case.layer()
    x, target = case.inputs(), case.target(layer)
    state = case.state(layer) if begins == "given" else None
    ends = torch.full((BATCH,), STEPS) if lengths is None else lengths
    for seed, share in enumerate((0.15, 0.5, 1.0)):
        reset = resets(share, seed)
        found = outcome(layer, x, state, target, lengths=lengths, reset=reset)
        assert_same(found, split_outcome(layer, x, state, target, ends, reset), case.tolerance)


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_a_mask_that_is_nowhere_set_changes_nothing(case: Case, lengths: Tensor | None) -> None:
    layer = case.layer()
    x, state, target = case.inputs(), case.state(layer), case.target(layer)
    found = outcome(layer, x, state, target, lengths=lengths, reset=torch.zeros(BATCH, STEPS, dtype=torch.bool))
    assert_same(found, outcome(layer, x, state, target, lengths=lengths), case.tolerance)


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].reverse])
def test_nothing_crosses_a_reset(case: Case) -> None:
    """What lies before a reset, NaN included, and the state that came in do not reach what lies after it."""
    layer = case.layer()
    x, state = case.inputs(), case.state(layer)
    reset = torch.zeros(BATCH, STEPS, dtype=torch.bool)
    reset[:, 5] = True
    y, after = layer(x, state, reset=reset)
    x[:, :5] = float("nan")
    again, after_again = layer(x, type(state)(*(field * float("nan") for field in state)), reset=reset)
    torch.testing.assert_close(again[:, 5:], y[:, 5:], rtol=0, atol=0)
    torch.testing.assert_close(after_again, after, rtol=0, atol=0)


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].reverse])
def test_chunks_carry_on_across_resets(case: Case) -> None:
    layer = case.layer()
    x, carried, reset = case.inputs(), case.state(layer), resets(0.4, 3)
    y, after = layer(x, carried, reset=reset)
    chunks = []
    for window in (slice(0, 2), slice(2, 3), slice(3, STEPS)):
        chunk, carried = layer(x[:, window], carried, reset=reset[:, window])
        chunks.append(chunk)
    torch.testing.assert_close(torch.cat(chunks, 1), y, rtol=case.tolerance, atol=case.tolerance)
    torch.testing.assert_close(carried, after, rtol=case.tolerance, atol=case.tolerance)


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].reverse])
def test_a_deep_bidirectional_stack_resets_every_layer(case: Case) -> None:
    stack = Stack(case.cell, INPUT, HIDDEN, num_layers=2, bidirectional=True, engine=case.engine)
    x, reset = case.inputs(), torch.zeros(BATCH, STEPS, dtype=torch.bool)
    reset[:, 4] = True
    y, _ = stack(x, reset=reset)
    parts = torch.cat([stack(x[:, :4])[0], stack(x[:, 4:])[0]], 1)
    torch.testing.assert_close(y, parts, rtol=case.tolerance, atol=case.tolerance)
