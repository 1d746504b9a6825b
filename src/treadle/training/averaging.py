"""Averaged weights: what is evaluated and kept is a mean over the last steps, not the last step itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    r"""A running mean of a model's weights.

    $$\bar w_t = d_t\,\bar w_{t-1} + (1 - d_t)\,w_t, \qquad d_t = \min\left(d, \tfrac{1 + t}{10 + t}\right)$$

    so that the first steps are soon forgotten. With \(d = 0\) the mean is the weights themselves.

    Args:
        model: Whose weights; they are trained as before and never changed by the mean.
        decay: \(d\); about \(1 / (1 - d)\) steps are averaged over.

    Source: B. Polyak & A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the exponential form
    of D. Kingma & J. Ba, "Adam", 2015, section 7.2.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        self.decay = decay
        self.weights: dict[str, Tensor] = _copy(model) if decay else {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after step number `step` into the mean."""
        decay = min(self.decay, (1 + step) / (10 + step))
        now = self.model.state_dict()
        for name, mean in self.weights.items():
            if mean.is_floating_point():
                mean.lerp_(now[name], 1 - decay)
            else:  # a counter or a mask among the buffers has no mean
                mean.copy_(now[name])

    @contextmanager
    def applied(self) -> Iterator[nn.Module]:
        """Within the block the model has the averaged weights, afterwards its own again."""
        if not self.weights:
            yield self.model
            return
        own = _copy(self.model)
        self.model.load_state_dict(self.weights)
        try:
            yield self.model
        finally:
            self.model.load_state_dict(own)


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
