"""E15: a gradient of a gradient is right where it is documented, on the engine "eager", and refused elsewhere."""

import pytest
import torch
from cases import Case, cases

from treadle.nn import Recurrent

EVERY = cases(dtypes=[torch.float64])


@pytest.mark.parametrize("case", [case for case in EVERY if case.values[0].engine == "eager"])
def test_the_loop_has_second_gradients(case: Case) -> None:
    cell = case.cell(input_size=2, hidden_size=3)
    layer = Recurrent(cell, reverse=case.reverse, engine="eager")
    x = (0.5 * case.inputs(batch=2, steps=3, size=2)).requires_grad_()

    def slope(x: torch.Tensor) -> torch.Tensor:
        y, _ = layer(x, lengths=torch.tensor([3, 2]))
        (found,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        return found

    assert torch.autograd.gradcheck(slope, (x,), atol=1e-5)


@pytest.mark.parametrize("case", [case for case in EVERY if case.values[0].engine == "cpu"])
def test_the_compiled_engine_says_where_to_find_them(case: Case) -> None:
    layer = case.layer()
    y, _ = layer(case.inputs().requires_grad_())
    with pytest.raises(RuntimeError, match=r"no gradient of a gradient.*engine='eager'"):
        torch.autograd.grad(y.sum(), list(layer.parameters()), create_graph=True, allow_unused=True)
