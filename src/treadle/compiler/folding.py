"""Folding: a program without the fields of the state that never change.

In evaluation mode a wrapper's noise is one number for ever: a mask of ones, a -1 that says that there is none. Where
such a field stays at its first value, the value is put in its place, and what can be computed from constants is.
"""

import math
from collections.abc import Callable, Sequence

from treadle.compiler.program import Constant, Node, pointwise, rebuild, spread, with_children

_FUNCTIONS: dict[str, Callable[..., float]] = {
    "copy": lambda a: a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "floor": math.floor,
    "ceil": math.ceil,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}
"""What is computed beforehand: what keeps a constant field a constant."""


def fold(roots: Sequence[Node], state: Sequence[Node], initial: Sequence[float | None]) -> tuple[list[Node], list[int]]:
    """A step without the fields of its state that never change.

    Args:
        roots: The output, then every field of the state after the step.
        state: The leaf of every field.
        initial: The number that fills a field at the beginning, or None where it holds several.

    Returns:
        The same roots without those of such fields, and the numbers of the fields that are left.

    Example:
        >>> from treadle.compiler.program import leaf
        >>> hidden, mask = leaf("s0", 4), leaf("s1", 4)
        >>> after = pointwise("tanh", pointwise("mul", hidden, mask))
        >>> (y, _), left = fold([after, after, mask], [hidden, mask], [0.0, 1.0])
        >>> left, y is pointwise("tanh", hidden)
        ([0], True)
    """
    fixed = {number: value for number, value in enumerate(initial) if value is not None}
    while True:
        values = {state[number]: spread(Constant(value), state[number].width) for number, value in fixed.items()}
        found = rebuild(roots, _replacing(values))
        changing = [number for number, value in fixed.items() if _number(found[1 + number]) != value]
        if not changing:
            break
        for number in changing:
            del fixed[number]
    left = [number for number in range(len(state)) if number not in fixed]
    return [found[0], *(found[1 + number] for number in left)], left


def _replacing(values: dict[Node, Node]) -> Callable[[Node, list[Node]], Node]:
    """The change that puts values in the place of leaves, and folds what follows from them."""
    return lambda node, children: values.get(node) or _folded(node, children)


def _number(a: object) -> float | None:
    """The number that an operand holds in every place, if it is one."""
    if isinstance(a, Node) and a.kind == "pointwise" and a.arguments[0] == "copy":
        a = a.arguments[1]
    return a.value if isinstance(a, Constant) else None


def _folded(node: Node, children: list[Node]) -> Node:
    """A node on new children, computed where they are numbers."""
    new = with_children(node, children)
    if new.kind != "pointwise":
        return new
    function, *operands = new.arguments
    numbers = [_number(a) for a in operands]
    if function in _FUNCTIONS and all(number is not None for number in numbers):
        return spread(Constant(float(_FUNCTIONS[function](*numbers))), node.width)
    if function == "where" and numbers[0] is not None:
        return spread(operands[1] if numbers[0] else operands[2], node.width)
    if any(number is not None for number in numbers) and None in numbers:
        plain = [a if number is None else Constant(number) for a, number in zip(operands, numbers, strict=True)]
        return spread(pointwise(function, *plain), node.width)
    return new
