"""Convolutions over time, beside a recurrent network: what a piece of a series looks like, wherever it lies."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treadle.errors import InputError
from treadle.nn.sequences import check_sequence, clear_padding, length_mask

Filters = Sequence[tuple[int, int]]
"""Of every layer: the filters, and the steps that each sees."""


class Convolutions(nn.Module):
    r"""Layers of convolutions over time, each normalised over the batch and rectified.

    $$z^l_t = \sum_{j=0}^{k-1} W^l_j\, x^{l-1}_{t + j - \lfloor (k-1)/2 \rfloor}, \qquad
    x^l_t = \mathrm{relu}\!\left(\gamma^l \odot \frac{z^l_t - \mu^l}{\sqrt{v^l + \epsilon}} + \beta^l\right)$$

    with \(x^0 = x\), \(k\) the steps that a filter sees, and zeros before the first and after the last real step, in
    every layer. In training \(\mu\) and \(v\) are mean and variance of \(z\) over all real steps of the batch, padding
    left out; otherwise they are running means of these, and a row's result depends on that row alone. A batch of less
    than two real steps has no variance, and is normalised by the running means in training too.

    A step sees steps after it, so there is no step by step.

    Args:
        input_size: Features of `x`.
        filters: Of every layer, its filters and the steps that each sees, such as `[(128, 8), (256, 5), (128, 3)]`.

    Attributes:
        output_size: Filters of the last layer.

    Raises:
        InputError: There is no layer, or a number lies below 1.

    Sources: Z. Wang, W. Yan & T. Oates, "Time series classification from scratch with deep neural networks: a strong
    baseline", IJCNN 2017, section II.B; beside a recurrent network, F. Karim, S. Majumdar, H. Darabi & S. Chen, "LSTM
    fully convolutional networks for time series classification", IEEE Access 6, 2018; S. Ioffe & C. Szegedy, "Batch
    normalization", ICML 2015.

    Example:
        >>> layers = Convolutions(1, [(4, 5), (6, 3)]).eval()
        >>> y = layers(torch.randn(2, 9, 1), torch.tensor([9, 4]))
        >>> tuple(y.shape), bool(y[1, 4:].any())
        ((2, 9, 6), False)
    """

    def __init__(self, input_size: int, filters: Filters) -> None:
        super().__init__()
        check_filters(filters)
        sizes = [input_size, *(count for count, _ in filters)]
        self.input_size, self.output_size = input_size, sizes[-1]
        self.layers = nn.ModuleList(
            _Layer(size, count, width) for size, (count, width) in zip(sizes[:-1], filters, strict=True)
        )

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """What the filters of the last layer find at every step.

        Args:
            x: `[batch, time, input_size]`; past the lengths anything.
            lengths: `[batch]`, zero allowed, or None where nothing is padding.

        Returns:
            `[batch, time, output_size]`, zero past a length.

        Raises:
            InputError: A shape or a length does not fit.
        """
        lengths = check_sequence(x, self.input_size, lengths, None)
        if not x.shape[0] or not x.shape[1]:
            return x.new_zeros(*x.shape[:2], self.output_size)
        real = None if lengths is None else length_mask(lengths, x.shape[1])
        x = clear_padding(x, lengths).transpose(1, 2)
        for layer in self.layers:
            y = layer(x, real)
            x = y if real is None else y.masked_fill(~real[:, None], 0)
        return x.transpose(1, 2)


class _Layer(nn.Module):
    """A convolution, the norm and rectification, with features before time."""

    def __init__(self, size: int, filters: int, width: int) -> None:
        super().__init__()
        self.around = (width - 1) // 2, width // 2
        self.convolution = nn.Conv1d(size, filters, width, bias=False)  # the norm has a bias
        self.norm = _Norm(filters)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        return torch.relu(self.norm(self.convolution(F.pad(x, self.around)), real))


class _Norm(nn.BatchNorm1d):
    """Batch normalisation of `[batch, feature, time]` whose statistics are those of real steps."""

    def forward(self, z: Tensor, real: Tensor | None = None) -> Tensor:
        """With `real [batch, time]` bool, or None where all are."""
        if not self.training or (int(real.sum()) if real is not None else z.shape[0] * z.shape[2]) < 2:
            return F.batch_norm(z, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        if real is None or bool(real.all()):
            return super().forward(z)
        steps = z.transpose(1, 2)
        return torch.zeros_like(steps).masked_scatter(real[..., None], super().forward(steps[real])).transpose(1, 2)


def check_filters(filters: Filters) -> None:
    """Raise where these are no layers.

    Raises:
        InputError: That is so.
    """
    if not filters or any(count < 1 or width < 1 for count, width in filters):
        raise InputError(f"convolutions are layers of filters and the steps they see, 1 or more, found {filters!r}")
