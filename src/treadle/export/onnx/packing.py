"""Weights of a graph in 8 bits: whole numbers with a scale a row, which the runtime multiplies when it opens the file.

Only a weight that is such numbers already is kept so (`treadle.compiler.quantisation`): the graph's numbers stay what
they were, to the last bit, and what a row is may have changed places on the way into the graph.
"""

from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn

from treadle.compiler.quantisation import LARGEST
from treadle.tasks.weights import from_bytes, to_bytes

Array = NDArray[Any]

SMALLEST = 256
"""Numbers of a weight from which it is worth two more operators."""


def rounded(model: Any) -> Any:
    """A copy of a fitted estimator, or of layers, whose matrices are what 8 bits stand for."""
    copy = deepcopy(model)
    network: nn.Module = getattr(copy, "network_", copy)
    network.load_state_dict(from_bytes(to_bytes(network.state_dict(), int8=True)))
    return copy


def packed(name: str, array: Array) -> tuple[list[Any], list[Any]]:
    """A weight as initialisers and the operators that make it, in 8 bits where that changes no bit of it.

    Args:
        name: Of the value.
        array: The weight.

    Returns:
        Initialisers and nodes.
    """
    if array.dtype == np.float32 and array.ndim >= 2 and array.size >= SMALLEST:
        for axis in (0, 1):
            found = _in_8_bits(array.reshape(-1, array.shape[-1]), axis)
            if found is not None:
                return _restored(name, array.shape, *found, axis)
    return [numpy_helper.from_array(array, name)], []


def _in_8_bits(matrix: Array, axis: int) -> tuple[Array, Array] | None:
    """Whole numbers and the scale of each row (axis 0) or column (axis 1), if their product is the matrix."""
    scale = np.abs(matrix).max(axis=1 - axis) / np.float32(LARGEST)
    scale = np.where(scale > 0, scale, np.float32(1)).astype(np.float32)
    spread = np.expand_dims(scale, 1 - axis)
    numbers = np.rint(matrix / spread)
    near = np.abs(numbers * spread - matrix) <= 4 * np.finfo(np.float32).eps * np.abs(matrix)
    return (numbers.astype(np.int8), scale) if near.all() else None


def _restored(
    name: str, shape: tuple[int, ...], numbers: Array, scale: Array, axis: int
) -> tuple[list[Any], list[Any]]:
    parts = [f"{name}/numbers", f"{name}/scale"]
    weights = [numpy_helper.from_array(one, part) for one, part in zip((numbers, scale), parts, strict=True)]
    if len(shape) == 2:
        return weights, [helper.make_node("DequantizeLinear", parts, [name], name=name, axis=axis)]
    sizes, matrix = f"{name}/shape", f"{name}/matrix"
    weights.append(numpy_helper.from_array(np.array(shape, np.int64), sizes))
    restore = helper.make_node("DequantizeLinear", parts, [matrix], name=matrix, axis=axis)
    return weights, [restore, helper.make_node("Reshape", [matrix, sizes], [name], name=name)]
