"""The simple recurrent unit."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import register
from treadle.cells.gated import GatedCell


class CellState(NamedTuple):
    """What an SRU remembers; its output is no part of it.

    Attributes:
        cell: `[batch, hidden_size]`.
    """

    cell: Tensor


@register("sru")
class SRUCell(GatedCell):
    r"""Simple recurrent unit: no recurrent product, and a highway from input to output.

    $$\begin{aligned}
    f_t &= \sigma(W_f x_t + v_f \odot c_{t-1} + b_f) \\
    r_t &= \sigma(W_r x_t + v_r \odot c_{t-1} + b_r) \\
    c_t &= f_t \odot c_{t-1} + (1 - f_t) \odot (W x_t) \\
    y_t &= r_t \odot c_t + (1 - r_t) \odot x_t
    \end{aligned}$$

    Units see each other only through the input, so a recurrent step is a few operations a unit. Where the input has
    another size than the output, \(W_s x_t\) takes the place of the last \(x_t\).

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `c_t` and `y_t`.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Source: T. Lei, Y. Zhang, S. Wang, H. Dai & Y. Artzi, "Simple recurrent units for highly parallelizable recurrence",
    EMNLP 2018, equations 1 to 4.
    """

    state_type = CellState
    gates = ("forget", "reset")
    recurrent = False
    weight_cell: Tensor
    weight_skip: Tensor | None
    peephole_forget: Tensor
    peephole_reset: Tensor

    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        others = {
            "weight_cell": (hidden_size, input_size),
            "weight_skip": None if input_size == hidden_size else (hidden_size, input_size),
            "peephole_forget": (hidden_size,),
            "peephole_reset": (hidden_size,),
        }
        super().__init__(input_size, hidden_size, others=others, **options)

    def step(self, x: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """One step."""
        f, r = F.linear(x, self.weight_ih, self.bias_ih).chunk(2, -1)
        f = torch.sigmoid(f + self.peephole_forget * state.cell)
        r = torch.sigmoid(r + self.peephole_reset * state.cell)
        c = f * state.cell + (1 - f) * F.linear(x, self.weight_cell)
        skip = x if self.weight_skip is None else F.linear(x, self.weight_skip)
        return r * c + (1 - r) * skip, CellState(c)
