"""Pictures of any size to regions: a small convolutional net that knows which part of a batch is picture."""

import torch
from torch import Tensor, nn

from treadle.nn.sequences import length_mask, take_steps

WAVES = 6
"""Cosines of each coordinate by which a region knows its place."""


class Regions(nn.Module):
    r"""A vector for every region of a picture, and where it lies.

    Stages of convolutions halve height and width; after each, features are normalised at every place on its own, and
    rectified. Blocks of the same kind follow, each added to its input. To the vector of a region a linear map of its
    place is added: of \(y\), \(x\) and \(\cos \pi k y, \cos \pi k x\) for \(k = 1 \dots 6\), where \(y\) and
    \(x\) go from 0 to 1 over the picture; then a layer of its own:

    $$r_i = f_i + P p_i, \qquad m_i = \mathrm{norm}(r_i + B\, \mathrm{relu}(A\, \mathrm{norm}(r_i)))$$

    What lies outside a picture is zero before every convolution, as it is around the whole batch; so regions are what
    they would be of the picture alone. No statistic goes over pictures.

    Args:
        channels: Of the input.
        filters: Of the first stage; each further one has twice as many as that before.
        stages: Convolutions that halve height and width, rounded up.
        blocks: Residual convolutions behind them.

    Attributes:
        output_size: Size of a region's vector.
        reduction: Pixels of a region's side.

    Sources: K. Xu et al., "Show, attend and tell", ICML 2015, section 3.1.1, for regions that a decoder looks at; K. He
    et al., "Deep residual learning for image recognition", CVPR 2016, section 3.2; J. Ba, J. Kiros & G. Hinton, "Layer
    normalization", 2016.

    Example:
        >>> regions = Regions(3, 8, 2, 1)
        >>> values, grid = regions(torch.randn(2, 12, 20, 3), torch.tensor([[12, 20], [5, 8]]))
        >>> tuple(values.shape), grid.tolist()
        ((2, 15, 16), [[3, 5], [2, 2]])
    """

    def __init__(self, channels: int, filters: int, stages: int, blocks: int) -> None:
        super().__init__()
        self.output_size = filters * 2 ** (stages - 1)
        self.reduction = 2**stages
        widths = [channels, *(filters * 2**stage for stage in range(stages))]
        sides = [5, *([3] * (stages - 1))]
        self.stages = nn.ModuleList(
            _Convolution(widths[stage], widths[stage + 1], side, stride=2) for stage, side in enumerate(sides)
        )
        self.blocks = nn.ModuleList(_Convolution(self.output_size, self.output_size, 3) for _ in range(blocks))
        self.place = nn.Linear(2 * (1 + WAVES), self.output_size, bias=False)
        self.own = nn.Sequential(
            nn.LayerNorm(self.output_size),
            nn.Linear(self.output_size, 2 * self.output_size),
            nn.ReLU(),
            nn.Linear(2 * self.output_size, self.output_size),
        )
        self.norm = nn.LayerNorm(self.output_size)

    def forward(self, pixels: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors of regions, row by row from the top, the last of a picture before any padding.

        Args:
            pixels: `[batch, height, width, channels]`; outside of `sizes` anything.
            sizes: `[batch, 2]` height and width of every picture, each at least 1.

        Returns:
            `[batch, regions, output_size]` and the grid of each picture, `[batch, 2]` rows and columns.
        """
        x = _cleared(pixels, sizes)
        for stage in self.stages:
            sizes = (sizes + 1) // 2
            x = _cleared(stage(x), sizes)
        for block in self.blocks:
            x = x + _cleared(block(x), sizes)
        values, places = _in_rows(x, sizes)
        values = values + self.place(places)
        return self.norm(values + self.own(values)), sizes


class _Convolution(nn.Module):
    """A convolution, the norm of every place, and rectification, with channels last."""

    def __init__(self, channels: int, filters: int, side: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, filters, side, stride, padding=side // 2, bias=False)
        self.norm = nn.LayerNorm(filters)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.convolution(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return torch.relu(self.norm(found))


def _cleared(x: Tensor, sizes: Tensor) -> Tensor:
    """Zeros outside of pictures; where all fill the batch there is nothing to be done."""
    if _all_fill(x, sizes):
        return x
    rows, columns = (length_mask(sizes[:, axis], x.shape[1 + axis]) for axis in range(2))
    return x.masked_fill(~(rows[:, :, None] & columns[:, None])[..., None], 0)


def _all_fill(x: Tensor, sizes: Tensor) -> bool:
    """Whether all pictures are of one size, that of the batch."""
    return bool((sizes == sizes.new_tensor(x.shape[1:3])).all())


def _in_rows(x: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """The places of every picture one after the other, and what tells where they are.

    Args:
        x: `[batch, rows, columns, size]`.
        sizes: `[batch, 2]` rows and columns of each picture.
    """
    number = torch.arange(int(sizes.prod(1).max()), device=x.device)
    row, column = number // sizes[:, 1:], number % sizes[:, 1:]
    row = row.clamp(max=x.shape[1] - 1)  # past a picture's end, where anything may stand
    values = x.flatten(1, 2)
    if not _all_fill(x, sizes):
        values = take_steps(values, row * x.shape[2] + column)
    at = torch.stack([(row + 0.5) / sizes[:, :1], (column + 0.5) / sizes[:, 1:]], 2)
    waves = torch.arange(1, WAVES + 1, device=x.device) * torch.pi
    cosines = torch.cos(at[..., None] * waves).flatten(2)
    return values, torch.cat([2 * at - 1, cosines], 2).to(values.dtype)
