"""Watched: what a step may read besides the numbers of its parameters, and whether it is still what it was.

A compiled step holds the numbers that it computes with as they were when it was traced. What is looked at again before
every run: attributes of the cell and its modules, of objects, lists and dicts that these hold, and of the classes that
are not Treadle's own or torch's; functions among them; which modules there are, and their hooks. Numbers elsewhere, in
the file of the cell or in a closure, are not looked at.
"""

from abc import ABC
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from types import MethodType
from typing import Any, Generic, NamedTuple

import numpy as np
from torch import Tensor, nn

from treadle.compiler.unchanged import DEPTH

_SIMPLE = (bool, int, float, str, type(None))
_MODULE = frozenset(vars(nn.Module()))
"""What every module has: its parameters, buffers and modules, and its hooks."""


Space = tuple[Mapping[str, Any], int, Callable[[Mapping[str, Any]], Any], Any]
"""Names that have values, how many there are, a function that reads some of these, and what it read."""


class Watched(NamedTuple):
    """What a trace may have read.

    Attributes:
        spaces: Values that tell by themselves whether they are the same.
        pictures: Names whose values may change inside, with what these were.
        settings: The same for cells that differ in nothing but the numbers of their parameters; None where nobody can
            tell.
    """

    spaces: list[Space]
    pictures: list[tuple[Mapping[str, Any], str, Any]]
    settings: tuple[Any, ...] | None

    def same(self) -> bool:
        """Whether all is what it was."""
        try:
            for names, count, read, values in self.spaces:
                if len(names) != count or read(names) != values:
                    return False
        except KeyError:
            return False
        return not self.pictures or all(picture(names.get(name)) == was for names, name, was in self.pictures)


def watch(cell: nn.Module) -> Watched:
    """Take down what there is now."""
    spaces: list[Space] = []
    pictures: list[tuple[Mapping[str, Any], str, Any]] = []
    settings: list[Any] = []

    def look(names: Mapping[Any, Any], chosen: Iterable[Any]) -> None:
        values = {name: names[name] for name in chosen}
        simple = {name: value for name, value in values.items() if _tells_itself(value)}
        read = itemgetter(*simple) if simple else _nothing
        spaces.append((names, len(names), read, read(simple)))
        settings.append(tuple(pair for pair in simple.items() if not isinstance(pair[1], nn.Module)))
        pictures.extend((names, name, picture(value)) for name, value in values.items() if name not in simple)

    alone = False
    for module in cell.modules():
        own, kind = vars(module), type(module)
        settings.append(kind)
        attributes = [name for name in own if name not in _MODULE or name == "training"]
        alone = alone or not all(_is_simple(own[name]) for name in attributes)
        look(own, attributes)
        if module is cell and _is_library(kind) and not module._modules:
            continue  # a cell of Treadle's own: all that changes is looked at already
        for part in ("_forward_hooks", "_forward_pre_hooks"):
            look(own[part], own[part])
        if module._modules:
            look(module._modules, module._modules)
        for part in ("_parameters", "_buffers"):
            if empty := [name for name, value in own[part].items() if value is None]:
                look(own[part], empty)
        for one in kind.__mro__:
            if not _is_library(one):
                look(vars(one), [name for name in vars(one) if name[:2] != "__" and name != "_abc_impl"])
    return Watched(spaces, pictures, None if alone or pictures else tuple(settings))


def picture(value: Any, depth: int = DEPTH) -> Any:
    """What a value is and holds, as something that equals the same of an equal value."""
    if isinstance(value, Tensor):
        return (value.dtype, repr(value.item())) if value.numel() == 1 else id(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.str, value.tobytes() if value.nbytes <= 1024 else id(value)
    if _tells_itself(value):
        return value
    if depth == 0:
        return id(value)
    if isinstance(value, Mapping):
        return type(value), [(key, picture(one, depth - 1)) for key, one in value.items()]
    if isinstance(value, (list, tuple, deque)):
        return type(value), [picture(one, depth - 1) for one in value]
    if isinstance(value, (set, frozenset)):
        return type(value), frozenset(value)
    if isinstance(value, MethodType):
        return id(value.__func__), id(value.__self__)
    if isinstance(getattr(value, "__dict__", None), dict):
        return id(value), picture(vars(value), depth - 1)
    return id(value)


def _nothing(_names: Mapping[str, Any]) -> None:
    """What is read where only the number of names matters."""


def _is_simple(value: Any) -> bool:
    return isinstance(value, _SIMPLE) or (isinstance(value, tuple) and all(_is_simple(one) for one in value))


def _tells_itself(value: Any) -> bool:
    """Whether a value that has changed is another one: a number, a word, a function, a module."""
    if isinstance(value, MethodType):  # it would keep its object alive
        return False
    functional = hasattr(value, "__get__") or (callable(value) and not hasattr(value, "__dict__"))
    return functional or isinstance(value, (nn.Module, type)) or _is_simple(value)


def _is_library(kind: type) -> bool:
    """Whether a class is one whose attributes nobody changes."""
    return kind in (object, ABC, Generic) or kind.__module__.split(".")[0] in ("treadle", "torch")
