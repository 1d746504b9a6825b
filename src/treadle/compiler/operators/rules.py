"""The rules by name, and what they are written with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar


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


HINTS = {
    "bmm": "write one product a block and join them with torch.cat",
    "einsum": "write it as products with two-dimensional parameters",
    "dropout": "wrap the cell in treadle.cells.RecurrentDropout, whose mask is part of the state",
    "softmax": "give the state its own normalisation, or compute it from exp and sum",
    "t": "rows stay rows: multiply them with a parameter from the right",
}
"""What to write instead, by the name of a function without a rule."""
