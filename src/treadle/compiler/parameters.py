"""Parameters: what a call of a compiled layer computes from the parameters alone, before its loop starts."""

from typing import Any

from torch import Tensor, nn

from treadle.compiler.lower import Lowered
from treadle.compiler.trace import Value
from treadle.errors import InputError


class Derived:
    """The tensors that a program names by number, made from a cell's parameters by torch itself.

    Args:
        step: The lowered step.
    """

    def __init__(self, step: Lowered) -> None:
        self.step = step
        used = set(step.derived)
        for call in step.calls:
            used |= set(_values((call.args, call.kwargs)))
        self.read = [(name.split("."), value) for name, value in step.parameters.items() if value in used]

    def tensors(self, cell: nn.Module) -> list[Tensor]:
        """All of them, with the graph that leads back to the parameters.

        Raises:
            InputError: A parameter has not the shape any more that the step was compiled for.
        """
        known: dict[Value, Any] = {}
        for path, value in self.read:
            known[value] = tensor = _attribute(cell, path)
            if tensor.shape != value.shape:
                name = ".".join(path)
                raise InputError(
                    f"{name} was {list(value.shape)} when its cell was compiled, found {list(tensor.shape)}"
                )
        for call in self.step.calls:
            result = call.function(*_filled(call.args, known), **_filled(call.kwargs, known))
            _match(call.result, result, known)
        return [known[value] for value in self.step.derived]


def _attribute(cell: nn.Module, path: list[str]) -> Tensor:
    """A parameter or buffer as the module has it now."""
    found: Any = cell
    for part in path:
        found = getattr(found, part)
    assert isinstance(found, Tensor)
    return found


def _filled(tree: Any, known: dict[Value, Any]) -> Any:
    """Arguments with tensors in place of their values."""
    match tree:
        case Value():
            return known[tree]
        case tuple():
            return tuple(_filled(part, known) for part in tree)
        case dict():
            return {name: _filled(part, known) for name, part in tree.items()}
    return tree


def _match(values: Any, results: Any, known: dict[Value, Any]) -> None:
    if isinstance(values, Value):
        known[values] = results
    elif isinstance(values, tuple):
        for value, result in zip(values, results, strict=True):
            _match(value, result, known)


def _values(tree: Any) -> list[Value]:
    if isinstance(tree, Value):
        return [tree]
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    return [value for part in tree for value in _values(part)] if isinstance(tree, tuple) else []
