"""Numbers of symbols and their vectors in a graph."""

import numpy as np
from torch import nn

from treadle.data.vocabulary import PADDING
from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.sequences import Lengths


def embed(graph: Graph, numbers: Value, embedding: nn.Embedding, lengths: Lengths | None, name: str) -> Value:
    """The vectors of symbols, `[batch, time]` to `[batch, time, size]`; past a length, of padding."""
    if lengths is not None:
        real = graph("Squeeze", lengths.real, [2], name="real_numbers")
        numbers = graph("Where", real, numbers, np.int64(PADDING), name="real_symbols")
    return graph("Gather", graph.weight(f"{name}.weight", embedding.weight), numbers, axis=0, name=name)


def log_softmax_tied(graph: Graph, hidden: Value, weight: Value, bias: Value) -> Value:
    """The logarithm of every symbol's probability, by a weight `[vocabulary, size]` that may be an embedding's."""
    turned = graph("Transpose", weight, perm=[1, 0], name="output_weight")
    logits = graph("Add", graph("MatMul", hidden, turned, name="scores"), bias, name="logits")
    return graph("LogSoftmax", logits, axis=-1, name="log_softmax")
