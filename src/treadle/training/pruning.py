r"""Magnitude pruning: the smallest weights become zero, some more at a time, while the others learn to do without.

After t of n steps of pruning, the share of zeros is

$$s_t = s_n \left(1 - \left(1 - \tfrac{t}{n}\right)^3\right)$$

Source: M. Zhu & S. Gupta, "To prune, or not to prune: exploring the efficacy of pruning for model compression", ICLR
workshop 2018, equation 1; for recurrent networks, S. Narang et al., "Exploring sparsity in recurrent neural networks",
ICLR 2017.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from treadle.errors import InputError
from treadle.training.objective import Objective

SCOPES = ("layer", "global")
"""Which weights are compared: those of each matrix, or all of the network. Where layers were drawn in different sizes,
as the head of a network often is, the second may take all of one."""
PRUNING = 0.6
"""Share of the steps of fine-tuning in which zeros are added; in the rest the others settle."""
TIMES = 60
"""How often zeros are added."""


class Pruner:
    """Keeps the smallest weights of a network at zero, more of them from step to step.

    Matrices are pruned, embeddings and convolutions too; biases and other vectors are not.

    Args:
        network: Whose weights.
        sparsity: Share of zeros in the end.
        scope: "layer" takes the same share of each matrix, "global" the smallest weights of all together.
        steps: Steps over which zeros are added; 0 for all at once.

    Raises:
        InputError: An argument lies outside its range.

    Example:
        >>> layer = nn.Linear(10, 10)
        >>> Pruner(layer, 0.8).apply()
        >>> int((layer.weight == 0).sum())
        80
    """

    def __init__(self, network: nn.Module, sparsity: float, scope: str = "layer", steps: int = 0) -> None:
        if not 0 < sparsity < 1:
            raise InputError(f"a sparsity is a share above 0 and below 1, found {sparsity:g}")
        if scope not in SCOPES:
            raise InputError(f"the scope of pruning is 'layer' or 'global', found {scope!r}")
        self.weights = [p for p in network.parameters() if p.dim() >= 2]
        self.sparsity, self.scope, self.steps = sparsity, scope, steps
        self.step = 0
        self.masks: list[Tensor] = []
        self._choose()

    @property
    def done(self) -> bool:
        """Whether the share of zeros is what it is to be."""
        return self.step >= self.steps

    @property
    def share(self) -> float:
        """The share of zeros at the present step."""
        return self.sparsity if self.done else self.sparsity * (1 - (1 - self.step / self.steps) ** 3)

    def advance(self) -> None:
        """A step of training was made."""
        if self.done:
            return
        self.step += 1
        if self.done or self.step % max(1, self.steps // TIMES) == 0:
            self._choose()

    @torch.no_grad()
    def apply(self) -> None:
        """Set to zero what is to be zero."""
        for weight, mask in zip(self.weights, self.masks, strict=True):
            weight.mul_(mask)

    @torch.no_grad()
    def _choose(self) -> None:
        """The smallest weights at this moment; exactly as many as their share says."""
        groups = [self.weights] if self.scope == "global" else [[weight] for weight in self.weights]
        self.masks = []
        for group in groups:
            sizes = torch.cat([weight.detach().abs().flatten() for weight in group])
            mask = torch.ones_like(sizes)
            mask[sizes.argsort()[: round(self.share * len(sizes))]] = 0
            parts = mask.split([weight.numel() for weight in group])
            self.masks += [part.view_as(weight) for part, weight in zip(parts, group, strict=True)]


def pruned(objective: Objective, pruner: Pruner) -> Objective:
    """An objective whose model loses weights while it is trained, and is measured without them.

    Only epochs that end with all zeros in place can be the best one.
    """

    def loss(model: nn.Module, batch: Any) -> Tensor:
        pruner.advance()
        pruner.apply()
        return objective.loss(model, batch)

    def evaluate(model: nn.Module) -> dict[str, float]:
        pruner.apply()
        return objective.evaluate(model)

    def merit(dev: dict[str, float]) -> list[float]:
        return [float(pruner.done), *objective.merit(dev)]

    return replace(objective, loss=loss, evaluate=evaluate, merit=merit)
