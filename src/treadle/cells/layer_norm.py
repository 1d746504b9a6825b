"""LSTM and GRU with layer normalisation of what enters their gates."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import HiddenState, register
from treadle.cells.gated import GatedCell
from treadle.cells.lstm import LSTMState


def normalise(a: Tensor, gain: Tensor, shift: Tensor | None) -> Tensor:
    r"""\(\gamma \odot (a - \mu) / \sqrt{\sigma^2 + 10^{-5}} + b\), mean and variance over the last axis of `a`."""
    return F.layer_norm(a, a.shape[-1:], gain, shift)


@register("layer-norm-lstm")
class LayerNormLSTMCell(GatedCell):
    r"""LSTM with layer normalisation.

    $$\begin{aligned}
    (i_t, f_t, g_t, o_t) &= \mathrm{LN}(W_i x_t;\, \gamma_i, b_i) + \mathrm{LN}(W_h h_{t-1};\, \gamma_h, b_h) \\
    c_t &= \sigma(f_t) \odot c_{t-1} + \sigma(i_t) \odot \tanh(g_t) \\
    h_t &= \sigma(o_t) \odot \tanh(\mathrm{LN}(c_t;\, \gamma_c, b_c)), \qquad y_t = h_t
    \end{aligned}$$

    Each product is normalised over all four gates at once, and has a gain \(\gamma\) and a shift b. The paper adds one
    more bias vector, which could be moved into either shift; it is left out. With `bias=False` there are no shifts.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t` and `c_t`.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: J. Ba, J. Kiros & G. Hinton, "Layer normalization", 2016, arXiv:1607.06450, supplementary material.
    """

    state_type = LSTMState
    gates = ("input", "forget", "cell", "output")
    fed_back = ("hidden",)
    gain_ih: Tensor
    gain_hh: Tensor
    gain_cell: Tensor
    bias_cell: Tensor | None

    def __init__(self, input_size: int, hidden_size: int, *, bias: bool = True, **options: Any) -> None:
        others = {
            "gain_ih": (4 * hidden_size,),
            "gain_hh": (4 * hidden_size,),
            "gain_cell": (hidden_size,),
            "bias_cell": (hidden_size,) if bias else None,
        }
        super().__init__(input_size, hidden_size, bias=bias, others=others, **options)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: the output is the new hidden state."""
        from_input = normalise(F.linear(x, self.weight_ih), self.gain_ih, self.bias_ih)
        from_hidden = normalise(F.linear(state.hidden, self.weight_hh), self.gain_hh, self.bias_hh)
        i, f, g, o = (from_input + from_hidden).chunk(4, -1)
        c = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(normalise(c, self.gain_cell, self.bias_cell))
        return h, LSTMState(h, c)


@register("layer-norm-gru")
class LayerNormGRUCell(GatedCell):
    r"""GRU with layer normalisation.

    $$\begin{aligned}
    (r_t, z_t) &= \sigma(\mathrm{LN}(W_i x_t;\, \gamma_i, b_i) + \mathrm{LN}(W_h h_{t-1};\, \gamma_h, b_h)) \\
    n_t &= \tanh(\mathrm{LN}(W_{in} x_t;\, \gamma_{in}, b_{in}) +
        r_t \odot \mathrm{LN}(W_{hn} h_{t-1};\, \gamma_{hn}, b_{hn})) \\
    h_t &= (1 - z_t) \odot h_{t-1} + z_t \odot n_t, \qquad y_t = h_t
    \end{aligned}$$

    The two gates are normalised together, the proposal n by itself. As in the paper, an open update gate takes in the
    new, where the GRU of torch.nn keeps the old.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: J. Ba, J. Kiros & G. Hinton, "Layer normalization", 2016, arXiv:1607.06450, supplementary material.
    """

    gates = ("reset", "update", "new")
    keeps: ClassVar[Mapping[str, int]] = {"update": -1}
    gain_ih: Tensor
    gain_hh: Tensor

    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        gains = {"gain_ih": (3 * hidden_size,), "gain_hh": (3 * hidden_size,)}
        super().__init__(input_size, hidden_size, others=gains, **options)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        x_gates, xn = self._normalised(x, self.weight_ih, self.gain_ih, self.bias_ih)
        h_gates, hn = self._normalised(state.hidden, self.weight_hh, self.gain_hh, self.bias_hh)
        r, z = torch.sigmoid(x_gates + h_gates).chunk(2, -1)
        n = torch.tanh(xn + r * hn)
        h = (1 - z) * state.hidden + z * n
        return h, HiddenState(h)

    def _normalised(self, v: Tensor, weight: Tensor, gain: Tensor, shift: Tensor | None) -> tuple[Tensor, Tensor]:
        """What one product adds to both gates, `[batch, 2 * hidden]`, and to the proposal, `[batch, hidden]`."""
        n = 2 * self.hidden_size
        gates, new = F.linear(v, weight).split((n, self.hidden_size), -1)
        shifts = (None, None) if shift is None else (shift[:n], shift[n:])
        return normalise(gates, gain[:n], shifts[0]), normalise(new, gain[n:], shifts[1])
