"""The engine "eager": a cell's step in a Python loop, for any cell; the reference that other engines are held to."""

import torch
from torch import Tensor

from treadle.cells import Cell, State
from treadle.cells.checks import check_returned
from treadle.nn.sequences import length_mask


def refusal(_cell: Cell) -> str | None:
    """Why this engine cannot run a cell: there is no reason, it runs any."""
    return None


def run(cell: Cell, x: Tensor, state: State, lengths: Tensor | None, reset: Tensor | None) -> tuple[Tensor, State]:
    """Unroll `cell` over `x [batch, time, feature]`, forward in time.

    Past its length a row keeps its state; where `reset [batch, time]` is set it returns to the initial one before the
    step.

    Raises:
        ContractError: The first step returned something else than an output and a state of the cell's sizes.
    """
    batch, steps = x.shape[:2]
    initial = cell.initial_state(batch, device=x.device, dtype=x.dtype)
    real = None if lengths is None else length_mask(lengths, steps)
    outputs = []
    for t in range(steps):
        before = state if reset is None else _where(reset[:, t], initial, state)
        returned = cell.step(x[:, t], before)
        y, after = returned if t else check_returned(cell, returned, batch)
        state = after if real is None else _where(real[:, t], after, state)
        outputs.append(y)
    y = torch.stack(outputs, 1) if outputs else x.new_zeros(batch, 0, cell.output_size)
    return y, state


def _where(rows: Tensor, chosen: State, otherwise: State) -> State:
    """The state whose rows come from `chosen` where `rows [batch]` is set."""
    mask = rows[:, None]
    return type(otherwise)(*(torch.where(mask, a, b) for a, b in zip(chosen, otherwise, strict=True)))
