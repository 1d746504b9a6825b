"""Several steps as one: every step is read, whoever shares the batch, and nothing past an end."""

import math

import pytest
import torch

from treadle.errors import InputError
from treadle.nn.segments import segments


def by_hand(row: list[list[float]], size: int, stride: int) -> list[list[float]]:
    """Segments of one row, written out."""
    if not row:
        return []
    zeros = [[0.0] * len(row[0])] * size
    starts = range(0, stride * (1 + math.ceil(max(0, len(row) - size) / stride)), stride)
    return [[value for step in (row + zeros)[start : start + size] for value in step] for start in starts]


@pytest.mark.parametrize(("size", "stride"), [(1, None), (2, None), (3, 1), (3, 2), (4, 4), (9, 5)])
def test_every_row_is_cut_as_if_alone_and_padding_is_not_read(size: int, stride: int | None) -> None:
    lengths = torch.tensor([7, 0, 1, 3, 5])
    rows = [torch.randn(int(n), 2, dtype=torch.float64) for n in lengths]
    x = torch.full((5, 8, 2), math.nan, dtype=torch.float64)
    for row, values in zip(x, rows, strict=True):
        row[: len(values)] = values
    y, count = segments(x, lengths, size, stride)
    for row, values, n in zip(y, rows, count, strict=True):
        expected = by_hand(values.tolist(), size, stride or size)
        assert row[: int(n)].tolist() == expected
        assert {value for one in expected for value in one} >= {value for one in values.tolist() for value in one}
        if size > 1:
            assert not row[int(n) :].any()


def test_padding_has_no_gradient() -> None:
    x = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True)
    y, _ = segments(x, torch.tensor([4, 6]), 3, 2)
    (y.sum() + y.pow(2).sum()).backward()
    assert x.grad is not None
    assert not x.grad[0, 4:].any()
    assert x.grad[0, :4].all()


def test_a_batch_without_a_step_and_strides_that_leave_steps_out() -> None:
    y, count = segments(torch.zeros(2, 0, 3), torch.tensor([0, 0]), 4)
    assert (list(y.shape), count.tolist()) == ([2, 0, 12], [0, 0])
    for size, stride, sentence in [(0, None, "a segment is 0 steps"), (3, 4, "stride is 4, expected 1 to 3")]:
        with pytest.raises(InputError, match=sentence):
            segments(torch.zeros(1, 2, 1), torch.tensor([2]), size, stride)
