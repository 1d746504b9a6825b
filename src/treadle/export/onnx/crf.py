"""A linear chain in a graph: the best tags, the probability of each, and of the last one while a sentence goes on."""

from typing import NamedTuple

import numpy as np

from treadle.export.onnx.graph import Array, Graph, Port, Value
from treadle.export.onnx.pooling import DOUBLE
from treadle.export.onnx.sequences import Lengths
from treadle.export.onnx.states import StateField
from treadle.nn import CRF

FILTERED = "tags_filtered"
"""What is known of the last tag: the logarithm of the probability of each, and in the last place of a start."""

IMPOSSIBLE = -1e300
"""The logarithm of no probability, in a file that cannot hold infinity."""


class Decoded(NamedTuple):
    """What a chain says: the best tags `[batch, time]`, and the probability of every one, `[batch, time, tags]`."""

    tags: Value
    probabilities: Value


def filtered_field(labels: int) -> StateField:
    """Before the first step, all that there is, is the start."""
    return StateField(FILTERED, np.append(np.full(labels, IMPOSSIBLE), 0.0))


def moves(crf: CRF) -> Array:
    """`[K + 1, K + 1]` scores of one label after another, the last row of a start and the last column of an end."""
    return crf.scores.detach().double().masked_fill(~crf.allowed, -np.inf).numpy()


def write_decoding(graph: Graph, crf: CRF, emissions: Value, lengths: Lengths) -> Decoded:
    """Viterbi's search, and the forward and backward recursions, by logarithms in float64.

    Args:
        graph: Where.
        crf: The chain.
        emissions: `[batch, time, K]`, zero past a length.
        lengths: Of it.
    """
    scores, size = moves(crf), crf.labels
    with graph.within("crf"):
        wide = graph("Cast", emissions, to=DOUBLE, name="emissions_float64")
        begin = _begin(graph, size, lengths)
        best_end, best = _recursion(graph, "ReduceMax", scores, wide, lengths, begin)
        sum_end, sums = _recursion(graph, "ReduceLogSumExp", scores, wide, lengths, begin)
        end = graph.weight("end_scores", scores[:-1, -1])
        ending = graph("Add", _without_start(graph, best_end, size), end, name="ending")
        last = graph("ArgMax", ending, axis=1, keepdims=0, name="last_tag")
        log_z = graph("Add", _without_start(graph, sum_end, size), end)
        log_z = graph("ReduceLogSumExp", log_z, [1], name="log_partition")
        shape = graph("Concat", lengths.rows, [size], axis=0, name="backward_shape")
        tags, backward = _backtrack(
            graph, scores, best, wide, lengths, begin, last, graph("Expand", end, shape, name="backward_begin")
        )
        both = graph("Add", _without_start(graph, sums, size), backward, name="joint")
        log_p = graph("Sub", both, graph("Unsqueeze", log_z, [1]), name="log_marginals")
        p = graph("Cast", graph("Exp", log_p), to=1, name="marginals")
        return Decoded(tags, graph("Where", lengths.real, p, np.float32(0), name="real_marginals"))


def write_filter(
    graph: Graph, crf: CRF | None, emissions: Value, lengths: Lengths, before: Value
) -> tuple[Value, Value]:
    """The probability of every label of each step given the steps up to it, and what to go on from.

    Args:
        graph: Where.
        crf: The chain; None where each label stands for itself.
        emissions: `[batch, time, K]`.
        lengths: Of it.
        before: As `filtered_field` says.
    """
    with graph.within("filter"):
        if crf is None:
            return graph("Softmax", emissions, axis=-1, name="filtered"), before
        wide = graph("Cast", emissions, to=DOUBLE, name="emissions_float64")
        end, sums = _recursion(graph, "ReduceLogSumExp", moves(crf), wide, lengths, before)
        told = graph("Softmax", _without_start(graph, sums, crf.labels), axis=-1, name="filtered_float64")
        after = graph("Sub", end, graph("ReduceLogSumExp", end, [1]), name="normalised")
        return graph("Cast", told, to=1, name="filtered"), after


def write_filter_step(graph: Graph, crf: CRF | None, emissions: Value, before: Value) -> tuple[Value, Value]:
    """`write_filter` of one step, `emissions [batch, K]`."""
    with graph.within("filter"):
        if crf is None:
            return graph("Softmax", emissions, axis=-1, name="filtered"), before
        wide = graph("Cast", emissions, to=DOUBLE, name="emissions_float64")
        sums = _moved(graph, "ReduceLogSumExp", graph.weight("scores", moves(crf)[:, :-1]), wide, before)
        after = graph("Sub", sums, graph("ReduceLogSumExp", sums, [1]), name="normalised")
        told = graph("Exp", _without_start(graph, after, crf.labels), name="filtered_float64")
        return graph("Cast", told, to=1, name="filtered"), after


def _begin(graph: Graph, size: int, lengths: Lengths) -> Value:
    shape = graph("Concat", lengths.rows, [size + 1], axis=0, name="begin_shape")
    return graph("Expand", graph.weight("at_start", filtered_field(size).initial), shape, name="begin")


