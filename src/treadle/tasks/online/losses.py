"""Losses of online learning: means over the steps that have a target, NaN being none."""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.tasks.online.learner import Loss


def _regression(element: Callable[..., Tensor]) -> Loss:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        known = ~targets.isnan()
        errors = element(outputs, targets.nan_to_num(), reduction="none")
        return torch.where(known, errors, 0.0).sum() / known.sum()

    return loss


REGRESSION: Final[Mapping[str, Loss]] = {
    "huber": _regression(F.huber_loss),
    "squared": _regression(F.mse_loss),
    "absolute": _regression(F.l1_loss),
}
"""Of numbers in units of their standard deviation; "huber" is linear beyond one of these."""


def classification(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy; a target is the number of a class, as a float."""
    number = targets[..., 0].nan_to_num(nan=-100.0).long()
    return F.cross_entropy(outputs.flatten(0, 1), number.flatten(), ignore_index=-100)
