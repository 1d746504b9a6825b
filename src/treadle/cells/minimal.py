"""Cells with one gate: the minimal gated unit and JANET."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import HiddenState, register
from treadle.cells.gated import GatedCell


@register("minimal-gated")
class MinimalGatedCell(GatedCell):
    r"""Minimal gated unit: a GRU whose one gate resets and updates.

    $$\begin{aligned}
    f_t &= \sigma(W_{if} x_t + W_{hf} h_{t-1} + b_f) \\
    n_t &= \tanh(W_{in} x_t + W_{hn} (f_t \odot h_{t-1}) + b_n) \\
    h_t &= (1 - f_t) \odot h_{t-1} + f_t \odot n_t, \qquad y_t = h_t
    \end{aligned}$$

    Where the gate is open the old state is replaced, so by the scheme "recommended" its bias begins at -1.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: G.-B. Zhou, J. Wu, C.-L. Zhang & Z.-H. Zhou, "Minimal gated unit for recurrent neural networks",
    International Journal of Automation and Computing 13(3), 2016.
    """

    gates = ("forget", "new")
    recurrent_bias = False
    initial_bias: ClassVar[Mapping[str, float]] = {"forget": -1.0}
    keeps: ClassVar[Mapping[str, int]] = {"forget": -1}

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        xf, xn = F.linear(x, self.weight_ih, self.bias_ih).chunk(2, -1)
        to_forget, to_new = self.weight_hh.chunk(2)
        f = torch.sigmoid(xf + F.linear(state.hidden, to_forget))
        n = torch.tanh(xn + F.linear(f * state.hidden, to_new))
        h = (1 - f) * state.hidden + f * n
        return h, HiddenState(h)


@register("janet")
class JANETCell(GatedCell):
    r"""JANET: an LSTM of which only the forget gate is left.

    $$\begin{aligned}
    s_t &= W_{if} x_t + W_{hf} h_{t-1} + b_f \\
    n_t &= \tanh(W_{in} x_t + W_{hn} h_{t-1} + b_n) \\
    h_t &= \sigma(s_t) \odot h_{t-1} + (1 - \sigma(s_t - \beta)) \odot n_t, \qquad y_t = h_t
    \end{aligned}$$

    With \(\beta > 0\) a little more is taken in than is forgotten. The paper initialises the gate as `init="chrono"`.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        beta: How far the input is ahead; 1 in the paper, and 0 for what adds up to one.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: J. van der Westhuizen & J. Lasenby, "The unreasonable effectiveness of the forget gate", 2018,
    arXiv:1804.04849.
    """

    gates = ("forget", "new")
    recurrent_bias = False

    def __init__(self, input_size: int, hidden_size: int, *, beta: float = 1.0, **options: Any) -> None:
        super().__init__(input_size, hidden_size, **options)
        self.beta = beta

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        s, n = self.preactivations(x, state.hidden).chunk(2, -1)
        h = torch.sigmoid(s) * state.hidden + (1 - torch.sigmoid(s - self.beta)) * torch.tanh(n)
        return h, HiddenState(h)
