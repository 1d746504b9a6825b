"""Classifiers and regressors: one answer a sequence, or a number a step."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from treadle.errors import InputError
from treadle.export.onnx import description
from treadle.export.onnx.convolutions import write_convolutions
from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear, unrounded, write_stack, write_stack_step
from treadle.export.onnx.pooling import DOUBLE, pooling_fields, write_pooling
from treadle.export.onnx.proof import SHAPES, Arrays, Difference, Runner, draw_lengths, prove_steps
from treadle.export.onnx.sequences import (
    Lengths,
    at_least_one_step,
    clear_padding,
    given_steps,
    read_lengths,
    write_segments,
)
from treadle.export.onnx.states import AFTER, Fields, by_layer, by_name, constants, enter, layer_fields, leave
from treadle.export.onnx.symbols import embed
from treadle.export.onnx.written import Written
from treadle.tasks.sequence.estimator import SequenceEstimator
from treadle.tasks.sequence.network import SequenceEncoder, SequenceNetwork
from treadle.tasks.sequence.per_step import StepNetwork
from treadle.tasks.sequence.targets import LabelsTarget, NumberTarget, Target


class SequenceWriter:
    """Writes the graphs of a classifier or regressor.

    Args:
        estimator: Fitted.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """

    def __init__(self, estimator: SequenceEstimator) -> None:
        self.features = list(estimator.features_.values())
        self.target: Target = estimator.target_
        self.network: SequenceNetwork = unrounded(estimator.network_)
        self.per_step = isinstance(self.network, StepNetwork)
        self.fields: Fields = []
        self.refusal = ""
        try:
            estimator.stream_model()
        except InputError as error:
            self.refusal = str(error)
        else:
            encoder = self.network.encoder(0)
            pooled = [] if self.per_step else pooling_fields(encoder.pooling, encoder.stack.output_size)
            self.fields = [*layer_fields(encoder.stack), *pooled]
        several = len(self.features) > 1
        names = list(estimator.features_)
        self.inputs = [f"input_{name}" if several else "input" for name in names]
        self.lengths = [f"lengths_{name}" if several else "lengths" for name in names]
        self.output = "prediction" if isinstance(self.target, NumberTarget) else "probabilities"
        self.type = "float64" if isinstance(self.target, NumberTarget) else "float32"

    def write(self) -> Written:
        """Graphs, description and proof."""
        columns = zip(self.inputs, self.lengths, self.features, strict=True)
        said = {
            "inputs": {name: {"lengths": lengths, **description.feature(one)} for name, lengths, one in columns},
            "answer": {"output": self.output, "how": self._how(), **self.target.to_json()},
        }
        written = Written(said, self.fields, {"model.onnx": self._sequence()}, self._prove, self.refusal)
        if self.fields:
            written.graphs["step.onnx"] = self._step()
        return written

    def _how(self) -> str:
        match self.target:
            case NumberTarget():
                return "a number in the unit of the target" + (", for every step" if self.per_step else "")
            case LabelsTarget():
                return "the probability of every label; those of at least one half are said"
        return "the probability of every class; the largest is said"

    def _sequence(self) -> Graph:
        graph = Graph("sequence")
        ports = [self._enter(graph, place) for place in range(len(self.inputs))]
        states = enter(graph, self.fields)
        vectors: list[Value] = []
        after: dict[str, Value] = {}
        for place, (x, lengths) in enumerate(ports):
            with graph.within(self.inputs[place]) if len(ports) > 1 else nullcontext():
                vector, after = self._read(graph, place, x, lengths, states)
            vectors.append(vector)
        if self.per_step:
            self._answer(graph, vectors[0], ("batch", "time"))
        else:
            self._answer(graph, vectors[0] if len(vectors) == 1 else graph("Concat", *vectors, axis=1), ("batch",))
        leave(graph, self.fields, after)
        return graph

    def _enter(self, graph: Graph, place: int) -> tuple[Value, Value]:
        """A column and its lengths, as inputs."""
        tokens, size = self.network.encoder(place).embedding is not None, self.features[place].size
        x = graph.input(
            self.inputs[place],
            "int64" if tokens else "float32",
            ("batch", "time") if tokens else ("batch", "time", size),
        )
        return x, graph.input(self.lengths[place], "int64", ("batch",))

    def _read(
        self, graph: Graph, place: int, x: Value, given: Value, states: Mapping[str, Value]
    ) -> tuple[Value, dict[str, Value]]:
        """One column to its vector, or to the outputs of all steps; and the states after it."""
        encoder = self.network.encoder(place)
        x, steps = at_least_one_step(graph, x, 3 if encoder.embedding is None else 2)
        lengths = read_lengths(graph, given, x, steps)
        if encoder.embedding is not None:
            x = embed(graph, x, encoder.embedding, lengths, "embedding")
        beside: list[Value] = []
        if encoder.convolutions is not None:
            beside.append(write_convolutions(graph, encoder.convolutions, x, lengths))
        if encoder.segment > 1:
            x, lengths = write_segments(graph, clear_padding(graph, x, lengths), lengths, encoder)
        before = by_layer(encoder.stack, states) if states else None
        y, ends = write_stack(graph, encoder.stack, x, lengths, before)
        after = by_name(encoder.stack, ends) if states else {}
        if self.per_step:
            return given_steps(graph, y, lengths, "y_given"), after
        vector, pooled = self._pooled(graph, encoder, y, lengths, states)
        if beside:
            vector = graph("Concat", vector, *beside, axis=1, name="beside")
        return vector, after | pooled

    def _pooled(
        self, graph: Graph, encoder: SequenceEncoder, y: Value, lengths: Lengths | None, states: Mapping[str, Value]
    ) -> tuple[Value, dict[str, Value]]:
        fields = pooling_fields(encoder.pooling, encoder.stack.output_size)
        begin = {field.name: states[field.name] for field in fields} if states else constants(graph, fields)
        return write_pooling(graph, encoder.pooling, y, lengths, begin)

    def _answer(self, graph: Graph, vector: Value, shape: tuple[str, ...]) -> None:
        """The head, and what the target makes of it."""
        logits = linear(graph, vector, self.network.head, "head")
        match self.target:
            case NumberTarget():
                wide = graph("Cast", graph("Squeeze", logits, [-1], name="standard"), to=DOUBLE)
                scaled = graph("Mul", wide, np.float64(self.target.scale), name="scaled")
                said = graph("Add", scaled, np.float64(self.target.mean), name="number")
            case LabelsTarget():
                said, shape = graph("Sigmoid", logits, name="sigmoid"), (*shape, str(self.target.size))
            case _:
                said, shape = graph("Softmax", logits, axis=1, name="softmax"), (*shape, str(self.target.size))
        graph.output(self.output, said, self.type, [int(axis) if axis.isdigit() else axis for axis in shape])

    def _step(self) -> Graph:
        graph = Graph("step")
        encoder, size = self.network.encoder(0), self.features[0].size
        tokens = encoder.embedding is not None
        x = graph.input("input", "int64" if tokens else "float32", ("batch",) if tokens else ("batch", size))
        states = enter(graph, self.fields)
        if encoder.embedding is not None:
            x = embed(graph, x, encoder.embedding, None, "embedding")
        y, ends = write_stack_step(graph, encoder.stack, x, by_layer(encoder.stack, states))
        after = by_name(encoder.stack, ends)
        if not self.per_step:
            y, pooled = self._pooled(graph, encoder, graph("Unsqueeze", y, [1], name="one_output"), None, states)
            after |= pooled
        self._answer(graph, y, ("batch",))
        leave(graph, self.fields, after)
        return graph

    def _prove(self, runners: dict[str, Runner], difference: Difference) -> None:
        random = np.random.default_rng(0)
        model = runners["model.onnx"]

        def draw(place: int, rows: int, steps: int) -> Any:
            if self.network.encoder(place).embedding is not None:
                return random.integers(1, self.features[place].size, (rows, steps))
            return random.normal(size=(rows, steps, self.features[place].size)).astype(np.float32)

        for rows, steps in SHAPES:
            given = [(draw(place, rows, steps), draw_lengths(random, rows, steps)) for place in range(len(self.inputs))]
            inputs: Arrays = {field.name: field.begin(rows) for field in self.fields}
            for name, lengths, pair in zip(self.inputs, self.lengths, given, strict=True):
                inputs |= {name: pair[0], lengths: pair[1]}
            with torch.no_grad():
                told = self.network([(torch.from_numpy(x), torch.from_numpy(lengths)) for x, lengths in given])
            found = model(inputs)
            where = f"a batch of {rows}, {steps} steps"
            if not self.per_step:
                difference.take_all(where, found, {self.output: self.target.output(told)})
                continue
            y, ends = told
            expected = {self.output: self.target.output(y.reshape(-1, 1)).reshape(y.shape)}
            if self.fields:
                expected |= {name + AFTER: one for name, one in by_name(self.network.encoder(0).stack, ends).items()}
            difference.take_all(where, found, expected)
        if self.fields:
            each: list[str] = [self.output] if self.per_step else []
            last = [] if self.per_step else [self.output]

            def only(rows: int, steps: int) -> Arrays:
                return {self.inputs[0]: draw(0, rows, steps)}

            prove_steps(difference, runners, only, self.fields, each=each, last=last)


def write_sequences(estimator: SequenceEstimator) -> Written:
    """The graphs of a classifier or regressor: `model.onnx`, and `step.onnx` where it can be streamed.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    return SequenceWriter(estimator).write()
