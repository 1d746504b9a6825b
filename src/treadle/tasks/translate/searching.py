"""A translation network as searches see it: start, step, reorder."""

from typing import NamedTuple

import torch
from torch import Tensor

from treadle.nn.attention import Memory
from treadle.nn.decoder import DecoderState
from treadle.tasks.search import Told
from treadle.tasks.translate.network import BOUNDARY, TranslationNetwork


class Place(NamedTuple):
    """Where some hypotheses stand.

    Attributes:
        owner: `[rows]` the input that each belongs to.
        memory: What attention looks at, a row for each.
        state: Of the decoder.
    """

    owner: Tensor
    memory: Memory
    state: DecoderState


class SearchedNetwork:
    """The steps of a translation network; inputs are what its encoder takes, and their lengths.

    Args:
        network: The trained network.
    """

    begin = end = BOUNDARY

    def __init__(self, network: TranslationNetwork) -> None:
        self.network = network.eval()

    def start(self, inputs: tuple[Tensor, Tensor]) -> Place:
        """The encoder's work is done here, once."""
        encoded = self.network.encode(*inputs)
        memory, state = self.network.decoder.begin(encoded)
        return Place(torch.arange(len(encoded.summary), device=encoded.summary.device), memory, state)

    def step(self, state: Place, symbols: Tensor) -> Told:
        """The next symbol's log-probabilities, and attention over the source."""
        network = self.network
        features, weights, after = network.decoder.step(network.embedding(symbols), state.memory, state.state)
        told = network.softmax.log_probabilities(network.project(features))
        return Told(told, weights, state._replace(state=after))

    def reorder(self, state: Place, rows: Tensor) -> Place:
        """As long as every row stays with its input, as in a beam, what attention looks at stays where it is."""
        owner = state.owner[rows]
        memory = state.memory if torch.equal(owner, state.owner) else state.memory.take(rows)
        return Place(owner, memory, state.state.take(rows))
