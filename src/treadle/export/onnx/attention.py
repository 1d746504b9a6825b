"""Attention and one step of a decoder in a graph."""

import math
from typing import NamedTuple

import numpy as np

from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear, write_stack_step
from treadle.export.onnx.states import AFTER, by_layer, by_name
from treadle.nn import Attention
from treadle.nn.decoder import Decoder

F = np.float32


class GraphMemory(NamedTuple):
    """What queries look at: `[batch, source, ...]` each, and which steps are real, `[batch, source]`."""

    keys: Value
    values: Value
    real: Value


def memory_sizes(attention: Attention, memory_size: int) -> tuple[int, int]:
    """Numbers of a step's keys and values."""
    keys = memory_size if attention.kind == "dot" else attention.of_memory.out_features
    return keys, attention.output_size


def write_memory(graph: Graph, attention: Attention, encoded: Value, real: Value) -> GraphMemory:
    """`Attention.remember` of `encoded [batch, source, size]`, zero past a length."""
    with graph.within("memory"):
        keys = encoded if attention.kind == "dot" else linear(graph, encoded, attention.of_memory, "keys")
        values = linear(graph, encoded, attention.of_value, "values") if attention.kind == "scaled" else encoded
        return GraphMemory(keys, values, real)


def write_attention(
    graph: Graph, attention: Attention, query: Value, memory: GraphMemory, coverage: Value | None
) -> tuple[Value, Value]:
    """One query `[batch, size]` to the context `[batch, output_size]` and the weights `[batch, source]`."""
    with graph.within("attention"):
        if attention.kind in ("additive", "scaled"):
            query = linear(graph, query, attention.of_query, "query")
        if attention.kind == "additive":
            scores = _additive(graph, attention, query, memory.keys, coverage)
        else:
            scores = _products(graph, attention, query, memory.keys, coverage)
        real = graph("Unsqueeze", memory.real, [1, 2], name="real")
        masked = graph("Where", real, scores, np.finfo(F).min, name="masked")
        weights = graph("Softmax", masked, axis=-1, name="shares")
        weights = graph("Where", real, weights, F(0), name="weights")  # zeros, not NaN, where nothing is real
        values = graph("Transpose", _by_head(graph, memory.values, attention.heads), perm=[0, 2, 1, 3])
        mean = graph("Transpose", graph("MatMul", weights, values), perm=[0, 2, 1, 3], name="means")
        context = graph("Reshape", mean, [0, -1], name="context")
        shown = graph("ReduceMean", weights, [1], keepdims=0, name="mean_of_heads")
        return context, graph("Squeeze", shown, [1], name="shown")


def _by_head(graph: Graph, x: Value, heads: int) -> Value:
    """`[batch, source, size]` to `[batch, source, heads, size / heads]`."""
    split = graph("Concat", graph("Shape", x, start=0, end=2), [heads, -1], axis=0)
    return graph("Reshape", x, split, name="by_head")


def _additive(graph: Graph, attention: Attention, query: Value, keys: Value, coverage: Value | None) -> Value:
    """`[batch, 1, 1, source]`."""
    if coverage is not None and attention.coverage is not None:
        seen = graph("Unsqueeze", coverage, [2], name="coverage_column")
        keys = graph("Add", keys, graph("Mul", seen, graph.weight("coverage.weight", attention.coverage)))
    both = graph("Tanh", graph("Add", graph("Unsqueeze", query, [1]), keys), name="compared")
    scores = linear(graph, both, attention.score, "score")
    return graph("Unsqueeze", graph("Squeeze", scores, [2]), [1, 2], name="scores")


def _products(graph: Graph, attention: Attention, query: Value, keys: Value, coverage: Value | None) -> Value:
    """`[batch, heads, 1, source]`."""
    heads = attention.heads
    asked = graph("Reshape", query, [0, heads, 1, -1], name="query_by_head")
    known = graph("Transpose", _by_head(graph, keys, heads), perm=[0, 2, 3, 1], name="keys_by_head")
    scores = graph("MatMul", asked, known, name="scores")
    if attention.kind == "scaled":
        scores = graph("Div", scores, F(math.sqrt(attention.of_query.out_features // heads)), name="scaled")
    if coverage is not None and attention.coverage is not None:
        weight = graph.weight("coverage.weight", attention.coverage[:, None, None])
        scores = graph("Add", scores, graph("Mul", weight, graph("Unsqueeze", coverage, [1, 2])), name="covered")
    return scores


def state_shapes(decoder: Decoder) -> dict[str, tuple[int | str, ...]]:
    """The names and shapes of all that a decoder remembers."""
    found: dict[str, tuple[int | str, ...]] = {}
    for number, layer in enumerate(decoder.stack.layers):
        cell = layer[0].cell
        for name, size in zip(cell.state_type._fields, cell.state_sizes, strict=True):
            found[f"layer{number}_{name}"] = ("batch", size)
    if decoder.input_feeding:
        found["fed"] = ("batch", decoder.output_size)
    if decoder.attention.coverage is not None:
        found["coverage"] = ("batch", "source")
    return found


def write_begin(graph: Graph, decoder: Decoder, summary: Value, encoded: Value) -> dict[str, Value]:
    """The state before the first step, by the names of `state_shapes`, as `Decoder.begin`."""
    bridge = graph("Tanh", linear(graph, summary, decoder.bridge, "bridge"), name="begin")
    shapes = state_shapes(decoder)
    layers = [name for name in shapes if name.startswith("layer")]
    sizes = np.array([shapes[name][1] for name in layers], dtype=np.int64)
    parts = graph.several("Split", bridge, sizes, names=[f"{name}_begin" for name in layers], axis=1)
    states = dict(zip(layers, parts, strict=True))
    rows = graph("Shape", encoded, start=0, end=1, name="rows_of_source")
    if "fed" in shapes:
        shape = graph("Concat", rows, [decoder.output_size], axis=0)
        states["fed"] = graph("Expand", np.zeros((1, 1), F), shape, name="fed_begin")
    if "coverage" in shapes:
        both = graph("Shape", encoded, start=0, end=2)
        states["coverage"] = graph("Expand", np.zeros((1, 1), F), both, name="coverage_begin")
    return states


def write_decoder_step(
    graph: Graph, decoder: Decoder, x: Value, memory: GraphMemory, states: dict[str, Value]
) -> tuple[Value, Value, dict[str, Value]]:
    """`Decoder.step`: `x [batch, input_size]` to the features, the weights of attention, and the states after it."""
    if decoder.input_feeding:
        x = graph("Concat", x, states["fed"], axis=1, name="with_last_features")
    y, ends = write_stack_step(graph, decoder.stack, x, by_layer(decoder.stack, states))
    after = by_name(decoder.stack, ends)
    context, weights = write_attention(graph, decoder.attention, y, memory, states.get("coverage"))
    joined = linear(graph, graph("Concat", context, y, axis=1, name="context_and_output"), decoder.join, "join")
    features = graph("Tanh", joined, name="features")
    if decoder.input_feeding:
        after["fed"] = features
    if "coverage" in states:
        after["coverage"] = graph("Add", states["coverage"], weights, name="coverage_sum")
    return features, weights, after


def leave_states(graph: Graph, decoder: Decoder, states: dict[str, Value], suffix: str = AFTER) -> None:
    """The states as outputs."""
    for name, shape in state_shapes(decoder).items():
        graph.output(name + suffix, states[name], "float32", shape)
