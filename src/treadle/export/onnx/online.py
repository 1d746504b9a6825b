"""Learners on a stream, as they are now: the network in their heart, which learns no more."""

from typing import Any

import numpy as np
import torch

from treadle.errors import InputError
from treadle.export.onnx.graph import Array, Graph, Value
from treadle.export.onnx.layers import linear, unrounded, write_stack, write_stack_step
from treadle.export.onnx.proof import SHAPES, Arrays, Difference, Runner, draw_lengths, prove_steps, real_steps
from treadle.export.onnx.sequences import at_least_one_step, given_steps, read_lengths
from treadle.export.onnx.states import AFTER, Fields, StateField, by_layer, by_name, enter, layer_fields, leave
from treadle.export.onnx.written import Written
from treadle.tasks import AnomalyDetector, OnlineClassifier
from treadle.tasks.online.estimator import OnlineEstimator
from treadle.tasks.online.network import OnlineNetwork
from treadle.tasks.online.scale import CLIP, RunningScale
from treadle.tasks.online.series import SeriesOnline

SCALED = "'scaled' of a number is (x - mean) * factor by its scale, cut off at 'clip' either side; 0 where missing"
SERIES = [
    SCALED,
    "x is, side by side: the last value of every channel, scaled by 'level'; its last change, scaled by 'changes'; for "
    "each of 'seasons' the value of so many steps before the next one less the last value, scaled by 'changes'; and "
    "what is known of the next step, scaled by 'known scale'",
]
COLUMNS = (
    "x has 'width' columns. Features by name: 'columns' is the place of each, the name written as Python does; a date "
    "is sine and cosine of the share of the day, of the week and of the year; a column without a value is missing"
)
FEATURES = [SCALED, COLUMNS, "all of them scaled by 'scale'"]
CLASSES = "the softmax of the output is the probability of every class"
NUMBER = "the target is mean + deviation * output, by 'target'"
NEXT = "the next value is the last one plus mean + deviation * output, by 'changes'"
DETECTOR = (
    "the score of a step compares the error of what was expected with the errors of late, a memory that goes on with "
    "the stream; it is not in the graphs, treadle.AnomalyDetector keeps it"
)


def write_online(estimator: OnlineEstimator) -> Written:
    """The network of a learner on a stream, with its states as they are now.

    Raises:
        InputError: It has seen nothing; or a cell's step is nothing that the compiler knows.
    """
    learner = estimator._learner
    if learner is None:
        raise InputError(f"this {type(estimator).__name__} has seen no step yet, so there is no network to export")
    network: OnlineNetwork = unrounded(learner.network)
    fresh = layer_fields(network.stack)
    fields = [StateField(one.name, now[0].copy()) for one, now in zip(fresh, learner._fields, strict=True)]
    series, parts = isinstance(estimator, SeriesOnline), estimator._parts
    scales = {name: _scale(part) for name, part in parts.items() if isinstance(part, RunningScale)}
    how = SERIES if series else FEATURES
    said: dict[str, Any] = {
        "inputs": {"x": {"lengths": "lengths", "how": how, "clip": CLIP, "scales": scales}},
        "answer": {"output": "output", "learns": "no more: weights, scales and states are those of the export"},
    }
    if isinstance(estimator, SeriesOnline):
        said["inputs"]["x"] |= {
            "seasons": list(estimator.seasons or ()),
            "channels": parts["values"].facts(),
            "known": parts["known"].facts(),
            "last": _numbers(parts["history"].last),
            "change": _numbers(parts["history"].change),
        }
        said["answer"]["how"] = NEXT
    else:
        said["inputs"]["x"] |= parts["reader"].facts()
        classes = estimator.classes_ if isinstance(estimator, OnlineClassifier) else None
        said["answer"] |= {"how": NUMBER} if classes is None else {"how": CLASSES, "classes": classes}
    if isinstance(estimator, AnomalyDetector):
        said["answer"]["score"] = DETECTOR
    graphs = {"model.onnx": _sequence(network, fields), "step.onnx": _step(network, fields)}
    return Written(said, fields, graphs, lambda runners, difference: _prove(network, fields, runners, difference))


def _scale(scale: RunningScale) -> dict[str, Any]:
    return {name: getattr(scale, name).tolist() for name in ("mean", "deviation", "factor")}


def _numbers(values: Array) -> list[float | None]:
    """Numbers as JSON can hold them, None for those that are not known."""
    return [None if value != value else value for value in values.tolist()]


def _answered(graph: Graph, network: OnlineNetwork, y: Value, x: Value) -> Value:
    return linear(graph, graph("Concat", y, x, axis=-1, name="output_and_input"), network.head, "head")


def _sequence(network: OnlineNetwork, fields: Fields) -> Graph:
    graph, size = Graph("learner"), network.stack.input_size
    x = graph.input("x", "float32", ("batch", "time", size))
    given = graph.input("lengths", "int64", ("batch",))
    states = by_layer(network.stack, enter(graph, fields))
    padded, steps = at_least_one_step(graph, x, 3)
    lengths = read_lengths(graph, given, padded, steps)
    y, after = write_stack(graph, network.stack, padded, lengths, states)
    told = given_steps(graph, _answered(graph, network, y, padded), lengths, "told_given")
    graph.output("output", told, "float32", ("batch", "time", network.head.out_features))
    leave(graph, fields, by_name(network.stack, after))
    return graph


def _step(network: OnlineNetwork, fields: Fields) -> Graph:
    graph = Graph("step")
    x = graph.input("x", "float32", ("batch", network.stack.input_size))
    y, after = write_stack_step(graph, network.stack, x, by_layer(network.stack, enter(graph, fields)))
    graph.output("output", _answered(graph, network, y, x), "float32", ("batch", network.head.out_features))
    leave(graph, fields, by_name(network.stack, after))
    return graph


def _prove(network: OnlineNetwork, fields: Fields, runners: dict[str, Runner], difference: Difference) -> None:
    random = np.random.default_rng(0)

    def draw(rows: int, steps: int) -> Arrays:
        return {"x": random.normal(size=(rows, steps, network.stack.input_size)).astype(np.float32)}

    for rows, steps in SHAPES:
        x, lengths = draw(rows, steps)["x"], draw_lengths(random, rows, steps)
        begin = {field.name: field.begin(rows) for field in fields}
        found = runners["model.onnx"]({"x": x, "lengths": lengths, **begin})
        kinds = [layer[0].cell.state_type for layer in network.stack.layers]
        before = by_layer(network.stack, {name: torch.from_numpy(one) for name, one in begin.items()})
        state = [kind(*one) for kind, one in zip(kinds, before, strict=True)]
        with torch.no_grad():
            y, after = network.stack(torch.from_numpy(x), state, lengths=torch.from_numpy(lengths))
            told = network.head(torch.cat([y, torch.from_numpy(x)], -1)).numpy()
        found["output"] = real_steps(found["output"], lengths)
        expected: dict[str, Any] = {name + AFTER: one for name, one in by_name(network.stack, after).items()}
        difference.take_all(
            f"a batch of {rows}, {steps} steps", found, expected | {"output": real_steps(told, lengths)}
        )
    prove_steps(difference, runners, draw, fields, each=["output"])
