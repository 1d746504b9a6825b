"""From the outputs at all steps to one vector a sequence."""

import torch
from torch import Tensor, nn

from treadle.errors import InputError, nearest
from treadle.nn.sequences import last_step, length_mask

POOLINGS = ("last", "mean", "max", "attention", "concat")


class Pooling(nn.Module):
    r"""One vector from `[batch, time, feature]`; padding has no part in it and an empty sequence gives zeros.

    - "last": the output of the last real step; of the reverse direction, that of the first step, where it ends.
    - "mean": \(\frac1T \sum_t y_t\).
    - "max": \(\max_t y_t\), feature by feature.
    - "attention": \(\sum_t \alpha_t y_t\) with \(\alpha = \mathrm{softmax}_t(v^\top \tanh(W y_t + b))\) (Yang et al.
      2016, "Hierarchical attention networks for document classification", section 2.2).
    - "concat": last, max and mean side by side, three times as many features (Howard & Ruder 2018, "Universal language
      model fine-tuning for text classification", section 3.3).

    Args:
        kind: One of the names above.
        size: Features of `y_t`.
        bidirectional: Whether the second half of the features comes from the reverse direction (only "last" asks).

    Attributes:
        output_size: Features of the vector.

    Raises:
        InputError: There is no such pooling.
    """

    def __init__(self, kind: str, size: int, *, bidirectional: bool = False) -> None:
        super().__init__()
        if kind not in POOLINGS:
            raise InputError(f"there is no pooling {kind!r}{nearest(kind, POOLINGS)}")
        self.kind = kind
        self.bidirectional = bidirectional
        self.output_size = 3 * size if kind == "concat" else size
        if kind == "attention":
            self.score = nn.Sequential(nn.Linear(size, size), nn.Tanh(), nn.Linear(size, 1, bias=False))

    def forward(self, y: Tensor, lengths: Tensor) -> Tensor:
        """`y [batch, time, feature]`, zero past `lengths [batch]`, to `[batch, output_size]`."""
        if y.shape[1] == 0:
            return y.new_zeros(y.shape[0], self.output_size)
        lengths = lengths.to(y.device)
        match self.kind:
            case "last":
                return self._last(y, lengths)
            case "mean":
                return _mean(y, lengths)
            case "max":
                return _max(y, lengths)
            case "concat":
                return torch.cat([self._last(y, lengths), _max(y, lengths), _mean(y, lengths)], 1)
        scores = self.score(y).squeeze(-1).masked_fill(_padding(y, lengths), torch.finfo(y.dtype).min)
        weights: Tensor = scores.softmax(1)[..., None]
        return (y * weights).sum(1)

    def _last(self, y: Tensor, lengths: Tensor) -> Tensor:
        last = last_step(y, lengths, y.new_zeros(y.shape[0], y.shape[2]))
        half = y.shape[2] // 2
        return torch.cat([last[:, :half], y[:, 0, half:]], 1) if self.bidirectional else last

    def extra_repr(self) -> str:
        """The kind, as `repr` shows it."""
        return repr(self.kind)


def _padding(y: Tensor, lengths: Tensor) -> Tensor:
    return ~length_mask(lengths, y.shape[1])


def _mean(y: Tensor, lengths: Tensor) -> Tensor:
    return y.sum(1) / lengths.clamp(min=1)[:, None].to(y.dtype)


def _max(y: Tensor, lengths: Tensor) -> Tensor:
    largest = y.masked_fill(_padding(y, lengths)[..., None], torch.finfo(y.dtype).min).amax(1)
    return torch.where((lengths > 0)[:, None], largest, 0)
