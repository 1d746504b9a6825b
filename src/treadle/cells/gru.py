"""The gated recurrent unit."""

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import HiddenState, register
from treadle.cells.gated import GatedCell


@register("gru")
class GRUCell(GatedCell):
    r"""Gated recurrent unit, with the reset gate applied after the recurrent product.

    $$\begin{aligned}
    r_t &= \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}) \\
    z_t &= \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) \\
    n_t &= \tanh(W_{in} x_t + b_{in} + r_t \odot (W_{hn} h_{t-1} + b_{hn})) \\
    h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}, \qquad y_t = h_t
    \end{aligned}$$

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014; in the form that
    cuDNN and torch.nn compute (the reset gate outside the product).
    """

    gates = ("reset", "update", "new")

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        xr, xz, xn = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, -1)
        hr, hz, hn = F.linear(state.hidden, self.weight_hh, self.bias_hh).chunk(3, -1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        h = (1 - z) * n + z * state.hidden
        return h, HiddenState(h)
