"""E8: weights in 8 bits answer within a bound of the weights as they are, and a row's answer is its own affair."""

import pytest
import torch
from cases import VARIANTS, OwnCell

from treadle.cells import Cell, cell_names, make_cell
from treadle.errors import InputError
from treadle.nn import Recurrent, Stack

BOUND = 0.03
"""Root mean square of the error after 12 steps, as a share of that of the answers: most cells are off by less than
0.01, a layer norm over 40 fresh units by up to 0.026."""

LENGTHS = torch.tensor([12, 5, 0, 1])


def pair(cell: Cell, *, reverse: bool = False) -> tuple[Recurrent, Recurrent]:
    """The layer in 8 bits and the one that it stands for."""
    return tuple(Recurrent(cell, reverse=reverse, engine=engine) for engine in ("int8", "cpu"))


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", [*cell_names(), "own"])
@torch.no_grad()
def test_the_answer_is_within_a_bound(name: str, reverse: bool) -> None:
    cell = (OwnCell if name == "own" else VARIANTS[name])(21, 40)
    cell = cell.float()
    rounded, whole = pair(cell, reverse=reverse)
    x = torch.randn(4, 12, 21)
    found, after = rounded(x, lengths=LENGTHS)
    expected, end = whole(x, lengths=LENGTHS)
    assert not torch.equal(found, expected)
    for a, b in zip([found, *after], [expected, *end], strict=True):
        assert (a - b).square().mean().sqrt() <= BOUND * b.square().mean().sqrt()


@torch.no_grad()
def test_neither_batch_mates_nor_padding_nor_chunks_change_a_bit() -> None:
    layer = Recurrent(make_cell("gru", 21, 40), engine="int8")
    x = torch.randn(4, 12, 21)
    y, state = layer(x, lengths=LENGTHS)
    alone, end = layer(x[1:2, :5])
    assert torch.equal(y[1, :5], alone[0])
    assert torch.equal(state.hidden[1], end.hidden[0])
    x[1, 5:] = float("nan")
    assert torch.equal(layer(x, lengths=LENGTHS)[0], y)
    first, middle = layer(x[:1, :7])
    second, _ = layer(x[:1, 7:], middle)
    assert torch.equal(torch.cat([first, second], 1)[0], y[0])


@torch.no_grad()
def test_a_missing_number_is_not_made_into_one() -> None:
    layer = Recurrent(make_cell("lstm", 5, 8), engine="int8")
    x = torch.randn(2, 3, 5)
    x[0, 1, 2] = float("nan")
    y, _ = layer(x)
    assert torch.isfinite(y[1]).all()
    assert torch.isfinite(y[0, 0]).all()
    assert torch.isnan(y[0, 1:]).all()


@torch.no_grad()
def test_a_deep_bidirectional_stack_says_what_runs() -> None:
    stack = Stack("lstm", 9, 16, 2, bidirectional=True, engine="int8")
    assert stack(torch.randn(3, 4, 9))[0].shape == (3, 4, 32)
    assert stack.explain().engine == "int8"


def test_no_gradient_is_invented() -> None:
    layer = Recurrent(make_cell("gru", 3, 4), engine="int8")
    with pytest.raises(InputError, match="engine 'int8' gives no gradients: train with another engine"):
        layer(torch.randn(1, 2, 3))
    with pytest.raises(InputError, match="float32"):
        Recurrent(make_cell("gru", 3, 4).double(), engine="int8")(torch.randn(1, 2, 3).double())
