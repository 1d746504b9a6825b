"""minGRU and minLSTM: gates that see the input alone, so that a step is linear in its state."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import HiddenState, register
from treadle.cells.gated import GatedCell


def positive(a: Tensor) -> Tensor:
    r"""\(g(a) = a + 0.5\) where \(a \ge 0\), \(\sigma(a)\) elsewhere: positive, continuous, and linear for large a."""
    return torch.where(a >= 0, a + 0.5, torch.sigmoid(a))


@register("min-gru")
class MinGRUCell(GatedCell):
    r"""minGRU: the gate and the proposal depend on the input alone.

    $$\begin{aligned}
    z_t &= \sigma(W_z x_t + b_z) \\
    \tilde h_t &= g(W_h x_t + b_h), \qquad g(a) = a + 0.5 \text{ where } a \ge 0,\ \sigma(a) \text{ elsewhere} \\
    h_t &= (1 - z_t) \odot h_{t-1} + z_t \odot \tilde h_t, \qquad y_t = h_t
    \end{aligned}$$

    There is no recurrent product: all products of a sequence can be made at once, and what is left of a step is one
    multiplication and one addition a unit.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: L. Feng et al., "Were RNNs all we needed?", 2024, arXiv:2410.01201, section 3.1, with the g of appendix B.
    """

    gates = ("update", "new")
    recurrent = False
    keeps: ClassVar[Mapping[str, int]] = {"update": -1}

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        z, n = F.linear(x, self.weight_ih, self.bias_ih).chunk(2, -1)
        z = torch.sigmoid(z)
        h = (1 - z) * state.hidden + z * positive(n)
        return h, HiddenState(h)


@register("min-lstm")
class MinLSTMCell(GatedCell):
    r"""minLSTM: forget and input gate depend on the input alone, and add up to one.

    $$\begin{aligned}
    f_t &= \sigma(W_f x_t + b_f), \qquad i_t = \sigma(W_i x_t + b_i) \\
    \tilde h_t &= g(W_h x_t + b_h), \qquad g(a) = a + 0.5 \text{ where } a \ge 0,\ \sigma(a) \text{ elsewhere} \\
    h_t &= \frac{f_t}{f_t + i_t} \odot h_{t-1} + \frac{i_t}{f_t + i_t} \odot \tilde h_t, \qquad y_t = h_t
    \end{aligned}$$

    There is no recurrent product, as in `MinGRUCell`, and no cell state beside the hidden one.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: L. Feng et al., "Were RNNs all we needed?", 2024, arXiv:2410.01201, section 3.2, with the g of appendix B.
    """

    gates = ("forget", "input", "new")
    recurrent = False

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        f, i, n = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, -1)
        kept = torch.sigmoid(F.softplus(-i) - F.softplus(-f))  # f / (f + i), also where both are too small for a number
        h = kept * state.hidden + (1 - kept) * positive(n)
        return h, HiddenState(h)
