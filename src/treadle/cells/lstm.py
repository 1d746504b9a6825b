"""Long short-term memory."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import register
from treadle.cells.gated import GatedCell
from treadle.errors import InputError


class LSTMState(NamedTuple):
    """What an LSTM remembers.

    Attributes:
        hidden: `[batch, hidden_size]`, or `[batch, projection_size]` with a projection.
        cell: `[batch, hidden_size]`.
    """

    hidden: Tensor
    cell: Tensor


@register("lstm")
class LSTMCell(GatedCell):
    r"""Long short-term memory with a forget gate.

    $$\begin{aligned}
    i_t &= \sigma(W_{ii} x_t + b_{ii} + W_{hi} h_{t-1} + b_{hi}) \\
    f_t &= \sigma(W_{if} x_t + b_{if} + W_{hf} h_{t-1} + b_{hf}) \\
    g_t &= \tanh(W_{ig} x_t + b_{ig} + W_{hg} h_{t-1} + b_{hg}) \\
    o_t &= \sigma(W_{io} x_t + b_{io} + W_{ho} h_{t-1} + b_{ho}) \\
    c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
    h_t &= o_t \odot \tanh(c_t), \qquad y_t = h_t
    \end{aligned}$$

    With `projection_size` the hidden state is projected before it is fed back: \(h_t = W_{hr} (o_t \odot \tanh(c_t))\).

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `c_t`.
        projection_size: Size of `h_t`; 0 for no projection.
        **options: `bias`, `init`, `others`, `device`, `dtype`, as in `GatedCell`.

    Sources: S. Hochreiter & J. Schmidhuber, Neural Computation 9(8), 1997; F. Gers, J. Schmidhuber & F. Cummins, Neural
    Computation 12(10), 2000 (forget gate); H. Sak, A. Senior & F. Beaufays, 2014, arXiv:1402.1128 (projection).
    """

    state_type = LSTMState
    gates: tuple[str, ...] = ("input", "forget", "cell", "output")
    fed_back = ("hidden",)
    weight_hr: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        projection_size: int = 0,
        others: Mapping[str, tuple[int, ...] | None] | None = None,
        **options: Any,
    ) -> None:
        if not 0 <= projection_size < hidden_size:
            raise InputError(f"projection_size is at least 0 and below hidden_size, found {projection_size}")
        others = {"weight_hr": (projection_size, hidden_size) if projection_size else None, **(others or {})}
        super().__init__(
            input_size, hidden_size, recurrent_size=projection_size or hidden_size, others=others, **options
        )
        self.projection_size = projection_size

    @property
    def output_size(self) -> int:
        """Size of `h_t`."""
        return self.projection_size or self.hidden_size

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Sizes of `hidden` and `cell`."""
        return (self.output_size, self.hidden_size)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: the output is the new hidden state."""
        i, f, g, o = self.preactivations(x, state.hidden).chunk(4, -1)
        c = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        return self.emit(o, c)

    def emit(self, a: Tensor, c: Tensor) -> tuple[Tensor, LSTMState]:
        r"""\(h_t = \sigma(a_o) \odot \tanh(c_t)\), projected where it is to be, for the output gate's \(a_o\)."""
        h = torch.sigmoid(a) * torch.tanh(c)
        if self.weight_hr is not None:
            h = F.linear(h, self.weight_hr)
        return h, LSTMState(h, c)
