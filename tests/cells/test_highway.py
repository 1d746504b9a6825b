"""Highway connections between the layers of a stack."""

import pytest
import torch
from torch import Tensor

from treadle.errors import InputError
from treadle.nn import Recurrent, Stack
from treadle.nn.stack import HIGHWAY_BIAS

SIZE, BATCH, STEPS = 4, 3, 7
LENGTHS = torch.tensor([7, 0, 3])


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(6)


def by_hand(stack: Stack, x: Tensor, lengths: Tensor) -> Tensor:
    """Layer by layer, as the equation says."""
    for number, (layer,) in enumerate(stack.layers):
        assert isinstance(layer, Recurrent)
        y, _ = layer(x, lengths=lengths)
        gate = stack.highway[str(number)]
        opened = torch.sigmoid(x @ gate.weight.T + gate.bias)
        x = opened * y + (1 - opened) * x
    return x


def test_a_highway_is_its_equation_and_the_padding_stays_zero() -> None:
    stack = Stack("gru", SIZE, SIZE, 3, highway=True)
    x = torch.randn(BATCH, STEPS, SIZE)
    x[1] = 0
    x[2, 3:] = 0
    y, _ = stack(x, lengths=LENGTHS)
    torch.testing.assert_close(y, by_hand(stack, x, LENGTHS))
    assert not y[1].any()
    assert not y[2, 3:].any()
    dirty = x.clone()
    dirty[2, 3:] = float("nan")
    assert torch.equal(stack(dirty, lengths=LENGTHS)[0], y)


def test_at_first_most_of_the_input_passes_a_deep_stack() -> None:
    """Gates open by 12 %: what comes out of ten layers resembles what went in, and without them it does not."""
    x = torch.randn(BATCH, STEPS, 32)
    flat = [Stack("lstm", 32, 32, 10, highway=highway)(x)[0].flatten() for highway in (True, False)]
    alike = [torch.corrcoef(torch.stack([x.flatten(), y]))[0, 1].item() for y in flat]
    assert alike[0] > 0.5
    assert abs(alike[1]) < 0.2
    gate = Stack("lstm", 32, 32, 1, highway=True).highway["0"]
    assert (gate.bias == HIGHWAY_BIAS).all()


def test_only_layers_as_wide_as_their_input_have_a_highway() -> None:
    stack = Stack("gru", 3, SIZE, 3, bidirectional=True, highway=True)
    assert list(stack.highway) == ["1", "2"]
    y, _ = stack(torch.randn(BATCH, STEPS, 3), lengths=LENGTHS)
    y.sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in stack.highway.parameters())


def test_chunks_and_single_steps_pass_the_same_gates() -> None:
    stack = Stack("min-gru", SIZE, SIZE, 2, highway=True, dtype=torch.float64)
    x = torch.randn(BATCH, STEPS, SIZE, dtype=torch.float64)
    y, _ = stack(x)
    carried, outputs = None, []
    for t in range(STEPS):
        output, carried = stack.step(x[:, t], carried)
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs, 1), y)


def test_residual_and_highway_together_are_refused() -> None:
    with pytest.raises(InputError, match="residual or highway connections, not both"):
        Stack("gru", SIZE, SIZE, residual=True, highway=True)
