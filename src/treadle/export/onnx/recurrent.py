"""Recurrent layers alone: what a researcher exports."""

from typing import Any

import numpy as np
import torch

from treadle.errors import InputError
from treadle.export.onnx.graph import Graph
from treadle.export.onnx.layers import unrounded, write_stack, write_stack_step
from treadle.export.onnx.proof import SHAPES, Arrays, Difference, Runner, draw_lengths, prove_steps, tensors
from treadle.export.onnx.sequences import at_least_one_step, given_steps, read_lengths
from treadle.export.onnx.states import AFTER, by_layer, by_name, enter, layer_fields, leave
from treadle.export.onnx.written import Written
from treadle.nn import GRU, LSTM, RNN, Recurrent, Stack

Layers = Stack | Recurrent | RNN | GRU | LSTM


def write_layers(layers: Layers) -> Written:
    """The graphs of layers: `x` to `y`, with their states where they are causal.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    stack = as_stack(layers)
    causal = not stack.bidirectional and not stack.layers[0][0].reverse
    fields = layer_fields(stack) if causal else []
    written = Written({"kind": "layers"}, fields)
    written.graphs["model.onnx"] = sequence_of(stack, fields)
    if causal:
        written.graphs["step.onnx"] = step_of(stack, fields)
    written.prove = lambda runners, difference: _prove(stack, fields, runners, difference)
    return written


def as_stack(layers: Layers) -> Stack:
    """Layers of any kind as a stack in evaluation mode, on the CPU.

    Raises:
        InputError: Their numbers are not single precision, which the graphs are for.
    """
    kept = unrounded(layers)
    dtype = next((p.dtype for p in kept.parameters()), torch.float32)
    if dtype != torch.float32:
        raise InputError(f"the layers are {str(dtype)[6:]}, expected float32, which ONNX's recurrent operators read")
    if isinstance(kept, RNN | GRU | LSTM):
        return kept.stack
    if isinstance(kept, Stack):
        return kept
    stack = Stack(lambda _: kept.cell, kept.cell.input_size, kept.cell.hidden_size)
    stack.layers[0][0] = kept
    return stack.eval()


def sequence_of(stack: Stack, fields: Any) -> Graph:
    """`x [batch, time, input_size]` and `lengths [batch]` to `y [batch, time, output_size]`."""
    graph = Graph("layers")
    x = graph.input("x", "float32", ("batch", "time", stack.input_size))
    given = graph.input("lengths", "int64", ("batch",))
    states = enter(graph, fields)
    x, steps = at_least_one_step(graph, x, 3)
    lengths = read_lengths(graph, given, x, steps)
    y, after = write_stack(graph, stack, x, lengths, by_layer(stack, states) if fields else None)
    graph.output("y", given_steps(graph, y, lengths, "y_given"), "float32", ("batch", "time", stack.output_size))
    if fields:
        leave(graph, fields, by_name(stack, after))
    return graph


def step_of(stack: Stack, fields: Any) -> Graph:
    """`x [batch, input_size]` to `y [batch, output_size]`."""
    graph = Graph("step")
    x = graph.input("x", "float32", ("batch", stack.input_size))
    y, after = write_stack_step(graph, stack, x, by_layer(stack, enter(graph, fields)))
    graph.output("y", y, "float32", ("batch", stack.output_size))
    leave(graph, fields, by_name(stack, after))
    return graph


def _prove(stack: Stack, fields: Any, runners: dict[str, Runner], difference: Difference) -> None:
    random = np.random.default_rng(0)

    def draw(rows: int, steps: int) -> Arrays:
        return {"x": random.normal(size=(rows, steps, stack.input_size)).astype(np.float32)}

    for rows, steps in SHAPES:
        x, lengths = draw(rows, steps)["x"], draw_lengths(random, rows, steps)
        before = {f.name: (f.begin(rows) + random.normal(size=f.begin(rows).shape) / 2).astype("f") for f in fields}
        padded = np.where((np.arange(steps) < lengths[:, None])[..., None], x, np.float32(np.nan))
        found = runners["model.onnx"]({"x": padded, "lengths": lengths, **before})
        with torch.no_grad():
            state = (
                [
                    one[0].cell.state_type(*fields)
                    for one, fields in zip(stack.layers, by_layer(stack, tensors(before)), strict=True)
                ]
                if fields
                else None
            )
            y, after = stack(torch.from_numpy(x), state, lengths=torch.from_numpy(lengths))
        expected = {"y": y}
        if fields:
            expected |= {name + AFTER: one for name, one in by_name(stack, after).items()}
        difference.take_all(f"a batch of {rows}, {steps} steps", found, expected)
    if fields:
        prove_steps(difference, runners, draw, fields, each=["y"])
