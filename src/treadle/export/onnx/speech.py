"""Recognisers: frames of sound to the probability of every unit at every step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from treadle.export.onnx import description
from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear, unrounded, write_stack, write_stack_step
from treadle.export.onnx.proof import SHAPES, Arrays, Difference, Runner, draw_lengths, prove_steps, real_steps
from treadle.export.onnx.sequences import Lengths, at_least_one_step, clear_padding, given_steps, read_lengths
from treadle.export.onnx.states import StateField, by_layer, by_name, enter, layer_fields, leave
from treadle.export.onnx.written import Written
from treadle.nn.ctc import BLANK, log_probabilities
from treadle.tasks.transcribe import SpeechRecognizer
from treadle.tasks.transcribe.front_end import Convolution
from treadle.tasks.transcribe.network import SpeechNetwork

OUTPUT = "log_probabilities"

HOW = [
    "the natural logarithm of the probability of every unit at every step; unit 0 is the blank of CTC",
    "greedy search: the likeliest unit of each step, one for each run of equal ones, blanks left out",
    "units make text: characters side by side, words with a space between; of pieces of words, '▁' is a space",
]


class SpeechWriter:
    """Writes the graphs of a recogniser.

    Args:
        estimator: Fitted.
    """

    def __init__(self, estimator: SpeechRecognizer) -> None:
        self.network: SpeechNetwork = unrounded(estimator.network_)
        self.audio, self.units = estimator.audio_, estimator.units_
        self.seconds = estimator.step_seconds
        self.fields: list[StateField] = []
        self.refusal = ""
        if self.network.stack.bidirectional:
            self.refusal = (
                "this recogniser is bidirectional: it also reads every recording from its end; train a causal one with "
                "bidirectional=False"
            )
        else:
            buffers = self.network.front_end.buffers_of(1)
            self.fields = [StateField(f"front{n}", one[0].numpy()) for n, one in enumerate(buffers) if one.numel()]
            self.fields += layer_fields(self.network.stack)

    def write(self) -> Written:
        """Graphs, description and proof."""
        front = self.network.front_end
        said: dict[str, Any] = {
            "inputs": {"frames": {"lengths": "lengths", **description.audio(self.audio)}},
            "answer": {
                "output": OUTPUT,
                "how": HOW,
                "units": ["<blank>", *(self.units.spell(unit) for unit in range(1, len(self.units)))],
                "unit": self.units.unit,
                "blank": BLANK,
                "frames_of_a_step": front.reduction,
                "seconds_of_a_step": self.seconds,
            },
        }
        written = Written(said, self.fields, {"model.onnx": self._sequence()}, self._prove, self.refusal)
        if self.fields:
            written.graphs["step.onnx"] = self._step()
        return written

    def _sequence(self) -> Graph:
        graph, network, front = Graph("recogniser"), self.network, self.network.front_end
        bins = front.input_size // front.reduction
        frames = graph.input("frames", "float32", ("batch", "time", bins))
        given = graph.input("lengths", "int64", ("batch",))
        states = enter(graph, self.fields)
        steps = graph("Div", graph("Shape", frames, start=1, end=2), front.reduction, name="whole_steps")
        frames, _ = at_least_one_step(graph, frames, 3, front.reduction)
        whole = graph("Div", graph("Shape", frames, start=1, end=2), front.reduction)
        frames = graph("Slice", frames, [0], graph("Mul", whole, front.reduction), [1], name="frames_of_whole_steps")
        x = graph("Reshape", frames, [0, -1, front.input_size], name="side_by_side")
        count = graph("Div", given, front.reduction, name="steps_of_rows")
        lengths = read_lengths(graph, count, x, steps)
        x = clear_padding(graph, x, lengths)
        after: dict[str, Value] = {}
        for number, layer in enumerate(front.layers):
            with graph.within(f"front{number}"):
                x = _convolved(graph, layer, number, x, lengths, states, after)
        y, ends = write_stack(graph, network.stack, x, lengths, by_layer(network.stack, states) if states else None)
        after |= by_name(network.stack, ends) if states else {}
        logits = linear(graph, given_steps(graph, y, lengths, "y_given"), network.head, "head")
        told = graph("LogSoftmax", logits, axis=-1, name="log_softmax")
        graph.output(OUTPUT, told, "float32", ("batch", "steps", len(self.units)))
        graph.output("steps", count, "int64", ("batch",))
        leave(graph, self.fields, after)
        return graph

    def _step(self) -> Graph:
        graph, network, front = Graph("step"), self.network, self.network.front_end
        frames = graph.input("frames", "float32", ("batch", front.reduction, front.input_size // front.reduction))
        states = enter(graph, self.fields)
        x = graph("Reshape", frames, [0, 1, -1], name="side_by_side")
        after: dict[str, Value] = {}
        for number, layer in enumerate(front.layers):
            with graph.within(f"front{number}"):
                x = _convolved(graph, layer, number, x, None, states, after)
        x = graph("Squeeze", x, [1], name="read")
        y, ends = write_stack_step(graph, network.stack, x, by_layer(network.stack, states))
        told = graph("LogSoftmax", linear(graph, y, network.head, "head"), axis=-1, name="log_softmax")
        graph.output(OUTPUT, told, "float32", ("batch", len(self.units)))
        leave(graph, self.fields, after | by_name(network.stack, ends))
        return graph

    def _prove(self, runners: dict[str, Runner], difference: Difference) -> None:
        random = np.random.default_rng(0)
        front = self.network.front_end
        bins = front.input_size // front.reduction
        for rows, steps in (*SHAPES, (2, 3)):
            frames = steps * front.reduction + (1 if steps == 3 else 0)  # one that fills no step
            x = random.normal(size=(rows, frames, bins)).astype(np.float32)
            lengths = draw_lengths(random, rows, frames)
            begin = {field.name: field.begin(rows) for field in self.fields}
            found = runners["model.onnx"]({"frames": x, "lengths": lengths, **begin})
            with torch.no_grad():
                logits, count = self.network(torch.from_numpy(x), torch.from_numpy(lengths))
                told = log_probabilities(logits, count).numpy()
            found[OUTPUT] = real_steps(found[OUTPUT], count.numpy())
            difference.take_all(f"a batch of {rows}, {frames} frames", found, {OUTPUT: told, "steps": count})

        def draw(rows: int, steps: int) -> Arrays:
            return {"frames": random.normal(size=(rows, steps, front.reduction, bins)).astype(np.float32)}

        def whole(inputs: Arrays) -> Arrays:
            blocks = inputs["frames"]
            flat = blocks.reshape(len(blocks), -1, bins)
            return runners["model.onnx"]({**inputs, "frames": flat, "lengths": inputs["lengths"] * front.reduction})

        if self.fields:
            both: dict[str, Callable[[Arrays], Arrays]] = {"model.onnx": whole, "step.onnx": runners["step.onnx"]}
            prove_steps(difference, both, draw, self.fields, each=[OUTPUT])


def _convolved(
    graph: Graph,
    layer: Convolution,
    number: int,
    x: Value,
    lengths: Lengths | None,
    states: dict[str, Value],
    after: dict[str, Value],
) -> Value:
    """A layer of convolution over `x [batch, steps, size]`; a causal one begins with what it remembers."""
    kernel = layer.convolution.kernel_size[0]
    pads: Sequence[int] = (layer.before, kernel - 1 - layer.before)
    if states:
        pads = (0, 0)
        if kernel > 1:
            x = graph("Concat", states[f"front{number}"], x, axis=1, name="with_steps_before")
            after[f"front{number}"] = _last_steps(graph, x, kernel - 1, lengths)
    weight = graph.weight("convolution.weight", layer.convolution.weight)
    bias = None if layer.convolution.bias is None else graph.weight("convolution.bias", layer.convolution.bias)
    turned = graph("Transpose", x, perm=[0, 2, 1], name="channels_first")
    found = graph("Conv", turned, weight, bias, pads=list(pads), name="convolution")
    rectified = graph("Relu", graph("Transpose", found, perm=[0, 2, 1]), name="rectified")
    norm = layer.norm
    scale, shift = graph.weight("norm.weight", norm.weight), graph.weight("norm.bias", norm.bias)
    y = graph("LayerNormalization", rectified, scale, shift, axis=-1, epsilon=norm.eps, name="norm")
    return y if lengths is None else clear_padding(graph, y, lengths)


def _last_steps(graph: Graph, x: Value, count: int, lengths: Lengths | None) -> Value:
    """The last `count` steps of `x`, which begins with as many that came before; of each row the last real ones."""
    if lengths is None:
        return graph("Slice", x, [-count], [np.iinfo(np.int64).max], [1], name="steps_after")
    places = graph("Add", graph("Unsqueeze", lengths.given, [1]), np.arange(count), name="places_after")
    return graph("GatherND", x, graph("Unsqueeze", places, [2]), batch_dims=1, name="steps_after")


def write_recognizer(estimator: SpeechRecognizer) -> Written:
    """The graphs of a recogniser: `model.onnx`, and `step.onnx` where it is causal.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    return SpeechWriter(estimator).write()
