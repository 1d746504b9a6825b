"""Checkpoints: the whole state of a run in one file, written atomically and never pickled.

A checkpoint is a safetensors file. Tensors are stored as they are; everything else is JSON in its header, with a
reference where a tensor stood. The file is written beside its place, flushed to the disk and moved there in one go, so
that whatever kills the process leaves either the old checkpoint or the new one.
"""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor

from treadle.errors import InputError

_HEADER = "treadle"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that at any moment `path` holds either what it held before or all of `content`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def save_state(path: Path, state: Any) -> None:
    """Save nested dictionaries and lists of tensors, numbers, strings and None.

    Args:
        path: The file.
        state: What `load_state` will return; dictionary keys are strings or integers.
    """
    tensors: dict[str, Tensor] = {}
    tree = _take_out(state, tensors)
    content = serialise({k: t.detach().contiguous().cpu() for k, t in tensors.items()}, {_HEADER: json.dumps(tree)})
    write_atomically(path, content)


def load_state(path: Path) -> Any:
    """Read what `save_state` wrote.

    Raises:
        InputError: The file is missing, damaged or not of this kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {})[_HEADER]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
        return _put_back(json.loads(header), tensors)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: damaged or not written by Treadle ({error})") from None


def _take_out(node: Any, tensors: dict[str, Tensor]) -> Any:
    """The JSON form of a node; tensors go to `tensors`."""
    if isinstance(node, Tensor):
        tensors[str(len(tensors))] = node
        return {"tensor": str(len(tensors) - 1)}
    if isinstance(node, dict):
        return {"items": [[key, _take_out(value, tensors)] for key, value in node.items()]}
    if isinstance(node, list | tuple):
        return [_take_out(value, tensors) for value in node]
    return node


def _put_back(node: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of `_take_out`; tuples come back as lists."""
    if isinstance(node, list):
        return [_put_back(value, tensors) for value in node]
    if isinstance(node, dict):
        if "tensor" in node:
            return tensors[node["tensor"]]
        return {key: _put_back(value, tensors) for key, value in node["items"]}
    return node
