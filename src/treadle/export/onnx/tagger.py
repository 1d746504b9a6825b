"""Taggers: a tag a token, by a chain or each for itself; and a label a sentence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from treadle.errors import InputError
from treadle.export.onnx import description
from treadle.export.onnx.crf import FILTERED, filtered_field, write_decoding, write_filter, write_filter_step
from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear, unrounded, write_stack, write_stack_step
from treadle.export.onnx.pooling import pooling_fields, write_pooling
from treadle.export.onnx.proof import SHAPES, Arrays, Difference, Runner, draw_lengths, prove_steps, real_steps
from treadle.export.onnx.sequences import Lengths, at_least_one_step, clear_padding, given_steps, read_lengths
from treadle.export.onnx.states import (
    StateField,
    by_layer,
    by_name,
    constants,
    enter,
    expanded,
    layer_fields,
    leave,
)
from treadle.export.onnx.symbols import embed
from treadle.export.onnx.written import Written
from treadle.nn.characters import CharacterEncoder
from treadle.tasks.tagging.estimator import SequenceTagger
from treadle.tasks.tagging.features import INNER, LONGEST_WORD
from treadle.tasks.tagging.filtering import ChainFilter
from treadle.tasks.tagging.network import TaggerBatch, TaggerNetwork

CONTEXT = "context"

States = dict[str, Value]


class TaggerWriter:
    """Writes the graphs of a tagger.

    Args:
        estimator: Fitted.
    """

    def __init__(self, estimator: SequenceTagger) -> None:
        self.features = estimator.features_
        self.network: TaggerNetwork = unrounded(estimator.network_)
        self.tags, self.labels = len(self.features.tags), len(self.features.labels)
        self.context_fields: list[StateField] = []
        if self.network.context is not None:
            self.context_fields = self._after_begin()
        self.fields: list[StateField] = []
        self.refusal = ""
        try:
            estimator.stream_model()
        except InputError as error:
            self.refusal = str(error)
        else:
            self.fields = [*layer_fields(self.network.stack), *self.context_fields]
            self.fields += [filtered_field(self.tags)] if self.network.crf is not None else []
            if self.network.pooling is not None:
                self.fields += pooling_fields(self.network.pooling, self.network.stack.output_size)

    def _after_begin(self) -> list[StateField]:
        """The states of the language model's layers once they have read what stands before a sentence."""
        context = self.network.context
        assert context is not None
        with torch.no_grad():
            _, states = context.stack.step(context.embedding(torch.tensor([context.begin])))
        values = by_name(context.stack, states, CONTEXT)
        return [StateField(name, one[0].numpy().copy()) for name, one in values.items()]

    def write(self) -> Written:
        """Graphs, description and proof."""
        written = Written(self._said(), self.fields, {"model.onnx": self._sequence()}, self._prove, self.refusal)
        if self.fields:
            written.graphs["step.onnx"] = self._step()
        return written

    def _said(self) -> dict[str, Any]:
        features = self.features
        fold = "in lower case" if features.lowercase else "as it is"
        inputs: dict[str, Any] = {
            "words": {"lengths": "lengths", "how": f"a token, {fold}", **description.vocabulary(features.words)}
        }
        if self.network.characters is not None:
            inputs["characters"] = {
                "how": "[distinct, letters]: the characters of every distinct token, as it is; of one longer than "
                f"{LONGEST_WORD}, the first {LONGEST_WORD // 2} and the last {LONGEST_WORD // 2}; 'sizes' [distinct] "
                "is their number, and 'spellings' [batch, time] the row of each token",
                **description.vocabulary(features.characters),
            }
        if features.context is not None:
            fold = "in lower case" if features.context.lowercase else "as it is"
            inputs[CONTEXT] = {"how": f"a token, {fold}", **description.vocabulary(features.context.words)}
        answer = {
            "tags": list(features.tags),
            "how": "'tags' is the best sequence, 'probabilities' that of every tag given the whole sentence; "
            "'filtered' given the tokens so far",
            "scheme": None if features.scheme is None else INNER,
            "written_as": features.scheme,
            "labels": list(features.labels),
        }
        return {"inputs": inputs, "answer": answer}

    def _sequence(self) -> Graph:
        graph, network = Graph("tagger"), self.network
        ports = {"words": graph.input("words", "int64", ("batch", "time"))}
        given = graph.input("lengths", "int64", ("batch",))
        if network.characters is not None:
            ports["spellings"] = graph.input("spellings", "int64", ("batch", "time"))
            ports["characters"] = graph.input("characters", "int64", ("distinct", "letters"))
            ports["sizes"] = graph.input("sizes", "int64", ("distinct",))
        if network.context is not None:
            ports[CONTEXT] = graph.input(CONTEXT, "int64", ("batch", "time"))
        states = enter(graph, self.fields)
        words, steps = at_least_one_step(graph, ports["words"], 2)
        lengths = read_lengths(graph, given, words, steps)
        parts = [embed(graph, words, network.embedding, lengths, "embedding")]
        if network.characters is not None:
            vectors = _spelled(graph, network.characters, ports["characters"], ports["sizes"])
            places, _ = at_least_one_step(graph, ports["spellings"], 2)
            parts.append(graph("Gather", vectors, places, axis=0, name="vectors_of_spellings"))
        after: States = {}
        if network.context is not None:
            context, _ = at_least_one_step(graph, ports[CONTEXT], 2)
            before = states or expanded(graph, self.context_fields, lengths.rows)
            with graph.within(CONTEXT):
                x = embed(graph, context, network.context.embedding, lengths, "embedding")
                y, ends = write_stack(graph, network.context.stack, x, lengths, self._of_context(before))
            after |= by_name(network.context.stack, ends, CONTEXT)
            parts.append(y)
        x = graph("Concat", *parts, axis=2, name="features") if len(parts) > 1 else parts[0]
        y, ends = write_stack(graph, network.stack, x, lengths, by_layer(network.stack, states) if states else None)
        after |= by_name(network.stack, ends) if states else {}
        self._answer(graph, y, lengths, states, after)
        return graph

    def _of_context(self, states: States) -> list[tuple[Value, ...]]:
        assert self.network.context is not None
        return by_layer(self.network.context.stack, states, CONTEXT)

    def _answer(self, graph: Graph, y: Value, lengths: Lengths, states: States, after: States) -> None:
        """Emissions, tags, probabilities and labels of whole sentences."""
        network = self.network
        emissions = clear_padding(graph, linear(graph, y, network.head, "head"), lengths)
        if network.crf is not None:
            tags, told = write_decoding(graph, network.crf, emissions, lengths)
        else:
            tags = graph("ArgMax", emissions, axis=2, keepdims=0, name="likeliest")
            tags = graph("Where", graph("Squeeze", lengths.real, [2]), tags, np.int64(0), name="real_tags")
            told = graph("Where", lengths.real, graph("Softmax", emissions, axis=2), np.float32(0), name="real_told")
        shape = ("batch", "time", self.tags)
        graph.output("tags", given_steps(graph, tags, lengths, "tags_given"), "int64", shape[:2])
        graph.output("probabilities", given_steps(graph, told, lengths, "told_given"), "float32", shape)
        graph.output("emissions", given_steps(graph, emissions, lengths, "emissions_given"), "float32", shape)
        if states:
            filtered, end = write_filter(graph, network.crf, emissions, lengths, states.get(FILTERED, ""))
            after[FILTERED] = end
            graph.output("filtered", given_steps(graph, filtered, lengths, "filtered_given"), "float32", shape)
        self._label(graph, y, lengths, states, after)
        leave(graph, self.fields, after)

    def _label(self, graph: Graph, y: Value, lengths: Lengths | None, states: States, after: States) -> None:
        if self.network.pooling is None:
            return
        fields = pooling_fields(self.network.pooling, self.network.stack.output_size)
        begin = {field.name: states[field.name] for field in fields} if states else constants(graph, fields)
        vector, pooled = write_pooling(graph, self.network.pooling, y, lengths, begin)
        after |= pooled
        told = graph("Softmax", linear(graph, vector, self.network.label_head, "label_head"), axis=1, name="labels")
        graph.output("label_probabilities", told, "float32", ("batch", self.labels))

    def _step(self) -> Graph:
        graph, network = Graph("step"), self.network
        words = graph.input("words", "int64", ("batch",))
        parts = [embed(graph, words, network.embedding, None, "embedding")]
        if network.characters is not None:
            characters = graph.input("characters", "int64", ("batch", "letters"))
            parts.append(_spelled(graph, network.characters, characters, graph.input("sizes", "int64", ("batch",))))
        context = None if network.context is None else graph.input(CONTEXT, "int64", ("batch",))
        states = enter(graph, self.fields)
        after: States = {}
        if network.context is not None and context is not None:
            with graph.within(CONTEXT):
                x = embed(graph, context, network.context.embedding, None, "embedding")
                y, ends = write_stack_step(graph, network.context.stack, x, self._of_context(states))
            after |= by_name(network.context.stack, ends, CONTEXT)
            parts.append(y)
        x = graph("Concat", *parts, axis=1, name="features") if len(parts) > 1 else parts[0]
        y, ends = write_stack_step(graph, network.stack, x, by_layer(network.stack, states))
        after |= by_name(network.stack, ends)
        emissions = linear(graph, y, network.head, "head")
        filtered, after[FILTERED] = write_filter_step(graph, network.crf, emissions, states.get(FILTERED, ""))
        graph.output("filtered", filtered, "float32", ("batch", self.tags))
        graph.output("emissions", emissions, "float32", ("batch", self.tags))
        self._label(graph, graph("Unsqueeze", y, [1], name="one_output"), None, states, after)
        leave(graph, self.fields, after)
        return graph

    def _draw(self, random: np.random.Generator, rows: int, steps: int) -> Arrays:
        """Sentences, every token with a spelling of its own."""
        network = self.network
        found: Arrays = {"words": random.integers(1, network.embedding.num_embeddings, (rows, steps))}
        if network.characters is not None:
            letters = network.characters.embedding.num_embeddings
            found["characters"] = random.integers(1, letters, (rows, steps, 5))
            found["sizes"] = random.integers(0, 6, (rows, steps))
        if network.context is not None:
            found[CONTEXT] = random.integers(1, network.context.embedding.num_embeddings, (rows, steps))
        return found

    def _prove(self, runners: dict[str, Runner], difference: Difference) -> None:
        random = np.random.default_rng(0)
        model = runners["model.onnx"]

        def run(inputs: Arrays) -> Arrays:
            return model(_distinct(inputs))

        for rows, steps in SHAPES:
            lengths = draw_lengths(random, rows, steps)
            drawn = _distinct({**self._draw(random, rows, steps), "lengths": lengths})
            found = model({**drawn, **{field.name: field.begin(rows) for field in self.fields}})
            batch = TaggerBatch(**{name: torch.from_numpy(one) for name, one in drawn.items()})
            difference.take_all(f"a batch of {rows}, {steps} steps", found, self._expected(batch, found))
        if self.fields:
            last = ["label_probabilities"] if self.labels else []
            both: dict[str, Callable[[Arrays], Arrays]] = {"model.onnx": run, "step.onnx": runners["step.onnx"]}

            def draw(rows: int, steps: int) -> Arrays:
                return self._draw(random, rows, steps)

            prove_steps(difference, both, draw, self.fields, each=["filtered", "emissions"], last=last)

    @torch.no_grad()
    def _expected(self, batch: TaggerBatch, found: Arrays) -> dict[str, Any]:
        """What Treadle says; the search is held to its own of the graph's emissions, where a tie is the same tie."""
        emissions, logits = self.network(batch)
        lengths = batch.lengths
        same = torch.from_numpy(found["emissions"])
        expected: dict[str, Any] = {
            "emissions": emissions,
            "tags": self.network.best(same, lengths)[0],
            "probabilities": self.network.marginals(emissions, lengths),
        }
        if logits is not None:
            expected["label_probabilities"] = logits.softmax(1)
        if self.fields:
            chain = ChainFilter(self.tags, self.network.crf)
            known = np.repeat(chain.initial[None], len(lengths), 0)
            filtered = []
            for step in emissions.unbind(1):
                known = chain.step(known, step.numpy())
                filtered.append(np.exp(known[:, :-1]))
            told = np.stack(filtered, 1) if filtered else np.zeros(emissions.shape)
            found["filtered"] = real_steps(found["filtered"], lengths.numpy())
            expected["filtered"] = real_steps(told.astype(np.float32), lengths.numpy())
        return expected


