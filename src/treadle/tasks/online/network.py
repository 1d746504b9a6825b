"""The network of an online estimator: recurrent layers, and a head that reads them and the step itself."""

import torch
from torch import Tensor, nn

from treadle.cells import State
from treadle.nn import Stack


class OnlineNetwork(nn.Module):
    r"""Recurrent layers under a linear head.

    $$z_t = W_h h_t + W_x x_t + b$$

    with the layers' output \(h_t\). The head begins at zero, so that the first answers are the mean of what was seen;
    its part \(W_x\) is a linear model, which learns within a few steps what is linear in the problem.

    Args:
        stack: The layers.
        outputs: Size of \(z_t\).
    """

    def __init__(self, stack: Stack, outputs: int) -> None:
        super().__init__()
        self.stack = stack
        self.head = nn.Linear(stack.output_size + stack.input_size, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor, state: list[State]) -> Tensor:
        """`x [batch, time, inputs]` to `z [batch, time, outputs]`, from a state before the first step."""
        y, _ = self.stack(x, state)
        found: Tensor = self.head(torch.cat([y, x], -1))
        return found
