"""Zoneout and recurrent dropout: the equations, and when noise is new, the same, or none."""

import pickle
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from treadle.cells import Cell, RecurrentDropout, State, Zoneout, cell_names, make_cell
from treadle.cells.wrappers import FACTOR, MODULUS, SUMMAND
from treadle.errors import InputError
from treadle.nn import Recurrent, Stack

INPUT, HIDDEN, BATCH, STEPS = 3, 6, 4, 12
Wrapper = Callable[[Cell], Cell]
WRAPPERS: dict[str, Wrapper] = {
    "zoneout": partial(Zoneout, probability=0.3),
    "dropout": partial(RecurrentDropout, probability=0.3),
    "both": lambda cell: Zoneout(RecurrentDropout(cell, 0.3), 0.3),
    "both, the other way round": lambda cell: RecurrentDropout(Zoneout(cell, 0.3), 0.3),
}
EVERY = pytest.mark.parametrize("name", list(cell_names()))
EACH = pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=list(WRAPPERS))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(4)


def inputs(steps: int = STEPS) -> Tensor:
    return torch.randn(BATCH, steps, INPUT, dtype=torch.float64)


def cell_of(name: str) -> Cell:
    return make_cell(name, INPUT, HIDDEN, dtype=torch.float64)


def same(found: State, expected: State) -> None:
    torch.testing.assert_close(tuple(found), tuple(expected), rtol=0, atol=1e-12)


@EVERY
@EACH
def test_a_sequence_in_training_is_the_same_whole_in_chunks_and_step_by_step(name: str, wrap: Wrapper) -> None:
    layer = Recurrent(wrap(cell_of(name))).train()
    x, begin = inputs(), layer.cell.initial_state(BATCH)
    y, end = layer(x, begin)
    first, carried = layer(x[:, :5], begin)
    second, carried = layer(x[:, 5:], carried)
    torch.testing.assert_close(torch.cat([first, second], 1), y)
    same(carried, end)
    stepped = begin
    for t in range(STEPS):
        _, stepped = layer.step(x[:, t], stepped)
    same(stepped, end)


@EVERY
@EACH
def test_evaluation_is_deterministic_and_no_gradient_is_lost(name: str, wrap: Wrapper) -> None:
    layer = Recurrent(wrap(cell_of(name)))
    x = inputs()
    training = [layer.train()(x)[0] for _ in range(2)]
    evaluation = [layer.eval()(x)[0] for _ in range(2)]
    assert torch.equal(*evaluation)
    assert not torch.equal(*training)
    evaluation[0].square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in layer.parameters())


@EVERY
def test_dropout_in_evaluation_and_any_wrapper_with_probability_0_is_the_cell(name: str) -> None:
    cell, x = cell_of(name), inputs()
    y, _ = Recurrent(cell)(x)
    for wrapped in (RecurrentDropout(cell, 0.4).eval(), RecurrentDropout(cell, 0.0), Zoneout(cell, 0.0)):
        torch.testing.assert_close(Recurrent(wrapped)(x)[0], y, rtol=0, atol=1e-12)


def test_zoneout_keeps_whole_units_and_mixes_them_in_evaluation_by_its_equation() -> None:
    cell = cell_of("lstm")
    x, before = inputs()[:, 0], [torch.randn(BATCH, HIDDEN, dtype=torch.float64) for _ in range(2)]
    _, free = cell.step(x, cell.state_type(*before))
    for training in (True, False):
        zoned = Zoneout(cell, 0.4).train(training)
        begin = zoned.initial_state(BATCH)._replace(hidden=before[0], cell=before[1])
        y, after = zoned.step(x, begin)
        for old, name in zip(before, ("hidden", "cell"), strict=True):
            new, noise, found = getattr(free, name), getattr(begin, f"{name}_noise"), getattr(after, name)
            kept = (noise < 0.4 * MODULUS).double() if training else torch.full_like(old, 0.4)
            torch.testing.assert_close(found, kept * old + (1 - kept) * new, rtol=0, atol=1e-12)
        assert torch.equal(y, after.hidden)


