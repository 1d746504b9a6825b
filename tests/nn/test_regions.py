"""Regions of pictures: what a picture alone would give, in rows from the top, each knowing its place."""

import pytest
import torch
from torch import Tensor

from treadle.nn.regions import Regions

SIZES = torch.tensor([[9, 14], [1, 1], [16, 5], [7, 7]])


def drawn(stages: int, blocks: int = 1) -> Regions:
    torch.manual_seed(0)
    return Regions(3, 4, stages, blocks).double()


def batch() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(len(SIZES), 16, 14, 3, dtype=torch.float64)


def loss_of(values: Tensor, grid: Tensor) -> Tensor:
    """A sum in which every place and feature counts otherwise, over real regions only."""
    weight = torch.arange(1, values.shape[1] * values.shape[2] + 1, dtype=torch.float64).view(values.shape[1:]).sin()
    real = torch.arange(values.shape[1]) < grid.prod(1)[:, None]
    return (values * weight)[real].sum()


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_a_picture_is_what_it_would_be_alone(stages: int) -> None:
    """E2: batch mates change neither regions nor gradients, and what lies outside a picture may be anything."""
    regions, pixels = drawn(stages), batch()
    outside = torch.ones(pixels.shape[:3], dtype=torch.bool)
    for row, (height, width) in enumerate(SIZES.tolist()):
        outside[row, :height, :width] = False
    found = []
    for value in (0.0, float("nan")):
        regions.zero_grad()
        values, grid = regions(pixels.masked_fill(outside[..., None], value), SIZES)
        loss_of(values, grid).backward()
        found.append((values, [p.grad.clone() for p in regions.parameters()]))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    together, slopes = found[0]
    regions.zero_grad()
    for row, (height, width) in enumerate(SIZES.tolist()):
        alone, own = regions(pixels[row : row + 1, :height, :width], SIZES[row : row + 1])
        count = int(own.prod())
        assert (own == -(-SIZES[row] // regions.reduction)).all()
        torch.testing.assert_close(alone[0], together[row, :count])
        loss_of(alone, own).backward()
    for p, slope in zip(regions.parameters(), slopes, strict=True):
        torch.testing.assert_close(p.grad, slope)


def test_regions_come_in_rows_and_feel_what_is_near() -> None:
    regions, pixels = drawn(2, blocks=0), torch.zeros(1, 32, 24, 3, dtype=torch.float64)
    size = torch.tensor([[32, 24]])
    bright = pixels.clone()
    bright[0, 16:20, 8:12] = 1.0  # the region in row 4, column 2 of 8 rows and 6 columns
    change = (regions(bright, size)[0] - regions(pixels, size)[0]).norm(dim=2)[0].view(8, 6)
    felt = {divmod(int(place), 6) for place in change.flatten().nonzero()}
    assert (4, 2) in felt
    assert felt <= {(row, column) for row in (3, 4, 5) for column in (1, 2, 3)}


def test_alike_regions_differ_by_their_place_alone() -> None:
    regions = drawn(2, blocks=0)
    values, _ = regions(torch.zeros(1, 40, 40, 3, dtype=torch.float64), torch.tensor([[40, 40]]))
    inner = values.view(10, 10, -1)[2:8, 2:8].flatten(0, 1)
    assert torch.cdist(inner, inner).add(torch.eye(len(inner))).min() > 1e-3
    with torch.no_grad():
        regions.place.weight.zero_()
    values, _ = regions(torch.zeros(1, 40, 40, 3, dtype=torch.float64), torch.tensor([[40, 40]]))
    inner = values.view(10, 10, -1)[2:8, 2:8].flatten(0, 1)
    torch.testing.assert_close(inner, inner[:1].expand_as(inner))
