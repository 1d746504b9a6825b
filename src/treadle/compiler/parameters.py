"""Parameters: what a call of a compiled layer computes from the parameters alone, before its loop starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from treadle.compiler.lower import Lowered
from treadle.compiler.trace import Value
from treadle.errors import InputError


@dataclass(frozen=True)
class Place:
    """A tensor by its place in the list of all; torch's graph capture can follow numbers, and not our own objects."""

    number: int


class OutdatedError(InputError):
    """The parameters of a cell are not those any more that its step was compiled for; it is to be compiled anew."""


class Derived:
    """The tensors that a program names by number, made from a cell's parameters by torch itself.

    Args:
        step: The lowered step.
    """

    def __init__(self, step: Lowered) -> None:
        places: dict[Value, Place] = {}

        def place(value: Value) -> Place:
            return places.setdefault(value, Place(len(places)))

        self.calls = [
            (call.function, _placed(call.args, place), _placed(call.kwargs, place), _placed(call.result, place))
            for call in step.calls
        ]
        self.results = [place(value).number for value in step.derived]
        self.read = [
            (*name.rpartition(".")[::2], value.shape, value.dtype, places[value].number)
            for name, value in step.parameters.items()
            if value in places
        ]
        self.tied = [
            (*name.rpartition(".")[::2], places[step.parameters[first]].number)
            for name, first in step.tied.items()
            if step.parameters[first] in places
        ]
        for number, value in enumerate(step.derived):
            if value.dtype != step.dtype:  # kernels read one type of number: masks become 0 and 1
                made = place(Value(value.shape, step.dtype))
                self.calls.append((Tensor.to, (place(value), step.dtype), {}, made))
                self.results[number] = made.number
        self.count = len(places)

    def tensors(self, cell: nn.Module) -> list[Tensor]:
        """All of them, with the graph that leads back to the parameters.

        Raises:
            OutdatedError: A parameter is another one than the step was compiled for, by its shape or its type.
        """
        known: list[Any] = [None] * self.count
        for path, name, shape, dtype, number in self.read:
            module = cell.get_submodule(path) if path else cell
            tensor = module._parameters.get(name)
            if tensor is None:
                tensor = getattr(module, name)
            known[number] = tensor
            if tensor is None or tensor.shape != shape or tensor.dtype is not dtype:
                whole = f"{path}.{name}".lstrip(".")
                raise OutdatedError(f"{whole} was {list(shape)} in {dtype} when its cell was compiled, and is not now")
        for path, name, number in self.tied:
            module = cell.get_submodule(path) if path else cell
            if getattr(module, name) is not known[number]:
                whole = f"{path}.{name}".lstrip(".")
                raise OutdatedError(f"{whole} was the same as another parameter when its cell was compiled")
        for function, args, kwargs, result in self.calls:
            _keep(result, function(*_filled(args, known), **_filled(kwargs, known)), known)
        return [known[number] for number in self.results]


def _placed(tree: Any, place: Callable[[Value], Place]) -> Any:
    """Nested arguments with places instead of values."""
    match tree:
        case Value():
            return place(tree)
        case tuple():
            return tuple(_placed(part, place) for part in tree)
        case dict():
            return {name: _placed(part, place) for name, part in tree.items()}
    return tree


def _filled(tree: Any, known: list[Any]) -> Any:
    """Nested arguments with tensors in their places."""
    if isinstance(tree, Place):
        return known[tree.number]
    if isinstance(tree, tuple):
        return tuple(_filled(part, known) for part in tree)
    if isinstance(tree, dict):
        return {name: _filled(part, known) for name, part in tree.items()}
    return tree


def _keep(places: Any, results: Any, known: list[Any]) -> None:
    if isinstance(places, Place):
        known[places.number] = results
    elif isinstance(places, tuple):
        for place, result in zip(places, results, strict=True):
            _keep(place, result, known)
