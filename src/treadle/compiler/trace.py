"""Trace: one run of a cell's step, recorded as a list of calls.

The step runs once on a small batch of tensors that record what is done with them. They record torch's own functions
(`linear`, `sigmoid`, `chunk`), not the many small operators below; nothing of torch's compiler is imported, so a trace
takes a few milliseconds. The batch axis is marked by a length that no size of the cell has.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from treadle.cells import Cell
from treadle.cells.checks import check_returned, initial_types
from treadle.cells.contract import fields_of
from treadle.compiler.unchanged import unchanged
from treadle.errors import InputError

_MARKS = (127, 131, 137, 139, 149, 151, 157, 163, 167, 173)
"""Lengths for the batch axis: primes, which layers seldom have as a size."""

_HERE = str(Path(__file__).parent)
_TORCH = str(Path(torch.__file__).parent)
_SILENT = frozenset({"size", "dim", "numel", "is_floating_point", "stride", "is_contiguous", "__len__", "ndim"})
"""What asks for a shape or a type and leaves no trace."""
_READS = frozenset(
    {"item", "tolist", "__bool__", "__float__", "__int__", "__index__", "numpy", "nonzero", "equal", "__contains__"}
    | {"__format__", "__repr__"}
)
"""What asks for the numbers, which a compiled step has not yet."""


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the trace: its shape and type, and by its identity the place where it was made."""

    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a torch function: every tensor among the arguments and results is a `Value`."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    line: str

    @property
    def name(self) -> str:
        """The function's name without underscores: `add` for `+`, `radd` for the same from the right."""
        return _name(self.function)


@dataclass(frozen=True)
class Trace:
    """A recorded step.

    Attributes:
        rows: The length that marks the batch axis.
        dtype: The type of the input and of the state.
        parameters: The values of the cell's parameters and buffers by name.
        tied: Further names of these, each with the one that they have there.
        x: The input.
        state: The fields of the state before the step.
        calls: What was done, in order.
        y: The output.
        after: The fields of the state after the step.
    """

    rows: int
    dtype: torch.dtype
    parameters: dict[str, Value]
    tied: dict[str, str]
    x: Value
    state: tuple[Value, ...]
    calls: list[Call]
    y: Value
    after: tuple[Value, ...]


class Recorder(Tensor):
    """A tensor that writes down what is done with it."""

    value: Value
    calls: list[Call]

    @classmethod
    def wrap(cls, tensor: Tensor, calls: list[Call]) -> "Recorder":
        """Start recording a tensor."""
        made = tensor.as_subclass(cls)
        made.value, made.calls = Value(tuple(tensor.shape), tensor.dtype), calls
        return made

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run a function on shapes alone, and record it."""
        if not all(issubclass(kind, Tensor) for kind in types):
            return NotImplemented  # a weight that is no tensor does first what it stands for
        kwargs = kwargs or {}
        if func.__name__ in _READS or (func.__name__ == "where" and len(args) + len(kwargs) == 1):
            raise InputError(
                f"{_line()}: the step reads the numbers of a tensor ({_name(func)}), which it has not yet when it is"
                " compiled; choose by torch.where instead of a condition"
            )
        tensors = _tensors((args, kwargs))
        with torch._C.DisableTorchFunctionSubclass():
            before = [t._version for t in tensors]
            result = func(*args, **kwargs)
            changed = before != [t._version for t in tensors]
        if changed:
            raise InputError(f"{_line()}: the step changes a tensor in place ({func.__name__}); make a new one instead")
        if func.__name__ in _SILENT or not _tensors(result):
            return result
        if not torch.is_grad_enabled():
            raise InputError(
                f"{_line()}: the step stops the gradient ({_name(func)} under no_grad), which the compiler does not"
                " see; stop it with detach() instead"
            )
        calls = next(t.calls for t in tensors if isinstance(t, Recorder))
        result = _map(result, lambda tensor: cls.wrap(tensor, calls))
        values = [_map(part, _value) for part in (args, kwargs, result)]
        calls.append(Call(func, values[0], values[1], values[2], _line()))
        return result


class _NoRandomNumbers(TorchFunctionMode):
    """Refuses whatever draws from torch's generator, which would be drawn once for all steps."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run a function, and see whether the generator went on."""
        before = torch.get_rng_state()
        result = func(*args, **(kwargs or {}))
        if not torch.equal(before, torch.get_rng_state()):
            torch.set_rng_state(before)
            raise InputError(
                f"{_line()}: the step draws random numbers ({_name(func)}), and a step is a function of its input and"
                " state; keep the draw in the state, as treadle.cells.RecurrentDropout and Zoneout do"
            )
        return result


def number_type(cell: Cell) -> torch.dtype:
    """The type that a cell computes in: that of its parameters."""
    tensors = [*cell.parameters(), *cell.buffers()]
    return next((t.dtype for t in tensors if t.is_floating_point()), torch.get_default_dtype())


