"""A language model on a stream: what comes next after all that was read, and how surprising that was."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data.codec import TokenCodec
from treadle.data.streams import START
from treadle.data.text_pieces import as_codes, pieces_of
from treadle.errors import InputError
from treadle.streaming import StreamModel
from treadle.streaming.layers import LayerSteps, settled
from treadle.streaming.model import HELD, Reads, identity
from treadle.tasks.language.network import LanguageNetwork

Array = NDArray[Any]

HIDDEN, NATS, TOKENS = "output.hidden", "output.nats", "output.tokens"
"""Beside the states of the layers: the last layer's output, and the surprise and number of all tokens so far."""


class LanguageStreamModel(StreamModel):
    r"""A language model that reads pieces of text and tells after each what it expects.

    The answer holds `next`, the likeliest tokens with their probabilities; `tokens`, how many were read; and `bits`,
    the surprise \(-\sum_t \log_2 p(s_t \mid s_{1 \dots t-1})\) of all of them. A stream is one document: its first
    token, too, is predicted, from nothing.

    Args:
        codec: From text to tokens.
        network: The fitted network.
        top: How many of the likeliest tokens an answer names.
        rows: Streams at most.
        threads: Threads at most.

    Raises:
        InputError: `top` is below 1.
    """

    reads: Reads = "text"

    def __init__(
        self, codec: TokenCodec, network: LanguageNetwork, top: int = 10, rows: int = 1, threads: int = 1
    ) -> None:
        if top < 1:
            raise InputError(f"top is a number of tokens, at least 1, found {top}")
        self.codec, self.rows = codec, rows
        self.top = min(top, len(codec))
        self.identity = identity(network, str(codec.to_json()))
        self._network: LanguageNetwork = settled(network)
        self._embedding = self._network.embedding.weight.numpy()
        self._layers = LayerSteps(self._network.stack, rows, threads)
        self.explanation = self._layers.explanation
        own = {HIDDEN: self._layers.y[0], NATS: np.zeros(1), TOKENS: np.zeros(1, dtype=np.int64)}
        self.pieces = pieces_of(codec)
        if self.pieces is not None:
            own[HELD] = self.pieces.begin
        self.state = {**self._layers.state, **{name: np.repeat(one[None], rows, 0) for name, one in own.items()}}
        self._read(np.full(rows, START))
        self.initial = {name: field[0].copy() for name, field in self.state.items()}

    def read(self, step: Any) -> Array:
        """The numbers of the tokens of a piece of text, or where pieces join, its code points.

        Raises:
            InputError: It is no text.
        """
        if not isinstance(step, str):
            raise InputError(f"a step of this stream is a piece of text, found {step!r:.50}")
        return self.codec.encode(step) if self.pieces is None else as_codes(step)

    def advance(self, x: Array) -> None:
        """Compare a token of the first rows with what was expected there, and read it."""
        rows = len(x)
        with torch.no_grad():
            losses = self._network.losses(self._features(rows), torch.from_numpy(x))
        self.state[NATS][:rows, 0] += losses.numpy()
        self.state[TOKENS][:rows] += 1
        self._read(x)

    def _read(self, x: Array) -> None:
        rows, layers = len(x), self._layers
        layers.x[:rows] = self._embedding[x]
        layers.run(rows)
        self.state[HIDDEN][:rows] = layers.y[:rows]

    def _features(self, rows: int) -> Tensor:
        """What the softmax reads."""
        hidden = torch.from_numpy(self.state[HIDDEN][:rows])
        return hidden if self._network.projection is None else self._network.projection(hidden)

    def answers(self, rows: int) -> Sequence[Any]:
        """What each row expects, how much it has read, and how surprising that was."""
        with torch.no_grad():
            probabilities, symbols = self._network.log_probabilities(self._features(rows)).exp().topk(self.top)
        told = []
        for row in range(rows):
            spelt = self.codec.spell(symbols[row].tolist())
            pairs = zip(spelt, probabilities[row].tolist(), strict=True)
            bits = float(self.state[NATS][row, 0]) / math.log(2)
            told.append({"next": dict(pairs), "tokens": int(self.state[TOKENS][row, 0]), "bits": bits})
        return told
