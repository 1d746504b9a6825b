"""What goes wrong in a first cell is said in one sentence that names the cell, or works."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from treadle.cells import Cell, HiddenState, LSTMState
from treadle.cells.contract import ContractError
from treadle.errors import InputError
from treadle.nn import Recurrent


class Mine(Cell):
    """A cell that returns what a test makes of its new hidden state."""

    def __init__(self, returned: Callable[[Tensor], Any], *, traced: bool = True) -> None:
        super().__init__(3, 6)
        self.mix = nn.Linear(9, 6)
        self.returned, self.traced = returned, traced

    def step(self, x: Tensor, state: HiddenState) -> Any:
        h = torch.tanh(self.mix(torch.cat([x, state.hidden], -1)))
        return self.returned(h if self.traced else h.cumsum(-1))


RETURNED: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "only h": (lambda h: h, r"a tensor \[batch, 6\]"),
    "two tensors": (lambda h: (h, h), r"\(a tensor \[batch, 6\], a tensor \[batch, 6\]\)"),
    "a plain tuple": (lambda h: (h, (h,)), r"\(a tensor \[batch, 6\], \(a tensor \[batch, 6\]\)\)"),
    "a dict": (lambda h: (h, {"hidden": h}), "a dict"),
    "nothing": (lambda h: None, "None"),
    "no state": (lambda h: (h, None), "None"),
    "three": (lambda h: (h, HiddenState(h), h), "HiddenState"),
    "another state": (lambda h: (h, LSTMState(h, h)), "LSTMState"),
    "swapped": (lambda h: (HiddenState(h), h), r"\(HiddenState\(hidden a tensor \[batch, 6\]\), a tensor"),
    "a narrow output": (lambda h: (h[:, :3], HiddenState(h)), r"\(a tensor \[batch, 3\]"),
    "a narrow state": (lambda h: (h, HiddenState(h[:, :3])), r"hidden a tensor \[batch, 3\]"),
    "a state without rows": (lambda h: (h, HiddenState(h.mean(0))), r"hidden a tensor \[6\]"),
    "an output without features": (lambda h: (h.sum(-1), HiddenState(h)), r"\(a tensor \[batch\]"),
}


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("engine", ["auto", "eager"])
@pytest.mark.parametrize("what", RETURNED)
def test_what_a_step_returned_and_should_return_is_said(what: str, engine: str, traced: bool) -> None:
    returned, found = RETURNED[what]
    expected = rf"^Mine.step returns an output \[batch, 6\] and HiddenState\(hidden \[batch, 6\]\).* found .*{found}"
    with pytest.raises(ContractError, match=expected) as caught:
        Recurrent(Mine(returned, traced=traced), engine=engine)(torch.randn(2, 5, 3))
    assert "\n" not in str(caught.value)


class Sized(Cell):
    """A cell that says its sizes by assignment."""

    state_type = LSTMState

    def __init__(self, sizes: Any, output_size: int) -> None:
        super().__init__(3, 6)
        self.state_sizes = sizes  # type: ignore[misc]  # for type checkers it is a property
        self.output_size = output_size  # type: ignore[misc]
        self.mix = nn.Linear(9, 6)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        h = torch.tanh(self.mix(torch.cat([x, state.hidden], -1)))
        return h[:, : self.output_size], LSTMState(h, state.cell + 1)


def test_a_cell_may_say_its_sizes_by_assignment() -> None:
    x = torch.randn(2, 5, 3)
    cell = Sized((6, 1), 4)
    (y, state), (expected, _) = (Recurrent(cell, engine=engine)(x) for engine in ("cpu", "eager"))
    torch.testing.assert_close(y, expected)
    assert y.shape == (2, 5, 4)
    assert state.cell.tolist() == [[5.0], [5.0]]


def test_sizes_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(InputError, match=r"Sized.state_sizes is a number for every field, found \(6, \(6, 6\)\)"):
        Sized((6, (6, 6)), 6)


def test_a_state_type_without_names_is_refused() -> None:
    class Unnamed(Mine):
        state_type = tuple

    with pytest.raises(InputError, match=r"Unnamed.state_type is a NamedTuple, found"):
        Recurrent(Unnamed(lambda h: (h, (h,))))


class Further(Cell):
    """A cell with something of a test's own done to its new hidden state."""

    def __init__(self, change: Callable[["Further", Tensor], Tensor]) -> None:
        super().__init__(3, 6)
        self.mix = nn.Linear(9, 6)
        self.square = nn.Parameter(0.3 * torch.randn(6, 6))
        self.nested = ([1, 2], [3])
        self.change = change

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        h = self.change(self, torch.tanh(self.mix(torch.cat([x, state.hidden], -1))))
        return h, HiddenState(h)


@pytest.mark.parametrize(
    "change",
    [
        lambda c, h: h * np.float32(0.5),
        lambda c, h: np.float64(0.5) * h,
        lambda c, h: h * np.int64(2),
        lambda c, h: h * np.bool_(True),
        lambda c, h: h * True,
        lambda c, h: h @ c.square[[1, 0, 2, 3, 4, 5]],
        lambda c, h: h @ c.square[:, [1, 0, 2, 3, 4, 5]],
        lambda c, h: h * c.nested[0][1],
    ],
)
def test_numbers_of_numpy_and_lists_are_compiled(change: Callable[[Any, Tensor], Tensor]) -> None:
    cell, x = Further(change), torch.randn(2, 5, 3)
    outputs = [Recurrent(cell, engine=engine)(x)[0] for engine in ("cpu", "eager")]
    torch.testing.assert_close(*outputs)
