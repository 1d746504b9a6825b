"""What a layer is given besides a state: of the right kind and type, or refused in one sentence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from treadle.cells import GRUCell
from treadle.errors import InputError
from treadle.nn import GRU, Recurrent, Stack

LAYERS: dict[str, Callable[[], Any]] = {
    "Recurrent": lambda: Recurrent(GRUCell(3, 4)),
    "the loop": lambda: Recurrent(GRUCell(3, 4), engine="eager"),
    "Stack": lambda: Stack("gru", 3, 3, 2, residual=True),
    "GRU": lambda: GRU(3, 4, batch_first=True),
}
EACH = pytest.mark.parametrize("kind", LAYERS)


@EACH
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64, torch.bool])
def test_an_input_of_another_type_is_refused(kind: str, dtype: torch.dtype) -> None:
    layer = LAYERS[kind]()
    for _ in range(2):  # also where the layer has run before
        with pytest.raises(InputError, match=f"x is float32 as the parameters of GRUCell are, found {str(dtype)[6:]}"):
            layer(torch.ones(2, 5, 3).to(dtype))
        layer(torch.ones(2, 5, 3))


def test_autocast_may_bring_input_and_parameters_together() -> None:
    layer = Recurrent(GRUCell(3, 4), engine="eager")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = layer(torch.ones(2, 5, 3, dtype=torch.bfloat16))
    assert y.shape == (2, 5, 4)


@EACH
@pytest.mark.parametrize("x", [np.ones((2, 5, 3), np.float32), [[[1.0] * 3] * 5] * 2])
def test_an_input_that_is_no_tensor_is_refused(kind: str, x: Any) -> None:
    with pytest.raises(
        InputError, match=r"(x is a tensor \[batch, time, 3\]|input is a tensor), found a (ndarray|list)"
    ):
        LAYERS[kind]()(x)


@EACH
@pytest.mark.parametrize("make", [list, tuple, np.array, torch.tensor])
def test_lengths_may_be_a_list(kind: str, make: Callable[[list[int]], Any]) -> None:
    layer, x = LAYERS[kind](), torch.randn(2, 5, 3)
    y, _ = layer(x, lengths=make([5, 2]))
    expected, _ = layer(x, lengths=torch.tensor([5, 2]))
    assert torch.equal(y, expected)
    assert not y[1, 2:].any()


def test_lengths_of_no_rows_may_be_a_list() -> None:
    assert Recurrent(GRUCell(3, 4))(torch.zeros(0, 5, 3), lengths=[])[0].shape == (0, 5, 4)


@pytest.mark.parametrize("lengths", [[5.0, 2.0], ["a", "b"], [5], [5, 6], 5, [[5, 2]], "52", [True, True]])
def test_lengths_that_do_not_fit_are_refused(lengths: Any) -> None:
    with pytest.raises(InputError, match="lengths"):
        Recurrent(GRUCell(3, 4))(torch.zeros(2, 5, 3), lengths=lengths)


@pytest.mark.parametrize("reset", [[[True] * 5] * 2, np.ones((2, 5), bool), torch.ones(2, 5)])
def test_resets_that_are_no_tensor_of_bools_are_refused(reset: Any) -> None:
    with pytest.raises(InputError, match="reset is"):
        Recurrent(GRUCell(3, 4))(torch.zeros(2, 5, 3), reset=reset)


def test_a_cell_without_parameters_takes_any_float() -> None:
    from treadle.cells import Cell, HiddenState

    class Decay(Cell):
        def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
            h = 0.7 * state.hidden + x.sum(-1, keepdim=True)
            return h, HiddenState(h)

    for dtype in (torch.float32, torch.float64, torch.float32):
        x = torch.randn(2, 5, 3, dtype=dtype)
        outputs = [Recurrent(Decay(3, 4), engine=engine)(x)[0] for engine in ("auto", "eager")]
        torch.testing.assert_close(*outputs)
        assert outputs[0].dtype == dtype
