"""Several steps read as one: a sequence as overlapping segments."""

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.errors import InputError
from treadle.nn.sequences import clear_padding


def segments(x: Tensor, lengths: Tensor, size: int, stride: int | None = None) -> tuple[Tensor, Tensor]:
    r"""The steps of a sequence, `size` of them side by side as one.

    $$y_j = [x_{js};\, x_{js+1};\, \dots;\, x_{js+w-1}], \qquad
    T' = 1 + \lceil \max(T - w, 0) / s \rceil \text{ for } T \ge 1$$

    with \(w\) = `size` and \(s\) = `stride`. A layer above goes through a sequence in \(T'\) steps, so what lies far
    apart is few steps apart, and one step sees the shape of a piece rather than a single value. No step is left out:
    the last segment reaches past the end where it has to, and reads zeros there. A row of length 0 has none.

    Args:
        x: `[batch, time, feature]`; what stands past the lengths is not read.
        lengths: `[batch]`.
        size: Steps a segment, at least 1.
        stride: Steps from the begin of one to that of the next, from 1 to `size`; None for `size`, side by side.

    Returns:
        `[batch, T', size * feature]`, zero past the ends, and their number in each row, `[batch]`.

    Raises:
        InputError: Size or stride lies outside.

    Sources: H. Sak, A. Senior, K. Rao & F. Beaufays, "Fast and accurate recurrent neural network acoustic models for
    speech recognition", 2015, section 5.1 (frames stacked and sub-sampled); S. Lin et al., "SegRNN: segment recurrent
    neural network for long-term time series forecasting", 2023, section 3.

    Example:
        >>> x = torch.arange(1.0, 6.0).reshape(1, 5, 1)
        >>> y, count = segments(x, torch.tensor([5]), 3, 2)
        >>> y.tolist(), count.tolist()
        ([[[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]], [2])
    """
    stride = size if stride is None else stride
    check_segments(size, stride)
    if size == 1:
        return x, lengths
    count = torch.where(lengths > 0, 1 + (lengths - size).clamp(min=0).add(stride - 1) // stride, 0)
    longest = int(count.max()) if len(count) else 0
    if longest == 0:
        return x.new_zeros(x.shape[0], 0, size * x.shape[2]), count
    steps = (longest - 1) * stride + size
    x = clear_padding(x, lengths.to(x.device))
    x = F.pad(x, (0, 0, 0, max(0, steps - x.shape[1])))[:, :steps]
    cut = x.unfold(1, size, stride).transpose(2, 3).flatten(2)
    return clear_padding(cut, count.to(x.device)), count


def check_segments(size: int, stride: int | None) -> None:
    """Raise where segments would leave steps out.

    Raises:
        InputError: That is so, or they are none.
    """
    if size < 1:
        raise InputError(f"a segment is {size} steps, expected 1 or more")
    if stride is not None and not 1 <= stride <= size:
        raise InputError(f"stride is {stride}, expected 1 to {size}, the steps of a segment, or some would be left out")
