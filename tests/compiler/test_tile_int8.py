"""The product with weights in 8 bits: sums of whole numbers, the same on every kind of processor."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from treadle.compiler.cpu import library, tile_int8
from treadle.compiler.cpu.machine import host
from treadle.compiler.cpu.tile import PRODUCT
from treadle.compiler.quantisation import quantise

LANES = host().vector_bytes // 4
MACHINES = {"this": host(), "any": replace(host(), features="")}


def product(machine: str, a: Tensor, weight: Tensor, start: Tensor) -> Tensor:
    address = library.load(tile_int8.build(MACHINES[machine]), [tile_int8.NAME])[tile_int8.NAME]
    (rows, inputs), outputs = a.shape, weight.shape[1]
    vectors = -(-outputs // LANES)
    panels = tile_int8.pack(weight, LANES, host().panel_vectors)
    assert panels.numel() == vectors * LANES * tile_int8.column_floats(inputs)
    begin = torch.zeros(rows, vectors * LANES)
    begin[:, :outputs] = start
    out = torch.full_like(begin, float("nan"))
    strides = begin.stride(0), out.stride(0)
    library.function(address, len(PRODUCT))(
        *(a.data_ptr(), a.stride(0), panels.data_ptr(), inputs),
        *(begin.data_ptr(), strides[0], out.data_ptr(), strides[1], rows, vectors, 0),
    )
    return out[:, :outputs]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 13])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (4, 16), (5, 70), (33, 200), (64, 130)])
def test_it_is_the_product_of_whole_numbers(machine: str, rows: int, inputs: int, outputs: int) -> None:
    a, weight, start = torch.randn(rows, inputs), torch.randn(inputs, outputs), torch.randn(rows, outputs)
    (p, own), (q, scale) = quantise(a), quantise(weight.t())
    expected = start.double() + (p.double() @ q.double().t()) * own[:, None].double() * scale.double()
    found = product(machine, a, weight, start)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-5)


def test_rows_of_zeros_and_of_the_smallest_numbers_give_the_start() -> None:
    a = torch.zeros(2, 9)
    a[1] = 1e-40
    start = torch.randn(2, 5)
    assert torch.equal(product("this", a, torch.randn(9, 5), start), start)
