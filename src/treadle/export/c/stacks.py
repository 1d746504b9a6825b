"""Recurrent layers alone, in C: a step of numbers in, the last layer's output out."""

from typing import Any

import numpy as np
import torch

from treadle.errors import counted
from treadle.export.c.layers import add_stack, title_of
from treadle.export.c.program import Input, Program
from treadle.export.c.proof import Sample
from treadle.export.c.sequences import LENGTHS
from treadle.export.c.tables import Tables
from treadle.nn import Recurrent, Stack
from treadle.streaming.layers import settled


def program(layers: Any, name: str, *, int8: bool) -> Program:
    """The layers.

    Raises:
        InputError: They also read from the end, or a step cannot be compiled.
    """
    stack = _stack(layers)
    cell = stack.layers[0][0].cell
    depth, size = len(stack.layers), stack.input_size
    made = Program(
        name,
        f"{counted(depth, 'recurrent layer')}",
        [title_of(cell)],
        Input(f"const float input[{size}]", [f"{counted(size, 'number')}."], [("INPUTS", size, "numbers of a step")]),
        [f"output {number} of the last layer" for number in range(stack.output_size)],
        ["the output of the last layer."],
        Tables(int8=int8),
    )
    y = add_stack(made, stack, "input", made.advance, "advance")
    last = made.remember("output", np.zeros(stack.output_size), "the last layer's output")
    made.advance.append(f"memcpy({last}, {y}, sizeof {last});")
    made.answer.append(f"memcpy(output, {last}, sizeof {last});")
    return made


def sample(layers: Any, random: np.random.Generator) -> Sample:
    """Steps at random, and the outputs of the layers' own step."""
    stack = settled(_stack(layers)).float()
    inputs = random.normal(size=(sum(LENGTHS), stack.input_size)).astype(np.float32)
    found, t = [], 0
    with torch.no_grad():
        for length in LENGTHS:
            state = None
            for _ in range(length):
                y, state = stack.step(torch.from_numpy(inputs[t : t + 1]), state)
                found.append(y[0].numpy())
                t += 1
    expected = np.array(found, dtype=np.float64)
    unit = max(1.0, float(np.abs(expected).max()))
    return Sample(LENGTHS, {"input": inputs}, f"input + t * {stack.input_size}", expected, unit)


def _stack(layers: Any) -> Stack:
    """Layers of any kind as a stack."""
    if isinstance(layers, Stack):
        return layers
    if not isinstance(layers, Recurrent):
        found: Stack = layers.stack
        return found
    stack = Stack(lambda _: layers.cell, layers.cell.input_size, 1)
    stack.layers[0][0].reverse = layers.reverse
    return stack
