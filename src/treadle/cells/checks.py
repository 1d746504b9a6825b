"""Checks: what a step is given and what it returns, held to the contract of its cell."""

from typing import Any

import torch
from torch import Tensor

from treadle.cells.contract import Cell, ContractError, State, fields_of
from treadle.errors import InputError


def check_returned(cell: Cell, returned: Any, batch: int) -> tuple[Tensor, State]:
    """Hold what a step returned to the contract.

    Args:
        cell: Whose step.
        returned: What it returned.
        batch: Rows that it was given.

    Raises:
        ContractError: It is not an output and a state of the cell's sizes; the sentence says what both are.
    """
    match returned:
        case (Tensor() as y, tuple() as after) if getattr(after, "_fields", None) == fields_of(cell):
            shapes = [getattr(one, "shape", None) for one in (y, *after)]
            if shapes == [(batch, size) for size in (cell.output_size, *cell.state_sizes)]:
                return y, after
    fields = zip(fields_of(cell), cell.state_sizes, strict=True)
    state = ", ".join(f"{name} [batch, {size}]" for name, size in fields)
    raise ContractError(
        f"{type(cell).__name__}.step returns an output [batch, {cell.output_size}] and"
        f" {cell.state_type.__name__}({state}), as output_size, state_type and state_sizes say, found"
        f" {_described(returned, batch)}"
    )


def check_state(state: Any, cell: Cell, x: Tensor, *, own: bool) -> State:
    """Hold a state to its contract: a row for every row of the batch, the cell's sizes, the type of the input.

    Args:
        state: The state; fields without names are taken in their order.
        cell: Whose.
        x: The input `[batch, ...]`.
        own: Whether fields may also be of the type that `initial_state` has for them, a counter say.

    Raises:
        InputError: A shape, a type or a device does not fit.
    """
    if type(state) is not cell.state_type:
        state = _named(state, cell)
    batch, dtype, device, sizes = x.shape[0], x.dtype, x.device, cell.state_sizes
    for number, field in enumerate(state):
        if field.dtype is not dtype or field.device != device or field.shape != (batch, sizes[number]):
            break
    else:
        return state
    types = initial_types(cell, device, dtype) if own else [dtype] * len(sizes)
    wanted = [((batch, size), kind, device) for size, kind in zip(sizes, types, strict=True)]
    found = [(tuple(field.shape), field.dtype, field.device) for field in state]
    if found != wanted:
        said = [", ".join(f"{list(n)} {str(t)[6:]} on {d}" for n, t, d in one) for one in (wanted, found)]
        raise InputError(f"the state's shapes and types are {said[0]}, found {said[1]}")
    return state


def _named(state: Any, cell: Cell) -> State:
    """A state of the cell's own kind, from one of another that has the same fields, or as many without names."""
    names = fields_of(cell)
    fits = isinstance(state, tuple) and getattr(state, "_fields", names) == names and len(state) == len(names)
    if not fits or not all(isinstance(field, Tensor) for field in state):
        raise InputError(f"the state is {cell.state_type.__name__}({', '.join(names)}), found {_described(state, -1)}")
    return cell.state_type(*state)


def initial_types(cell: Cell, device: torch.device, dtype: torch.dtype) -> list[torch.dtype]:
    """The type of every field of the state that a cell begins with; no random number is used up."""
    if type(cell).initial_state is Cell.initial_state:
        return [dtype] * len(fields_of(cell))
    with torch.random.fork_rng(devices=[]):
        return [field.dtype for field in cell.initial_state(1, device=device, dtype=dtype)]


def _described(found: Any, batch: int) -> str:
    """What was found instead, with the shapes of tensors."""
    match found:
        case Tensor():
            first, rest = list(found.shape[:1]), list(found.shape[1:])
            sizes = ["batch" if first == [batch] else str(size) for size in first] + [str(size) for size in rest]
            return f"a tensor [{', '.join(sizes)}]"
        case tuple() if hasattr(found, "_fields"):
            parts = zip(found._fields, found, strict=True)
            return f"{type(found).__name__}({', '.join(f'{name} {_described(one, batch)}' for name, one in parts)})"
        case tuple():
            return f"({', '.join(_described(one, batch) for one in found)})"
    return "None" if found is None else f"a {type(found).__name__}"
