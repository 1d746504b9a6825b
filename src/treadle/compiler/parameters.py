"""Parameters: what a call of a compiled layer computes from the parameters alone, before its loop starts."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from treadle.compiler.lower import Lowered
from treadle.compiler.trace import Call, Value


@dataclass(frozen=True)
class Derived:
    """The tensors that a program names by number, made from a cell's parameters by torch itself.

    Attributes:
        step: The lowered step.
    """

    step: Lowered

    def tensors(self, cell: nn.Module) -> list[Tensor]:
        """All of them, with the graph that leads back to the parameters; vectors have one axis."""
        known: dict[Value, Any] = {
            value: _attribute(cell, name) for name, value in self.step.parameters.items() if value in self._used
        }
        for call in self.step.calls:
            result = call.function(*_filled(call.args, known), **_filled(call.kwargs, known))
            _match(call.result, result, known)
        return [known[value] for value in self.step.derived]

    @property
    def _used(self) -> set[Value]:
        found = set(self.step.derived)
        for call in self.step.calls:
            found |= set(_values((call.args, call.kwargs)))
        return found


def _attribute(cell: nn.Module, name: str) -> Tensor:
    """A parameter or buffer by its dotted name, as the module has it now."""
    found: Any = cell
    for part in name.split("."):
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


__all__ = ["Call", "Derived"]
