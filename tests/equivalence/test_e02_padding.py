"""E2: what the padding holds and who shares the batch change nothing."""

import pytest
import torch
from cases import (
    BATCH,
    EXACT,
    STEPS,
    Case,
    Result,
    assert_same,
    cases,
    gradients,
    joined,
    outcome,
    row_by_row,
    take,
    with_gradients,
)
from torch import Tensor, nn

from treadle.cells import ElmanCell
from treadle.nn import POOLINGS, Pooling, Recurrent, Stack, length_mask

LENGTHS = torch.tensor([9, 4, 0, 1, 7])
PADDING = ~length_mask(LENGTHS, STEPS)


def padded_with(x: Tensor, value: float) -> Tensor:
    return x.masked_fill(PADDING[..., None], value)


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30], ids=["nan", "inf", "huge"])
def test_padding_is_never_read(case: Case, value: float) -> None:
    layer = case.layer()
    x, state, target = case.inputs(), case.state(layer), case.target(layer)
    clean = outcome(layer, padded_with(x, 0.0), state, target, lengths=LENGTHS)
    dirty = outcome(layer, padded_with(x, value), state, target, lengths=LENGTHS)
    assert_same(dirty, clean, tolerance=0)
    assert not dirty["y"][PADDING].any()
    assert not dirty["d x"][PADDING].any()


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("begins", ["given", "initial"])
def test_a_row_is_what_it_would_be_alone(case: Case, begins: str) -> None:
    layer = case.layer()
    x, target = padded_with(case.inputs(), float("nan")), case.target(layer)
    state = case.state(layer) if begins == "given" else None
    together = outcome(layer, x, state, target, lengths=LENGTHS)
    assert_same(together, row_by_row(layer, x, state, target, LENGTHS), case.tolerance)


@pytest.mark.parametrize("case", cases())
def test_more_padding_and_another_order_of_rows_change_nothing(case: Case) -> None:
    layer = case.layer()
    x, state, (y_aim, state_aim) = case.inputs(), case.state(layer), case.target(layer)
    order = torch.tensor([3, 0, 4, 2, 1])
    longer = nn.functional.pad(x, (0, 0, 0, 6), value=float("nan"))[order]
    moved = outcome(
        layer,
        longer,
        take(state, order),
        (nn.functional.pad(y_aim, (0, 0, 0, 6))[order], take(state_aim, order)),
        lengths=LENGTHS[order].to(torch.int32),
    )
    back = torch.argsort(order)
    by_row = {"y", "d x", *state._fields, *(f"d {name}" for name in state._fields)}
    moved = {name: value[back] if name in by_row else value for name, value in moved.items()}
    moved |= {name: moved[name][:, :STEPS] for name in ("y", "d x")}
    assert_same(moved, outcome(layer, x, state, (y_aim, state_aim), lengths=LENGTHS), case.tolerance)


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("share", [None, 0.3], ids=["no-reset", "reset"])
def test_a_mate_that_is_not_a_number_stays_alone_with_it(case: Case, share: float | None) -> None:
    layer = case.layer()
    reset = None if share is None else torch.rand(BATCH, STEPS) < share
    sound = with_gradients(case.inputs())
    sick = sound.detach().clone()
    sick[2] = float("nan")
    sick.requires_grad_()
    others = [0, 1, 3, 4]
    results = []
    for x in (sound, sick):
        y, state = layer(x, lengths=torch.tensor([9, 4, 5, 1, 7]), reset=reset)
        part = {"y": y[others], **{name: field[others] for name, field in state._asdict().items()}}
        (slope,) = torch.autograd.grad(sum(value.square().sum() for value in part.values()), x)
        results.append({**part, "d x": slope[others]})
    assert_same(results[1], results[0], tolerance=0)


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cut", ["lengths", "resets"])
def test_a_state_that_would_explode_over_the_padding_does_not(engine: str, reverse: bool, cut: str) -> None:
    """Run on beside a long row, a short one of a rectified cell would overflow, and 0 * inf is no gradient."""
    cell = ElmanCell(1, 1, nonlinearity="relu", bias=False)
    with torch.no_grad():
        cell.weight_ih.fill_(1.0)
        cell.weight_hh.fill_(8.0)
    layer = Recurrent(cell, reverse=reverse, engine=engine)
    x = torch.full((2, 60, 1), -1.0)  # 8^60 is beyond float32; a negative input keeps the long row at zero
    x[1] = 1.0
    lengths, reset = torch.tensor([60, 3]), None
    if cut == "resets":
        x[1, 3:] = -1.0
        lengths, reset = torch.tensor([60, 60]), torch.zeros(2, 60, dtype=torch.bool)
        reset[1, [3, 4, 5]] = True
    x.requires_grad_()
    y, state = layer(x, lengths=lengths, reset=reset)
    results = [y, state.hidden, *torch.autograd.grad(y.sum() + state.hidden.sum(), [x, *cell.parameters()])]
    assert all(torch.isfinite(result).all() for result in results)
    grown = y[1, :3, 0].tolist()
    assert grown == ([73.0, 9.0, 1.0] if reverse else [1.0, 9.0, 73.0])


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].reverse])
@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("kind", POOLINGS)
def test_the_loss_through_a_deep_bidirectional_stack_and_a_pooling_is_that_of_the_rows_alone(
    case: Case, residual: bool, kind: str
) -> None:
    size = 2 * case.cell(1, 3).output_size  # as wide as its output, so that a residual connection fits everywhere
    stack = Stack(lambda n: case.cell(n, 3), size, 3, 2, bidirectional=True, residual=residual, engine=case.engine)
    pooling = Pooling(kind, stack.output_size, bidirectional=True).to(case.dtype)
    parameters = {**dict(stack.named_parameters()), **dict(pooling.named_parameters(prefix="pooling"))}
    aim = torch.randn(BATCH, pooling.output_size, dtype=case.dtype)

    def result(x: Tensor, rows: slice, lengths: Tensor | None) -> Result:
        x = with_gradients(x)
        y, _ = stack(x, lengths=lengths)
        pooled = pooling(y, LENGTHS[rows])
        return {"y": y, "pooled": pooled, **gradients((pooled * aim[rows]).sum(), {"x": x, **parameters})}

    x = padded_with(case.inputs(size=size), float("nan"))
    together = result(x, slice(None), LENGTHS)
    rows = [result(x[row : row + 1, :length], slice(row, row + 1), None) for row, length in enumerate(LENGTHS)]
    assert_same(together, joined(rows, STEPS, parameters), case.tolerance)
