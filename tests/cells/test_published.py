"""Every cell gives the numbers of its paper: outputs and states in float64, over whole sequences, from any state."""

from collections.abc import Callable
from functools import partial

import numpy as np
import published
import pytest
import torch
from published import Array, Parameters, Step

from treadle.cells import Cell, ClockworkCell, cell_names, make_cell
from treadle.nn import Recurrent

INPUT, HIDDEN, BATCH, STEPS = 3, 5, 4, 11
TEXTBOOK = {"elman", "elman-relu", "lstm", "gru"}  # held by tests/equivalence/test_e06_textbook.py

PUBLISHED: dict[str, Step] = {
    "peephole-lstm": published.peephole_lstm,
    "coupled-lstm": published.coupled_lstm,
    "multiplicative-lstm": published.multiplicative_lstm,
    "layer-norm-lstm": published.layer_norm_lstm,
    "layer-norm-gru": published.layer_norm_gru,
    "gru-original": published.gru_original,
    "light-gru": published.light_gru,
    "minimal-gated": published.minimal_gated,
    "janet": published.janet(1.0),
    "min-gru": published.min_gru,
    "min-lstm": published.min_lstm,
    "sru": published.sru,
    "independent": published.independent,
    "fast-grnn": published.fast_grnn,
    "recurrent-highway": published.recurrent_highway,
    "cornn": published.cornn(0.042, 2.7, 4.7),
    "clockwork": published.clockwork([1, 2, 4, 8, 16]),
}
OPTIONS: list[tuple[str, dict[str, object], Step]] = [
    ("peephole-lstm", {"projection_size": 2}, published.peephole_lstm),
    ("multiplicative-lstm", {"projection_size": 2}, published.multiplicative_lstm),
    ("janet", {"beta": 0.0}, published.janet(0.0)),
    ("independent", {"nonlinearity": "tanh", "longest": 3}, published.independent_tanh_within_three_steps),
    ("fast-grnn", {"input_rank": 2}, published.fast_grnn),
    ("fast-grnn", {"input_rank": 1, "recurrent_rank": 3}, published.fast_grnn),
    ("recurrent-highway", {"depth": 1}, published.recurrent_highway),
    ("recurrent-highway", {"depth": 4}, published.recurrent_highway),
    ("cornn", {"time_step": 0.3, "frequency": 1.5, "damping": 0.5}, published.cornn(0.3, 1.5, 0.5)),
    ("clockwork", {"periods": [1, 3]}, published.clockwork([1, 1, 1, 3, 3])),
    ("clockwork", {"periods": [2, 3, 5]}, published.clockwork([2, 2, 3, 3, 5])),
]


def drawn(make: Callable[..., Cell], size: int = INPUT, **options: object) -> tuple[Cell, Parameters]:
    """A cell whose every parameter is drawn, and its parameters in NumPy, zeros for the biases that it does without."""
    cell, whole = (make(size, HIDDEN, dtype=torch.float64, **given) for given in (options, {**options, "bias": True}))
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.uniform_(-1.5, 1.5)
    p = {name: np.zeros(value.shape) for name, value in whole.named_parameters()}
    return cell, p | {name: value.detach().numpy() for name, value in cell.named_parameters()}


def hold(cell: Cell, p: Parameters, step: Step, size: int = INPUT) -> None:
    torch.manual_seed(1)
    x = torch.randn(BATCH, STEPS, size, dtype=torch.float64)
    state = cell.state_type(*(torch.randn(BATCH, n, dtype=torch.float64) for n in cell.state_sizes))
    if isinstance(cell, ClockworkCell):
        state = state._replace(clock=torch.tensor([[0.0], [1.0], [2.0], [7.0]], dtype=torch.float64) % cell.cycle)
    with torch.no_grad():
        y, after = Recurrent(cell, engine="eager")(x, state)
    for row in range(BATCH):
        fields: tuple[Array, ...] = tuple(field[row].numpy() for field in state)
        for t in range(STEPS):
            output, fields = step(p, x[row, t].numpy(), *fields)
            np.testing.assert_allclose(y[row, t].numpy(), output, rtol=1e-10, atol=1e-10)
        for found, due in zip(after, fields, strict=True):
            np.testing.assert_allclose(found[row].numpy(), due, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_cell_is_its_published_equations(name: str, bias: bool) -> None:
    hold(*drawn(partial(make_cell, name), bias=bias), PUBLISHED[name])


@pytest.mark.parametrize(("name", "options", "step"), OPTIONS, ids=[f"{name} {given}" for name, given, _ in OPTIONS])
def test_so_are_its_options(name: str, options: dict[str, object], step: Step) -> None:
    hold(*drawn(partial(make_cell, name), **options), step)


def test_an_sru_as_wide_as_its_input_passes_it_on_as_it_is() -> None:
    cell, p = drawn(partial(make_cell, "sru"), size=HIDDEN)
    assert "weight_skip" not in p
    hold(cell, p, published.sru, size=HIDDEN)


def test_every_registered_cell_is_held_to_its_equations() -> None:
    """A new cell is written down in published.py, so that nobody leaves it out by oversight."""
    assert set(cell_names()) == set(PUBLISHED) | TEXTBOOK
