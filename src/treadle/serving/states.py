"""What the units of a network do while a sequence passes: the outputs of its recurrent layers, step by step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

MOST_STEPS, MOST_UNITS = 600, 128
"""Of a picture of states; what is beyond is left out, and the answer says of how many."""


@contextmanager
def watched(layers: nn.Module) -> Iterator[list[Tensor]]:
    """The output of recurrent layers, each time that they run inside the block.

    Args:
        layers: A stack of them.
    """
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: Any, result: Any) -> None:
        seen.append(result[0].detach())

    hook = layers.register_forward_hook(keep)
    try:
        yield seen
    finally:
        hook.remove()


def picture(seen: list[Tensor], steps: list[str]) -> dict[str, Any]:
    r"""The states of the first row, as JSON can hold them.

    Args:
        seen: What `watched` gave: of layers that ran several times, one part of the sequence after the other.
        steps: What each step was, as a person reads it; may be shorter.

    Returns:
        `values`, \([time][units]\) with three decimals; `steps`; and how many steps and units there are in all.
    """
    if not seen:
        return {"values": [], "steps": [], "of_steps": 0, "of_units": 0}
    whole = torch.cat([y[0] for y in seen]).float().cpu()
    shown = whole[:MOST_STEPS, :MOST_UNITS].nan_to_num()
    values = [[round(value, 3) for value in row] for row in shown.tolist()]
    return {"values": values, "steps": steps[:MOST_STEPS], "of_steps": whole.shape[0], "of_units": whole.shape[1]}
