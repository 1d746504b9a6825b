"""Symbols in a graph: their vectors, and the probabilities of what comes next."""

import numpy as np
from torch import nn

from treadle.data.vocabulary import PADDING
from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear
from treadle.export.onnx.sequences import Lengths
from treadle.nn.softmax import AdaptiveSoftmax, Softmax


def embed(graph: Graph, numbers: Value, embedding: nn.Embedding, lengths: Lengths | None, name: str) -> Value:
    """The vectors of symbols, `[batch, time]` to `[batch, time, size]`; past a length, of padding."""
    if lengths is not None:
        real = graph("Squeeze", lengths.real, [2], name="real_numbers")
        numbers = graph("Where", real, numbers, np.int64(PADDING), name="real_symbols")
    return graph("Gather", graph.weight(f"{name}.weight", embedding.weight), numbers, axis=0, name=name)


def write_softmax(graph: Graph, softmax: Softmax | AdaptiveSoftmax, hidden: Value) -> Value:
    """The logarithm of every symbol's probability, `[..., size]` to `[..., vocabulary]`."""
    with graph.within("softmax"):
        if isinstance(softmax, AdaptiveSoftmax):
            return _adaptive(graph, softmax, hidden)
        weight = graph("Transpose", graph.weight("embedding.weight", softmax.weight), perm=[1, 0], name="weight")
        scores = graph("MatMul", hidden, weight, name="scores")
        logits = graph("Add", scores, graph.weight("bias", softmax.bias), name="logits")
        return graph("LogSoftmax", logits, axis=-1, name="log_probabilities")


def _adaptive(graph: Graph, softmax: AdaptiveSoftmax, hidden: Value) -> Value:
    """Frequent symbols and clusters of rare ones, and within a cluster its symbols."""
    clusters = softmax.clusters
    frequent = clusters.shortlist_size
    head = graph("LogSoftmax", linear(graph, hidden, clusters.head, "head"), axis=-1, name="head_log_probabilities")
    parts = [graph("Slice", head, [0], [frequent], [-1], name="frequent")]
    for number, tail in enumerate(clusters.tail):
        inner = linear(graph, hidden, tail[0], f"cluster{number}_features")  # type: ignore[index]  # a Sequential
        logits = linear(graph, inner, tail[1], f"cluster{number}_logits")  # type: ignore[index]  # likewise
        within = graph("LogSoftmax", logits, axis=-1, name=f"within_cluster{number}")
        whole = graph("Slice", head, [frequent + number], [frequent + number + 1], [-1], name=f"cluster{number}")
        parts.append(graph("Add", within, whole, name=f"rare{number}"))
    return graph("Concat", *parts, axis=-1, name="log_probabilities")
