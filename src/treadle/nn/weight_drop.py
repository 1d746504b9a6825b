"""DropConnect on recurrent weights: noise in the recurrence that costs nothing a step."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from treadle.errors import InputError

RECURRENT = ("weight_hh", "weight_mh")
"""How the names of matrices begin that a step multiplies the state with, in the cells of `treadle.cells`."""

LEVELS = 2**16
"""Whole numbers that one is drawn from for every weight; a probability is rounded to a multiple of 1 / LEVELS."""


class WeightDrop(nn.Module):
    r"""Runs layers with some of their recurrent weights at zero.

    $$\tilde W_{hh} = \frac{M \odot W_{hh}}{1 - p}, \qquad M_{ij} \sim \mathrm{Bernoulli}(1 - p)$$

    One mask is drawn a call, for all steps and rows of the batch, so that a compiled kernel runs as without it; the
    gradient reaches the weight itself, which is what an optimiser sees and a file holds. In evaluation mode, or with
    p = 0, the layers are called as they are.

    This module has no parameters; the layers are given to every call.

    Args:
        p: Share of weights at zero, at least 0 and below 1.
        names: How the names of the weights begin that are dropped, within the module that has them.

    Raises:
        InputError: The probability lies outside its range.

    Source: S. Merity, N. Keskar & R. Socher, "Regularizing and optimizing LSTM language models", ICLR 2018, section 2;
    DropConnect is of L. Wan et al., "Regularization of neural networks using DropConnect", ICML 2013.

    Example:
        >>> from treadle.nn import Stack
        >>> stack, drop = Stack("lstm", 3, 4, num_layers=2), WeightDrop(0.5)
        >>> y, states = drop(stack, torch.randn(2, 5, 3))
        >>> tuple(y.shape), sorted(drop.weights(stack))
        ((2, 5, 4), ['layers.0.0.cell.weight_hh', 'layers.1.0.cell.weight_hh'])
    """

    def __init__(self, p: float, names: Sequence[str] = RECURRENT) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise InputError(f"a probability is at least 0 and below 1, found {p}")
        self.p = p
        self.names = tuple(names)

    def weights(self, layers: nn.Module) -> dict[str, Tensor]:
        """The weights that are dropped, by their names in `layers`.

        Raises:
            InputError: There are none: each unit's state is fed back to itself alone.
        """
        found = recurrent_weights(layers, self.names)
        if not found:
            kind = next((type(m.cell).__name__ for m in layers.modules() if hasattr(m, "cell")), type(layers).__name__)
            raise InputError(f"{kind} has no matrix of recurrent weights to drop, expected weight_drop 0 for it")
        return found

    def forward(self, layers: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """`layers(*args, **kwargs)`, with dropped weights in training mode.

        Raises:
            InputError: The layers have no recurrent weights, or what calling them raises.
        """
        if not self.training or self.p == 0:
            return layers(*args, **kwargs)
        dropped = {name: weight * keep_mask(weight, self.p) for name, weight in self.weights(layers).items()}
        return functional_call(layers, dropped, args, kwargs)

    def extra_repr(self) -> str:
        """The probability, as `repr` shows it."""
        return f"p={self.p}"


def recurrent_weights(layers: nn.Module, names: Sequence[str] = RECURRENT) -> dict[str, Tensor]:
    """The matrices whose names begin so, by their full names in `layers`; none where a unit feeds itself alone."""
    return {
        name: weight
        for name, weight in layers.named_parameters()
        if weight.dim() == 2 and any(part.startswith(tuple(names)) for part in name.split("."))
    }


def keep_mask(like: Tensor, p: float) -> Tensor:
    """A factor for every element of `like`: 0 with probability p, else what keeps the mean at 1.

    Four are made of one random number of 64 bits, since torch draws a number in float32 for each of a weight's millions
    five times slower.

    Example:
        >>> mask = keep_mask(torch.empty(300, 300), 0.25)
        >>> abs(float(mask.mean()) - 1) < 0.02, float(mask.max())
        (True, 1.3333333730697632)
    """
    numbers = torch.empty(-(-like.numel() // 4), dtype=torch.int64, device=like.device).random_(-(2**63), None)
    drawn = numbers.view(torch.int16)[: like.numel()].view(like.shape)
    dropped = round(p * LEVELS)
    return (drawn >= dropped - LEVELS // 2).to(like.dtype).mul_(LEVELS / (LEVELS - dropped))
