"""The independently recurrent network."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import HiddenState, register
from treadle.cells.gated import GatedCell
from treadle.errors import InputError


@register("independent")
class IndependentCell(GatedCell):
    r"""IndRNN: every unit sees its own past and no other's.

    $$h_t = \max(0,\, W x_t + u \odot h_{t-1} + b), \qquad y_t = h_t$$

    With `nonlinearity="tanh"`, tanh in place of \(\max(0, \cdot)\). Units meet in the next layer. The gradient of a
    unit over n steps is at most \(|u|^n\), so how long it remembers can be read and bounded: u begins uniformly in
    [0, 1], and with `longest` it is held within \(\pm 2^{1/longest}\), which keeps that gradient within 2.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        nonlinearity: "relu" or "tanh".
        longest: Steps over which a gradient may at most double; 0 for no bound.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Raises:
        InputError: An argument lies outside its range.

    Source: S. Li, W. Li, C. Cook, C. Zhu & Y. Gao, "Independently recurrent neural network (IndRNN): building a longer
    and deeper RNN", CVPR 2018.
    """

    gates = ("hidden",)
    recurrent = False
    weight_self: Tensor

    def __init__(
        self, input_size: int, hidden_size: int, *, nonlinearity: str = "relu", longest: int = 0, **options: Any
    ) -> None:
        if nonlinearity not in ("relu", "tanh"):
            raise InputError(f"nonlinearity is 'relu' or 'tanh', found {nonlinearity!r}")
        if longest < 0:
            raise InputError(f"longest is at least 0, found {longest}")
        super().__init__(input_size, hidden_size, others={"weight_self": (hidden_size,)}, **options)
        self.nonlinearity = nonlinearity
        self.longest = longest

    def reset_parameters(self) -> None:
        """As in `GatedCell`; u from [0, 1], whatever the scheme."""
        super().reset_parameters()
        with torch.no_grad():
            self.weight_self.uniform_(0, 1)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        u = self.weight_self
        if self.longest:
            u = u.clamp(-(2 ** (1 / self.longest)), 2 ** (1 / self.longest))
        a = F.linear(x, self.weight_ih, self.bias_ih) + u * state.hidden
        h = torch.relu(a) if self.nonlinearity == "relu" else torch.tanh(a)
        return h, HiddenState(h)
