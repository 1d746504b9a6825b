"""Convolutions over time in a graph: what they find in a whole series."""

from typing import Any

import numpy as np

from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.sequences import Lengths, clear_padding
from treadle.nn.convolutions import Convolutions

F = np.float32
NORM = ("weight", "bias", "running_mean", "running_var")
"""What a norm is made of, in ONNX's order."""


def write_convolutions(graph: Graph, layers: Convolutions, x: Value, lengths: Lengths) -> Value:
    """What convolutions find in `x [batch, time, input_size]`, as a mean over time, `[batch, output_size]`.

    Args:
        graph: Where.
        layers: In evaluation mode.
        x: At least one step; past the lengths anything.
        lengths: Of it.
    """
    with graph.within("convolutions"):
        real = graph("Transpose", lengths.real, perm=[0, 2, 1], name="real")
        x = graph("Transpose", clear_padding(graph, x, lengths), perm=[0, 2, 1], name="features_first")
        parts: list[Any] = list(layers.layers)
        for number, layer in enumerate(parts):
            with graph.within(f"layer{number}"):
                weight = graph.weight("convolution.weight", layer.convolution.weight)
                z = graph("Conv", x, weight, pads=list(layer.around), name="convolution")
                kept = [graph.weight(f"norm.{name}", getattr(layer.norm, name)) for name in NORM]
                y = graph("BatchNormalization", z, *kept, epsilon=layer.norm.eps, name="norm")
                x = graph("Where", real, graph("Relu", y), F(0), name="found")
        total = graph("ReduceSum", x, [2], keepdims=0, name="total")
        steps = graph("Cast", graph("Unsqueeze", graph("Max", lengths.given, 1), [1]), to=1, name="steps")
        return graph("Div", total, steps, name="mean")
