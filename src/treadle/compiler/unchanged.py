"""Unchanged: a step that is traced leaves its cell as it was.

A step runs twice when it is compiled, and never afterwards. What it writes to attributes would be lost from then on,
and what it reads of them would be what a trace left there; so such a step is refused, and the cell put back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from treadle.errors import InputError

DEPTH = 4
"""How far containers in containers, and attributes of attributes, are followed."""

_OPAQUE = (Tensor, nn.Module, type, FunctionType, BuiltinFunctionType, MethodType, ModuleType, torch.Generator)
"""What has attributes that are none of the cell's; its modules are looked at on their own."""


@contextmanager
def unchanged(cell: nn.Module) -> Iterator[None]:
    """Put the attributes of a cell and its modules back to what they are now.

    Raises:
        InputError: One had changed, a list or dict that it holds included.
    """
    before: dict[int, tuple[str, Any, Any]] = {}
    for module in cell.modules():
        _remember(type(module).__name__, vars(module), before, DEPTH)
    changed: list[str] = []
    try:
        yield
    finally:
        cached = {name for m in cell.modules() for name in vars(m) if _is_cached(m, name)}
        for name, held, content in before.values():
            if difference := _put_back(held, content):
                changed += [f"{name}.{key}" if isinstance(held, dict) else name for key in difference - cached]
    if changed:
        raise InputError(
            f"{type(cell).__name__}.step changes {_plain(min(changed))}, and a compiled step runs once for all steps;"
            " keep what changes in the state, or take engine='eager'"
        )


def _remember(name: str, held: Any, before: dict[int, tuple[str, Any, Any]], depth: int) -> None:
    """Copy a container, or the attributes of an object, and what it holds."""
    if id(held) in before or depth == 0:
        return
    if isinstance(held, dict):
        before[id(held)] = name, held, dict(held)
        for key, one in held.items():
            _remember(f"{name}.{key}", one, before, depth - 1)
    elif isinstance(held, (list, set)):
        before[id(held)] = name, held, held.copy()
    if isinstance(held, (list, tuple)):
        for one in held:
            _remember(name, one, before, depth - 1)
    elif not isinstance(held, _OPAQUE) and isinstance(getattr(held, "__dict__", None), dict):
        _remember(name, vars(held), before, depth - 1)


def _put_back(held: Any, content: Any) -> set[Any]:
    """Give a container its content again; the keys under which it was another, or any number where there are none."""
    if isinstance(held, dict):
        keys = {key for key in {**held, **content} if held.get(key, _NOTHING) is not content.get(key, _NOTHING)}
        if keys:
            held.clear()
            held.update(content)
        return keys
    same = held == content if isinstance(held, set) else _same_items(held, content)
    if not same:
        held.clear()
        held.update(content) if isinstance(held, set) else held.extend(content)
    return set() if same else {""}


def _same_items(held: list[Any], content: list[Any]) -> bool:
    return len(held) == len(content) and all(a is b for a, b in zip(held, content, strict=True))


def _is_cached(module: nn.Module, name: str) -> bool:
    """Whether an attribute is a property's value, which is kept for the next time it is asked for."""
    return isinstance(getattr(type(module), name, None), cached_property)


def _plain(name: str) -> str:
    """A name as a step writes it: torch keeps buffers and parameters apart from other attributes."""
    return name.replace("._buffers.", ".").replace("._parameters.", ".").replace("._modules.", ".")


_NOTHING = object()
