"""What kernels are given by address must lie in memory as they read it, however torch has laid it out."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from treadle.cells import cell_names, make_cell
from treadle.compiler.packing import pack
from treadle.nn import Recurrent

LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda t: t.contiguous(),
    "features apart": lambda t: t.transpose(-1, -2).contiguous().transpose(-1, -2),
    "batch last": lambda t: t.movedim(0, -1).contiguous().movedim(-1, 0),
    "a part of more": lambda t: torch.cat([t, t], -1)[..., : t.shape[-1]],
    "every other": lambda t: torch.stack([t, t], -1)[..., 0],
}


def layer_pair(name: str, size: int) -> tuple[Recurrent, Recurrent]:
    cell = make_cell(name, size, size, dtype=torch.float64)
    return Recurrent(cell, engine="cpu"), Recurrent(cell, engine="eager")


def assert_same_with_gradients(name: str, x: Tensor, seed: Callable[[Tensor], Tensor], lengths: Tensor | None) -> None:
    results = []
    for layer in layer_pair(name, x.shape[2]):
        torch.manual_seed(3)
        for parameter in layer.parameters():
            torch.nn.init.uniform_(parameter, -0.5, 0.5)
        given = x.detach().requires_grad_()
        y, state = layer(given, lengths=lengths)
        found = torch.autograd.grad([y], [given, *layer.parameters()], [seed(y)])
        results.append([y, *state, *found])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch", [1, 2, 3, 8, 24])
@pytest.mark.parametrize("ragged", [False, True])
def test_inputs_and_gradients_of_any_layout(layout: str, batch: int, ragged: bool) -> None:
    torch.manual_seed(0)
    change = LAYOUTS[layout]
    lengths = torch.randint(0, 8, (batch,)) if ragged else None
    x = change(torch.randn(batch, 7, 5, dtype=torch.float64))
    assert_same_with_gradients("gru", x, lambda y: change(torch.randn(y.shape, dtype=y.dtype).cos()), lengths)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_an_expanded_input_and_the_gradient_of_a_sum(batch: int) -> None:
    """`y.sum()` has a gradient with no stride at all: one number for every place."""
    x = torch.randn(1, 1, 6, dtype=torch.float64).expand(batch, 9, 6)
    assert_same_with_gradients("lstm", x, lambda y: torch.ones((), dtype=y.dtype).expand_as(y), None)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_state_of_any_layout(batch: int) -> None:
    ours, loop = layer_pair("lstm", 5)
    x = torch.randn(batch, 4, 5, dtype=torch.float64)
    wide = torch.randn(5, 2 * batch, dtype=torch.float64)
    state = ours.cell.state_type(wide[:, :batch].t(), wide[:, batch:].t())
    for result, expected in zip(ours(x, state)[1], loop(x, state)[1], strict=True):
        torch.testing.assert_close(result, expected)


def test_transposed_and_strided_weights() -> None:
    ours, loop = layer_pair("gru", 6)
    cell = ours.cell
    with torch.no_grad():
        for name, parameter in list(cell.named_parameters()):
            if parameter.dim() == 2:
                setattr(cell, name, torch.nn.Parameter(torch.randn(parameter.shape[::-1], dtype=torch.float64).t()))
    x = torch.randn(3, 5, 6, dtype=torch.float64)
    results = []
    for layer in (ours, loop):
        y, _ = layer(x)
        results.append([y, *torch.autograd.grad(y.square().sum(), list(cell.parameters()))])
    for result, expected in zip(*results, strict=True):
        torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("resets", [False, True])
def test_a_state_that_comes_back_is_the_callers_own(steps: int, resets: bool) -> None:
    layer, x = Recurrent(make_cell("lstm", 3, 4), engine="cpu"), torch.randn(2, 3, 3)
    with torch.no_grad():
        before = layer(x)[0]
        reset = torch.zeros(2, steps, dtype=torch.bool) if resets else None
        _, state = layer(x[:, :steps], reset=reset)
        for field in state:
            field.add_(5)
        torch.testing.assert_close(layer(x)[0], before)


@pytest.mark.parametrize("name", list(cell_names()))
def test_no_two_gradients_share_memory(name: str) -> None:
    """Two biases that are added up have the same gradient, but who clips one of them must not clip the other."""
    cell = make_cell(name, 3, 4)
    y, _ = Recurrent(cell, engine="cpu")(torch.randn(2, 5, 3))
    gradients = torch.autograd.grad(y.square().sum(), list(cell.parameters()))
    before = [g.clone() for g in gradients]
    for i, gradient in enumerate(gradients):
        gradient.fill_(float(i))
        for j, other in enumerate(gradients):
            torch.testing.assert_close(other, torch.full_like(other, float(j)) if j <= i else before[j])


@pytest.fixture(params=[1, 2, 3])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["elman", "gru", "layer-norm-lstm"])
def test_answers_by_several_threads(name: str, layout: str, reverse: bool) -> None:
    """A batch that lies by row and step is read and answered where it lies, by each thread its rows."""
    cell = make_cell(name, 5, 4, dtype=torch.float64)
    ours, loop = (Recurrent(cell, engine=engine, reverse=reverse) for engine in ("cpu", "eager"))
    for batch, steps in [(1, 6), (2, 6), (3, 6), (5, 6), (8, 6), (13, 1), (13, 7), (8, 0)]:
        x = LAYOUTS[layout](torch.randn(batch, steps, 5, dtype=torch.float64))
        state = tuple(torch.randn(batch, size, dtype=torch.float64) for size in cell.state_sizes)
        with torch.no_grad():
            (found, after), (expected, last) = (one(x, cell.state_type(*state)) for one in (ours, loop))
        for a, b in zip((found, *after), (expected, *last), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["elman", "gru", "layer-norm-lstm"])
def test_answers_to_rows_of_different_lengths(name: str, reverse: bool) -> None:
    """Each thread takes some of the rows, and there is nothing but zeros in the padding."""
    cell = make_cell(name, 5, 4, dtype=torch.float64)
    ours, loop = (Recurrent(cell, engine=engine, reverse=reverse) for engine in ("cpu", "eager"))
    for batch, least, most in [(1, 40, 50), (2, 0, 90), (3, 60, 70), (5, 0, 100), (13, 1, 100), (4, 80, 80)]:
        x = torch.randn(batch, 101, 5, dtype=torch.float64)
        lengths = torch.randint(least, most + 1, (batch,))
        lengths[0] = most
        state = tuple(torch.randn(batch, size, dtype=torch.float64) for size in cell.state_sizes)
        with torch.no_grad():
            (found, after), (expected, last) = (
                one(x, cell.state_type(*state), lengths=lengths) for one in (ours, loop)
            )
        for a, b in zip((found, *after), (expected, *last), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("_threads")
def test_rows_of_one_number() -> None:
    cell = make_cell("elman", 1, 1, dtype=torch.float64)
    x = torch.randn(9, 11, 1, dtype=torch.float64)
    with torch.no_grad():
        ours, loop = (Recurrent(cell, engine=engine)(x)[0] for engine in ("cpu", "eager"))
    torch.testing.assert_close(ours, loop, rtol=1e-9, atol=1e-9)


def test_what_lies_by_row_and_step_is_not_copied() -> None:
    packing = pack(8, 5, None, reverse=False, threads=2, by_row=True)
    x = torch.randn(8, 5, 3)
    assert packing.as_it_lies(x) is x
    y = packing.outlet(x, 4)
    assert y.shape == (8, 5, 4)
    assert packing.delivered(y) is y
    visited = [at + row * packing.apart for share in packing.shares for at in share.at[:-1] for row in range(4)]
    assert sorted(visited) == list(range(8 * 5))
