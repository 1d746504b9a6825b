"""Language models: the probability of every symbol to come next."""

import numpy as np
import torch

from treadle.data.streams import START
from treadle.export.onnx import description
from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear, unrounded, write_stack, write_stack_step
from treadle.export.onnx.proof import SHAPES, Arrays, Difference, Runner, draw_lengths, prove_steps, real_steps
from treadle.export.onnx.sequences import at_least_one_step, given_steps, read_lengths
from treadle.export.onnx.states import AFTER, Fields, by_layer, by_name, enter, layer_fields, leave
from treadle.export.onnx.symbols import embed, write_softmax
from treadle.export.onnx.written import Written
from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.network import LanguageNetwork

OUTPUT = "log_probabilities"


def write_language_model(estimator: LanguageModel) -> Written:
    """`tokens` to `log_probabilities` of the next ones, over whole texts and a step at a time.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    network: LanguageNetwork = unrounded(estimator.network_)
    fields = layer_fields(network.stack)
    said = {
        "inputs": {"tokens": {"lengths": "lengths", **description.codec(estimator.codec_)}},
        "start": START,
        "answer": {
            "output": OUTPUT,
            "how": "the natural logarithm of the probability of every symbol to come next; a text begins after the "
            "symbol 'start', from the initial states",
        },
    }
    graphs = {"model.onnx": _sequence(network, fields), "step.onnx": _step(network, fields)}
    return Written(said, fields, graphs, lambda runners, difference: _prove(network, fields, runners, difference))


def _sequence(network: LanguageNetwork, fields: Fields) -> Graph:
    graph = Graph("language model")
    tokens = graph.input("tokens", "int64", ("batch", "time"))
    given = graph.input("lengths", "int64", ("batch",))
    states = by_layer(network.stack, enter(graph, fields))
    tokens, steps = at_least_one_step(graph, tokens, 2)
    lengths = read_lengths(graph, given, tokens, steps)
    x = embed(graph, tokens, network.embedding, lengths, "embedding")
    y, after = write_stack(graph, network.stack, x, lengths, states)
    told = _told(graph, network, given_steps(graph, y, lengths, "y_given"))
    graph.output(OUTPUT, told, "float32", ("batch", "time", network.embedding.num_embeddings))
    leave(graph, fields, by_name(network.stack, after))
    return graph


def _step(network: LanguageNetwork, fields: Fields) -> Graph:
    graph = Graph("step")
    tokens = graph.input("tokens", "int64", ("batch",))
    states = by_layer(network.stack, enter(graph, fields))
    x = embed(graph, tokens, network.embedding, None, "embedding")
    y, after = write_stack_step(graph, network.stack, x, states)
    graph.output(OUTPUT, _told(graph, network, y), "float32", ("batch", network.embedding.num_embeddings))
    leave(graph, fields, by_name(network.stack, after))
    return graph


def _told(graph: Graph, network: LanguageNetwork, y: Value) -> Value:
    hidden = y if network.projection is None else linear(graph, y, network.projection, "projection")
    return write_softmax(graph, network.softmax, hidden)


def _prove(network: LanguageNetwork, fields: Fields, runners: dict[str, Runner], difference: Difference) -> None:
    random = np.random.default_rng(0)

    def draw(rows: int, steps: int) -> Arrays:
        return {"tokens": random.integers(1, network.embedding.num_embeddings, (rows, steps))}

    for rows, steps in SHAPES:
        tokens, lengths = draw(rows, steps)["tokens"], draw_lengths(random, rows, steps)
        begin = {field.name: field.begin(rows) for field in fields}
        found = runners["model.onnx"]({"tokens": tokens, "lengths": lengths, **begin})
        with torch.no_grad():
            hidden, after = network(torch.from_numpy(tokens), lengths=torch.from_numpy(lengths))
            told = np.zeros((rows, 0, network.embedding.num_embeddings), np.float32)
            if steps:
                told = network.log_probabilities(hidden).numpy()
        expected = {name + AFTER: one for name, one in by_name(network.stack, after).items()}
        difference.take_all(
            f"a batch of {rows}, {steps} steps",
            {**found, OUTPUT: real_steps(found[OUTPUT], lengths)},
            {**expected, OUTPUT: real_steps(told, lengths)},
        )
    prove_steps(difference, runners, draw, fields, each=[OUTPUT])
