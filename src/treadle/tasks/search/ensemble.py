"""Several models that write one sequence together."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from treadle.errors import InputError
from treadle.tasks.search.model import SearchModel, Told


class Ensemble:
    r"""Models of the same symbols whose probabilities are averaged at every step.

    $$p(w) = \frac1M \sum_m p_m(w)$$

    Args:
        models: At least one; all with the same symbols for the beginning and the end.

    Raises:
        InputError: There is none, or they differ in these.
    """

    def __init__(self, models: Sequence[SearchModel]) -> None:
        if not models:
            raise InputError("an ensemble has no model, expected one or more")
        if len({(model.begin, model.end) for model in models}) > 1:
            raise InputError(
                "the models of an ensemble have different symbols for beginning and end, expected the same"
            )
        self.models = list(models)
        self.begin, self.end = models[0].begin, models[0].end

    def start(self, inputs: Sequence[Any]) -> list[Any]:
        """Every model's state, each for its own form of the inputs."""
        return [model.start(own) for model, own in zip(self.models, inputs, strict=True)]

    def step(self, state: list[Any], symbols: Tensor) -> Told:
        """The mean probability; the attention is the first model's, since each may read the input in its own pieces."""
        told = [model.step(own, symbols) for model, own in zip(self.models, state, strict=True)]
        together = torch.stack([one.log_probabilities for one in told]).logsumexp(0) - math.log(len(told))
        return Told(together, told[0].attention, [one.state for one in told])

    def reorder(self, state: list[Any], rows: Tensor) -> list[Any]:
        """Every model's state of these rows."""
        return [model.reorder(own, rows) for model, own in zip(self.models, state, strict=True)]
