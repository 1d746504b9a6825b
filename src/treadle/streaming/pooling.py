"""Pooling as a sequence goes on: what a pooled vector needs of all steps so far, in constant memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from treadle.nn import Pooling

Array = NDArray[Any]


class OnlinePooling:
    r"""`treadle.nn.Pooling` of all steps so far, for up to `rows` rows.

    The mean keeps a sum and a count, the maximum itself. Attention keeps the largest score, and weights and weighted
    outputs relative to it; when a larger score comes they are rescaled, which is exact:

    $$m' = \max(m, a_t), \quad w' = e^{m - m'} w + e^{a_t - m'}, \quad v' = e^{m - m'} v + e^{a_t - m'} y_t, \quad
    \sum_t \alpha_t y_t = v / w$$

    Sums are in float64, so that they stay exact enough however long the stream gets.

    Args:
        pooling: Of a causal network, on the CPU.
        size: Features of an output.
        rows: Rows at most.

    Attributes:
        state: `[rows, ...]` by name.
        initial: Where each begins.

    Source: M. Milakov & N. Gimelshein, "Online normalizer calculation for softmax", 2018, section 3, for attention.
    """

    def __init__(self, pooling: Pooling, size: int, rows: int) -> None:
        self.kind = pooling.kind
        vector, number = np.zeros(size), np.zeros(1)
        begin: dict[str, Array] = {}
        if self.kind in ("last", "concat"):
            begin["pooling.last"] = vector.astype(np.float32)
        if self.kind in ("max", "concat"):
            begin["pooling.largest"] = np.full(size, -np.inf, dtype=np.float32)
        if self.kind in ("mean", "concat"):
            begin |= {"pooling.sum": vector, "pooling.count": number}
        if self.kind == "attention":
            begin |= {"pooling.score": number - np.inf, "pooling.weight": number, "pooling.sum": vector}
            hidden, out = pooling.score[0], pooling.score[2]
            assert isinstance(hidden, nn.Linear)
            assert isinstance(out, nn.Linear)
            self._hidden, self._bias = hidden.weight.detach().numpy(), hidden.bias.detach().numpy()
            self._out = out.weight.detach().numpy().T
        self.initial = begin
        self.state = {name: np.repeat(one[None], rows, 0) for name, one in begin.items()}

    def add(self, y: Array) -> None:
        """A further output `y [n, size]` of the first n rows."""
        rows, state = len(y), self.state
        if "pooling.last" in state:
            state["pooling.last"][:rows] = y
        if "pooling.largest" in state:
            largest = state["pooling.largest"][:rows]
            np.maximum(largest, y, out=largest)
        if "pooling.count" in state:
            state["pooling.sum"][:rows] += y
            state["pooling.count"][:rows] += 1
        if self.kind == "attention":
            self._attend(y)

    def _attend(self, y: Array) -> None:
        score, weight, total = (self.state[f"pooling.{name}"][: len(y)] for name in ("score", "weight", "sum"))
        new = np.tanh(y @ self._hidden.T + self._bias) @ self._out
        highest = np.maximum(score, new)
        before, now = np.exp(score - highest), np.exp(new - highest)
        weight[:] = weight * before + now
        total[:] = total * before + now * y
        score[:] = highest

    def vectors(self, rows: int) -> Array:
        """The pooled vectors of the first `rows` rows, float32; zeros where nothing was read."""
        state = {name: field[:rows] for name, field in self.state.items()}
        if self.kind == "last":
            return state["pooling.last"]
        if self.kind == "max":
            return _finite(state["pooling.largest"])
        if self.kind == "attention":
            return _divided(state["pooling.sum"], state["pooling.weight"])
        mean = _divided(state["pooling.sum"], state["pooling.count"])
        if self.kind == "mean":
            return mean
        return np.concatenate([state["pooling.last"], _finite(state["pooling.largest"]), mean], axis=1)


def _finite(largest: Array) -> Array:
    return np.where(largest == -np.inf, np.float32(0), largest)


def _divided(total: Array, by: Array) -> Array:
    found: Array = (total / np.where(by == 0, 1, by)).astype(np.float32)
    return found
