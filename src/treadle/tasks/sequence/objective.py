"""What a network of one answer a sequence is trained towards."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.data import BucketBatches, Ragged
from treadle.tasks.sequence.network import SequenceNetwork, pad
from treadle.tasks.sequence.targets import Target
from treadle.training import Objective


def answer_objective(
    network: SequenceNetwork,
    target: Target,
    batches: BucketBatches,
    rows: tuple[list[Ragged], Tensor],
    dev: tuple[list[Ragged], Tensor],
) -> Objective:
    """The loss of a target on training rows, and its metrics on dev rows.

    Args:
        network: To be trained.
        target: What is predicted.
        batches: Row numbers.
        rows: The numbers of every column and the targets, of training.
        dev: The same of the rows that the best epoch is chosen by.
    """
    (inputs, targets), (dev_inputs, dev_targets) = rows, dev

    def loss(model: nn.Module, batch: NDArray[np.int64]) -> Tensor:
        device = next(model.parameters()).device
        return target.loss(model(pad(inputs, batch, device)), targets[torch.from_numpy(batch)].to(device))

    def evaluate(_: nn.Module) -> dict[str, float]:
        answer = network.answers(dev_inputs)
        return {"loss": float(target.loss(answer, dev_targets)), **target.dev_metrics(answer, dev_targets)}

    return Objective(network, batches, loss, evaluate, target.merit, layers=network.layers())
