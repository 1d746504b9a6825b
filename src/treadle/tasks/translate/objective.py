"""What a translator is trained towards, and how good it is on dev pairs after an epoch."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.data import BucketBatches
from treadle.tasks.translate.network import TranslationBatch, TranslationNetwork
from treadle.training import Objective, TrainingSettings

TOKENS, ROWS = 8192, 256
"""Size of a batch where nothing is learnt."""


class Encoded(Protocol):
    """Pairs as numbers: `EncodedPairs` are some, pictures with their captions others."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`[pairs]`: steps, by which batches are cut."""

    def batch(self, rows: NDArray[np.int64], device: torch.device | str = "cpu") -> TranslationBatch:
        """Some pairs, padded."""


def translation_objective(
    network: TranslationNetwork, train: Encoded, dev: Encoded, settings: TrainingSettings
) -> Objective:
    """Batches of pairs of similar length, under a budget of steps of the longer side.

    Args:
        network: To be trained.
        train: Training pairs.
        dev: Others.
        settings: Of training.
    """

    def loss(model: nn.Module, rows: NDArray[np.int64]) -> Tensor:
        return model(train.batch(rows, network.embedding.weight.device))  # type: ignore[no-any-return]  # untyped call

    batches = BucketBatches(
        train.lengths, tokens=settings.batch_tokens, max_rows=settings.batch_size, seed=settings.seed
    )
    return Objective(network, batches, loss, lambda model: evaluate(model, dev), merit)


def merit(dev: dict[str, float]) -> list[float]:
    """The more symbols are right, the better; then the less surprise."""
    return [dev["token_accuracy"], -dev["loss"]]


def evaluate(model: nn.Module, pairs: Encoded) -> dict[str, float]:
    """Nats a symbol, the share of symbols that are the likeliest after the true ones before, and whole answers.

    Where every symbol of an answer is the likeliest after those before, greedy search writes just this answer; so
    `exact_match` is that of greedy search, and nothing has to be searched for it.
    """
    nats = right = whole = symbols = 0.0
    for batch, _ in evaluated(model, pairs):
        costs, hits, real = batch
        nats += float(costs.double().sum())
        right += float(hits.sum())
        symbols += float(real.sum())
        whole += float((hits | ~real).all(1).sum())
    return {
        "loss": nats / max(1.0, symbols),
        "token_accuracy": right / max(1.0, symbols),
        "exact_match": whole / max(1, len(pairs.lengths)),
    }


def evaluated(model: nn.Module, pairs: Encoded) -> Iterator[tuple[tuple[Tensor, Tensor, Tensor], NDArray[np.int64]]]:
    """For batches of pairs: nats, right answers and real places, `[batch, time + 1]` each; and the rows."""
    assert isinstance(model, TranslationNetwork)
    device = model.embedding.weight.device
    for rows in BucketBatches(pairs.lengths, tokens=TOKENS, max_rows=ROWS, shuffle=False).epoch(0):
        batch: TranslationBatch = pairs.batch(rows, device)
        costs, hits = model.judge(batch)
        steps = torch.arange(costs.shape[1], device=device)
        yield (costs, hits, steps <= batch.target_lengths[:, None]), rows
