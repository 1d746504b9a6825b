"""The engine "cpu": a cell's step compiled into fused kernels for the whole sequence (see `treadle.compiler`)."""

from functools import lru_cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from treadle.cells import Cell, State
from treadle.cells.contract import ContractError
from treadle.compiler import Recurrence, custom
from treadle.compiler.parameters import OutdatedError
from treadle.compiler.trace import further_names, number_type
from treadle.errors import InputError
from treadle.nn.pieces import run_in_pieces
from treadle.nn.watched import Watched, watch


def refusal(cell: Cell) -> str | None:
    """Why this engine cannot run a cell: its step has an operator that the compiler has no rule for, say.

    Raises:
        ContractError: No engine can: what the step returned is not what a step returns.
    """
    try:
        recurrence(cell)
    except ContractError:
        raise
    except InputError as error:
        return str(error)
    return None


def unsuited(cell: Cell, x: Tensor) -> str | None:
    """Why this engine cannot run an input: kernels are for single and double precision on a CPU."""
    own = next((p.dtype for p in cell.parameters()), x.dtype)
    if x.device.type == "cpu" and x.dtype == own and x.dtype in (torch.float32, torch.float64):
        return None
    return f"it runs float32 and float64 on a CPU, and the input is {str(x.dtype)[6:]} on {x.device.type}"


def begin(cell: Cell, x: Tensor) -> State:
    """The state before the first step where none is given; kernels only read it, so zeros are made once for all."""
    if type(cell).initial_state is not Cell.initial_state or torch.compiler.is_compiling():
        return cell.initial_state(x.shape[0], device=x.device, dtype=x.dtype)
    return cell.state_type(*_zeros(x.shape[0], cell.state_sizes, x.dtype))


@lru_cache(maxsize=8)
def _zeros(batch: int, sizes: tuple[int, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    with torch.inference_mode(False):
        return tuple(torch.zeros(batch, size, dtype=dtype, device="cpu") for size in sizes)


def run(
    cell: Cell,
    x: Tensor,
    state: State,
    lengths: Tensor | None,
    reset: Tensor | None,
    checkpoint: int | None = None,
) -> tuple[Tensor, State]:
    """Unroll `cell` over `x [batch, time, feature]`, forward in time."""
    if reset is not None:
        return run_in_pieces(partial(_run_whole, checkpoint=checkpoint), cell, x, state, lengths, reset)
    return _run_whole(cell, x, state, lengths, checkpoint=checkpoint)


def run_backwards(
    cell: Cell, x: Tensor, state: State, lengths: Tensor | None, checkpoint: int | None = None
) -> tuple[Tensor, State]:
    """Unroll `cell` from every row's last real step to its first, as the kernels do without turning anything round."""
    return _run_whole(cell, x, state, lengths, reverse=True, checkpoint=checkpoint)


def unsuited_int8(cell: Cell, x: Tensor) -> str | None:
    """Why the engine "int8" cannot run an input: it is for float32 on a CPU."""
    if x.dtype != torch.float32:
        return f"it runs float32 on a CPU, and the input is {str(x.dtype)[6:]} on {x.device.type}"
    return unsuited(cell, x)


def run_int8(cell: Cell, x: Tensor, state: State, lengths: Tensor | None, reset: Tensor | None) -> tuple[Tensor, State]:
    """The engine "int8": as `run`, with the weights of all products in 8 bits.

    Raises:
        InputError: A gradient is wanted.
    """
    _refuse_gradient(cell, x, state)
    if reset is not None:
        return run_in_pieces(partial(_run_whole, int8=True), cell, x, state, lengths, reset)
    return _run_whole(cell, x, state, lengths, int8=True)


def run_int8_backwards(cell: Cell, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
    """As `run_backwards`, with the weights of all products in 8 bits.

    Raises:
        InputError: A gradient is wanted.
    """
    _refuse_gradient(cell, x, state)
    return _run_whole(cell, x, state, lengths, reverse=True, int8=True)


def recurrence(cell: Cell, dtype: torch.dtype | None = None) -> Recurrence:
    """The compiled form of a cell, shared by all cells that differ in nothing but the numbers of their parameters.

    It is made anew where something else that the step may read has changed: `treadle.nn.watched` says what is noticed.

    Args:
        cell: Whose step.
        dtype: The type of the input; by default that of the cell's parameters.

    Raises:
        ContractError: What the step returned is not what a step returns.
        InputError: The step cannot be compiled.
    """
    dtype = number_type(cell) if dtype is None else dtype
    seen = _seen.get(cell)
    if seen is not None and seen[0] is dtype and seen[1].same():
        return seen[2]
    watched = watch(cell)
    _seen[cell] = dtype, watched, _made(cell, dtype, watched.settings)
    return _seen[cell][2]


def _made(cell: Cell, dtype: torch.dtype, settings: tuple[Any, ...] | None) -> Recurrence:
    """A cell's compiled form, from the shared ones where its settings say all that matters."""
    if settings is None:
        return Recurrence(cell, dtype)
    tensors = ((name, t.shape, t.dtype) for name, t in [*cell.named_parameters(), *cell.named_buffers()])
    key = dtype, settings, *tensors, *further_names(cell).items()
    if key not in _shared:
        _shared[key] = Recurrence(cell, dtype)
    return _shared[key]


_seen: "WeakKeyDictionary[Cell, tuple[torch.dtype, Watched, Recurrence]]" = WeakKeyDictionary()
_shared: dict[Any, Recurrence] = {}


def _refuse_gradient(cell: Cell, x: Tensor, state: State) -> None:
    if torch.is_grad_enabled() and any(t.requires_grad for t in [x, *state, *cell.parameters()]):
        raise InputError(
            "engine 'int8' gives no gradients: train with another engine, and ask for answers under torch.no_grad()"
        )


def _run_whole(
    cell: Cell,
    x: Tensor,
    state: State,
    lengths: Tensor | None,
    reverse: bool = False,
    checkpoint: int | None = None,
    int8: bool = False,
) -> tuple[Tensor, State]:
    lengths = None if lengths is None else lengths.cpu()
    if torch.compiler.is_compiling() and not int8:
        return _run_in_graph(cell, x, state, lengths, reverse=reverse)
    found = recurrence(cell, x.dtype)
    try:
        y, after = found.run(cell, x, state, lengths, reverse=reverse, checkpoint=checkpoint, int8=int8)
    except OutdatedError:
        _seen.pop(cell, None)
        return _run_whole(cell, x, state, lengths, reverse, checkpoint, int8)
    return y, type(state)(*after)


def _run_in_graph(
    cell: Cell, x: Tensor, state: State, lengths: Tensor | None, *, reverse: bool
) -> tuple[Tensor, State]:
    """The same as an operator of torch's, for `torch.compile` and `torch.export`."""
    number = _number(cell, x.dtype)
    derived = custom.known(number).derived.tensors(cell)
    keeps = torch.is_grad_enabled() and any(t.requires_grad for t in [x, *state, *derived])
    y, *rest = custom.unroll(x, list(state), derived, lengths, reverse, keeps, number)
    return y, type(state)(*rest[: len(state)])


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # torch's carries no types
def _number(cell: Cell, dtype: torch.dtype) -> int:
    with _disable_current_modes():  # a trace needs tensors of its own, not those of the graph that is being captured
        return custom.number_of(recurrence(cell, dtype))