def _without_start(graph: Graph, values: Value, size: int) -> Value:
    return graph("Slice", values, [0], [size], [-1], name="of_labels")


def _moved(graph: Graph, over: str, scores: Value, emissions: Value, before: Value) -> Value:
    r"""\(\max_j\) or \(\log \sum_j \exp\) of `before[j] + scores[j, k]`, with the emission of k; `[batch, K + 1]`."""
    ways = graph("Add", graph("Unsqueeze", before, [2]), scores, name="ways")
    moved = graph("Add", graph(over, ways, [1], keepdims=0, name="moved"), emissions, name="onward")
    return graph("Pad", moved, [0, 0, 0, 1], np.float64(IMPOSSIBLE), name="and_no_start")


def _recursion(
    graph: Graph, over: str, scores: Array, emissions: Value, lengths: Lengths, begin: Value
) -> tuple[Value, Value]:
    """The forward recursion: what stands after the last real step `[batch, K + 1]`, and after each step."""
    body = graph.body("forward")
    with body.within("best" if over == "ReduceMax" else "sums"):
        before, now, real = _ports(body, {"before": "float64", "emissions_now": "float64", "real_now": "bool"})
        onward = _moved(body, over, graph.weight("scores", scores[:, :-1]), now, before)
        after = body("Where", real, onward, before, name="after")
        told = body("Identity", after, name="told")
    end, steps = _scan(graph, body, [begin], [emissions, lengths.real], [after], [(told, "float64")], backwards=False)
    return end, steps


def _backtrack(
    graph: Graph,
    scores: Array,
    best: Value,
    emissions: Value,
    lengths: Lengths,
    begin: Value,
    last: Value,
    end: Value,
) -> tuple[Value, Value]:
    """From the end to the beginning: the tags of the best way `[batch, time]`, and the backward recursion."""
    into = graph.weight("into", scores[:, :-1].T.copy())
    inner = graph.weight("inner", scores[:-1, :-1])
    # What stood before each step: the beginning, and all but the last of what stood after one.
    first = graph("Unsqueeze", begin, [1])
    before = graph("Concat", first, graph("Slice", best, [0], [-1], [1]), axis=1, name="best_before")
    body = graph.body("backward")
    with body.within("backward"):
        names = {"tag": "int64", "onward": "float64", "before": "float64", "emissions_now": "float64"}
        tag, onward, was, now, real = _ports(body, {**names, "real_now": "bool"}, flat=("tag",))
        found = body("Add", was, body("Gather", into, tag, axis=0), name="ways_into")
        chosen = body("ArgMax", found, axis=1, keepdims=0, name="chosen")
        flat = body("Squeeze", real, [1], name="is_real")
        earlier = body("Where", flat, chosen, tag, name="earlier_tag")
        ahead = body("Unsqueeze", body("Add", now, onward), [1])
        less = body("ReduceLogSumExp", body("Add", ahead, inner), [2], keepdims=0, name="onward_before")
        kept = body("Where", real, less, onward, name="onward_kept")
        told = body("Where", flat, tag, np.int64(0), name="tag_told")
        onward_told = body("Identity", onward, name="onward_told")
    outputs = [(told, "int64"), (onward_told, "float64")]
    inputs = [before, emissions, lengths.real]
    _, _, tags, backward = _scan(graph, body, [last, end], inputs, [earlier, kept], outputs, backwards=True)
    return tags, backward


def _ports(body: Graph, types: dict[str, str], flat: tuple[str, ...] = ()) -> list[Value]:
    found = []
    for name, dtype in types.items():
        value = body.fresh(name)
        body.inputs.append(Port(value, dtype, (None,) if name in flat else (None, None)))
        found.append(value)
    return found


def _scan(
    graph: Graph,
    body: Graph,
    states: list[Value],
    inputs: list[Value],
    after: list[Value],
    outputs: list[tuple[Value, str]],
    *,
    backwards: bool,
) -> tuple[Value, ...]:
    """A Scan over time: the last states, then the outputs `[batch, time, ...]`."""
    types = [port.type for port in body.inputs[: len(states)]]
    shapes = [port.shape for port in body.inputs[: len(states)]]
    ends = [Port(value, dtype, shape) for value, dtype, shape in zip(after, types, shapes, strict=True)]
    body.outputs = [*ends, *(Port(value, dtype, (None,) * (1 + (dtype != "int64"))) for value, dtype in outputs)]
    return tuple(
        graph.several(
            "Scan",
            *states,
            *inputs,
            names=[*("at_end" for _ in states), *("of_all_steps" for _ in outputs)],
            body=body.to_onnx(),
            num_scan_inputs=len(inputs),
            scan_input_axes=[1] * len(inputs),
            scan_output_axes=[1] * len(outputs),
            scan_input_directions=[int(backwards)] * len(inputs),
            scan_output_directions=[int(backwards)] * len(outputs),
        )
    )
