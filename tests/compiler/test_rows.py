"""Rows of an array in any order, with zeros where there is none."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from treadle.compiler.cpu.rows import take


@given(
    st.integers(0, 40),
    st.integers(1, 70),
    st.integers(0, 60),
    st.sampled_from([torch.float32, torch.float64]),
    st.data(),
)
def test_every_row_is_the_one_that_was_asked_for(
    rows: int, width: int, taken: int, dtype: torch.dtype, data: st.DataObject
) -> None:
    apart = data.draw(st.integers(0, 3))
    source = torch.randn(rows, width + apart, dtype=dtype)[:, :width]
    source = torch.randn(width, rows, dtype=dtype).t() if data.draw(st.booleans()) else source
    index = torch.tensor(
        data.draw(st.lists(st.integers(-1, rows - 1), min_size=taken, max_size=taken)), dtype=torch.int64
    )
    into = torch.full((taken, width), float("nan"), dtype=dtype)
    expected = torch.zeros(taken, width, dtype=dtype)
    expected[index >= 0] = source[index[index >= 0]]
    assert take(source, index, into) is into
    assert torch.equal(into, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_share_the_rows(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        source, index = torch.randn(5000, 33), torch.randint(-1, 5000, (7001,))
        found = take(source, index, torch.empty(7001, 33))
        assert torch.equal(found, torch.where(index[:, None] < 0, torch.zeros(()), source[index]))
    finally:
        torch.set_num_threads(before)
