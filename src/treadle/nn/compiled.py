"""The engine "cpu": a cell's step compiled into fused kernels for the whole sequence (see `treadle.compiler`)."""

from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from treadle.cells import Cell, State
from treadle.compiler import Recurrence
from treadle.errors import InputError
from treadle.nn.pieces import run_in_pieces


def refusal(cell: Cell) -> str | None:
    """Why this engine cannot run a cell: its step has an operator that the compiler has no rule for."""
    try:
        recurrence(cell)
    except InputError as error:
        return str(error)
    return None


def unsuited(cell: Cell, x: Tensor) -> str | None:
    """Why this engine cannot run an input: kernels are for single and double precision on a CPU."""
    own = next((p.dtype for p in cell.parameters()), x.dtype)
    if x.device.type == "cpu" and x.dtype == own and x.dtype in (torch.float32, torch.float64):
        return None
    return f"it runs float32 and float64 on a CPU, and the input is {str(x.dtype)[6:]} on {x.device.type}"


def run(cell: Cell, x: Tensor, state: State, lengths: Tensor | None, reset: Tensor | None) -> tuple[Tensor, State]:
    """Unroll `cell` over `x [batch, time, feature]`, forward in time."""
    if reset is not None:
        return run_in_pieces(partial(_run_whole, reverse=False), cell, x, state, lengths, reset)
    return _run_whole(cell, x, state, lengths, reverse=False)


def run_backwards(cell: Cell, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
    """Unroll `cell` from every row's last real step to its first, as the kernels do without turning anything round."""
    return _run_whole(cell, x, state, lengths, reverse=True)


def recurrence(cell: Cell) -> Recurrence:
    """The compiled form of a cell, shared by all cells that differ in nothing but the numbers of their parameters.

    It is made anew where an attribute that the step may read has changed. A cell with attributes whose effect cannot
    be compared (a function, a list) is compiled for itself.

    Raises:
        InputError: The step cannot be compiled.
    """
    attributes = [(name, value) for module in cell.modules() for name, value in vars(module).items()]
    shapes = tuple((name, t.shape) for name, t in [*cell.named_parameters(), *cell.named_buffers()])
    settings = tuple((name, value) for name, value in attributes if isinstance(value, _SIMPLE))
    key = (tuple(type(module) for module in cell.modules()), shapes, settings)
    plain = all(isinstance(value, _SIMPLE) or name in _MODULE for name, value in attributes)
    known = _shared if plain else _own.setdefault(cell, {})
    if key not in known:
        known[key] = Recurrence(cell)
    return known[key]


_shared: dict[Any, Recurrence] = {}
_own: "WeakKeyDictionary[Cell, dict[Any, Recurrence]]" = WeakKeyDictionary()

_SIMPLE = (bool, int, float, str, tuple, type(None))
_MODULE = frozenset(vars(nn.Module()))
"""What every module has: its parameters, buffers and modules, which are compared by their shapes, and its hooks."""


def _run_whole(cell: Cell, x: Tensor, state: State, lengths: Tensor | None, *, reverse: bool) -> tuple[Tensor, State]:
    lengths = None if lengths is None else lengths.cpu()
    y, after = recurrence(cell).run(cell, x, state, lengths, reverse=reverse)
    return y, type(state)(*after)
