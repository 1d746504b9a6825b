"""Proof: ONNX Runtime runs what was written, and everything is held to what Treadle says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from treadle.errors import InputError
from treadle.export.onnx.graph import Array
from treadle.export.onnx.states import AFTER, Fields

Arrays = dict[str, Array]

TOLERANCE = 1e-4
"""By how much two numbers may differ, in units of 1 or of the larger one. Float32 in another order of sums differs by a
hundredth of it."""
SHAPES = ((1, 1), (3, 7), (5, 2), (2, 0), (4, 13))
"""Batches and padded lengths that are run."""


class Runner:
    """A file in ONNX Runtime.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.name = path.name
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.outputs = [one.name for one in self.session.get_outputs()]

    def __call__(self, inputs: Arrays) -> Arrays:
        """All outputs by name."""
        return dict(zip(self.outputs, self.session.run(None, inputs), strict=True))


class Difference:
    """The largest difference that was seen, and over how many runs."""

    def __init__(self) -> None:
        self.largest = 0.0
        self.runs = 0

    def take(self, what: str, found: Array, expected: Array | Tensor) -> None:
        """Compare what ONNX Runtime says with what Treadle says.

        Raises:
            InputError: They differ.
        """
        if isinstance(expected, Tensor):
            expected = expected.detach().cpu().numpy()
        if found.shape != expected.shape:
            raise InputError(f"ONNX Runtime gives {what} as {list(found.shape)}, Treadle as {list(expected.shape)}")
        if not expected.size:
            return
        if expected.dtype.kind not in "f":
            apart = float((found != expected).any())
        else:
            with np.errstate(invalid="ignore"):
                near = np.abs(found.astype(np.float64) - expected) / np.maximum(1, np.abs(expected))
            near = np.where((found == expected) | (np.isnan(found) & np.isnan(expected)), 0, near)
            apart = float(np.nan_to_num(near, nan=np.inf).max())
        if not apart <= TOLERANCE:
            raise InputError(f"ONNX Runtime and Treadle differ by {apart:.2g} in {what}; nothing was written")
        self.largest = max(self.largest, apart)

    def take_all(self, where: str, found: Mapping[str, Array], expected: Mapping[str, Array | Tensor]) -> None:
        """`take` for every output that is expected.

        Raises:
            InputError: One of them differs.
        """
        self.runs += 1
        for name, one in expected.items():
            self.take(f"{name} ({where})", found[name], one)

    def __str__(self) -> str:
        return f"largest difference from Treadle: {self.largest:.1e}, over {self.runs} runs of ONNX Runtime"


def draw_lengths(random: np.random.Generator, rows: int, steps: int) -> Array:
    """Lengths of a padded batch: the longest, and among the others an empty and a single step as far as they fit."""
    found = random.integers(0, steps + 1, rows)
    found[:3] = np.minimum([steps, 0, 1], steps)[:rows]
    return found.astype(np.int64)


def real_steps(values: Array, lengths: Array) -> Array:
    """`[batch, time, ...]` with zeros past the lengths, where a graph may leave anything."""
    real = np.arange(values.shape[1]) < lengths[:, None]
    return np.where(real.reshape(*real.shape, *[1] * (values.ndim - 2)), values, np.zeros((), values.dtype))


def states_after(found: Mapping[str, Array], fields: Fields) -> Arrays:
    """The states that a run gave out, as the next one takes them."""
    return {field.name: found[field.name + AFTER] for field in fields}


def prove_steps(
    difference: Difference,
    runners: Mapping[str, Callable[[Arrays], Arrays]],
    draw: Callable[[int, int], Arrays],
    fields: Fields,
    *,
    each: Sequence[str] = (),
    last: Sequence[str] = (),
    shape: tuple[int, int] = (4, 6),
) -> None:
    """Hold the step model, run step by step, and the sequence model, run in two pieces, to the sequence model.

    Args:
        difference: Takes what is found.
        runners: Of `model.onnx`, which also takes `lengths`, and of `step.onnx`.
        draw: `(batch, time)` to inputs `[batch, time, ...]` by name; the step model's are `[batch, ...]`.
        fields: The states.
        each: Outputs of both, one a step in the sequence model.
        last: Outputs of both, after all that was read.
        shape: Batch and time.

    Raises:
        InputError: They differ.
    """
    sequence, step = runners["model.onnx"], runners["step.onnx"]
    rows, steps = shape
    inputs = draw(rows, steps)
    lengths = draw_lengths(np.random.default_rng(1), rows, steps)
    begin = {field.name: field.begin(rows) for field in fields}
    whole = sequence({**inputs, **begin, "lengths": lengths})

    state, half = dict(begin), steps // 2
    for part in (slice(0, half), slice(half, steps)):
        pieces = {name: one[:, part] for name, one in inputs.items()}
        within = np.clip(lengths - part.start, 0, part.stop - part.start)
        found = sequence({**pieces, **state, "lengths": within})
        state = states_after(found, fields)
        for name in each:
            expected = real_steps(whole[name], lengths)[:, part]
            difference.take(f"{name} (in pieces)", real_steps(found[name], within), expected)
    wanted = {name: whole[name] for name in [*(field.name + AFTER for field in fields)]}
    difference.take_all("in pieces", found, wanted)

    state = dict(begin)
    for place in range(steps):
        real = lengths > place
        found = step({**{name: one[:, place] for name, one in inputs.items()}, **state})
        difference.runs += 1
        for name in each:
            difference.take(f"{name} (step by step)", found[name][real], whole[name][real, place])
        for name in last:
            ends = lengths == place + 1
            difference.take(f"{name} (step by step)", found[name][ends], whole[name][ends])
        for field in fields:
            old, new = state[field.name], found[field.name + AFTER]
            state[field.name] = np.where(real.reshape(-1, *[1] * (old.ndim - 1)), new, old)
    for field in fields:
        difference.take(f"{field.name} (step by step)", state[field.name], whole[field.name + AFTER])


def tensors(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """Arrays as tensors."""
    return {name: torch.from_numpy(np.asarray(one)) for name, one in arrays.items()}
