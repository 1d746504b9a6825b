"""States that are given: of the input's type and the cell's shape, or refused in one sentence, whatever the engine."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from treadle.cells import Cell, GRUCell, HiddenState, LSTMCell, LSTMState, Zoneout
from treadle.errors import InputError
from treadle.nn import GRU, Recurrent, Stack

BATCH, STEPS, INPUT, HIDDEN = 2, 6, 3, 4
Run = Callable[[Tensor, Tensor], tuple[Any, Any]]


def layers(engine: str) -> dict[str, Run]:
    """Layers over a batch from a hidden state."""
    layer = Recurrent(GRUCell(INPUT, HIDDEN), engine=engine)
    stack = Stack("gru", INPUT, HIDDEN, engine=engine)
    like_torch = GRU(INPUT, HIDDEN, batch_first=True, engine=engine)
    return {
        "Recurrent": lambda x, h: layer(x, HiddenState(h)),
        "Stack": lambda x, h: stack(x, [HiddenState(h)]),
        "GRU": lambda x, h: like_torch(x, h[None]),
    }


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool])
@pytest.mark.parametrize("engine", ["auto", "torch", "eager", "int8"])
@pytest.mark.parametrize("kind", ["Recurrent", "Stack", "GRU"])
def test_a_state_of_another_type_is_refused(kind: str, engine: str, dtype: torch.dtype) -> None:
    """Kernels would read it as float32, and past its end."""
    run, x, state = layers(engine)[kind], torch.randn(BATCH, STEPS, INPUT), torch.ones(BATCH, HIDDEN)
    with torch.no_grad():
        run(x, state)
        with pytest.raises(InputError, match=f"float32 on cpu, found .* {str(dtype)[6:]} on cpu"):
            run(x, state.to(dtype))


class Counted(NamedTuple):
    """A vector, and the number of steps."""

    hidden: Tensor
    count: Tensor


class Clock(Cell):
    """A cell that moves every other step, and counts in integers."""

    state_type = Counted

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.state_sizes = (hidden_size, 1)
        self.mix = nn.Linear(input_size + hidden_size, hidden_size)

    def initial_state(self, batch_size: int, *, device: Any = None, dtype: Any = None) -> Counted:
        count = torch.full((batch_size, 1), 3, device=device)
        return Counted(torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype), count)

    def step(self, x: Tensor, state: Counted) -> tuple[Tensor, Counted]:
        h = torch.tanh(self.mix(torch.cat([x, state.hidden], -1)))
        h = torch.where(state.count % 2 == 0, h, state.hidden)
        return h, Counted(h, state.count + 1)


def test_a_state_that_is_no_float_runs_as_it_is_written() -> None:
    cell, x = Clock(INPUT, HIDDEN), torch.randn(BATCH, STEPS, INPUT)
    layer = Recurrent(cell)
    assert layer.explain().engine == "eager"
    assert "Clock.initial_state: count is int64" in layer.explain().others["cpu"]
    y, state = layer(x)
    assert state.count.tolist() == [[9], [9]]
    assert not y[:, 0].any()
    carried = cell.initial_state(BATCH)
    for t in range(STEPS):
        out, carried = cell.step(x[:, t], carried)
        torch.testing.assert_close(y[:, t], out)
    first, middle = layer(x[:, :2])
    second, end = layer(x[:, 2:], middle)
    torch.testing.assert_close(torch.cat([first, second], 1), y)
    assert torch.equal(end.count, state.count)
    with pytest.raises(InputError, match="engine 'cpu' cannot run this cell: Clock"):
        Recurrent(cell, engine="cpu")


def test_asking_for_the_type_of_a_state_draws_no_random_numbers() -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    cell = Zoneout(GRUCell(INPUT, HIDDEN), 0.5)
    torch.manual_seed(3)
    Recurrent(cell)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("engine", ["cpu", "torch", "eager"])
def test_a_plain_tuple_is_a_state_and_a_named_one_comes_back(engine: str) -> None:
    layer, x = Recurrent(LSTMCell(INPUT, HIDDEN), engine=engine), torch.randn(BATCH, STEPS, INPUT)
    h, c = torch.randn(2, BATCH, HIDDEN)
    y, state = layer(x, (h, c))
    expected, after = layer(x, LSTMState(h, c))
    assert torch.equal(y, expected)
    assert isinstance(state, LSTMState)
    assert torch.equal(state.cell, after.cell)


@pytest.mark.parametrize(
    "state",
    [
        torch.zeros(BATCH, HIDDEN),
        [torch.zeros(BATCH, HIDDEN)],
        (torch.zeros(BATCH, HIDDEN),) * 2,
        Counted(torch.zeros(BATCH, HIDDEN), torch.zeros(BATCH, HIDDEN)),
        (None,),
        {"hidden": torch.zeros(BATCH, HIDDEN)},
    ],
)
def test_what_is_no_state_of_the_cell_is_refused(state: Any) -> None:
    with pytest.raises(InputError, match=r"the state is HiddenState\(hidden\), found "):
        Recurrent(GRUCell(INPUT, HIDDEN))(torch.randn(BATCH, STEPS, INPUT), state)