def _distinct(inputs: Arrays) -> Arrays:
    """Characters of tokens `[batch, time, letters]` as rows that the tokens name."""
    if "characters" not in inputs:
        return inputs
    rows, steps, letters = inputs["characters"].shape
    places = np.arange(rows * steps).reshape(rows, steps)
    flat = {"characters": inputs["characters"].reshape(-1, letters), "sizes": inputs["sizes"].reshape(-1)}
    return {**inputs, **flat, "spellings": places}


def _spelled(graph: Graph, encoder: CharacterEncoder, characters: Value, sizes: Value) -> Value:
    """The vector of every distinct token, and of none where there is no token at all."""
    with graph.within("characters"):
        letters, steps = at_least_one_step(graph, characters, 2)
        some = graph("Max", graph("Sub", [1], graph("Shape", sizes)), [0], name="one_more_if_none")
        letters = graph("Pad", letters, graph("Concat", [0, 0], some, [0], axis=0), name="some_letters")
        sizes = graph("Pad", sizes, graph("Concat", [0], some, axis=0), name="some_sizes")
        lengths = read_lengths(graph, sizes, letters, steps)
        x = embed(graph, letters, encoder.embedding, lengths, "embedding")
        y, _ = write_stack(graph, encoder.stack, x, lengths)
        begin = constants(graph, pooling_fields(encoder.pooling, encoder.stack.output_size))
        return write_pooling(graph, encoder.pooling, y, lengths, begin)[0]


def write_tagger(estimator: SequenceTagger) -> Written:
    """The graphs of a tagger: `model.onnx`, and `step.onnx` where it is causal.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    return TaggerWriter(estimator).write()
