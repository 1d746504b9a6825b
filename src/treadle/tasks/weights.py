"""Weights as a model folder keeps them: as they are, in 8 bits with a scale a channel, or without their zeros."""

import json
import math
from collections.abc import Mapping

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from treadle.compiler.quantisation import quantise, restore
from treadle.training.checkpoint import CHECKSUM, checksum

SCALE = ":scale"
"""What the name of the scales of a tensor in 8 bits ends with."""
VALUES, MASK, SHAPE = ":values", ":mask", ":shape"
"""What the names of the three parts of a tensor without its zeros end with: the others in their order, a bit for every
place, and the sizes."""


def to_bytes(weights: Mapping[str, Tensor], *, int8: bool = False, sparse: bool = False) -> bytes:
    """Weights as a safetensors file.

    Args:
        weights: By name.
        int8: Whether matrices are kept in 8 bits with a scale for every row: recurrent and dense layers, embeddings and
            convolutions. What has one axis, such as a bias, stays as it is.
        sparse: Whether tensors are kept without their zeros, where that is smaller.
    """
    kept: dict[str, Tensor] = {}
    for name, value in weights.items():
        value = value.detach().cpu().contiguous()
        if int8 and value.ndim >= 2 and value.is_floating_point() and value.numel():
            numbers, kept[name + SCALE] = quantise(value.flatten(1))
            value = numbers.view(value.shape)
        elif sparse and value.ndim >= 2 and value.is_floating_point():
            left = value != 0
            parts = {
                name + VALUES: value[left],
                name + MASK: torch.from_numpy(np.packbits(left.flatten().numpy())),
                name + SHAPE: torch.tensor(value.shape),
            }
            if sum(part.nbytes for part in parts.values()) < value.nbytes:
                kept |= parts
                continue
        kept[name] = value
    content: bytes = save_tensors(kept, {CHECKSUM: checksum(kept)})
    return content


def from_bytes(content: bytes) -> dict[str, Tensor]:
    """The weights by name that `to_bytes` wrote; those in 8 bits are the floating-point numbers they stand for.

    Raises:
        SafetensorError: The file is damaged; in one bit, if it has a checksum, as all have that this version writes.
        KeyError, RuntimeError, ValueError: Its parts do not fit together.
    """
    kept: dict[str, Tensor] = load_tensors(content)
    length = int.from_bytes(content[:8], "little")  # safetensors' own reader of bytes leaves out what is said beside
    told = json.loads(content[8 : 8 + length]).get("__metadata__", {}).get(CHECKSUM)
    if told is not None and told != checksum(kept):
        raise SafetensorError("its checksum is wrong")
    scales = {name: kept.pop(name) for name in list(kept) if name.endswith(SCALE)}
    for name, scale in scales.items():
        whole = kept.get(name.removesuffix(SCALE))
        if whole is None or whole.ndim < 2 or scale.shape != whole.shape[:1]:
            raise RuntimeError(f"scales without a matrix: {name}")
        kept[name.removesuffix(SCALE)] = restore(whole.flatten(1), scale).view(whole.shape)
    for name in [name.removesuffix(MASK) for name in kept if name.endswith(MASK)]:
        kept[name] = _with_zeros(name, *(kept.pop(name + part) for part in (VALUES, MASK, SHAPE)))
    return kept


def _with_zeros(name: str, values: Tensor, mask: Tensor, shape: Tensor) -> Tensor:
    sizes = tuple(shape.tolist())
    left = np.unpackbits(mask.numpy(), count=math.prod(sizes)).astype(bool)
    if int(left.sum()) != len(values):
        raise RuntimeError(f"{len(values)} numbers for {int(left.sum())} places: {name}")
    found = torch.zeros(sizes, dtype=values.dtype)
    found[torch.from_numpy(left).view(sizes)] = values
    return found
