"""What is trained, on what, towards what: all that a task tells the loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.training.layers import Layers

Rows = NDArray[np.int64]


class Batches(Protocol):
    """Where batches come from: `treadle.data.BucketBatches` is one, `treadle.data.streams.Streams` another."""

    def epoch(self, number: int) -> Sequence[Any]:
        """The batches of an epoch, which depend on its number alone, in whatever form the loss takes them.

        The loop asks every epoch for its length before it begins, so what costs time is best left until a batch is
        taken.
        """


class Carried(Protocol):
    """What goes from one batch to the next beside the weights, as the state of a network that reads contiguous text."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint."""


@dataclass
class Objective:
    """What is trained, on what, towards what.

    Attributes:
        model: The network.
        batches: The batches of every epoch, such as row numbers.
        loss: `(model, batch) -> loss`, the mean over the batch.
        evaluate: `(model) -> {"loss": ..., metric: ...}` on the dev split.
        merit: `(what evaluate gave) -> numbers`, the better the larger, compared one after the other: by them the best
            epoch is chosen.
        carried: What goes from batch to batch, if anything does; batches then have an order that one process alone can
            keep.
        layers: Groups of the model's modules from the output down to the input, for learning rates of their own.
        last: The epoch that training ends with and keeps, whatever dev says, where it is known beforehand; 0 for the
            best of all.
    """

    model: nn.Module
    batches: Batches
    loss: Callable[[nn.Module, Any], Tensor]
    evaluate: Callable[[nn.Module], dict[str, float]]
    merit: Callable[[dict[str, float]], list[float]]
    carried: Carried | None = None
    layers: Layers = ()
    last: int = 0
