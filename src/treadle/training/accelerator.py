"""Devices, mixed precision and several processes, by accelerate."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import distributed

from treadle.errors import InputError
from treadle.training.settings import Precision

_MIXED: dict[Precision, str] = {
    "float32": "no",
    "bfloat16-products": "no",
    "bfloat16": "bf16",
    "float16": "fp16",
}


def is_main_process() -> bool:
    """Whether this process is alone, or the first of several, as torch's launcher numbers them: the one that writes."""
    return os.environ.get("RANK", "0") == "0"


def make_accelerator(device: str, precision: Precision) -> Accelerator:
    """An accelerator for one run.

    Accelerate keeps its settings for the whole process and refuses others later; a second run in the same process may
    want another device or precision, so they are forgotten first.

    Args:
        device: "auto" for the best that is there, or "cpu".
        precision: Of the forward pass.

    Raises:
        InputError: The device cannot compute in this precision.
    """
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        accelerator = Accelerator(cpu=device == "cpu", mixed_precision=_MIXED[precision])
    except ValueError as error:
        raise InputError(f"precision {precision!r} is not possible here: {error}") from None
    if _MIXED[precision] != "no" and not accelerator.native_amp:  # accelerate would compute in float32, without a word
        raise InputError(f"precision {precision!r} is not possible on device {accelerator.device.type!r}")
    return accelerator


@contextmanager
def group_of_processes() -> Iterator[None]:
    """Within the block, several processes may train together; the group they form is left at its end.

    A process that ends while it is still in the group leaves threads of the group behind, which may abort it. A group
    that was there before belongs to the caller, and stays.
    """
    foreign = distributed.is_available() and distributed.is_initialized()
    try:
        yield
    finally:
        if not foreign and distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()


@contextmanager
def products_of(precision: Precision) -> Iterator[None]:
    """Within the block, products of float32 matrices are computed as a precision of training says.

    "bfloat16-products" lets them round their factors to bfloat16 and add in float32, where the processor multiplies
    these faster (AMX, AVX-512 BF16, tensor cores); elsewhere they stay as they are.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if precision == "bfloat16-products" else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
