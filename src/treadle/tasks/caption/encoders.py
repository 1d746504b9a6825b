"""What a captioner looks with: at the regions of a picture, or at the frames of a sequence."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from treadle.nn import LockedDropout, Stack, clear_padding, length_mask
from treadle.nn.decoder import Encoded, final_states
from treadle.nn.regions import Regions
from treadle.tasks.translate.encoder import Encoder


class Pixels(NamedTuple):
    """Some pictures, padded.

    Attributes:
        values: `[batch, height, width, channels]`; outside of a picture anything.
        sizes: `[batch, 2]` height and width of each.
    """

    values: Tensor
    sizes: Tensor

    def to(self, device: torch.device | str) -> "Pixels":
        """The same on another device."""
        return Pixels(self.values.to(device), self.sizes.to(device))


class PictureEncoder(Encoder):
    r"""Regions of a picture, each knowing what there is besides, and a summary of them all.

    $$r = \mathrm{Regions}(x), \qquad m_i = \mathrm{norm}(r_i + B\, \mathrm{relu}(A r_i + C\, p(r))), \qquad e = p(m),
    \qquad p(r) = [\mathrm{mean}_i\, r_i; \max_i r_i]$$

    Which shape is named first depends on where the others are; by p(r) a region can tell.

    Args:
        filters: As in `Regions`.
        stages: Likewise.
        blocks: Likewise.
        dropout: Share of features dropped of every region of a picture, in training.
    """

    def __init__(self, filters: int, stages: int, blocks: int, *, dropout: float) -> None:
        super().__init__()
        self.regions = Regions(3, filters, stages, blocks)
        self.dropout = LockedDropout(dropout)
        size = self.regions.output_size
        self.output_size: int = size
        self.summary_size = 2 * size
        self.own, self.others = nn.Linear(size, 2 * size), nn.Linear(2 * size, 2 * size, bias=False)
        self.join, self.norm = nn.Linear(2 * size, size), nn.LayerNorm(size)

    def forward(self, inputs: Pixels, lengths: Tensor) -> Encoded:
        """Pictures `[batch, height, width, 3]`; how many regions each has, follows from its size."""
        values, grid = self.regions(inputs.values, inputs.sizes.to(inputs.values.device))
        lengths = grid.prod(1)
        mixed = torch.relu(self.own(values) + self.others(_pooled(values, lengths))[:, None])
        values = self.norm(values + self.join(mixed))
        return Encoded(self.dropout(values), lengths, _pooled(values, lengths))


def _pooled(values: Tensor, lengths: Tensor) -> Tensor:
    """The mean and the largest of every feature over `lengths [batch]` regions, at least one: `[batch, 2 * size]`."""
    outside = ~length_mask(lengths, values.shape[1])[..., None]
    mean = values.masked_fill(outside, 0).sum(1) / lengths[:, None]
    return torch.cat([mean, values.masked_fill(outside, -torch.inf).amax(1)], 1)


class FramesEncoder(Encoder):
    r"""Frames of numbers to what recurrent layers make of them.

    $$m = \mathrm{Stack}(W x_1 + b, \dots, W x_n + b)$$

    The summary is the states of all layers and directions after the last frame, side by side.

    Args:
        features: Numbers a frame.
        cell: A registered name.
        hidden_size: Units of each direction.
        num_layers: Depth.
        bidirectional: Whether each layer also reads from the end.
        dropout: Share of features dropped between layers, and of what is given out, in training.
        residual: As in `Stack`.
        engine: As in `Recurrent`.
        **options: Of the cell.

    Raises:
        InputError: An argument does not fit.
    """

    def __init__(
        self,
        features: int,
        cell: str,
        hidden_size: int,
        num_layers: int,
        *,
        bidirectional: bool,
        dropout: float,
        residual: bool,
        engine: str,
        **options: Any,
    ) -> None:
        super().__init__()
        how: dict[str, Any] = {"bidirectional": bidirectional, "residual": residual, "engine": engine, **options}
        self.embedding = nn.Linear(features, hidden_size)
        self.stack = Stack(cell, hidden_size, hidden_size, num_layers, dropout=dropout, **how)
        self.dropout = LockedDropout(dropout)
        self.output_size: int = self.stack.output_size
        self.summary_size = sum(sum(one.cell.state_sizes) for layer in self.stack.layers for one in layer)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Encoded:
        """Frames `[batch, steps, features]`; past `lengths [batch]`, zero allowed, anything."""
        lengths = lengths.to(inputs.device)
        y, states = self.stack(self.embedding(clear_padding(inputs, lengths)), lengths=lengths)
        return Encoded(self.dropout(y), lengths, final_states(states))
