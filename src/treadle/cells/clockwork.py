"""The clockwork RNN."""

from collections.abc import Sequence
from math import lcm
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.cells.contract import register
from treadle.cells.gated import GatedCell
from treadle.errors import InputError

MODULES = 8
"""Modules of a clockwork RNN that is told no periods, if it has as many units: the slowest moves every 128 steps."""


class ClockworkState(NamedTuple):
    """What a clockwork RNN remembers.

    Attributes:
        hidden: `[batch, hidden_size]`, the fastest module first.
        clock: `[batch, 1]`, the number of steps so far, modulo the least common multiple of the periods.
    """

    hidden: Tensor
    clock: Tensor


@register("clockwork")
class ClockworkCell(GatedCell):
    r"""Clockwork RNN: an Elman network in modules, each of which moves at its own rate.

    $$\begin{aligned}
    a_t &= W_{ih} x_t + (W_{hh} \odot M)\, h_{t-1} + b \\
    h_t^{(k)} &= \tanh(a_t^{(k)}) \text{ where } t \bmod T_k = 0, \quad h_{t-1}^{(k)} \text{ elsewhere}, \quad y_t = h_t
    \end{aligned}$$

    Steps are counted from 0, so every module moves at the first one. The mask M lets a module read itself and slower
    ones: \(M_{kl} = [T_l \ge T_k]\). The clock is part of the state, so a chunk goes on where the last one ended, and a
    reset sets it to 0. It is kept modulo the least common multiple of the periods and stays exact for ever.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`, shared out evenly among the modules, the faster ones first to get what is left over.
        periods: \(T_k\) of every module; by default 1, 2, 4, ..., for `MODULES` modules, or as many as there are units.
        **options: `bias`, `init`, `device`, `dtype`, as in `GatedCell`.

    Raises:
        InputError: The periods are not rising numbers from 1 on, or more than the units.

    Source: J. Koutník, K. Greff, F. Gomez & J. Schmidhuber, "A clockwork RNN", ICML 2014.
    """

    state_type = ClockworkState
    auxiliary = ("clock",)
    gates = ("hidden",)
    recurrent_bias = False
    period: Tensor
    mask: Tensor

    def __init__(
        self, input_size: int, hidden_size: int, *, periods: Sequence[int] | None = None, **options: Any
    ) -> None:
        if periods is None:
            periods = [2**k for k in range(min(MODULES, hidden_size))]
        if not 1 <= len(periods) <= hidden_size or list(periods) != sorted(set(periods)) or periods[0] < 1:
            raise InputError(
                f"periods are rising numbers from 1 on, at most one a unit ({hidden_size}), found {list(periods)}"
            )
        super().__init__(input_size, hidden_size, **options)
        self.periods = tuple(periods)
        self.cycle = lcm(*periods)
        sizes = [len(part) for part in torch.arange(hidden_size).tensor_split(len(periods))]
        period = torch.cat([torch.full((n,), float(p)) for n, p in zip(sizes, periods, strict=True)]).to(self.weight_hh)
        self.register_buffer("period", period, persistent=False)
        self.register_buffer("mask", (period[None, :] >= period[:, None]).to(period.dtype), persistent=False)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Sizes of `hidden` and `clock`."""
        return (self.hidden_size, 1)

    def step(self, x: Tensor, state: ClockworkState) -> tuple[Tensor, ClockworkState]:
        """One step: the output is the new hidden state."""
        new = torch.tanh(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(state.hidden, self.weight_hh * self.mask))
        now = torch.floor(state.clock + 0.5)  # whole, though a caller may have averaged or perturbed it
        h = torch.where(torch.remainder(now, self.period) == 0, new, state.hidden)
        return h, ClockworkState(h, torch.remainder(now + 1, self.cycle))
