"""Weights as a model folder keeps them: as they are, or in 8 bits with a scale a channel."""

from collections.abc import Mapping

from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from treadle.compiler.quantisation import quantise, restore

SCALE = ":scale"
"""What the name of the scales of a tensor in 8 bits ends with."""


def to_bytes(weights: Mapping[str, Tensor], *, int8: bool = False) -> bytes:
    """Weights as a safetensors file.

    Args:
        weights: By name.
        int8: Whether matrices are kept in 8 bits with a scale for every row: recurrent and dense layers, embeddings and
            convolutions. What has one axis, such as a bias, stays as it is.
    """
    kept: dict[str, Tensor] = {}
    for name, value in weights.items():
        value = value.detach().cpu().contiguous()
        if int8 and value.ndim >= 2 and value.is_floating_point() and value.numel():
            numbers, kept[name + SCALE] = quantise(value.flatten(1))
            value = numbers.view(value.shape)
        kept[name] = value
    content: bytes = save_tensors(kept)
    return content


def from_bytes(content: bytes) -> dict[str, Tensor]:
    """The weights by name that `to_bytes` wrote; those in 8 bits are the floating-point numbers they stand for.

    Raises:
        SafetensorError: The file is damaged.
        RuntimeError: Scales do not fit.
    """
    kept: dict[str, Tensor] = load_tensors(content)
    scales = {name: kept.pop(name) for name in list(kept) if name.endswith(SCALE)}
    for name, scale in scales.items():
        whole = kept.get(name.removesuffix(SCALE))
        if whole is None or whole.ndim < 2 or scale.shape != whole.shape[:1]:
            raise RuntimeError(f"scales without a matrix: {name}")
        kept[name.removesuffix(SCALE)] = restore(whole.flatten(1), scale).view(whole.shape)
    return kept
