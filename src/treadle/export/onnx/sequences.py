"""Padded batches in a graph: which steps are real, the last of them, and room where there is no step."""

from dataclasses import dataclass

import numpy as np

from treadle.export.onnx.graph import Graph, Value
from treadle.tasks.sequence.network import SequenceEncoder

F = np.float32


@dataclass(frozen=True)
class Lengths:
    """The lengths of a padded batch that has at least one step.

    Attributes:
        given: `[batch]` int64.
        short: The same in int32, as ONNX's recurrent operators take them.
        some: `[batch, 1]` bool: whether a row has a step.
        real: `[batch, time, 1]` bool: which steps are no padding.
        steps: `[1]` int64: the padded length as it was given, which may be 0.
        rows: `[1]` int64: the batch.
    """

    given: Value
    short: Value
    some: Value
    real: Value
    steps: Value
    rows: Value


def at_least_one_step(graph: Graph, x: Value, rank: int, least: int = 1) -> tuple[Value, Value]:
    """`x [batch, time, ...]` with a step of zeros if it has none, since a Scan of no steps ends ONNX Runtime's process.

    Args:
        graph: Where.
        x: The input.
        rank: Its axes.
        least: Steps that it has at least, if one is not enough.

    Returns:
        That, and the number of steps that were given, `[1]`.
    """
    with graph.within("lengths"):
        steps = graph("Shape", x, start=1, end=2, name="steps")
        missing = graph("Max", graph("Sub", [least], steps, name="short_of"), [0], name="missing_steps")
        behind = [[0] * (rank - 2)] if rank > 2 else []
        pads = graph("Concat", [0] * (rank + 1), missing, *behind, axis=0, name="pads")
        return graph("Pad", x, pads, name="at_least_one_step"), steps


def read_lengths(graph: Graph, lengths: Value, x: Value, steps: Value) -> Lengths:
    """What a graph needs of the lengths of `x [batch, time, ...]`, of which `steps` were given."""
    with graph.within("lengths"):
        padded = graph("Squeeze", graph("Shape", x, start=1, end=2), [0], name="padded_steps")
        places = graph("Range", np.int64(0), padded, np.int64(1), name="places")
        column = graph("Unsqueeze", lengths, [1], name="column")
        return Lengths(
            lengths,
            graph("Cast", lengths, to=6, name="as_int32"),
            graph("Greater", column, [0], name="has_steps"),
            graph("Unsqueeze", graph("Less", places, column), [2], name="real"),
            steps,
            graph("Shape", lengths, name="rows"),
        )


def clear_padding(graph: Graph, x: Value, lengths: Lengths) -> Value:
    """Zeros in place of the padding of `x [batch, time, feature]`."""
    return graph("Where", lengths.real, x, F(0), name="cleared")


def given_steps(graph: Graph, y: Value, lengths: Lengths, name: str) -> Value:
    """`y [batch, time, ...]` with as many steps as were given."""
    return graph("Slice", y, [0], lengths.steps, [1], name=name)


def last_real(graph: Graph, y: Value, lengths: Lengths) -> Value:
    """The value at the last real step of `y [batch, time, feature]`; of a row without steps, its first padding."""
    last = graph("Max", graph("Sub", lengths.given, 1), 0, name="last")
    return one_step(graph, y, graph("Unsqueeze", last, [1]), "last_real")


def one_step(graph: Graph, y: Value, index: Value, name: str) -> Value:
    """`y[b, index[b]]` for `y [batch, time, feature]` and `index [batch, 1]`."""
    return graph("GatherND", y, index, batch_dims=1, name=name)


def write_segments(graph: Graph, x: Value, lengths: Lengths, encoder: SequenceEncoder) -> tuple[Value, Lengths]:
    """Several steps side by side as one, as `treadle.nn.segments`; `x` is zero past the lengths."""
    size, stride = encoder.segment, encoder.stride or encoder.segment
    beyond = graph("Max", graph("Sub", lengths.given, size), 0, name="beyond_first")
    further = graph("Div", graph("Add", beyond, stride - 1), stride, name="further_segments")
    some = graph("Squeeze", lengths.some, [1])
    count = graph("Where", some, graph("Add", further, 1), np.int64(0), name="segments")
    longest = graph("Max", graph("ReduceMax", count, [0], keepdims=0), 1, name="most_segments")
    begins = graph("Mul", graph("Range", np.int64(0), longest, np.int64(1)), stride, name="begins")
    places = graph("Add", graph("Unsqueeze", begins, [1]), np.arange(size), name="places_of_segments")
    reach = graph("Add", graph("Mul", graph("Sub", longest, 1), stride), size, name="reach")
    missing = graph("Max", graph("Sub", reach, graph("Squeeze", graph("Shape", x, start=1, end=2))), 0)
    pads = graph("Concat", [0] * 4, graph("Unsqueeze", missing, [0]), [0], axis=0, name="pads_of_segments")
    cut = graph("Gather", graph("Pad", x, pads), places, axis=1, name="cut")
    side_by_side = graph("Reshape", cut, [0, 0, -1], name="side_by_side")
    return side_by_side, read_lengths(graph, count, side_by_side, graph("Unsqueeze", longest, [0]))
