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
    """A tensor of the trace: its shape, and by its identity the place where it was made."""

    shape: tuple[int, ...]


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
        parameters: The values of the cell's parameters and buffers by name.
        x: The input.
        state: The fields of the state before the step.
        calls: What was done, in order.
        y: The output.
        after: The fields of the state after the step.
    """

    rows: int
    parameters: dict[str, Value]
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
        made.value, made.calls = Value(tuple(tensor.shape)), calls
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


def trace(cell: Cell, *, again: bool = False) -> Trace:
    """Record one step of a cell.

    Args:
        cell: Whose step.
        again: Whether this is a second trace, with another length for the batch axis.

    Raises:
        InputError: The step reads numbers, draws random ones, changes a tensor in place, stops the gradient, or its
            results have not the shapes that the cell announces; the sentence names the line.
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        return _record(cell, again)


def _record(cell: Cell, again: bool) -> Trace:
    calls: list[Call] = []

    def record(shape: Any, dtype: torch.dtype) -> Recorder:
        return Recorder.wrap(torch.zeros(shape, dtype=dtype), calls)

    tensors = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    dtype = next((t.dtype for t in tensors.values() if t.is_floating_point()), torch.get_default_dtype())
    sizes = {cell.input_size, *cell.state_sizes, *(size for t in tensors.values() for size in t.shape)}
    rows = [mark for mark in _MARKS if mark not in sizes][again]
    parameters = {name: record(t.shape, t.dtype) for name, t in tensors.items()}
    x = record((rows, cell.input_size), dtype)
    state = cell.state_type(*(record((rows, size), dtype) for size in cell.state_sizes))
    with _NoRandomNumbers():
        y, after = functional_call(_Step(cell), {f"cell.{name}": p for name, p in parameters.items()}, (x, state))
    results = [("output", y, cell.output_size), *zip(state._fields, after, cell.state_sizes, strict=True)]
    for what, found, size in results:
        if not isinstance(found, Recorder) or tuple(found.shape) != (rows, size):
            shape = list(getattr(found, "shape", ()))
            raise InputError(
                f"{type(cell).__name__}.step: {what} is [{rows}, {size}] for a batch of {rows} by the cell's own word,"
                f" found {shape}"
            )
    return Trace(
        rows=rows,
        parameters={name: p.value for name, p in parameters.items()},
        x=x.value,
        state=tuple(field.value for field in state),
        calls=calls,
        y=y.value,
        after=tuple(field.value for field in after),
    )


class _Step(nn.Module):
    """A cell's step as a module's `forward`, which is what `functional_call` calls."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: Any) -> Any:
        """The step."""
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
