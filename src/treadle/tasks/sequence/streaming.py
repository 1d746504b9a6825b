"""A sequence model on a stream: what it says of all that it has read so far."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from treadle.errors import InputError
from treadle.streaming import StreamModel
from treadle.streaming.layers import LayerSteps, settled
from treadle.streaming.model import identity
from treadle.streaming.pooling import OnlinePooling
from treadle.tasks.sequence.features import Feature
from treadle.tasks.sequence.network import SequenceEncoder, SequenceNetwork
from treadle.tasks.sequence.steps import steps_of
from treadle.tasks.sequence.targets import Target

Array = NDArray[Any]


class SequenceStreamModel(StreamModel):
    """A causal classifier or regressor of one column.

    The answer is that of `predict_proba` or `predict` on all that was read, in words: `prediction`, and for classes
    `confidence` and `probabilities`.

    Args:
        features: The input columns.
        network: The fitted network.
        target: The fitted target.
        rows: Streams at most.
        threads: Threads at most.

    Raises:
        InputError: The model needs the whole sequence; the sentence says what to train instead.
    """

    def __init__(
        self,
        features: Mapping[str, Feature],
        network: SequenceNetwork,
        target: Target,
        rows: int = 1,
        threads: int = 1,
    ) -> None:
        if len(features) > 1:
            raise InputError(f"this model reads {len(features)} columns, and a stream is one; train it on one column")
        if network.encoder(0).stack.bidirectional:
            raise InputError(
                "this model is bidirectional: it also reads every sequence from its end, which a stream does not have; "
                "train a causal one with bidirectional=False"
            )
        if network.encoder(0).segment > 1:
            raise InputError(
                f"this model reads segments of {network.encoder(0).segment} steps, and a stream answers after each; "
                "train with segment=1"
            )
        if network.encoder(0).convolutions is not None:
            raise InputError(
                "this model has convolutions, which look ahead, and a stream has no future; train with "
                "convolutions=None"
            )
        self.rows, self.target = rows, target
        self.identity = identity(network, str(target.to_json()), *(str(one.to_json()) for one in features.values()))
        network = settled(network)
        encoder: SequenceEncoder = network.encoder(0)
        embedding = None if encoder.embedding is None else encoder.embedding.weight.numpy()
        self._steps = steps_of(next(iter(features.values())), embedding)
        self.reads, self.pieces = self._steps.reads, self._steps.pieces
        self._layers = LayerSteps(encoder.stack, rows, threads)
        self._pooling = OnlinePooling(encoder.pooling, self._layers.y.shape[1], rows)
        self._weight, self._bias = network.head.weight.numpy().T.copy(), network.head.bias.numpy()
        own = {name: np.repeat(one[None], rows, 0) for name, one in self._steps.initial.items()}
        self.initial = {**self._steps.initial, **self._layers.initial, **self._pooling.initial}
        self.state = {**own, **self._layers.state, **self._pooling.state}
        self.explanation = self._layers.explanation

    def read(self, step: Any) -> Array:
        """Numbers `[steps, channels]`, those of tokens, or the code points of a piece of text.

        Raises:
            InputError: It is no step of this model.
        """
        return self._steps.read(step)

    def read_all(self, steps: Sequence[Any] | Array) -> Sequence[Array] | Array:
        """An array of numbers `[streams, channels]` at once, other steps one by one.

        Raises:
            InputError: One of them is no step of this model.
        """
        if self.reads == "numbers" and isinstance(steps, np.ndarray) and steps.ndim == 2:
            return self._steps.read(steps)[:, None]
        return super().read_all(steps)

    def advance(self, x: Array) -> None:
        """One step of the first rows.

        Raises:
            InputError: A missing value would be filled from the future; nothing has changed.
        """
        rows, layers = len(x), self._layers
        layers.x[:rows] = self._steps.embed(x, self.state)
        layers.run(rows)
        self._pooling.add(layers.y[:rows])

    def answers(self, rows: int) -> Sequence[Any]:
        """What the target says of each row."""
        answer = self._pooling.vectors(rows) @ self._weight + self._bias
        return [self.target.answer(row) for row in self.target.output(torch.from_numpy(answer))]
