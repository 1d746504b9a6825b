"""The rules by name, and what they are written with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from types import UnionType
from typing import Any, TypeVar, get_args

from treadle.compiler.program import Constant


@dataclass(frozen=True)
class Weight:
    """A parameter of two axes as a step names it, not yet as a part of a product."""

    parameter: int
    shape: tuple[int, int]


class NoRuleError(Exception):
    """A rule does not cover the arguments that it was called with; the text says what it covers."""


Rule = Callable[..., Any]
R = TypeVar("R", bound=Rule)
RULES: dict[str, Rule] = {}
"""The rules by the function's name without underscores."""


def rule(*names: str) -> Callable[[R], R]:
    """Enter a rule under all the names that torch has for it."""

    def keep(function: R) -> R:
        RULES.update(dict.fromkeys(names, function))
        return function

    return keep


def apply(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a rule makes of the arguments of a call.

    Raises:
        NoRuleError: The rule has no such arguments, or one is of a kind that it does not take.
    """
    takes = signature(RULES[name])
    try:
        given = takes.bind(*args, **kwargs)
    except TypeError as why:
        raise NoRuleError(str(why)) from None
    for argument, value in given.arguments.items():
        annotation = takes.parameters[argument].annotation
        kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
        if Any in kinds or not all(isinstance(kind, type) for kind in kinds):
            continue  # anything, or a sequence of operands
        if isinstance(value, bool) and Constant in kinds:
            given.arguments[argument] = Constant(float(value))
        elif not isinstance(value, kinds):
            raise NoRuleError(f"another kind of {argument!r}")
    return RULES[name](*given.args, **given.kwargs)


HINTS = {
    "bmm": "write one product a block and join them with torch.cat",
    "einsum": "write it as products with two-dimensional parameters",
    "dropout": "wrap the cell in treadle.cells.RecurrentDropout, whose mask is part of the state",
    "softmax": "give the state its own normalisation, or compute it from exp and sum",
    "t": "rows stay rows: multiply them with a parameter from the right",
}
"""What to write instead, by the name of a function without a rule."""
