"""What a model folder may hold at most: sizes that are held against each other before memory is given to them."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from treadle.errors import InputError
from treadle.tasks.weights import MASK, SCALE, SHAPE, VALUES

MOST_CONFIG = 1 << 20
"""Bytes of `config.toml`; a usual one has two thousand."""
MOST_AXES = 8
"""Of a tensor."""
MOST_FEATURES = 256 << 20
"""Bytes of `features.json`; a vocabulary of a million words has some ten million."""


def read_at_most(path: Path, most: int) -> bytes:
    """All bytes of a small file.

    Args:
        path: The file.
        most: What it has at most.

    Raises:
        InputError: It is missing, cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise InputError(f"{path.parent}: holds no {path.name}; training did not come to its end there") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > most:
        raise InputError(f"{path}: is larger than {most:,} bytes, which no model needs there")
    return content


def check_shapes(path: Path, build: Callable[[], nn.Module]) -> None:
    """Hold the tensors that a file of weights declares to those of the network that they are for.

    The network is built without memory, so one that asks for terabytes costs nothing; and a header that declares other
    sizes than its file has is refused by safetensors itself, before anything is read.

    Args:
        path: A safetensors file.
        build: Makes the network.

    Raises:
        InputError: The file is missing or damaged, or holds other tensors.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no mapping)
            declared = {
                name: shape for name, shape in shapes.items() if not name.endswith((SCALE, VALUES, MASK, SHAPE))
            }
            for name in [name.removesuffix(MASK) for name in shapes if name.endswith(MASK)]:
                declared[name] = _sizes(file, name, shapes)
    except FileNotFoundError:
        raise InputError(f"{path.parent}: holds no {path.name}; training did not come to its end there") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except SafetensorError as error:
        raise InputError(f"{path}: damaged or cut short ({error})") from None
    try:
        with torch.device("meta"):
            wanted = {name: tuple(value.shape) for name, value in build().state_dict().items()}
    except (RuntimeError, OverflowError):  # a size past all numbers
        wanted = {}
    if declared != wanted:
        raise InputError(f"{path}: the weights do not fit config.toml and features.json beside it")


def _sizes(file: Any, name: str, shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The sizes of a tensor that is kept without its zeros, if there is a bit for each of its places; else none."""
    axes = shapes.get(name + SHAPE, ())
    if len(axes) != 1 or axes[0] > MOST_AXES or name + VALUES not in shapes:
        return ()
    sizes = tuple(int(size) for size in file.get_tensor(name + SHAPE).tolist())
    return sizes if shapes[name + MASK] == (-(-math.prod(sizes) // 8),) else ()
