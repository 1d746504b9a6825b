"""Checkpoints: the whole state of a run in one file, written atomically and never pickled.

A checkpoint is a safetensors file. Tensors are stored as they are; everything else is JSON in its header, with a
reference where a tensor stood. The file is written beside its place, flushed to the disk and moved there in one go, so
that whatever kills the process leaves either the old checkpoint or the new one.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor

from treadle.errors import InputError
from treadle.files import write_atomically

_HEADER, CHECKSUM = "treadle", "checksum"
"""The names of two entries in the header of a file: all that is no tensor, and the checksum."""


def save_state(path: Path, state: Any) -> None:
    """Save nested dictionaries and lists of tensors, numbers, strings and None.

    Args:
        path: The file.
        state: What `load_state` will return; dictionary keys are strings or integers.
    """
    tensors: dict[str, Tensor] = {}
    header = json.dumps(_take_out(state, tensors))
    # Cloned, since safetensors refuses tensors that share memory, as tied weights do.
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_atomically(path, serialise(tensors, {_HEADER: header, CHECKSUM: checksum(tensors, header)}))


def load_state(path: Path) -> Any:
    """Read what `save_state` wrote.

    Raises:
        InputError: The file is missing, damaged or not of this kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
        if metadata[CHECKSUM] != checksum(tensors, metadata[_HEADER]):
            raise ValueError("its checksum is wrong")
        return _put_back(json.loads(metadata[_HEADER]), tensors)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: damaged or not written by Treadle ({error})") from None


def checksum(tensors: Mapping[str, Tensor], header: str = "") -> str:
    """CRC-32 of all that is saved: a disk or a copy may change bytes without making the file unreadable.

    Args:
        tensors: Contiguous, by name.
        header: What is saved beside them.
    """
    crc = zlib.crc32(header.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        crc = zlib.crc32(f"{name} {tensor.dtype} {list(tensor.shape)}".encode(), crc)
        crc = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, crc)
    return f"{crc:08x}"


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
