"""FastGRNN, a gated cell of a few kilobytes."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import HiddenState, register
from treadle.cells.gated import GatedCell
from treadle.errors import InputError


@register("fast-grnn")
class FastGRNNCell(GatedCell):
    r"""FastGRNN: the gate and the proposal share their matrices, which may be of low rank.

    $$\begin{aligned}
    a_t &= W x_t + U h_{t-1} \\
    z_t &= \sigma(a_t + b_z) \\
    n_t &= \tanh(a_t + b_n) \\
    h_t &= (\sigma(\zeta)\,(1 - z_t) + \sigma(\nu)) \odot n_t + z_t \odot h_{t-1}, \qquad y_t = h_t
    \end{aligned}$$

    \(\zeta\) and \(\nu\) are one number each; they begin at 1 and -4, and \(b_z\) at 1, whatever the scheme. With
    `input_rank`, \(W = W_1 W_2\) with that many columns in \(W_1\); with `recurrent_rank`, \(U = U_1 U_2\). Such a
    product depends on no step.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        input_rank: Rank of W; 0 for a full matrix.
        recurrent_rank: Rank of U; 0 for a full matrix.
        bias: Whether there are bias vectors.
        **options: `init`, `device`, `dtype`, as in `GatedCell`.

    Raises:
        InputError: A rank is negative.

    Source: A. Kusupati et al., "FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated recurrent neural
    network", NeurIPS 2018, section 3.2. Sparse and quantised weights, also described there, are not part of the cell.
    """

    gates = ("hidden",)
    recurrent_bias = False
    zeta: Tensor
    nu: Tensor
    bias_update: Tensor | None
    bias_new: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        input_rank: int = 0,
        recurrent_rank: int = 0,
        bias: bool = True,
        **options: Any,
    ) -> None:
        if input_rank < 0 or recurrent_rank < 0:
            raise InputError(f"a rank is at least 0, found {input_rank} and {recurrent_rank}")
        others = {
            **_factors("weight_ih", hidden_size, input_size, input_rank),
            **_factors("weight_hh", hidden_size, hidden_size, recurrent_rank),
            "zeta": (1,),
            "nu": (1,),
            "bias_update": (hidden_size,) if bias else None,
            "bias_new": (hidden_size,) if bias else None,
        }
        super().__init__(input_size, hidden_size, bias=False, others=others, **options)

    def reset_parameters(self) -> None:
        """As in `GatedCell`; then the numbers and the gate's bias where the paper lets them begin."""
        super().reset_parameters()
        with torch.no_grad():
            self.zeta.fill_(1)
            self.nu.fill_(-4)
            if self.bias_update is not None:
                self.bias_update.fill_(1)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        a = F.linear(x, self._weight("weight_ih")) + F.linear(state.hidden, self._weight("weight_hh"))
        z = torch.sigmoid(a if self.bias_update is None else a + self.bias_update)
        n = torch.tanh(a if self.bias_new is None else a + self.bias_new)
        h = (torch.sigmoid(self.zeta) * (1 - z) + torch.sigmoid(self.nu)) * n + z * state.hidden
        return h, HiddenState(h)

    def _weight(self, name: str) -> Tensor:
        """A matrix by its name, multiplied out where it is kept as two factors."""
        full: Tensor | None = getattr(self, name)
        if full is not None:
            return full
        left: Tensor = getattr(self, f"{name}_left")
        right: Tensor = getattr(self, f"{name}_right")
        return left @ right


def _factors(name: str, rows: int, columns: int, rank: int) -> dict[str, tuple[int, ...] | None]:
    """The shapes of a matrix, or of its two factors."""
    if not rank:
        return {name: (rows, columns)}
    return {name: None, f"{name}_left": (rows, rank), f"{name}_right": (rank, columns)}
