"""Pictures in a graph: convolutions that know which part of a batch is picture, and regions with their places."""

from typing import Any, NamedTuple

import numpy as np

from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear
from treadle.nn.regions import WAVES, Regions
from treadle.tasks.caption.encoders import PictureEncoder

F = np.float32


class Found(NamedTuple):
    """The regions of pictures: vectors `[batch, regions, size]`, and which are real, `[batch, regions, 1]`."""

    values: Value
    real: Value


def write_pictures(graph: Graph, encoder: PictureEncoder, pixels: Value, sizes: Value) -> tuple[Found, Value]:
    """`PictureEncoder`: `pixels [batch, height, width, 3]` and `sizes [batch, 2]` to regions and their summary."""
    with graph.within("regions"):
        values, count = _regions(graph, encoder.regions, pixels, sizes)
        most = graph("Squeeze", graph("Shape", values, start=1, end=2))
        numbers = graph("Range", np.int64(0), most, np.int64(1), name="numbers_of_regions")
        real = graph("Less", graph("Unsqueeze", numbers, [0]), count, name="is_region")
        real = graph("Unsqueeze", real, [2], name="real")
    with graph.within("context"):
        others = linear(graph, _pooled(graph, values, real, count), encoder.others, "others")
        both = graph("Add", linear(graph, values, encoder.own, "own"), graph("Unsqueeze", others, [1]))
        joined = linear(graph, graph("Relu", both, name="mixed"), encoder.join, "join")
        values = _norm(graph, graph("Add", values, joined), encoder.norm, "norm")
        summary = _pooled(graph, values, real, count)
        return Found(graph("Where", real, values, F(0), name="memory"), real), summary


def _regions(graph: Graph, regions: Regions, x: Value, sizes: Value) -> tuple[Value, Value]:
    """Vectors of regions, and their number in each picture, `[batch, 1]`."""
    x = _cleared(graph, x, sizes)
    for number, stage in enumerate(regions.stages):
        with graph.within(f"stage{number}"):
            sizes = graph("Div", graph("Add", sizes, 1), 2, name="halved")
            x = _cleared(graph, _convolved(graph, stage, x), sizes)
    for number, block in enumerate(regions.blocks):
        with graph.within(f"block{number}"):
            x = graph("Add", x, _cleared(graph, _convolved(graph, block, x), sizes), name="residual")
    rows, columns = graph.several("Split", sizes, names=["rows", "columns"], axis=1, num_outputs=2)
    count = graph("Mul", rows, columns, name="regions")
    numbers = graph("Range", np.int64(0), graph("ReduceMax", count, keepdims=0), np.int64(1), name="numbers")
    numbers = graph("Unsqueeze", numbers, [0])
    height = graph("Shape", x, start=1, end=2)
    row = graph("Min", graph("Div", numbers, columns), graph("Sub", height, 1), name="row")
    column = graph("Mod", numbers, columns, name="column")
    place = graph("Add", graph("Mul", row, graph("Shape", x, start=2, end=3)), column, name="place")
    flat = graph("Reshape", x, graph("Concat", [0, -1], graph("Shape", x, start=3), axis=0), name="flat")
    values = graph("GatherND", flat, graph("Unsqueeze", place, [2]), batch_dims=1, name="in_rows")
    places = graph("Concat", *_coordinates(graph, (row, rows), (column, columns)), axis=2, name="places")
    values = graph("Add", values, linear(graph, places, regions.place, "of_places"), name="with_places")
    own = _norm(graph, values, regions.own[0], "own_norm")
    own = graph("Relu", linear(graph, own, regions.own[1], "own_hidden"))
    values = graph("Add", values, linear(graph, own, regions.own[3], "own"))
    return _norm(graph, values, regions.norm, "norm"), count


def _coordinates(graph: Graph, *axes: tuple[Value, Value]) -> list[Value]:
    """From 0 to 1 over the picture on each axis, as a number from -1 to 1 and as cosines."""
    lines, cosines = [], []
    for at, size in axes:
        middle = graph("Add", graph("Cast", at, to=1), F(0.5), name="middle")
        share = graph("Div", middle, graph("Cast", size, to=1), name="share")
        share = graph("Unsqueeze", share, [2])
        lines.append(graph("Sub", graph("Mul", share, F(2)), F(1), name="line"))
        waves = np.arange(1, WAVES + 1, dtype=F) * F(np.pi)
        cosines.append(graph("Cos", graph("Mul", share, waves), name="cosines"))
    return [*lines, *cosines]


def _cleared(graph: Graph, x: Value, sizes: Value) -> Value:
    """Zeros outside of pictures."""
    inside = []
    for axis, others in ((0, [2, 3]), (1, [1, 3])):
        length = graph("Squeeze", graph("Shape", x, start=1 + axis, end=2 + axis))
        numbers = graph("Unsqueeze", graph("Range", np.int64(0), length, np.int64(1)), [0])
        size = graph("Slice", sizes, [axis], [axis + 1], [1])
        inside.append(graph("Unsqueeze", graph("Less", numbers, size), others, name=f"inside{axis}"))
    return graph("Where", graph("And", *inside), x, F(0), name="cleared")


def _convolved(graph: Graph, layer: Any, x: Value) -> Value:
    """A convolution with channels last, the norm of every place, and rectification."""
    convolution = layer.convolution
    turned = graph("Transpose", x, perm=[0, 3, 1, 2], name="channels_first")
    weight = graph.weight("convolution.weight", convolution.weight)
    strides, side = list(convolution.stride), convolution.padding[0]
    found = graph("Conv", turned, weight, strides=strides, pads=[side] * 4, name="convolution")
    found = graph("Transpose", found, perm=[0, 2, 3, 1], name="channels_last")
    return graph("Relu", _norm(graph, found, layer.norm, "norm"), name="rectified")


def _norm(graph: Graph, x: Value, layer: Any, name: str) -> Value:
    scale, shift = graph.weight(f"{name}.weight", layer.weight), graph.weight(f"{name}.bias", layer.bias)
    return graph("LayerNormalization", x, scale, shift, axis=-1, epsilon=layer.eps, name=name)


def _pooled(graph: Graph, values: Value, real: Value, count: Value) -> Value:
    """The mean and the largest of every feature over the regions of a picture."""
    total = graph("ReduceSum", graph("Where", real, values, F(0)), [1], keepdims=0, name="total")
    mean = graph("Div", total, graph("Cast", count, to=1), name="mean")
    seen = graph("Where", real, values, np.finfo(F).min, name="seen")
    largest = graph("ReduceMax", seen, [1], keepdims=0, name="largest")
    return graph("Concat", mean, largest, axis=1, name="pooled")
