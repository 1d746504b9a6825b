import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from treadle.compiler.quantisation import LARGEST, quantise, restore

WEIGHTS = arrays("float64", array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.floats(-1e3, 1e3, width=32))


@given(WEIGHTS)
def test_no_weight_is_off_by_more_than_half_a_step_of_its_channel(values):
    weight = torch.from_numpy(values)
    numbers, scale = quantise(weight)
    assert numbers.dtype == torch.int8
    assert numbers.abs().max() <= LARGEST
    assert ((restore(numbers, scale) - weight).abs() <= scale[:, None] / 2 * (1 + 1e-9)).all()


@given(WEIGHTS)
def test_a_restored_weight_gives_the_same_numbers_again(values):
    numbers, scale = quantise(torch.from_numpy(values))
    again, same = quantise(restore(numbers, scale))
    assert torch.equal(again, numbers)
    torch.testing.assert_close(same, torch.where(numbers.any(1), scale, torch.ones_like(scale)))
