"""Resets for engines that know none: every stretch between two resets becomes a row of its own."""

from collections.abc import Callable

import torch
from torch import Tensor

from treadle.cells import Cell, State
from treadle.nn.sequences import Segments, clear_padding

RunWhole = Callable[[Cell, Tensor, State, Tensor | None], tuple[Tensor, State]]
"""`(cell, x, state, lengths) -> (y, state)`, forward in time and without resets."""


def run_in_pieces(
    run: RunWhole, cell: Cell, x: Tensor, state: State, lengths: Tensor | None, reset: Tensor
) -> tuple[Tensor, State]:
    """Cut the batch at its resets, run every piece as a row, then put outputs and last states back."""
    if 0 in x.shape[:2]:
        same = type(state)(*(s.clone() for s in state))  # the caller may write to what comes back
        return x.new_zeros(*x.shape[:2], cell.output_size), same
    pieces = Segments.cut(reset, lengths)
    fresh = cell.initial_state(len(pieces.row), device=x.device, dtype=x.dtype)
    carries = pieces.carries[:, None]
    begin = type(state)(*(torch.where(carries, s[pieces.row], f) for s, f in zip(state, fresh, strict=True)))
    if pieces.source.shape[1] == 0:
        return x.new_zeros(*x.shape[:2], cell.output_size), type(state)(*(s[pieces.last] for s in begin))
    cut = x.flatten(0, 1).index_select(0, pieces.source.flatten()).view(*pieces.source.shape, -1)
    cut = clear_padding(cut, pieces.lengths)  # past its end a piece would read what follows, another row even
    y, end = run(cell, cut, begin, pieces.lengths)
    y = y.flatten(0, 1).index_select(0, pieces.place).view(*x.shape[:2], -1)
    return y, type(state)(*(s[pieces.last] for s in end))
