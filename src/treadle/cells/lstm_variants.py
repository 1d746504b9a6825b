"""LSTMs with one thing changed: gates that see the cell state, one gate for two, a product chosen by the input."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import register
from treadle.cells.lstm import LSTMCell, LSTMState


@register("peephole-lstm")
class PeepholeLSTMCell(LSTMCell):
    r"""LSTM whose gates also see the cell state, each unit its own.

    $$\begin{aligned}
    i_t &= \sigma(W_{ii} x_t + b_{ii} + W_{hi} h_{t-1} + b_{hi} + w_{ci} \odot c_{t-1}) \\
    f_t &= \sigma(W_{if} x_t + b_{if} + W_{hf} h_{t-1} + b_{hf} + w_{cf} \odot c_{t-1}) \\
    g_t &= \tanh(W_{ig} x_t + b_{ig} + W_{hg} h_{t-1} + b_{hg}) \\
    c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
    o_t &= \sigma(W_{io} x_t + b_{io} + W_{ho} h_{t-1} + b_{ho} + w_{co} \odot c_t) \\
    h_t &= o_t \odot \tanh(c_t), \qquad y_t = h_t
    \end{aligned}$$

    The peepholes \(w_{ci}, w_{cf}, w_{co}\) begin at 0, where this is an LSTM.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `c_t`.
        **options: `projection_size`, as in `LSTMCell`; `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: F. Gers, N. Schraudolph & J. Schmidhuber, "Learning precise timing with LSTM recurrent networks", JMLR 3,
    2002; the equations as in A. Graves, "Generating sequences with recurrent neural networks", 2013, section 2.
    """

    peephole_input: Tensor
    peephole_forget: Tensor
    peephole_output: Tensor

    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        peepholes = {f"peephole_{gate}": (hidden_size,) for gate in ("input", "forget", "output")}
        super().__init__(input_size, hidden_size, others=peepholes, **options)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: the output is the new hidden state."""
        i, f, g, o = self.preactivations(x, state.hidden).chunk(4, -1)
        i = torch.sigmoid(i + self.peephole_input * state.cell)
        f = torch.sigmoid(f + self.peephole_forget * state.cell)
        c = f * state.cell + i * torch.tanh(g)
        return self.emit(o + self.peephole_output * c, c)


@register("coupled-lstm")
class CoupledLSTMCell(LSTMCell):
    r"""LSTM that forgets exactly as much as it takes in: \(f_t = 1 - i_t\).

    $$\begin{aligned}
    f_t &= \sigma(W_{if} x_t + b_{if} + W_{hf} h_{t-1} + b_{hf}) \\
    g_t &= \tanh(W_{ig} x_t + b_{ig} + W_{hg} h_{t-1} + b_{hg}) \\
    o_t &= \sigma(W_{io} x_t + b_{io} + W_{ho} h_{t-1} + b_{ho}) \\
    c_t &= f_t \odot c_{t-1} + (1 - f_t) \odot g_t \\
    h_t &= o_t \odot \tanh(c_t), \qquad y_t = h_t
    \end{aligned}$$

    As \(1 - \sigma(a) = \sigma(-a)\), it does not matter which of the two gates is computed. Here it is the forget
    gate, so that its bias begins where an LSTM's does.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `c_t`.
        **options: `projection_size`, as in `LSTMCell`; `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: K. Greff et al., "LSTM: a search space odyssey", IEEE Transactions on Neural Networks and Learning Systems
    28(10), 2017 (CIFG).
    """

    gates = ("forget", "cell", "output")

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: the output is the new hidden state."""
        f, g, o = self.preactivations(x, state.hidden).chunk(3, -1)
        f = torch.sigmoid(f)
        c = f * state.cell + (1 - f) * torch.tanh(g)
        return self.emit(o, c)


@register("multiplicative-lstm")
class MultiplicativeLSTMCell(LSTMCell):
    r"""Multiplicative LSTM: which recurrent matrix a step uses depends on its input.

    $$\begin{aligned}
    m_t &= (W_{mx} x_t) \odot (W_{mh} h_{t-1}) \\
    i_t &= \sigma(W_{ii} x_t + b_{ii} + W_{hi} m_t + b_{hi}) \\
    f_t &= \sigma(W_{if} x_t + b_{if} + W_{hf} m_t + b_{hf}) \\
    g_t &= \tanh(W_{ig} x_t + b_{ig} + W_{hg} m_t + b_{hg}) \\
    o_t &= \sigma(W_{io} x_t + b_{io} + W_{ho} m_t + b_{ho}) \\
    c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
    h_t &= o_t \odot \tanh(c_t), \qquad y_t = h_t
    \end{aligned}$$

    As \(W_h m_t = W_h\, \mathrm{diag}(W_{mx} x_t)\, W_{mh} h_{t-1}\), every input has a recurrent matrix of its own.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `c_t`.
        **options: `projection_size`, as in `LSTMCell`; `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: B. Krause, L. Lu, I. Murray & S. Renals, "Multiplicative LSTM for sequence modelling", 2016,
    arXiv:1609.07959.
    """

    weight_mx: Tensor
    weight_mh: Tensor

    def __init__(self, input_size: int, hidden_size: int, *, projection_size: int = 0, **options: Any) -> None:
        size = projection_size or hidden_size
        others = {"weight_mx": (size, input_size), "weight_mh": (size, size)}
        super().__init__(input_size, hidden_size, projection_size=projection_size, others=others, **options)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: the output is the new hidden state."""
        m = F.linear(x, self.weight_mx) * F.linear(state.hidden, self.weight_mh)
        i, f, g, o = self.preactivations(x, m).chunk(4, -1)
        c = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        return self.emit(o, c)
