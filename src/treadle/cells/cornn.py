"""The coupled oscillatory network."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from treadle.cells.contract import register
from treadle.cells.gated import GatedCell
from treadle.errors import InputError


class OscillatorState(NamedTuple):
    """Where the oscillators are, and how fast they move.

    Attributes:
        hidden: Positions, `[batch, hidden_size]`.
        velocity: `[batch, hidden_size]`.
    """

    hidden: Tensor
    velocity: Tensor


@register("cornn")
class CoRNNCell(GatedCell):
    r"""coRNN: a network of driven, damped, coupled oscillators.

    The equation \(\ddot h = \tanh(W h + \mathcal{W} \dot h + V x + b) - \gamma h - \epsilon \dot h\), in time steps of
    \(\Delta t\):

    $$\begin{aligned}
    v_t &= v_{t-1} + \Delta t\, (\tanh(W h_{t-1} + \mathcal{W} v_{t-1} + V x_t + b) - \gamma h_{t-1} -
        \epsilon v_{t-1}) \\
    h_t &= h_{t-1} + \Delta t\, v_t, \qquad y_t = h_t
    \end{aligned}$$

    States and gradients are bounded over long sequences where \(\Delta t\) is small. `weight_hh` is
    \([W\, \mathcal{W}]\).

    Args:
        input_size: Size of `x_t`.
        hidden_size: Oscillators.
        time_step: \(\Delta t\), above 0.
        frequency: \(\gamma\), above 0.
        damping: \(\epsilon\), above 0. The defaults of all three are the paper's for images read pixel by pixel.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Raises:
        InputError: A constant is not above 0.

    Source: T. K. Rusch & S. Mishra, "Coupled oscillatory recurrent neural network (coRNN): an accurate and (gradient)
    stable architecture for learning long time dependencies", ICLR 2021, equation 3, the damping taken at \(v_{t-1}\).
    """

    state_type = OscillatorState
    gates = ("force",)
    recurrent_bias = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        time_step: float = 0.042,
        frequency: float = 2.7,
        damping: float = 4.7,
        **options: Any,
    ) -> None:
        if not (time_step > 0 and frequency > 0 and damping > 0):
            raise InputError(
                f"time_step, frequency and damping are above 0, found {time_step}, {frequency} and {damping}"
            )
        super().__init__(input_size, hidden_size, recurrent_size=2 * hidden_size, **options)
        self.time_step = time_step
        self.frequency = frequency
        self.damping = damping

    def step(self, x: Tensor, state: OscillatorState) -> tuple[Tensor, OscillatorState]:
        """One step: the output is the positions."""
        h, v = state
        force = torch.tanh(self.preactivations(x, torch.cat([h, v], -1)))
        v = v + self.time_step * (force - self.frequency * h - self.damping * v)
        h = h + self.time_step * v
        return h, OscillatorState(h, v)
