"""GRUs with one thing changed: the reset gate before the product, or no reset gate and rectified units."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import HiddenState, register
from treadle.cells.gated import GatedCell
from treadle.cells.gru import GRUCell
from treadle.cells.layer_norm import normalise


@register("gru-original")
class OriginalGRUCell(GRUCell):
    r"""Gated recurrent unit as it was published, with the reset gate applied before the recurrent product.

    $$\begin{aligned}
    r_t &= \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}) \\
    z_t &= \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) \\
    n_t &= \tanh(W_{in} x_t + b_{in} + W_{hn} (r_t \odot h_{t-1}) + b_{hn}) \\
    h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}, \qquad y_t = h_t
    \end{aligned}$$

    The parameters are those of `GRUCell`; the two differ in where \(r_t\) stands, and a step here waits for one product
    before it can begin the next.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, equations 5 to 8.
    """

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        n = 2 * self.hidden_size
        x_gates, xn = F.linear(x, self.weight_ih, self.bias_ih).split((n, self.hidden_size), -1)
        bias_gates, bias_new = (None, None) if self.bias_hh is None else (self.bias_hh[:n], self.bias_hh[n:])
        h_gates = F.linear(state.hidden, self.weight_hh[:n], bias_gates)
        r, z = torch.sigmoid(x_gates + h_gates).chunk(2, -1)
        new = torch.tanh(xn + F.linear(r * state.hidden, self.weight_hh[n:], bias_new))
        h = (1 - z) * new + z * state.hidden
        return h, HiddenState(h)


@register("light-gru")
class LightGRUCell(GatedCell):
    r"""Light GRU: no reset gate, rectified units, normalised input.

    $$\begin{aligned}
    z_t &= \sigma(\mathrm{LN}(W_{iz} x_t;\, \gamma_z, b_z) + W_{hz} h_{t-1}) \\
    n_t &= \max(0,\, \mathrm{LN}(W_{in} x_t;\, \gamma_n, b_n) + W_{hn} h_{t-1}) \\
    h_t &= z_t \odot h_{t-1} + (1 - z_t) \odot n_t, \qquad y_t = h_t
    \end{aligned}$$

    The paper has batch normalisation where layer normalisation stands here. Over a batch, a row would depend on who
    shares it; layer normalisation keeps the purpose, rectified units that do not run away with the input, row by row.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: M. Ravanelli, P. Brakel, M. Omologo & Y. Bengio, "Light gated recurrent units for speech recognition", IEEE
    Transactions on Emerging Topics in Computational Intelligence 2(2), 2018, equations 6 to 8.
    """

    gates = ("update", "new")
    recurrent_bias = False
    gain_ih: Tensor

    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__(input_size, hidden_size, others={"gain_ih": (2 * hidden_size,)}, **options)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        (xz, xn), gains = F.linear(x, self.weight_ih).chunk(2, -1), self.gain_ih.chunk(2)
        shifts = (None, None) if self.bias_ih is None else self.bias_ih.chunk(2)
        hz, hn = F.linear(state.hidden, self.weight_hh).chunk(2, -1)
        z = torch.sigmoid(normalise(xz, gains[0], shifts[0]) + hz)
        n = torch.relu(normalise(xn, gains[1], shifts[1]) + hn)
        h = z * state.hidden + (1 - z) * n
        return h, HiddenState(h)
