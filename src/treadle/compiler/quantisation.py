r"""Weights in 8 bits: whole numbers from -127 to 127, and a scale for every channel of the output.

$$\hat W_{ij} = s_i\, q_{ij}, \qquad s_i = \max_j |W_{ij}| / 127, \qquad q_{ij} = \mathrm{round}(W_{ij} / s_i)$$

Symmetric, so a product needs no offsets, and by channel, since the gates of a recurrent layer differ widely in size.
The error of a weight is at most \(s_i / 2\).

Source: B. Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
CVPR 2018; R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", 2018, section 3.1.
"""

import torch
from torch import Tensor

LARGEST = 127
"""The largest whole number: -128 is left out, so that every weight's negative has a number too."""


def quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A weight in whole numbers.

    Args:
        weight: `[outputs, inputs]`.

    Returns:
        int8 numbers `[outputs, inputs]`, and the scale `[outputs]` of each row in the weight's own type; a row of
        zeros has scale 1.

    Example:
        >>> numbers, scale = quantise(torch.tensor([[0.5, -1.0], [0.0, 0.0]]))
        >>> numbers.tolist(), scale.tolist()
        ([[64, -127], [0, 0]], [0.007874015718698502, 1.0])
    """
    weight = weight.detach()
    scale = weight.abs().amax(1) / LARGEST
    scale = torch.where(scale >= torch.finfo(scale.dtype).tiny, scale, torch.ones_like(scale))
    return (weight / scale[:, None]).round().clamp(-LARGEST, LARGEST).to(torch.int8), scale


def restore(numbers: Tensor, scale: Tensor) -> Tensor:
    """The weight that the whole numbers stand for, `[outputs, inputs]`."""
    return numbers.to(scale.dtype) * scale[:, None]
