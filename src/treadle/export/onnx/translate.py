"""Translators: an encoder, and a step of the decoder that looks back at what the encoder gave."""

from typing import Any

import numpy as np
import torch

from treadle.errors import InputError
from treadle.export.onnx import description
from treadle.export.onnx.attention import (
    GraphMemory,
    leave_states,
    memory_sizes,
    state_shapes,
    write_begin,
    write_decoder_step,
    write_memory,
)
from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear, unrounded, write_stack
from treadle.export.onnx.proof import Arrays, Difference, Runner, draw_lengths
from treadle.export.onnx.sequences import at_least_one_step, read_lengths
from treadle.export.onnx.states import AFTER
from treadle.export.onnx.symbols import embed, write_softmax
from treadle.export.onnx.written import Written
from treadle.nn.decoder import DecoderState
from treadle.tasks.translate import Translator
from treadle.tasks.translate.encoder import TextEncoder
from treadle.tasks.translate.features import SLACK
from treadle.tasks.translate.network import BOUNDARY, TranslationNetwork

ENCODER, STEP = "encoder.onnx", "step.onnx"
MEMORY = ("keys", "values", "real")
SHAPES = ((1, 1), (3, 7), (4, 3), (2, 0))
STEPS = 4
"""Symbols that are written in a proof."""

HOW = [
    "run the encoder once; its outputs 'keys', 'values' and 'real' are inputs of every step, its others are the states "
    "before the first",
    "begin with the symbol 'boundary'; a step gives the logarithm of the probability of every symbol to come next, and "
    "the states after it, which end in '_after'",
    "the symbol 'boundary' ends a translation; it has at most int(2 * expansion * source length) + slack symbols, the "
    "end among them",
    "greedy search takes the likeliest symbol; a beam keeps several, with their own rows of the states",
]


