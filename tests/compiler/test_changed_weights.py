"""Weights that change between two answers: a layer keeps them packed, and takes up every change, counted or not."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from treadle.cells import make_cell
from treadle.compiler.cpu.digest import PIECE, Content
from treadle.nn import Recurrent

CHANGES = {
    "all signs turned": lambda weight: weight.neg_(),
    "doubled": lambda weight: weight.mul_(2),
    "two rows swapped": lambda weight: weight[:2].copy_(weight[:2].flip(0)),
    "two columns swapped": lambda weight: weight[:, :2].copy_(weight[:, :2].flip(1)),
    "one sign turned": lambda weight: weight[3, 5].neg_(),
    "two signs of a column turned": lambda weight: weight[:2, 0].neg_(),
    "turned round": lambda weight: weight.copy_(weight.flip(0, 1)),
    "zeros": lambda weight: weight.zero_(),
}


@pytest.mark.parametrize("name", ["weight_ih", "weight_hh"])
@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_follows_a_change_that_torch_does_not_count(change: str, name: str) -> None:
    torch.manual_seed(0)
    cell, x = make_cell("lstm", 64, 64), torch.randn(2, 5, 64)
    compiled, loop = (Recurrent(cell, engine=engine) for engine in ("cpu", "eager"))
    with torch.no_grad():
        before = compiled(x)[0]
        CHANGES[change](getattr(cell, name).data)
        after = compiled(x)[0]
        assert not torch.allclose(after, before)
        torch.testing.assert_close(after, loop(x)[0])


@given(st.data())
def test_a_digest_tells_arrays_apart_that_differ_in_some_words(data: st.DataObject) -> None:
    words = data.draw(st.integers(1, 70))
    array = torch.randint(-(2**31), 2**31, (words,), dtype=torch.int32)
    content = Content()
    before = content([array])
    assert content([array]) == before
    places = data.draw(st.lists(st.integers(0, words - 1), min_size=1, unique=True))
    array[places] ^= data.draw(st.sampled_from([1, 1 << 22, 1 << 23, -(1 << 31)]))
    assert content([array]) != before


def test_a_digest_tells_where_arrays_lie() -> None:
    array = torch.randn(100)
    content = Content()
    assert content([array]) != content([array.clone()])
    assert content([array.view(10, 10).t()]) is None


@pytest.mark.parametrize("bytes_", [0, PIECE - 4, PIECE, PIECE + 4, 5 * PIECE])
def test_a_digest_reads_every_piece_of_an_array(bytes_: int) -> None:
    array, small, content = torch.zeros(bytes_ // 4), torch.zeros(3), Content()
    before = content([array, small])
    for changed in (array[:1], array[-1:], array[len(array) // 2 :][:1], small[2:]):
        changed += 1
        assert (content([array, small]) != before) == (len(changed) > 0)
        changed -= 1
        assert content([array, small]) == before
