"""From frames to the steps of the recurrent layers: fewer of them, and each with its surroundings."""

from typing import Any

import torch
from torch import Tensor, nn

from treadle.nn import clear_padding
from treadle.tasks.transcribe.settings import SpeechSettings


class Convolution(nn.Module):
    """One layer of convolution over steps, a rectifier and layer normalisation over channels.

    Args:
        input_size: Channels that it reads.
        size: Channels that it gives.
        kernel: Steps that it looks at.
        causal: Whether these are the step and those before it, or as many on either side.
    """

    def __init__(self, input_size: int, size: int, kernel: int, *, causal: bool) -> None:
        super().__init__()
        self.size, self.before = size, kernel - 1 if causal else (kernel - 1) // 2
        self.convolution = nn.Conv1d(input_size, size, kernel)
        self.norm = nn.LayerNorm(size)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """`[batch, steps, input_size]`, zero past a length, to `[batch, steps, size]`, likewise."""
        if x.shape[1] == 0:
            return x.new_zeros(*x.shape[:2], self.size)
        after = self.convolution.kernel_size[0] - 1 - self.before
        y = self.convolution(nn.functional.pad(x.transpose(1, 2), (self.before, after))).transpose(1, 2)
        return clear_padding(self.norm(torch.relu(y)), lengths)

    def step(self, x: Tensor, before: Tensor) -> Tensor:
        """One step `[rows, input_size]` after those in `before [rows, kernel - 1, input_size]`, which goes on by it."""
        window = torch.cat([before, x[:, None]], 1)
        before.copy_(window[:, 1:])
        y: Tensor = self.norm(torch.relu(self.convolution(window.transpose(1, 2))[..., 0]))
        return y


class FrontEnd(nn.Module):
    r"""Frames side by side, then convolutions over time.

    $$z_j = [x_{rj}; \dots; x_{rj + r - 1}], \qquad z' = \mathrm{norm}(\max(0, W * z + b))$$

    for every layer of convolution, with layer normalisation over channels, so that nothing goes from one recording to
    another. Frames that fill no whole step at the end are left out, in a stream as in a file.

    Args:
        bins: Numbers a frame.
        settings: The shape; convolutions are causal if the recurrent layers are.
    """

    def __init__(self, bins: int, settings: SpeechSettings) -> None:
        super().__init__()
        self.reduction = settings.reduction
        self.input_size = size = bins * settings.reduction
        self.layers: Any = nn.ModuleList()  # of Convolution
        for _ in range(settings.convolutions):
            causal = not settings.bidirectional
            self.layers.append(Convolution(size, settings.convolution_size, settings.kernel_size, causal=causal))
            size = settings.convolution_size
        self.output_size = size

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Frames `[batch, frames, bins]` to steps `[batch, steps, output_size]`, zero past a length, and lengths."""
        steps, lengths = x.shape[1] // self.reduction, lengths // self.reduction
        y = x[:, : steps * self.reduction].reshape(x.shape[0], steps, self.input_size)
        y = clear_padding(y, lengths)
        for layer in self.layers:
            y = layer(y, lengths)
        return y, lengths

    def buffers_of(self, rows: int) -> list[Tensor]:
        """What a stream remembers below each layer at its beginning, `[rows, kernel - 1, size]`: nothing but zeros."""
        shapes = ((one.convolution.kernel_size[0] - 1, one.convolution.in_channels) for one in self.layers)
        return [torch.zeros(rows, *shape) for shape in shapes]

    def step(self, x: Tensor, before: list[Tensor]) -> Tensor:
        """One step of a causal front end.

        Args:
            x: The frames of the step, `[rows, input_size]`.
            before: As `buffers_of` gives them; brought up to date.

        Returns:
            `[rows, output_size]`.
        """
        for layer, buffer in zip(self.layers, before, strict=True):
            x = layer.step(x, buffer)
        return x