def further_names(cell: Cell) -> dict[str, str]:
    """The names of parameters and buffers that have another name already, and that one."""
    found: dict[str, str] = {}
    for all_names in (cell.named_parameters, cell.named_buffers):
        first = {id(tensor): name for name, tensor in all_names()}
        found |= {n: first[id(t)] for n, t in all_names(remove_duplicate=False) if first[id(t)] != n}
    return found


def trace(cell: Cell, dtype: torch.dtype | None = None, *, again: bool = False) -> Trace:
    """Record one step of a cell.

    Args:
        cell: Whose step.
        dtype: The type of the input; by default `number_type(cell)`.
        again: Whether this is a second trace, with another length for the batch axis.

    Raises:
        ContractError: What the step returned is not what a step returns.
        InputError: The step reads numbers, draws random ones, changes a tensor or the cell, stops the gradient, or the
            state is not of the input's type; the sentence names the line or the field.
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        return _record(cell, number_type(cell) if dtype is None else dtype, again)


def _record(cell: Cell, dtype: torch.dtype, again: bool) -> Trace:
    calls: list[Call] = []

    def record(shape: Any, dtype: torch.dtype) -> Recorder:
        return Recorder.wrap(torch.zeros(shape, dtype=dtype), calls)

    for field, found in zip(fields_of(cell), initial_types(cell, torch.device("cpu"), dtype), strict=True):
        _hold_type(f"{type(cell).__name__}.initial_state: {field}", found, dtype)
    tensors = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    sizes = {cell.input_size, *cell.state_sizes, *(size for t in tensors.values() for size in t.shape)}
    rows = [mark for mark in _MARKS if mark not in sizes][again]
    parameters = {name: record(t.shape, t.dtype) for name, t in tensors.items()}
    x = record((rows, cell.input_size), dtype)
    state = cell.state_type(*(record((rows, size), dtype) for size in cell.state_sizes))
    with _NoRandomNumbers():
        returned = functional_call(_Step(cell), {f"cell.{name}": p for name, p in parameters.items()}, (x, state))
    y, after = check_returned(cell, returned, rows)
    results: list[Value] = []
    for what, found in zip(("output", *state._fields), (y, *after), strict=True):
        if not isinstance(found, Recorder):
            raise InputError(
                f"{type(cell).__name__}.step: {what} is made of nothing that the step is given; make it by zeros_like,"
                " ones_like or full_like"
            )
        _hold_type(f"{type(cell).__name__}.step: {what}", found.dtype, dtype)
        results.append(found.value)
    return Trace(
        rows=rows,
        dtype=dtype,
        parameters={name: p.value for name, p in parameters.items()},
        tied=further_names(cell),
        x=x.value,
        state=tuple(field.value for field in state),
        calls=calls,
        y=results[0],
        after=tuple(results[1:]),
    )


def _hold_type(what: str, found: torch.dtype, expected: torch.dtype) -> None:
    """Refuse to compile what would be read as numbers of another type."""
    if found != expected:
        raise InputError(
            f"{what} is {str(found)[6:]}, and a kernel has one type for input, output and state, here"
            f" {str(expected)[6:]}; engine='eager' runs any step"
        )


class _Step(nn.Module):
    """A cell's step as a module's `forward`, which is what `functional_call` calls."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: Any) -> Any:
        """The step."""
        with unchanged(self.cell):
            return self.cell.step(x, state)


def _name(function: Callable[..., Any]) -> str:
    """A function's name without underscores; of an attribute such as `T` the attribute's."""
    if function.__name__ == "__get__":
        return str(function.__self__.__name__)  # type: ignore[attr-defined]  # a slot of a descriptor
    return function.__name__.strip("_")


def _line() -> str:
    """The file and line of the step that is being run: the innermost frame outside torch and this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_HERE, _TORCH)):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"


def _value(tensor: Tensor) -> Any:
    """What a call keeps of a tensor: the value of one that records, and others (constants) themselves."""
    return tensor.value if isinstance(tensor, Recorder) else tensor


def _map(tree: Any, change: Callable[[Tensor], Any]) -> Any:
    """Every tensor of nested arguments replaced."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, (tuple, list)):
        parts = [_map(part, change) for part in tree]
        if isinstance(tree, list) and all(same is part for same, part in zip(parts, tree, strict=True)):
            return tree  # as an index, a list of numbers is not what a tuple of them is
        if hasattr(tree, "n_fields"):  # a result of torch's with names, such as that of max
            return type(tree)(parts)
        return tuple(parts)
    if isinstance(tree, dict):
        return {name: _map(part, change) for name, part in tree.items()}
    return tree


def _tensors(tree: Any) -> list[Tensor]:
    """The tensors of nested arguments."""
    found: list[Tensor] = []
    _map(tree, found.append)
    return found


def values_in(tree: Any) -> list[Value]:
    """The values among nested arguments, or results, of a call."""
    if isinstance(tree, Value):
        return [tree]
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    return [value for part in tree for value in values_in(part)] if isinstance(tree, tuple) else []
