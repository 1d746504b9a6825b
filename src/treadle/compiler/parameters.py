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
            (*name.rpartition(".")[::2], value.shape, places[value].number)
            for name, value in step.parameters.items()
            if value in places
        ]
        self.count = len(places)

    def tensors(self, cell: nn.Module) -> list[Tensor]:
        """All of them, with the graph that leads back to the parameters.

        Raises:
            InputError: A parameter has not the shape any more that the step was compiled for.
        """
        known: list[Any] = [None] * self.count
        for path, name, shape, number in self.read:
            module = cell.get_submodule(path) if path else cell
            known[number] = tensor = module._parameters.get(name)
            if tensor is None:
                known[number] = tensor = getattr(module, name)
            if tensor.shape != shape:
                whole = f"{path}.{name}".lstrip(".")
                raise InputError(f"{whole} was {list(shape)} when its cell was compiled, found {list(tensor.shape)}")
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
