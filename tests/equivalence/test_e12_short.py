"""E12: sequences of no step and of one step, and batches of no row, have results and no NaN gradient."""

import pytest
import torch
from cases import BATCH, HIDDEN, INPUT, Case, assert_same, cases, gradients, outcome, with_gradients

from treadle.nn import POOLINGS, Pooling, Stack


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("begins", ["given", "initial"])
@pytest.mark.parametrize("cut", [False, True], ids=["no-reset", "reset"])
def test_a_row_without_steps_keeps_its_state_and_passes_its_gradient(
    case: Case, steps: int, begins: str, cut: bool
) -> None:
    layer = case.layer()
    x, target = case.inputs(steps=steps), case.target(layer, steps=steps)
    state = case.state(layer) if begins == "given" else None
    lengths = torch.zeros(BATCH, dtype=torch.long)
    reset = torch.ones(BATCH, steps, dtype=torch.bool) if cut else None
    found = outcome(layer, x, state, target, lengths=lengths, reset=reset)
    kept = layer.cell.initial_state(BATCH) if state is None else state
    expected = {"y": torch.zeros_like(target[0]), **kept._asdict(), "d x": torch.zeros_like(x)}
    if state is not None:
        expected |= {f"d {name}": field for name, field in target[1]._asdict().items()}
    assert_same({name: found[name] for name in expected}, expected, tolerance=0)
    if state is not None:  # where it is not given, a learned initial state has a gradient
        assert not any(found[f"d {name}"].any() for name, _ in layer.cell.named_parameters())


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("cut", [False, True], ids=["no-reset", "reset"])
def test_one_step_is_the_cell_s_step(case: Case, cut: bool) -> None:
    layer = case.layer()
    x, state = case.inputs(), case.state(layer)
    lengths = torch.ones(BATCH, dtype=torch.long)
    reset = torch.zeros(BATCH, x.shape[1], dtype=torch.bool) if cut else None
    y, after = layer(x, state, lengths=lengths, reset=reset)
    output, end = layer.cell.step(x[:, 0], state)
    assert not y[:, 1:].any()
    torch.testing.assert_close(y[:, 0], output, rtol=case.tolerance, atol=case.tolerance)
    torch.testing.assert_close(after, end, rtol=case.tolerance, atol=case.tolerance)


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("given", ["", "lengths", "reset", "lengths reset"])
def test_a_batch_without_rows_has_a_result_without_rows(case: Case, given: str) -> None:
    layer = case.layer()
    x, state, target = case.inputs(0), case.state(layer, 0), case.target(layer, 0)
    lengths = torch.zeros(0, dtype=torch.long) if "lengths" in given else None
    reset = torch.zeros(0, x.shape[1], dtype=torch.bool) if "reset" in given else None
    found = outcome(layer, x, state, target, lengths=lengths, reset=reset)
    assert found["y"].shape == target[0].shape
    assert {name: found[name].shape for name in state._fields} == {n: f.shape for n, f in state._asdict().items()}
    assert not any(found[f"d {name}"].any() for name, _ in layer.cell.named_parameters())


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].reverse])
@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize("lengths", [[0, 0, 0], [1, 0, 1], [0, 4, 1]])
def test_short_rows_go_through_a_stack_and_every_pooling(case: Case, kind: str, lengths: list[int]) -> None:
    """An empty row pools to zeros, and neither it nor a row of one step makes a gradient NaN."""
    stack = Stack(case.cell, INPUT, HIDDEN, num_layers=2, bidirectional=True, engine=case.engine)
    pooling = Pooling(kind, stack.output_size, bidirectional=True).to(case.dtype)
    for steps in sorted({max(lengths), 4}):
        x = with_gradients(case.inputs(batch=3, steps=steps))
        y, _ = stack(x, lengths=torch.tensor(lengths))
        pooled = pooling(y, torch.tensor(lengths))
        leaves = {"x": x, **dict(stack.named_parameters())}
        found = {"pooled": pooled, **gradients(pooled.square().sum(), leaves)}
        assert all(torch.isfinite(value).all() for value in found.values())
        for row, length in enumerate(lengths):
            assert bool(pooled[row].any()) == (length > 0)
            if length == 1:  # every pooling of one step is that step, once or three times
                step = y[row, 0].repeat(pooling.output_size // stack.output_size)
                torch.testing.assert_close(pooled[row], step, rtol=case.tolerance, atol=case.tolerance)
