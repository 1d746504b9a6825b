"""The network of a forecaster: recurrent layers over windows, and a head for every step ahead."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from treadle.cells import State
from treadle.nn import LockedDropout, Stack
from treadle.tasks.forecast.settings import ForecastSettings

FEWEST_ERRORS = 5
"""Errors of a step ahead from which its distribution is begun with."""

FUTURE_SIZE = 16
"""Numbers in which the state meets the covariates of a step ahead."""


class ForecastNetwork(nn.Module):
    r"""Reads a series step by step, and tells after each step of the next ones.

    $$h_t = \mathrm{Stack}([w_t; o_t]), \qquad r_{t, k} = W_k\, h_t + b_k, \qquad k = 1 \dots H$$

    where \(w_t\) are the last values of the scaled window that ends at step t and \(o_t\) what else is read; of the raw
    numbers \(r_{t,k}\) of step t + k a distribution is made (`treadle.nn.distributions`) about a base forecast.
    Covariates \(x_{t+k}\) that are known in advance enter through a small network of their own,
    \(r_{t,k} \mathrel{+}= V \tanh(U [h_t; x_{t+k}])\).
    As every step answers for all steps ahead of it, one pass over a series trains on all its windows.

    Args:
        input_size: Numbers that a step reads, the window among them.
        known: Covariates known in advance, F.
        horizon: Steps ahead, H.
        settings: Its shape.

    Sources: R. Wen et al., "A multi-horizon quantile recurrent forecaster", 2017, section 3 (forking sequences); D.
    Salinas et al., "DeepAR", International Journal of Forecasting 36, 2020, which is H = 1; S. Lin et al., "SegRNN",
    2023, for windows of several values as one recurrent step.
    """

    def __init__(self, input_size: int, known: int, horizon: int, settings: ForecastSettings) -> None:
        super().__init__()
        self.horizon, self.known = horizon, known
        self.distribution = settings.distribution()
        chosen: dict[str, Any] = {} if settings.init == "recommended" else {"init": settings.init}
        self.stack = Stack(
            settings.cell,
            input_size,
            settings.hidden_size,
            settings.layers,
            dropout=settings.dropout,
            residual=settings.residual,
            engine=settings.engine,
            **chosen,
        )
        size = self.distribution.size
        self.dropout = LockedDropout(settings.dropout)
        self.head = nn.Linear(self.stack.output_size, horizon * size)
        with torch.no_grad():
            self.head.weight.mul_(0.1)  # the first forecasts are those of the base
            self.head.bias.copy_(self.distribution.start().repeat(horizon))
        self.mix = self.ahead = None
        if known:
            self.mix = nn.Linear(self.stack.output_size + known, FUTURE_SIZE)
            self.ahead = nn.Linear(FUTURE_SIZE, size, bias=False)
        self.correlation: Tensor
        self.offsets: Tensor
        self.register_buffer("correlation", torch.eye(horizon))
        self.register_buffer("offsets", torch.zeros(horizon, len(settings.levels)))

    @torch.no_grad()
    def begin(self, errors: Tensor) -> None:
        """Begin with the distribution of what the base errs by, the same after every step of every series.

        Args:
            errors: `[origins, horizon]`, in scales; NaN where they are not known.
        """
        bias = self.head.bias.view(self.horizon, -1)
        for step in range(self.horizon):
            known = errors[:, step][errors[:, step].isfinite()]
            if len(known) >= FEWEST_ERRORS:
                bias[step] = self.distribution.like(known).to(bias)

    def forward(
        self,
        x: Tensor,
        lengths: Tensor,
        rows: Tensor,
        steps: Tensor,
        known: Tensor,
        state: Sequence[State] | None = None,
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Read stretches of series, and answer at some of their steps.

        Args:
            x: `[batch, time, input_size]`.
            lengths: `[batch]`.
            rows: `[origins]`, the row of each step that is answered at.
            steps: `[origins]`, that step.
            known: `[origins, horizon, F]`.
            state: Of every layer, before the first step.

        Returns:
            Raw numbers `[origins, horizon, size]`, and the states after the last step.
        """
        h, after = self.stack(x, state, lengths=lengths)
        h = self.dropout(h)
        return self.raw(h[rows, steps], known), after

    def raw(self, h: Tensor, known: Tensor) -> Tensor:
        """The raw numbers of all steps ahead, `[origins, horizon, size]`.

        Args:
            h: `[origins, output_size]`, of the recurrent layers.
            known: `[origins, horizon, F]`.
        """
        found: Tensor = self.head(h).unflatten(-1, (self.horizon, -1))
        if self.mix is not None and self.ahead is not None:
            beside = h[:, None].expand(-1, self.horizon, -1)
            found = found + self.ahead(torch.tanh(self.mix(torch.cat([beside, known], -1))))
        return found

    def step(self, x: Tensor, known: Tensor, state: Sequence[State] | None = None) -> tuple[Tensor, tuple[State, ...]]:
        """The same weights, one step, without noise.

        Args:
            x: `[batch, input_size]`.
            known: `[batch, horizon, F]`.
            state: Of every layer.

        Returns:
            `[batch, horizon, size]`, and the next states.
        """
        h, after = self.stack.step(x, state)
        return self.raw(h, known), after
