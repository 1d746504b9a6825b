"""What a language model is trained towards: the next token, in contiguous streams or in documents of their own."""

import math
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.data import BucketBatches, Ragged
from treadle.data.streams import Streams, Window, document_rows, whole_documents
from treadle.errors import InputError
from treadle.tasks.language.network import LanguageNetwork, States
from treadle.training import Objective, TrainingSettings
from treadle.training.carried import CarriedStates


def stream_objective(
    network: LanguageNetwork, train: Ragged, dev: Ragged, characters: int | None, settings: TrainingSettings, bptt: int
) -> Objective:
    """Truncated backpropagation through time: a window begins with the states that the one before it ended with.

    Args:
        network: To be trained.
        train: Numbers of the tokens of every training document.
        dev: Those of the dev documents.
        characters: How many the dev documents have, or None where that is no measure.
        settings: Of training; its batch size is the number of streams.
        bptt: Steps of a window.
    """
    carried = CarriedStates(network.stack)

    def loss(model: nn.Module, window: Window) -> Tensor:
        window = window.to(network.embedding.weight.device)
        before = None if window.first else carried.states
        found, after = model(window.inputs, before, lengths=window.lengths, reset=window.reset, targets=window.targets)
        carried.keep(after)
        return found  # type: ignore[no-any-return]  # nn.Module.__call__ carries no types

    streams = Streams(train, rows=settings.batch_size, steps=bptt, seed=settings.seed)
    return Objective(
        network, streams, loss, lambda model: evaluate(model, dev, characters), merit, carried, network.layers()
    )


def document_objective(
    network: LanguageNetwork, train: Ragged, dev: Ragged, characters: int | None, settings: TrainingSettings
) -> Objective:
    """Every document is a row, read from its beginning to its end; arguments as in `stream_objective`.

    Raises:
        InputError: A document is too long to be read at once.
    """
    longest = int(train.lengths.max())
    if longest > settings.batch_tokens:
        raise InputError(
            f"independent documents have at most batch_tokens = {settings.batch_tokens:,} tokens, found one of "
            f"{longest:,}; raise batch_tokens, or train on streams (independent=False)"
        )

    def loss(model: nn.Module, rows: NDArray[np.int64]) -> Tensor:
        window = document_rows(train, rows).to(network.embedding.weight.device)
        found, _ = model(window.inputs, lengths=window.lengths, targets=window.targets)
        return found  # type: ignore[no-any-return]  # nn.Module.__call__ carries no types

    batches = BucketBatches(
        train.lengths, tokens=settings.batch_tokens, max_rows=settings.batch_size, seed=settings.seed
    )
    measure = partial(evaluate, documents=dev, characters=characters)
    return Objective(network, batches, loss, measure, merit, layers=network.layers())


def merit(dev: dict[str, float]) -> list[float]:
    """The less surprise on dev, the better."""
    return [-dev["loss"]]


def evaluate(model: nn.Module, documents: Ragged, characters: int | None) -> dict[str, float]:
    """The mean surprise a token in nats, and what else it is called; every token counts once."""
    nats = math.fsum(float(part.sum(dtype=torch.float64)) for part in surprises(model, documents))
    mean = nats / max(1, len(documents.values))
    found = {"loss": mean, "perplexity": math.exp(min(mean, 700.0))}
    return found if not characters else found | {"bits_per_character": nats / math.log(2) / characters}


def surprises(model: nn.Module, documents: Ragged, *, rows: int = 64) -> list[Tensor]:
    r"""What every token of every document costs, \(-\ln p(s_t \mid s_1 \dots s_{t-1})\) in nats, `[length]` each.

    Args:
        model: A `LanguageNetwork` in evaluation mode.
        documents: Numbers of the tokens of every document.
        rows: Documents that are read side by side; it changes nothing but the time.
    """
    assert isinstance(model, LanguageNetwork)
    device = model.embedding.weight.device
    found = [torch.zeros(int(length)) for length in documents.lengths]
    with torch.no_grad():
        for together, windows in whole_documents(documents, rows=rows):
            state: States | None = None
            begin = 0
            for window in windows:
                window = window.to(device)
                hidden, state = model(window.inputs, state, lengths=window.lengths)
                losses = model.losses(hidden, window.targets).float().cpu()
                for row, document in enumerate(together):
                    here = found[document][begin : begin + losses.shape[1]]
                    here.copy_(losses[row, : len(here)])
                begin += losses.shape[1]
    return found
