"""What a stream runs: a causal model that reads steps, keeps its state in arrays, and answers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from treadle.data.text_pieces import TextPieces
from treadle.errors import InputError
from treadle.nn import GRU, LSTM, RNN, Recurrent, Stack
from treadle.streaming.layers import LayerSteps
from treadle.streaming.numbers import read_numbers

Array = NDArray[Any]
Reads = Literal["numbers", "text", "tokens"]

HELD = "text.held"
"""The field of a stream's state that keeps the end of a text whose meaning depends on how the text goes on."""


class StreamModel(ABC):
    """A model for up to `rows` streams at once; all that a stream remembers is its row of the arrays in `state`.

    Attributes:
        rows: Streams at most.
        state: `[rows, size]` by name. Whoever runs the model puts states in and takes them out.
        initial: `[size]` of each: where a stream begins.
        identity: Tells this model from others, weights included; a snapshot belongs to one.
        explanation: How the steps run, one clause.
        reads: What a step is, where it has to be told from a line of text: "numbers", "text" or "tokens".
        pieces: Of texts, how a piece joins those before it, by what `state` keeps as `HELD`; `read` then gives its
            code points. None where `read` gives elements.
    """

    rows: int
    state: dict[str, Array]
    initial: dict[str, Array]
    identity: str
    explanation: str
    reads: Reads = "numbers"
    pieces: TextPieces | None = None

    @abstractmethod
    def read(self, step: Any) -> Array:
        """What a caller gives for a step, as the model's own numbers: `[elements, ...]`, an element a step of layers.

        Raises:
            InputError: It is no step of this model; one sentence.
        """

    def read_all(self, steps: Sequence[Any] | Array) -> Sequence[Array] | Array:
        """`read` for the steps of several streams.

        Raises:
            InputError: One of them is no step of this model; the sentence says which.
        """
        found = []
        for place, step in enumerate(steps):
            try:
                found.append(self.read(step))
            except InputError as error:
                raise InputError(str(error) if len(steps) == 1 else f"step {place + 1}: {error}") from None
        return found

    @abstractmethod
    def advance(self, x: Array) -> None:
        """Take an element `x [n, ...]` with the first n rows.

        Raises:
            InputError: It cannot follow on what was read before; nothing has changed then.
        """

    @abstractmethod
    def answers(self, rows: int) -> Sequence[Any] | Array:
        """The answers of the first `rows` rows, after all that they have read."""


class Streamable(Protocol):
    """What has a stream: an estimator, say."""

    def stream_model(self, rows: int = 1, threads: int = 1) -> StreamModel:
        """Its model for up to `rows` streams at once.

        Raises:
            InputError: It cannot answer step by step; the sentence says why, and what could.
        """


class LayerModel(StreamModel):
    """Recurrent layers alone: a step is `[input_size]` numbers, the answer `[output_size]`.

    Args:
        layers: A causal stack or layer.
        rows: Streams at most.
        threads: Threads at most.

    Raises:
        InputError: The layers also read from the end.
    """

    def __init__(self, layers: Recurrent | Stack, rows: int = 1, threads: int = 1) -> None:
        self.rows = rows
        self.steps = LayerSteps(layers, rows, threads)
        self.state, self.initial = self.steps.state, self.steps.initial
        self.identity = identity(layers)
        self.explanation = self.steps.explanation

    def read(self, step: Any) -> Array:
        """`[1, input_size]`.

        Raises:
            InputError: It is not so many finite numbers.
        """
        found = read_numbers(step, self.steps.x.shape[1])
        if len(found) != 1:
            raise InputError(f"layers take one step at a time, found {len(found)}; they read sequences by a call")
        return found

    def read_all(self, steps: Sequence[Any] | Array) -> Sequence[Array] | Array:
        """`[streams, 1, input_size]` of an array `[streams, input_size]` at once.

        Raises:
            InputError: A step is not so many finite numbers.
        """
        if isinstance(steps, np.ndarray) and steps.ndim == 2:
            return read_numbers(steps, self.steps.x.shape[1])[:, None]
        return super().read_all(steps)

    def advance(self, x: Array) -> None:
        """A step of all layers."""
        self.steps.x[: len(x)] = x
        self.steps.run(len(x))

    def answers(self, rows: int) -> Sequence[Any] | Array:
        """`[rows, output_size]`."""
        return self.steps.y[:rows].copy()


def identity(module: nn.Module, *facts: str) -> str:
    """What tells a module from others: its make, its weights by name, and further facts."""
    digest = blake2b(repr(module).encode(), digest_size=16)
    for name, tensor in module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    for fact in facts:
        digest.update(fact.encode())
    return digest.hexdigest()


Source = Recurrent | Stack | RNN | GRU | LSTM | Streamable | StreamModel
"""What a stream can be made of."""


def open_model(source: Source, rows: int = 1, threads: int = 1) -> StreamModel:
    """The model of whatever has one; a model itself is taken as it is, for one stream or one pool.

    Raises:
        InputError: It cannot answer step by step.
    """
    if isinstance(source, RNN | GRU | LSTM):
        source = source.stack
    if isinstance(source, Recurrent | Stack):
        return LayerModel(source, rows, threads)
    if isinstance(source, StreamModel):
        return source
    if not hasattr(source, "stream_model"):
        kind = type(source).__name__
        raise InputError(f"{kind} cannot be streamed; layers of treadle.nn and estimators with stream() can")
    return source.stream_model(rows, threads)
