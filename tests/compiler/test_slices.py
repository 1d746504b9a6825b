"""Parts of a vector of parameters: read where they lie, with no tensor made of them and the same gradients."""

import pytest
import torch
from torch import Tensor, nn

from treadle.cells import Cell, HiddenState
from treadle.nn import Recurrent
from treadle.nn.compiled import recurrence


class Parts(Cell):
    """A cell that takes its gains from one vector, in parts of parts."""

    def __init__(self, size: int, way: str) -> None:
        super().__init__(size, size)
        self.way = way
        self.weight = nn.Parameter(torch.randn(size, size) / size**0.5)
        self.gains = nn.Parameter(torch.randn(4 * size))

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        n = self.hidden_size
        match self.way:
            case "slices":
                inner = self.gains[n:]
                parts = self.gains[:n], inner[:n], inner[n : 2 * n], inner[-n:]
            case "chunk":
                parts = self.gains.chunk(4)
            case "split":
                parts = self.gains.split(n)
            case _:
                parts = tuple(self.gains[i::4] for i in range(4))  # every fourth is no part that lies together
        a, b, c, d = parts
        h = torch.tanh(a * (x @ self.weight) + b * state.hidden + c) * d
        return h, HiddenState(h)


@pytest.mark.parametrize("way", ["slices", "chunk", "split", "strides"])
def test_parts_of_a_vector_are_read_where_they_lie(way: str) -> None:
    torch.manual_seed(0)
    cell = Parts(6, way).double()
    step = recurrence(cell).step
    assert (len(step.calls), len(step.derived)) == ((4, 5) if way == "strides" else (0, 2))
    x = torch.randn(3, 7, 6, dtype=torch.float64, requires_grad=True)
    found = []
    for engine in ("cpu", "eager"):
        y, _ = Recurrent(cell, engine=engine)(x)
        found.append([y, *torch.autograd.grad(y.square().sum(), [x, *cell.parameters()])])
    for ours, expected in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)