def write_translator(estimator: Translator) -> Written:
    """`encoder.onnx` and `step.onnx`.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    network: TranslationNetwork = unrounded(estimator.network_)
    features = estimator.features_
    said = {
        "inputs": {"source": {"lengths": "source_lengths", **description.codec(features.source)}},
        "answer": {"output": "log_probabilities", **description.codec(features.target)},
        "search": {"how": HOW, "boundary": BOUNDARY, "expansion": features.expansion, "slack": SLACK},
        "decoder_states": [{"input": name, "output": name + AFTER} for name in state_shapes(network.decoder)],
    }
    graphs = {ENCODER: text_encoder(network), STEP: decoder_step(network)}
    return Written(said, [], graphs, lambda runners, difference: _prove(network, runners, difference))


def text_encoder(network: TranslationNetwork) -> Graph:
    """`source` and its lengths to what the decoder looks at and begins from.

    Raises:
        InputError: The network reads something else than symbols.
    """
    encoder = network.encoder
    if not isinstance(encoder, TextEncoder):
        raise InputError(f"the encoder is a {type(encoder).__name__}, expected one that reads symbols")
    graph = Graph("encoder")
    source = graph.input("source", "int64", ("batch", "time"))
    given = graph.input("source_lengths", "int64", ("batch",))
    source, steps = at_least_one_step(graph, source, 2)
    lengths = read_lengths(graph, given, source, steps)
    x = embed(graph, source, encoder.embedding, lengths, "embedding")
    y, states = write_stack(graph, encoder.stack, x, lengths)
    summary = graph("Concat", *(field for state in states for field in state), axis=1, name="summary")
    give_encoded(graph, network, y, graph("Squeeze", lengths.real, [2], name="real_steps"), summary)
    return graph


def give_encoded(graph: Graph, network: TranslationNetwork, encoded: Value, real: Value, summary: Value) -> None:
    """The outputs of an encoder: memory, and states to begin from."""
    decoder = network.decoder
    memory = write_memory(graph, decoder.attention, encoded, real)
    keys, values = memory_sizes(decoder.attention, network.encoder.output_size)
    graph.output("keys", memory.keys, "float32", ("batch", "source", keys))
    graph.output("values", memory.values, "float32", ("batch", "source", values))
    graph.output("real", memory.real, "bool", ("batch", "source"))
    leave_states(graph, decoder, write_begin(graph, decoder, summary, encoded), "")


def decoder_step(network: TranslationNetwork) -> Graph:
    """`symbols [batch]` to `log_probabilities` and `attention`."""
    graph, decoder = Graph("step"), network.decoder
    symbols = graph.input("symbols", "int64", ("batch",))
    keys, values = memory_sizes(decoder.attention, network.encoder.output_size)
    memory = GraphMemory(
        graph.input("keys", "float32", ("batch", "source", keys)),
        graph.input("values", "float32", ("batch", "source", values)),
        graph.input("real", "bool", ("batch", "source")),
    )
    states = {name: graph.input(name, "float32", shape) for name, shape in state_shapes(decoder).items()}
    x = embed(graph, symbols, network.embedding, None, "embedding")
    features, weights, after = write_decoder_step(graph, decoder, x, memory, states)
    read = features if network.projection is None else linear(graph, features, network.projection, "projection")
    told = write_softmax(graph, network.softmax, read)
    graph.output("log_probabilities", told, "float32", ("batch", network.embedding.num_embeddings))
    graph.output("attention", weights, "float32", ("batch", "source"))
    leave_states(graph, decoder, after)
    return graph


def _prove(network: TranslationNetwork, runners: dict[str, Runner], difference: Difference) -> None:
    random = np.random.default_rng(0)
    encoder = network.encoder
    assert isinstance(encoder, TextEncoder)
    for rows, steps in SHAPES:
        # ONNX gives a source of no step one that is not real; Treadle is asked the same.
        source = random.integers(1, encoder.embedding.num_embeddings, (rows, steps))
        lengths = draw_lengths(random, rows, steps)
        found = runners[ENCODER]({"source": source, "source_lengths": lengths})
        padded = np.pad(source, ((0, 0), (0, max(0, 1 - steps))))
        with torch.no_grad():
            encoded = network.encode(torch.from_numpy(padded), torch.from_numpy(lengths))
        prove_writing(network, encoded, found, runners[STEP], difference, f"a batch of {rows}, {steps} source symbols")


@torch.no_grad()
def prove_writing(
    network: TranslationNetwork, encoded: Any, found: Arrays, step: Runner, difference: Difference, where: str
) -> None:
    """Hold an encoder's outputs, and some steps from them, to the network.

    Raises:
        InputError: They differ.
    """
    random = np.random.default_rng(1)
    memory, state = network.decoder.begin(encoded)
    expected: dict[str, Any] = dict(zip(MEMORY, memory, strict=True)) | _by_name(network, state)
    difference.take_all(where, found, expected)
    memory_arrays = {name: found[name] for name in MEMORY}
    carried = {name: one for name, one in found.items() if name not in MEMORY}
    symbols = np.full(len(found["real"]), BOUNDARY)
    for number in range(STEPS):
        told = step({"symbols": symbols, **memory_arrays, **carried})
        x = network.embedding(torch.from_numpy(symbols))
        features, weights, state = network.decoder.step(x, memory, state)
        expected = {
            "log_probabilities": network.softmax.log_probabilities(network.project(features)),
            "attention": weights,
        }
        expected |= {name + AFTER: one for name, one in _by_name(network, state).items()}
        difference.take_all(f"{where}, symbol {number + 1}", told, expected)
        carried = {name: told[name + AFTER] for name in carried}
        symbols = random.integers(1, network.embedding.num_embeddings, len(symbols))


def _by_name(network: TranslationNetwork, state: DecoderState) -> dict[str, Any]:
    """The parts of a decoder's state by the names that the graphs have for them."""
    parts = [field for layer in state.layers for field in layer]
    parts += [part for part in (state.fed, state.coverage) if part is not None]
    return dict(zip(state_shapes(network.decoder), parts, strict=True))
