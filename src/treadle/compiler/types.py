"""Types: which values of a step kernels hold exactly, though torch keeps them in another type of number.

A kernel computes in one type, that of the cell. Torch goes by each tensor's own: a comparison gives bool, where 1 + 1
is 1; integers wrap around; bfloat16 rounds. Values in another type are therefore compiled only where no difference can
be seen: bools as 0 and 1, whole numbers that are known to be small, and what is cut to an integer and read as a float.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from treadle.compiler.operators import NoRuleError
from treadle.compiler.trace import Call, Value, values_in

Range = tuple[float, float]
"""The smallest and the largest that a whole number can be."""

BOOL: Range = (0.0, 1.0)
CASTS = frozenset({"to", "type", "type_as", "float", "double", "bool", "int", "long"})
"""Functions that change the type of number."""

_COMPARISONS = frozenset(
    {"gt", "greater", "ge", "greater_equal", "lt", "less", "le", "less_equal", "eq", "ne", "not_equal"}
)
_LOGIC = frozenset(
    {"logical_and", "bitwise_and", "and", "logical_or", "bitwise_or", "or", "logical_not", "bitwise_not", "invert"}
)


def _sum(a: Range, b: Range) -> Range:
    return a[0] + b[0], a[1] + b[1]


def _difference(a: Range, b: Range) -> Range:
    return a[0] - b[1], a[1] - b[0]


def _product(a: Range, b: Range) -> Range:
    corners = [i * j for i in a for j in b]
    return min(corners), max(corners)


def _negative(a: Range) -> Range:
    return -a[1], -a[0]


def _size(a: Range) -> Range:
    return 0.0, max(abs(a[0]), abs(a[1]))


def _either(*ranges: Range) -> Range:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


_RANGES: dict[str, Callable[..., Range]] = {
    **dict.fromkeys(("add", "radd"), _sum),
    **dict.fromkeys(("sub", "subtract"), _difference),
    "rsub": lambda a, b: _difference(b, a),
    **dict.fromkeys(("mul", "multiply", "rmul"), _product),
    **dict.fromkeys(("neg", "negative"), _negative),
    **dict.fromkeys(("abs", "absolute"), _size),
    **dict.fromkeys(("minimum", "maximum", "min", "max"), _either),
    "where": lambda _condition, a, b: _either(a, b),
    "masked_fill": lambda a, _mask, value: _either(a, value),
    **dict.fromkeys(("zeros_like", "new_zeros", "zeros"), lambda *_given: (0.0, 0.0)),
    **dict.fromkeys(("ones_like", "new_ones", "ones"), lambda *_given: (1.0, 1.0)),
    "full_like": lambda _like, value: value,
    "new_full": lambda _like, _size, value: value,
}
"""The range of a result from those of the arguments."""

_SAME = CASTS | {"clone", "contiguous", "detach", "unsqueeze", "squeeze", "view", "reshape", "flatten", "expand"}
_SAME |= {"expand_as", "view_as", "reshape_as", "chunk", "split", "split_with_sizes", "narrow", "select", "getitem"}
"""Functions that leave numbers as they are."""
_JOINED = frozenset({"cat", "concat", "concatenate", "hstack"})


class Types:
    """What is known of the values of a step as they are traced.

    Args:
        dtype: The type in which kernels compute.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self._known: dict[Value, Range] = {}

    def parameter(self, value: Value) -> None:
        """Hold a tensor made from parameters alone to what is exact in the type of the kernels.

        Raises:
            NoRuleError: It is finer: torch would compute in its type.
        """
        finer = value.dtype.is_floating_point and torch.finfo(value.dtype).eps < torch.finfo(self.dtype).eps
        if finer and value.shape:
            raise NoRuleError(f"a parameter or buffer in {_name(self.dtype)}, the type of the cell: use .to(x.dtype)")

    def take(self, call: Call) -> None:
        """Take note of a call's results.

        Raises:
            NoRuleError: A result is of a type in which torch computes what kernels do not.
        """
        for value in values_in(call.result):
            found = self._range(call)
            if found is not None and self._holds(value.dtype, found):
                self._known[value] = found
            elif value.dtype != self.dtype and not _is_truth(call, value) and not self._is_cut(call, value):
                found_type, own = _name(value.dtype), _name(self.dtype)
                raise NoRuleError(f"a result in {own}, the type of the cell, or bool, where this one is {found_type}")

    def of(self, a: Any) -> Range | None:
        """The range of an argument; None where it may be anything."""
        match a:
            case Value():
                return self._known.get(a, BOOL if a.dtype == torch.bool else None)
            case Tensor() if a.numel() == 1 and not a.is_complex():
                number = float(a)
            case bool() | int() | float():
                number = float(a)
            case _:
                return None
        return (number, number) if math.isfinite(number) and number == int(number) else None

    def _range(self, call: Call) -> Range | None:
        """What the results of a call lie between."""
        first, *others = [self.of(value) for value in values_in((call.args, call.kwargs))] or [None]
        if call.name in _SAME and not any(isinstance(a, torch.dtype) for a in call.args if call.name == "view"):
            return first
        if call.name in _JOINED and first is not None and None not in others:
            return _either(first, *(other for other in others if other is not None))
        if call.name == "sum" and first is not None:
            return _product(first, (0.0, values_in(call.args)[0].shape[-1]))
        if call.name not in _RANGES or "alpha" in call.kwargs:
            return None
        named = [call.kwargs[name] for name in ("input", "other", "fill_value", "value") if name in call.kwargs]
        ranges = [self.of(a) for a in (*call.args, *named)]
        try:
            return _RANGES[call.name](*ranges)
        except TypeError:  # of an argument nothing is known
            return None

    def _holds(self, dtype: torch.dtype, found: Range) -> bool:
        """Whether kernels, and torch in its type, have all whole numbers between two."""
        low, high = found
        if max(abs(low), abs(high)) > 2 / torch.finfo(self.dtype).eps:
            return False
        if dtype == torch.bool:
            return low >= 0 and high <= 1
        if dtype.is_floating_point:
            return max(abs(low), abs(high)) <= 2 / torch.finfo(dtype).eps
        return not dtype.is_complex and torch.iinfo(dtype).min <= low and high <= torch.iinfo(dtype).max

    def _is_cut(self, call: Call, value: Value) -> bool:
        """Whether numbers lose what is behind the point; a further function of them would compute with integers."""
        cut = call.name in CASTS and value.dtype in (torch.int32, torch.int64)
        return cut and values_in((call.args, call.kwargs))[0].dtype == self.dtype


def _is_truth(call: Call, value: Value) -> bool:
    """Whether a result is a bool, and the rule gives 0 or 1 for it."""
    return value.dtype == torch.bool and call.name in _COMPARISONS | _LOGIC | CASTS | {"add", "radd"}


def _name(dtype: torch.dtype) -> str:
    return str(dtype)[6:]
