"""Elman's simple recurrent network."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from treadle.cells.contract import HiddenState, register
from treadle.cells.gated import GatedCell
from treadle.errors import InputError


@register("elman")
class ElmanCell(GatedCell):
    r"""The simple recurrent network.

    $$h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}), \qquad y_t = h_t$$

    With `nonlinearity="relu"`, \(\max(0, \cdot)\) in place of tanh.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        nonlinearity: "tanh" or "relu".
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990.
    """

    gates = ("hidden",)
    fed_back = ("hidden",)

    def __init__(self, input_size: int, hidden_size: int, *, nonlinearity: str = "tanh", **options: Any) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise InputError(f"nonlinearity is 'tanh' or 'relu', found {nonlinearity!r}")
        super().__init__(input_size, hidden_size, **options)
        self.nonlinearity = nonlinearity

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        a = self.preactivations(x, state.hidden)
        h = torch.tanh(a) if self.nonlinearity == "tanh" else torch.relu(a)
        return h, HiddenState(h)


register("elman-relu")(partial(ElmanCell, nonlinearity="relu"))
