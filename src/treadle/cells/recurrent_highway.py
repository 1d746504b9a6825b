"""The recurrent highway network."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import HiddenState, register
from treadle.cells.gated import GatedCell
from treadle.errors import InputError


@register("recurrent-highway")
class RecurrentHighwayCell(GatedCell):
    r"""Recurrent highway network: several highway layers between one step and the next.

    With \(s_0 = h_{t-1}\), for every layer \(l = 1 \dots L\)

    $$\begin{aligned}
    n_l &= \tanh([l = 1]\, W_n x_t + R_{n,l}\, s_{l-1} + b_{n,l}) \\
    u_l &= \sigma([l = 1]\, W_u x_t + R_{u,l}\, s_{l-1} + b_{u,l}) \\
    s_l &= u_l \odot n_l + (1 - u_l) \odot s_{l-1}
    \end{aligned}$$

    and \(h_t = s_L, y_t = h_t\). The carry gate is coupled to the transform gate u, as in the paper's experiments. By
    the scheme "recommended" the biases of u begin at -2, so that a layer passes on most of what it gets.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        depth: L, highway layers a step; the paper goes up to 10.
        bias: Whether there are bias vectors.
        **options: `init`, `device`, `dtype`, as in `GatedCell`.

    Raises:
        InputError: `depth` is below 1.

    Source: J. Zilly, R. Srivastava, J. Koutník & J. Schmidhuber, "Recurrent highway networks", ICML 2017, equations 6
    to 9.
    """

    gates = ("new", "transform")
    recurrent_bias = False
    initial_bias: ClassVar[Mapping[str, float]] = {"transform": -2.0}
    keeps: ClassVar[Mapping[str, int]] = {"transform": -1}

    def __init__(self, input_size: int, hidden_size: int, *, depth: int = 2, bias: bool = True, **options: Any) -> None:
        if depth < 1:
            raise InputError(f"depth is at least 1, found {depth}")
        self.depth = depth
        others: dict[str, tuple[int, ...] | None] = {}
        for layer in range(2, depth + 1):
            others[f"weight_hh_{layer}"] = (2 * hidden_size, hidden_size)
            others[f"bias_{layer}"] = (2 * hidden_size,) if bias else None
        super().__init__(input_size, hidden_size, bias=bias, others=others, **options)

    def reset_parameters(self) -> None:
        """As in `GatedCell`; the biases of further layers begin where those of the first do."""
        super().reset_parameters()
        if self.bias_ih is not None:
            with torch.no_grad():
                for layer in range(2, self.depth + 1):
                    getattr(self, f"bias_{layer}").copy_(self.bias_ih)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        s = _highway(self.preactivations(x, state.hidden), state.hidden)
        for layer in range(2, self.depth + 1):
            s = _highway(F.linear(s, getattr(self, f"weight_hh_{layer}"), getattr(self, f"bias_{layer}")), s)
        return s, HiddenState(s)


def _highway(a: Tensor, s: Tensor) -> Tensor:
    r"""One layer: \(u \odot n + (1 - u) \odot s\), both gates from `a [batch, 2 * hidden]`."""
    n, u = a.chunk(2, -1)
    u = torch.sigmoid(u)
    return u * torch.tanh(n) + (1 - u) * s
