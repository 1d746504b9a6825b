"""Captioners: an encoder of pictures or of frames, and the step of a translator's decoder."""

from typing import Any

import numpy as np
import torch

from treadle.export.onnx import description
from treadle.export.onnx.attention import state_shapes
from treadle.export.onnx.graph import Graph
from treadle.export.onnx.layers import linear, unrounded, write_stack
from treadle.export.onnx.pictures import write_pictures
from treadle.export.onnx.proof import Difference, Runner, draw_lengths
from treadle.export.onnx.sequences import at_least_one_step, clear_padding, read_lengths
from treadle.export.onnx.states import AFTER
from treadle.export.onnx.translate import ENCODER, HOW, SHAPES, STEP, decoder_step, give_encoded, prove_writing
from treadle.export.onnx.written import Written
from treadle.tasks import Captioner
from treadle.tasks.caption.encoders import FramesEncoder, PictureEncoder, Pixels
from treadle.tasks.translate.network import BOUNDARY, TranslationNetwork

SEEN = [
    "a picture as red, green and blue from 0 to 255; one whose longer side has more than 'side' pixels is made smaller",
    "pixels = (picture - mean) / deviation, a channel each, with zeros beyond a picture that is smaller than others of "
    "the batch; 'sizes' is height and width of each",
]
ENDS = "the symbol 'boundary' ends a caption; it has at most 'limit' symbols, the end among them"
PICTURES = ((1, (9, 12)), (3, (17, 14)))
"""Pictures of a proof, and height and width of the largest."""


def write_captioner(estimator: Captioner) -> Written:
    """`encoder.onnx` and `step.onnx`.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    network: TranslationNetwork = unrounded(estimator.network_)
    features = estimator.features_
    inputs: dict[str, Any]
    if features.scale is not None:
        inputs = {"pixels": {"sizes": "sizes", "how": SEEN, **features.scale.to_json()}}
    else:
        assert features.scaler is not None
        inputs = {"frames": {"lengths": "lengths", **description.series(features.scaler)}}
    said = {
        "inputs": inputs,
        "answer": {"output": "log_probabilities", **description.codec(features.target)},
        "search": {"how": [*HOW[:2], ENDS, HOW[3]], "boundary": BOUNDARY, "limit": features.limit},
        "decoder_states": [{"input": name, "output": name + AFTER} for name in state_shapes(network.decoder)],
    }
    pictured = isinstance(network.encoder, PictureEncoder)
    graphs = {ENCODER: _of_pictures(network) if pictured else _of_frames(network), STEP: decoder_step(network)}
    prove = _prove_pictures if pictured else _prove_frames
    return Written(said, [], graphs, lambda runners, difference: prove(network, runners, difference))


def _of_pictures(network: TranslationNetwork) -> Graph:
    graph, encoder = Graph("encoder"), network.encoder
    assert isinstance(encoder, PictureEncoder)
    pixels = graph.input("pixels", "float32", ("batch", "height", "width", 3))
    sizes = graph.input("sizes", "int64", ("batch", 2))
    found, summary = write_pictures(graph, encoder, pixels, sizes)
    give_encoded(graph, network, found.values, graph("Squeeze", found.real, [2], name="is_region"), summary)
    return graph


def _of_frames(network: TranslationNetwork) -> Graph:
    graph, encoder = Graph("encoder"), network.encoder
    assert isinstance(encoder, FramesEncoder)
    frames = graph.input("frames", "float32", ("batch", "time", encoder.embedding.in_features))
    given = graph.input("lengths", "int64", ("batch",))
    frames, steps = at_least_one_step(graph, frames, 3)
    lengths = read_lengths(graph, given, frames, steps)
    x = linear(graph, clear_padding(graph, frames, lengths), encoder.embedding, "embedding")
    y, states = write_stack(graph, encoder.stack, x, lengths)
    summary = graph("Concat", *(field for state in states for field in state), axis=1, name="summary")
    give_encoded(graph, network, y, graph("Squeeze", lengths.real, [2], name="real_frames"), summary)
    return graph


@torch.no_grad()
def _prove_pictures(network: TranslationNetwork, runners: dict[str, Runner], difference: Difference) -> None:
    random = np.random.default_rng(0)
    for rows, largest in PICTURES:
        pixels = random.normal(size=(rows, *largest, 3)).astype(np.float32)
        sizes = random.integers(1, np.array(largest) + 1, (rows, 2))
        sizes[0] = largest
        found = runners[ENCODER]({"pixels": pixels, "sizes": sizes})
        seen = Pixels(torch.from_numpy(pixels), torch.from_numpy(sizes))
        encoded = network.encode(seen, torch.zeros(rows, dtype=torch.int64))  # regions follow from the sizes
        prove_writing(network, encoded, found, runners[STEP], difference, f"{rows} pictures of up to {largest} pixels")


@torch.no_grad()
def _prove_frames(network: TranslationNetwork, runners: dict[str, Runner], difference: Difference) -> None:
    random = np.random.default_rng(0)
    encoder = network.encoder
    assert isinstance(encoder, FramesEncoder)
    for rows, steps in SHAPES:
        frames = random.normal(size=(rows, steps, encoder.embedding.in_features)).astype(np.float32)
        lengths = draw_lengths(random, rows, steps)
        found = runners[ENCODER]({"frames": frames, "lengths": lengths})
        padded = torch.from_numpy(np.pad(frames, ((0, 0), (0, max(0, 1 - steps)), (0, 0))))
        encoded = network.encode(padded, torch.from_numpy(lengths))
        prove_writing(network, encoded, found, runners[STEP], difference, f"a batch of {rows}, {steps} frames")
