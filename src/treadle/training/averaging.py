"""Averaged weights: what is evaluated and kept is a mean over the last steps, not the last step itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    r"""A mean of a model's weights, exponential from the first step or uniform from when dev no longer improved.

    $$\bar w_t = d_t\,\bar w_{t-1} + (1 - d_t)\,w_t, \qquad d_t = \min\left(d, \tfrac{1 + t}{10 + t}\right)$$

    so that the first steps are soon forgotten. With \(d = 0\) the mean is the weights themselves.

    With a `trigger` of n there is no mean until an epoch's dev loss lies above the least of all but the last n epochs.
    From then on, \(d_t = (k - 1) / k\) in the k-th step since: every step counts the same.

    Args:
        model: Whose weights; they are trained as before and never changed by the mean.
        decay: \(d\); about \(1 / (1 - d)\) steps are averaged over. Not used with a trigger.
        trigger: n, or 0 for the exponential mean.

    Sources: B. Polyak & A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the exponential
    form of D. Kingma & J. Ba, "Adam", 2015, section 7.2; the trigger of S. Merity, N. Keskar & R. Socher,
    "Regularizing and optimizing LSTM language models", ICLR 2018, algorithm 1.
    """

    def __init__(self, model: nn.Module, decay: float, trigger: int = 0) -> None:
        self.model = model
        self.decay = decay
        self.trigger = trigger
        self.begun = 0
        """Steps since the trigger."""
        self.dev_losses: list[float] = []
        self.weights: dict[str, Tensor] = _copy(model) if decay and not trigger else {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after step number `step` into the mean."""
        if not self.weights:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        if self.trigger:
            decay = self.begun / (self.begun + 1)
            self.begun += 1
        _move(self.weights, self.model, 1 - decay)

    def after_epoch(self, dev_loss: float) -> None:
        """Begin the uniform mean, if it is time to."""
        if not self.trigger:
            return
        if not self.weights and dev_loss > min(self.dev_losses[: -self.trigger], default=dev_loss):
            self.weights = _copy(self.model)
        self.dev_losses.append(dev_loss)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"weights": self.weights, "begun": self.begun, "dev_losses": self.dev_losses}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Take up a checkpoint."""
        self.weights = {name: value.to(device) for name, value in state["weights"].items()}
        self.begun, self.dev_losses = state["begun"], state["dev_losses"]

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


@torch.no_grad()
def meet(first: nn.Module, second: nn.Module) -> dict[str, Tensor]:
    """The mean of the weights of two models of one shape, as a state; what is not continuous is the second's."""
    weights = _copy(first)
    _move(weights, second, 0.5)
    return weights


def _move(weights: dict[str, Tensor], model: nn.Module, share: float) -> None:
    """Move weights a share of the way to those of a model."""
    end = model.state_dict()
    for name, one in weights.items():
        if one.is_floating_point():
            one.lerp_(end[name], share)
        else:  # a counter or a mask among the buffers has no mean
            one.copy_(end[name])


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
