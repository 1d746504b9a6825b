"""From all steps to one vector, in a form that can go on: what was pooled so far is a state."""

import numpy as np

from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear
from treadle.export.onnx.sequences import Lengths, last_real
from treadle.export.onnx.states import StateField
from treadle.nn import Pooling

F = np.float32
LOWEST = np.finfo(np.float32).min
"""In the place of a largest value, where there was none yet."""
DOUBLE = 11
"""ONNX's number of float64, in which sums are kept, so that they stay exact however long a stream gets."""


def pooling_fields(pooling: Pooling, size: int) -> list[StateField]:
    """What a causal pooling of outputs of a size remembers of all steps so far."""
    kind, wide = pooling.kind, np.float64
    found = []
    if kind in ("last", "concat"):
        found.append(StateField("pooling_last", np.zeros(size, F)))
    if kind in ("max", "concat"):
        found.append(StateField("pooling_largest", np.full(size, LOWEST, F)))
    if kind == "attention":
        found.append(StateField("pooling_score", np.full(1, LOWEST, wide)))
        found.append(StateField("pooling_weight", np.zeros(1, wide)))
    if kind in ("mean", "concat", "attention"):
        found.append(StateField("pooling_sum", np.zeros(size, wide)))
    if kind in ("mean", "concat"):
        found.append(StateField("pooling_count", np.zeros(1, wide)))
    return found


def write_pooling(
    graph: Graph, pooling: Pooling, y: Value, lengths: Lengths | None, before: dict[str, Value]
) -> tuple[Value, dict[str, Value]]:
    """`y [batch, time, feature]`, zero past a length, to the vector of all steps so far.

    Args:
        graph: Where.
        pooling: Which.
        y: The outputs; at least one step.
        lengths: Of them; None where every step is real.
        before: What was pooled before, by the names of `pooling_fields`.

    Returns:
        `[batch, output_size]`, zeros where nothing was read; and what was pooled now.
    """
    with graph.within("pooling"):
        after: dict[str, Value] = {}
        if "pooling_last" in before:
            last = graph("Squeeze", y, [1]) if lengths is None else last_real(graph, y, lengths)
            if pooling.bidirectional:
                last = _both_ends(graph, last, y)
            after["pooling_last"] = (
                last if lengths is None else graph("Where", lengths.some, last, before["pooling_last"], name="last")
            )
        if "pooling_largest" in before:
            seen = y if lengths is None else graph("Where", lengths.real, y, LOWEST, name="seen")
            largest = graph("ReduceMax", seen, [1], keepdims=0, name="largest_here")
            after["pooling_largest"] = graph("Max", before["pooling_largest"], largest, name="largest")
        if "pooling_score" in before:
            after |= _attend(graph, pooling, y, lengths, before)
        elif "pooling_sum" in before:
            wide = graph("Cast", y, to=DOUBLE, name="y_float64")
            total = graph("ReduceSum", wide, [1], keepdims=0, name="sum_here")
            after["pooling_sum"] = graph("Add", before["pooling_sum"], total, name="sum")
            more = np.ones((1, 1)) if lengths is None else graph("Unsqueeze", lengths.given, [1])
            more = graph("Cast", more, to=DOUBLE, name="steps_here")
            after["pooling_count"] = graph("Add", before["pooling_count"], more, name="count")
        return _vector(graph, pooling.kind, after), after


def _both_ends(graph: Graph, last: Value, y: Value) -> Value:
    """The forward direction at its last step and the other at the first, where it ends."""
    first = graph("Gather", y, 0, axis=1, name="first")
    halves = graph.several("Split", last, names=["forward_end", "unused_end"], axis=1, num_outputs=2)
    ends = graph.several("Split", first, names=["unused_begin", "backward_end"], axis=1, num_outputs=2)
    return graph("Concat", halves[0], ends[1], axis=1, name="both_ends")


def _attend(
    graph: Graph, pooling: Pooling, y: Value, lengths: Lengths | None, before: dict[str, Value]
) -> dict[str, Value]:
    """Weights relative to the largest score so far; what was summed before is rescaled to it, which is exact."""
    hidden = graph("Tanh", linear(graph, y, pooling.score[0], "hidden"))
    score = graph("Cast", linear(graph, hidden, pooling.score[2], "score"), to=DOUBLE, name="score_float64")
    if lengths is not None:
        score = graph("Where", lengths.real, score, np.float64(LOWEST), name="real_score")
    highest_here = graph("ReduceMax", score, [1], keepdims=0)
    highest = graph("Max", before["pooling_score"], highest_here, name="highest")
    rescale = graph("Exp", graph("Sub", before["pooling_score"], highest), name="rescale")
    now = graph("Exp", graph("Sub", score, graph("Unsqueeze", highest, [1])), name="weights")
    if lengths is not None:
        now = graph("Where", lengths.real, now, np.float64(0), name="real_weights")
    weighted = graph("Mul", now, graph("Cast", y, to=DOUBLE), name="weighted")
    after = {"pooling_score": highest}
    for name, more in (("weight", now), ("sum", weighted)):
        here = graph("ReduceSum", more, [1], keepdims=0, name=f"{name}_here")
        kept = graph("Mul", before[f"pooling_{name}"], rescale, name=f"{name}_kept")
        after[f"pooling_{name}"] = graph("Add", kept, here, name=name)
    return after


def _vector(graph: Graph, kind: str, after: dict[str, Value]) -> Value:
    parts = []
    if "pooling_last" in after:
        parts.append(after["pooling_last"])
    if "pooling_largest" in after:
        nothing = graph("LessOrEqual", after["pooling_largest"], LOWEST, name="nothing")
        parts.append(graph("Where", nothing, F(0), after["pooling_largest"], name="max"))
    if "pooling_sum" in after:
        by = after["pooling_weight" if kind == "attention" else "pooling_count"]
        by = graph("Where", graph("Equal", by, np.float64(0)), np.float64(1), by, name="divisor")
        parts.append(graph("Cast", graph("Div", after["pooling_sum"], by), to=1, name="mean"))
    return parts[0] if len(parts) == 1 else graph("Concat", *parts, axis=1, name="vector")