def test_zoneout_keeps_the_share_it_is_told_at_every_step_and_is_never_stuck() -> None:
    """Over rows, units and steps the share is p; from step to step the masks are about independent of each other."""
    zoned = Zoneout(make_cell("elman", 1, 50), 0.2)
    state, masks = zoned.initial_state(200), []
    for _ in range(60):
        masks.append(state.hidden_noise < 0.2 * MODULUS)
        _, state = zoned.step(torch.zeros(200, 1), state)
    mask = torch.stack(masks).float()  # [step, row, unit]
    assert mask.mean().item() == pytest.approx(0.2, abs=0.01)
    assert (mask.mean((1, 2)) - 0.2).abs().max() < 0.02
    twice = [(mask[lag:] * mask[: 60 - lag]).mean().item() for lag in (1, 2, 3, 5)]
    assert twice == pytest.approx([0.04] * 4, abs=0.01)
    assert mask.sum(0).max() < 40
    assert not torch.equal(mask[:, 0], mask[:, 1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_numbers_of_zoneout_are_whole_and_exact_in_any_precision(dtype: torch.dtype) -> None:
    zoned = Zoneout(make_cell("gru", 1, 3, dtype=dtype), 0.2)
    state = zoned.initial_state(2)
    expected = state.hidden_noise.long()
    for _ in range(300):
        _, state = zoned.step(torch.zeros(2, 1, dtype=dtype), state)
        expected = (FACTOR * expected + SUMMAND) % MODULUS
    assert torch.equal(state.hidden_noise.long(), expected)
    assert zoned.initial_state(2, dtype=torch.bfloat16).hidden_noise.dtype == torch.float32


def test_two_zoneouts_have_two_probabilities() -> None:
    cell = Zoneout(Zoneout(cell_of("lstm"), 0.9, fields=["cell"]), 0.0, fields=["hidden"]).eval()
    x, begin = inputs()[:, 0], cell.initial_state(BATCH)
    _, after = cell.step(x, begin)
    _, free = cell_of("lstm").step(x, cell_of("lstm").initial_state(BATCH))
    assert after.cell.abs().mean() < 0.5 * free.cell.abs().mean()
    plain = cell.cell.cell.step(x, cell.cell.cell.initial_state(BATCH))[1]
    torch.testing.assert_close(after.hidden, plain.hidden)
    torch.testing.assert_close(after.cell, 0.1 * plain.cell)


@pytest.mark.parametrize("name", ["elman", "lstm", "peephole-lstm"])
def test_dropout_is_the_cell_from_a_masked_and_rescaled_hidden_state(name: str) -> None:
    cell = cell_of(name)
    dropped = RecurrentDropout(cell, 0.25)
    begin = dropped.initial_state(BATCH)
    assert set(begin.hidden_mask.unique().tolist()) <= {0.0, 1 / 0.75}
    assert "cell_mask" not in begin._fields
    x, state = inputs(), begin
    own = cell.initial_state(BATCH)
    for t in range(STEPS):
        y, state = dropped.step(x[:, t], state)
        expected, own = cell.step(x[:, t], own._replace(hidden=own.hidden * begin.hidden_mask))
        assert torch.equal(y, expected)
        assert torch.equal(state.hidden_mask, begin.hidden_mask)


@pytest.mark.parametrize("name", ["gru", "independent", "cornn", "min-gru", "recurrent-highway", "clockwork"])
def test_a_memory_that_a_gate_carries_over_is_masked_without_rescaling(name: str) -> None:
    """With 1 / (1 - p) at every step, the state of a GRU would grow by that factor a step."""
    dropped = RecurrentDropout(cell_of(name), 0.5)
    state = dropped.initial_state(BATCH)
    for field in dropped.fields:
        assert set(getattr(state, f"{field}_mask").unique().tolist()) == {0.0, 1.0}
    y, _ = Recurrent(dropped)(inputs(400))
    assert y.abs().max() < 100


@EACH
def test_a_clock_is_never_disturbed(wrap: Wrapper) -> None:
    layer = Recurrent(wrap(cell_of("clockwork")))
    begin = layer.cell.initial_state(BATCH)
    assert not {"clock_noise", "clock_mask"} & set(begin._fields)
    assert torch.equal(layer(inputs(11))[1].clock, torch.full((BATCH, 1), 11.0, dtype=torch.float64))


@EACH
def test_rows_and_calls_differ_and_a_reset_draws_anew(wrap: Wrapper) -> None:
    layer = Recurrent(wrap(cell_of("gru")), engine="eager")  # which draws once for all rows; others draw for each piece
    x = inputs()[:1].expand(BATCH, -1, -1)
    y, _ = layer(x)
    assert not torch.equal(y[0], y[1])
    begin = layer.cell.initial_state(BATCH)
    reset = torch.zeros(BATCH, STEPS, dtype=torch.bool)
    reset[:, 6] = True
    torch.manual_seed(9)
    cut, _ = layer(x, begin, reset=reset)
    assert torch.equal(cut[:, :6], layer(x, begin)[0][:, :6])
    torch.manual_seed(9)
    fresh = layer.cell.initial_state(BATCH)  # what the call drew for the sequences that begin inside it
    assert torch.equal(cut[:, 6:], layer(x[:, 6:], fresh)[0])


def test_the_same_seed_draws_the_same_noise() -> None:
    layer = Recurrent(WRAPPERS["both"](cell_of("gru")))
    x, results = inputs(), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(layer(x)[0])
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_a_stack_wraps_its_cells_when_asked() -> None:
    stack = Stack("lstm", INPUT, HIDDEN, 2, bidirectional=True, zoneout=0.1, recurrent_dropout=0.2)
    for layer in stack.layers:
        for direction in layer:
            assert isinstance(direction.cell, Zoneout)
            assert isinstance(direction.cell.cell, RecurrentDropout)
            assert (direction.cell.probability, direction.cell.cell.probability) == (0.1, 0.2)
    assert all(type(d.cell) is type(make_cell("lstm", 1, 1)) for layer in Stack("lstm", 3, 4).layers for d in layer)
    y, _ = stack.eval()(inputs().float(), lengths=torch.tensor([12, 0, 3, 1]))
    assert torch.isfinite(y).all()


@pytest.mark.parametrize("kind", [Zoneout, RecurrentDropout])
@pytest.mark.parametrize("probability", [-0.1, 1.0, float("nan")])
def test_a_probability_outside_its_range_is_refused(kind: Callable[..., Cell], probability: float) -> None:
    with pytest.raises(InputError, match="at least 0 and below 1"):
        kind(cell_of("gru"), probability)


def test_what_cannot_be_wrapped_is_named() -> None:
    with pytest.raises(InputError, match="wrapped once in Zoneout, found the field 'hidden_noise'"):
        Zoneout(Zoneout(cell_of("gru"), 0.1), 0.1)
    with pytest.raises(InputError, match="the memory of LSTMCell has no field 'cel'; did you mean 'cell'"):
        Zoneout(cell_of("lstm"), 0.1, fields=["cel"])


@EACH
def test_a_wrapped_layer_and_its_state_can_be_pickled(wrap: Wrapper) -> None:
    layer, x = Recurrent(wrap(cell_of("lstm"))), inputs()
    _, state = layer(x)
    again, carried = pickle.loads(pickle.dumps((layer, state)))  # noqa: S301  # of what this line pickled
    assert type(carried) is type(state)
    assert again.cell.state_type is layer.cell.state_type
    same(carried, state)
    torch.testing.assert_close(again(x, carried)[0], layer(x, state)[0])
