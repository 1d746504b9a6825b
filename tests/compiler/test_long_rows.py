"""Layers whose products take more than a page of memory a row: their rows stand a little further apart."""

import pytest
import torch

from treadle.cells import make_cell
from treadle.nn import Recurrent


@pytest.mark.parametrize("rows", [1, 5, 40])
@pytest.mark.parametrize(("name", "units"), [("lstm", 256), ("gru", 256), ("layer-norm-lstm", 130)])
def test_they_are_the_loop(name: str, units: int, rows: int) -> None:
    torch.manual_seed(0)
    cell = make_cell(name, 7, units, dtype=torch.float64)
    x = torch.randn(rows, 4, 7, dtype=torch.float64)
    found = []
    for engine in ("cpu", "eager"):
        inputs = x.clone().requires_grad_()
        y, state = Recurrent(cell, engine=engine)(inputs)
        loss = y.sin().sum() + sum(field.square().sum() for field in state)
        found.append([y, *state, *torch.autograd.grad(loss, [inputs, *cell.parameters()])])
        with torch.no_grad():
            found[-1] += [Recurrent(cell, engine=engine)(x)[0]]
    for compiled, loop in zip(*found, strict=True):
        torch.testing.assert_close(compiled, loop, rtol=1e-9, atol=1e-9)
