"""Recurrent layers in a graph: over whole padded sequences, and one step at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from treadle.export.onnx.cells import StepWriter, write_step
from treadle.export.onnx.graph import Graph, Port, Value
from treadle.export.onnx.native import is_native, write_native
from treadle.export.onnx.sequences import Lengths, clear_padding
from treadle.nn import Recurrent, Stack
from treadle.streaming.layers import settled

F = np.float32
States = Sequence[tuple[Value, ...]]


def unrounded(network: Any) -> Any:
    """A copy of a network as it is exported: on the CPU, without noise, by no engine that rounds.

    Args:
        network: A network or layers; it stays as it is.
    """
    copy = settled(network)
    for module in copy.modules():
        if isinstance(module, Recurrent):
            module.engine = "auto"
    return copy


def write_stack(
    graph: Graph, stack: Stack, x: Value, lengths: Lengths, states: States | None = None
) -> tuple[Value, list[tuple[Value, ...]]]:
    """Layers over `x [batch, time, input_size]`, as `Stack.forward`.

    Args:
        graph: Where.
        stack: The layers, in evaluation mode.
        x: At least one step; past the lengths anything.
        lengths: Of it.
        states: Before the first step, one for each layer and direction; None for the initial ones.

    Returns:
        The outputs, zero past a length, and the states after the last real step.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    x = clear_padding(graph, x, lengths)
    after: list[tuple[Value, ...]] = []
    for number, layer in enumerate(stack.layers):
        with graph.within(f"layer{number}"):
            directions = list(layer)
            before = None if states is None else states[len(after) : len(after) + len(directions)]
            if all(is_native(one.cell) for one in directions):
                y, ends = write_native(graph, directions, x, lengths, before)
            else:
                y, ends = _scanned(graph, directions, x, lengths, before)
            after += ends
            x = _connected(graph, stack, number, x, y)
    return x, after


def write_stack_step(graph: Graph, stack: Stack, x: Value, states: States) -> tuple[Value, list[tuple[Value, ...]]]:
    """One step of causal layers, `x [batch, input_size]`, as `Stack.step`.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    after: list[tuple[Value, ...]] = []
    for number, layer in enumerate(stack.layers):
        with graph.within(f"layer{number}"):
            if is_native(layer[0].cell):
                one = graph("Unsqueeze", x, [1], name="one_step")
                y, ends = write_native(graph, list(layer), one, None, [states[number]])
                y, end = graph("Squeeze", y, [1]), ends[0]
            else:
                y, end = write_step(graph, layer[0].cell, x, states[number])
            after.append(end)
            x = _connected(graph, stack, number, x, y)
    return x, after


def _connected(graph: Graph, stack: Stack, number: int, x: Value, y: Value) -> Value:
    """The output of a layer, with the connection that brings its input to it."""
    layer = stack.layers[number]
    sizes = layer[0].cell.input_size, sum(one.cell.output_size for one in layer)
    if str(number) in stack.highway:
        gate = stack.highway[str(number)]
        opened = graph("Sigmoid", linear(graph, x, gate, "highway"), name="opened")
        kept = graph("Mul", graph("Sub", F(1), opened), x, name="kept")
        return graph("Add", graph("Mul", opened, y, name="passed"), kept, name="highway_output")
    return graph("Add", x, y, name="residual") if stack.residual and sizes[0] == sizes[1] else y


def linear(graph: Graph, x: Value, layer: Any, name: str) -> Value:
    """`x W + b` of a linear layer of torch's."""
    weight = graph.weight(f"{name}.weight", layer.weight.T)
    if layer.bias is None:
        return graph("MatMul", x, weight, name=name)
    product = graph("MatMul", x, weight, name=f"{name}_product")
    return graph("Add", product, graph.weight(f"{name}.bias", layer.bias), name=name)


def _scanned(
    graph: Graph, directions: Sequence[Recurrent], x: Value, lengths: Lengths, states: States | None
) -> tuple[Value, list[tuple[Value, ...]]]:
    """Every direction as a Scan of its cell's step."""
    outputs, ends = [], []
    for place, layer in enumerate(directions):
        with graph.within("backward" if layer.reverse else "forward"):
            before = _initial(graph, layer, lengths) if states is None else states[place]
            y, end = _scan(graph, layer, x, lengths, before)
        outputs.append(y)
        ends.append(end)
    y = graph("Concat", *outputs, axis=2, name="both_directions") if len(outputs) > 1 else outputs[0]
    return y, ends


def _initial(graph: Graph, layer: Recurrent, lengths: Lengths) -> tuple[Value, ...]:
    """The state before the first step, for every row."""
    with torch.no_grad():
        start = layer.cell.initial_state(1, device="cpu", dtype=torch.float32)
    found = []
    for name, field in zip(start._fields, start, strict=True):
        shape = graph("Concat", lengths.rows, [field.shape[1]], axis=0, name=f"{name}_shape")
        found.append(graph("Expand", graph.value(field.numpy()), shape, name=f"{name}_begin"))
    return tuple(found)


def _scan(
    graph: Graph, layer: Recurrent, x: Value, lengths: Lengths, before: tuple[Value, ...]
) -> tuple[Value, tuple[Value, ...]]:
    """One direction. A step of the padding leaves the state as it was, so that either end of a row may be padded."""
    cell = layer.cell
    body = graph.body("step")
    with body.within("step"):
        state = tuple(_port(body, f"{name}_before") for name in cell.state_type._fields)
        brought: list[Value] = []

        def bring(value: Value, _width: int) -> Value:
            brought.append(value)
            return _port(body, f"{value.split('/')[-1]}_now")

        writer = StepWriter(cell, graph, body, x, state, bring)
        y, after = writer.write()
        real = _port(body, "real_now", "bool")
        kept = [body("Where", real, new, old, name="state") for new, old in zip(after, state, strict=True)]
        given = body("Where", real, y, F(0), name="output")
    scans = len(brought) + 1
    body.outputs = [Port(name, "float32", (None, None)) for name in (*kept, given)]
    way = int(layer.reverse)
    fields = cell.state_type._fields
    *ends, y = graph.several(
        "Scan",
        *before,
        *brought,
        lengths.real,
        names=[*(f"{name}_at_end" for name in fields), "y"],
        body=body.to_onnx(),
        num_scan_inputs=scans,
        scan_input_axes=[1] * scans,
        scan_output_axes=[1],
        scan_input_directions=[way] * scans,
        scan_output_directions=[way],
    )
    return y, tuple(ends)


def _port(body: Graph, name: str, dtype: str = "float32") -> Value:
    """An input of a body, under a name that nothing else has."""
    value = body.fresh(name)
    body.inputs.append(Port(value, dtype, (None, None)))
    return value
