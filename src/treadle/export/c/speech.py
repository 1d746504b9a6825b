"""Recognisers in C: log-mel frames in, the probability of every unit of writing out."""

from typing import Any

import numpy as np
import torch
from torch import nn

from treadle.errors import counted
from treadle.export.c.layers import add_stack
from treadle.export.c.pooling import add_linear
from treadle.export.c.program import Input, Program, Strings
from treadle.export.c.proof import Sample
from treadle.export.c.tables import Tables
from treadle.streaming.layers import settled
from treadle.tasks.transcribe.front_end import Convolution
from treadle.tasks.transcribe.network import SpeechNetwork

LENGTHS = [6, 1, 12]
"""Steps of the recordings that a model is held to."""


def program(estimator: Any, name: str, *, int8: bool) -> Program:
    """The network of a fitted `SpeechRecognizer`, from frames to units.

    Raises:
        InputError: It also reads recordings from their end; the sentence says what to train instead.
    """
    estimator.stream_model()  # says why where there is no step
    network: SpeechNetwork = settled(estimator.network_)
    front, bank = network.front_end, estimator.audio_.bank
    units = ["", *(estimator.units_.spell(unit) for unit in range(1, network.head.out_features))]
    meaning = [
        f"{counted(front.reduction, 'frame')} of {bank.bins} numbers one after the other: the logarithms of the "
        f"energies of mel bands of sound at {bank.rate:,} Hz, {bank.window} samples each and {bank.shift} from one to "
        "the next, as kaldi's filter bank gives them of samples up to 32,768 (no dither, Povey's window, pre-emphasis "
        "0.97). The model scales them itself."
    ]
    made = Program(
        name,
        f"{estimator.describe()}, a speech recogniser from features to units",
        [f"{estimator.describe_size()}."],
        Input(
            f"const float frames[{front.input_size}]",
            meaning,
            [("FRAMES", front.reduction, "frames of a step"), ("BANDS", bank.bins, "numbers of a frame")],
        ),
        ["the blank of CTC", *units[1:]],
        [
            "the probability of every unit at this step. The likeliest unit of each step, once where it stands several "
            "times in a row and without blanks, is what was said."
        ],
        Tables(int8=int8),
    )
    mean, scale = (made.tables.vector(f"band_{one}", getattr(estimator.audio_, one)) for one in ("mean", "scale"))
    x = made.local(made.advance, "advance", "x", front.input_size)
    made.advance += [
        f"for (int i = 0; i < {front.input_size}; ++i) {{",
        f"    {x}[i] = (frames[i] - {mean}[i % {bank.bins}]) / {scale}[i % {bank.bins}];",
        "}",
    ]
    for number, layer in enumerate(front.layers, 1):
        x = _convolution(made, layer, number, x)
    y = add_stack(made, network.stack, x, made.advance, "advance")
    features = made.remember("features", np.zeros(network.stack.output_size), "the last layer's output")
    made.advance.append(f"memcpy({features}, {y}, sizeof {features});")
    add_linear(made, made.answer, "output", "head", features, network.head.weight, network.head.bias)
    made.helpers.add("softmax")
    made.answer.append(f"softmax(output, {len(units)});")
    made.strings.append(Strings("units", units, "How each unit is written; the blank is not."))
    return made


def sample(estimator: Any, random: np.random.Generator) -> Sample:
    """Frames at random, and what the network's own step says after each."""
    network: SpeechNetwork = settled(estimator.network_)
    front, audio = network.front_end, estimator.audio_
    shape = (sum(LENGTHS), front.reduction, len(audio.mean))
    frames = (audio.mean + audio.scale * random.normal(size=shape)).astype(np.float32)
    found, t = [], 0
    with torch.no_grad():
        for length in LENGTHS:
            before, state = front.buffers_of(1), None
            for _ in range(length):
                z = front.step(torch.from_numpy(audio.scaled(frames[t])).reshape(1, -1), before)
                y, state = network.stack.step(z, state)
                found.append(network.head(y)[0].double().softmax(0).numpy())
                t += 1
    inputs = {"frames": frames.reshape(len(frames), -1)}
    return Sample(LENGTHS, inputs, f"frames + t * {front.input_size}", np.array(found), 1.0)


def _convolution(made: Program, layer: Convolution, number: int, x: str) -> str:
    """A causal convolution over steps, a rectifier, and layer normalisation; the array that it has written."""
    inside, kernel, size = layer.convolution.in_channels, layer.convolution.kernel_size[0], layer.size
    norm, name, advance = layer.norm, f"front{number}", made.advance
    assert isinstance(norm, nn.LayerNorm)
    advance.append("")
    whole = made.local(advance, "advance", f"{name}_window", kernel * inside)
    y = made.local(advance, "advance", f"{name}_y", size)
    if kernel > 1:
        before = made.remember(f"{name}_before", np.zeros((kernel - 1) * inside), f"the steps before, below {name}")
        advance.append(f"memcpy({whole}, {before}, sizeof {before});")
    advance.append(f"memcpy({whole} + {(kernel - 1) * inside}, {x}, {inside} * sizeof(float));")
    if kernel > 1:
        advance.append(f"memcpy({before}, {whole} + {inside}, sizeof {before});")
    flat = layer.convolution.weight.float().permute(0, 2, 1).flatten(1)
    add_linear(made, advance, y, name, whole, flat, layer.convolution.bias)
    gain, bias = (made.tables.vector(f"{name}_norm_{one}", getattr(norm, one).float()) for one in ("weight", "bias"))
    made.helpers |= {"relu", "normalise"}
    advance += [
        f"for (int i = 0; i < {size}; ++i) {{",
        f"    {y}[i] = relu({y}[i]);",
        "}",
        f"normalise({y}, {gain}, {bias}, {size}, {float(norm.eps)!r}f);",
    ]
    return y
