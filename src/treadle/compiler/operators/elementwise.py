"""Functions number by number: the ones that the program has, and the ones that are made of those."""

import math
from typing import Any

from treadle.compiler.operators.rules import NoRuleError, rule
from treadle.compiler.program import Constant, Node, Operand, hold, pointwise


def _elementwise(*names: str) -> None:
    """A function of torch's of one operand that is one function of the program."""

    @rule(*names)
    def apply(input: Operand) -> Node:
        return pointwise(names[0], input)


def _elementwise_of_two(*names: str) -> None:
    """A function of torch's of two operands that is one function of the program."""

    @rule(*names)
    def apply(input: Operand, other: Operand) -> Node:
        return pointwise(names[0], input, other)


for _names in (
    ("sigmoid",),
    ("tanh",),
    ("exp",),
    ("log",),
    ("log1p",),
    ("expm1",),
    ("sqrt",),
    ("rsqrt",),
    ("sin",),
    ("cos",),
    ("floor",),
    ("ceil",),
    ("trunc",),
    ("neg", "negative"),
    ("abs", "absolute"),
    ("erf",),
    ("sign", "sgn"),
    ("reciprocal",),
    ("round",),
):
    _elementwise(*_names)
for _names in (
    ("minimum",),
    ("maximum",),
    ("gt", "greater"),
    ("ge", "greater_equal"),
    ("lt", "less"),
    ("le", "less_equal"),
    ("eq",),
    ("ne", "not_equal"),
):
    _elementwise_of_two(*_names)


@rule("min")
def _min(input: Operand, other: Operand) -> Node:
    return pointwise("minimum", input, _no_axis(other))


@rule("max")
def _max(input: Operand, other: Operand) -> Node:
    return pointwise("maximum", input, _no_axis(other))


def _no_axis(other: Operand) -> Operand:
    """The other operand of `max`, which with a number is another function."""
    if isinstance(other, Constant):
        raise NoRuleError("the larger or smaller of two tensors")
    return other


def truth(a: Operand) -> Operand:
    """1 where a value is not 0; a comparison is that already."""
    compared = isinstance(a, Node) and a.kind == "pointwise" and a.arguments[0] in ("gt", "ge", "lt", "le", "eq", "ne")
    return a if compared else pointwise("ne", a, Constant(0.0))


@rule("logical_and", "bitwise_and", "and")
def _and(input: Operand, other: Operand) -> Node:
    return pointwise("mul", truth(input), truth(other))


@rule("logical_or", "bitwise_or", "or")
def _or(input: Operand, other: Operand) -> Node:
    return pointwise("maximum", truth(input), truth(other))


@rule("bool")
def _bool(input: Operand) -> Operand:
    return truth(input)


@rule("to", "type", "type_as", "float", "double", "int", "long", "clone", "contiguous")
def _same_numbers(input: Operand, *_types: Any, **_options: Any) -> Operand:
    return input


@rule("detach")
def _detach(input: Operand) -> Operand:
    return hold(input) if isinstance(input, Node) else input


@rule("add", "radd")
def _add(input: Operand, other: Operand, alpha: Constant = Constant(1.0)) -> Node:
    return pointwise("add", input, pointwise("mul", other, alpha) if alpha.value != 1 else other)


@rule("sub", "subtract")
def _sub(input: Operand, other: Operand, alpha: Constant = Constant(1.0)) -> Node:
    return pointwise("sub", input, pointwise("mul", other, alpha) if alpha.value != 1 else other)


@rule("rsub")
def _rsub(input: Operand, other: Operand, alpha: Constant = Constant(1.0)) -> Node:
    return pointwise("sub", other, pointwise("mul", input, alpha) if alpha.value != 1 else input)


@rule("mul", "multiply", "rmul")
def _mul(input: Operand, other: Operand) -> Node:
    return pointwise("mul", input, other)


@rule("div", "divide", "true_divide", "truediv")
def _div(input: Operand, other: Operand) -> Node:
    if isinstance(other, Constant) and other.value and math.frexp(other.value)[0] == 0.5:  # a power of two is exact
        return pointwise("mul", input, Constant(1 / other.value))
    return pointwise("div", input, other)


@rule("rdiv", "rtruediv")
def _rdiv(input: Operand, other: Operand) -> Node:
    return pointwise("div", other, input)


@rule("square")
def _square(input: Operand) -> Node:
    return pointwise("mul", input, input)


@rule("pow", "power")
def _pow(input: Operand, exponent: Operand) -> Operand:
    if not isinstance(exponent, Constant):
        raise NoRuleError("a power with a fixed exponent")
    match exponent.value:
        case 0.0:
            return Constant(1.0)
        case 2.0:
            return pointwise("mul", input, input)
        case 3.0:
            return pointwise("mul", pointwise("mul", input, input), input)
        case 1.0:
            return pointwise("copy", input)
        case 0.5:
            return pointwise("sqrt", input)
        case -1.0:
            return pointwise("reciprocal", input)
    return pointwise("pow", input, exponent)


@rule("rpow")
def _rpow(input: Operand, other: Operand) -> Operand:
    if not isinstance(other, Constant) or other.value <= 0:
        raise NoRuleError("a power of a positive number")
    if other.value == 1:
        return other
    return pointwise("exp", pointwise("mul", input, Constant(math.log(other.value))))


@rule("remainder", "mod")
def _remainder(input: Operand, other: Operand) -> Node:
    quotient = pointwise("floor", pointwise("div", input, other))
    return pointwise("sub", input, pointwise("mul", quotient, other))


@rule("relu")
def _relu(input: Operand, inplace: Any = None) -> Node:
    return pointwise("relu", input)


def _held(input: Operand, low: Operand | None, high: Operand | None, under: str, over: str) -> Node:
    """Hold a number within limits; `under` and `over` say whether the gradient at a limit is that of the limit."""
    result = input
    if low is not None:
        result = pointwise("where", pointwise(under, result, low), low, result)
    if high is not None:
        result = pointwise("where", pointwise(over, result, high), high, result)
    return pointwise("copy", result)


@rule("clamp", "clip", "clamp_min")
def _clamp(input: Operand, min: Operand | None = None, max: Operand | None = None) -> Node:
    return _held(input, min, max, "lt", "gt")


@rule("clamp_max")
def _clamp_max(input: Operand, max: Operand) -> Node:
    return _held(input, None, max, "lt", "gt")


@rule("hardtanh")
def _hardtanh(
    input: Operand, min_val: Operand = Constant(-1.0), max_val: Operand = Constant(1.0), inplace: Any = None
) -> Node:
    return _held(input, min_val, max_val, "le", "ge")


@rule("where")
def _where(condition: Operand, input: Operand, other: Operand) -> Node:
    return pointwise("where", condition, input, other)


@rule("masked_fill")
def _masked_fill(input: Operand, mask: Operand, value: Operand) -> Node:
    return pointwise("where", mask, value, input)


@rule("logical_not", "bitwise_not", "invert")
def _not(input: Operand) -> Node:
    return pointwise("eq", input, Constant(0.0))


@rule("lerp")
def _lerp(input: Operand, end: Operand, weight: Operand) -> Node:
    return pointwise("add", input, pointwise("mul", weight, pointwise("sub", end, input)))


@rule("softplus")
def _softplus(input: Operand, beta: Constant = Constant(1.0), threshold: Constant = Constant(20.0)) -> Node:
    a = input if beta.value == 1 else pointwise("mul", input, beta)
    tail = pointwise("log1p", pointwise("exp", pointwise("neg", pointwise("abs", a))))
    result = pointwise("add", pointwise("maximum", a, Constant(0.0)), tail)
    result = result if beta.value == 1 else pointwise("div", result, beta)
    return pointwise("where", pointwise("gt", a, threshold), input, result)


@rule("silu", "swish")
def _silu(input: Operand, inplace: Any = None) -> Node:
    return pointwise("mul", input, pointwise("sigmoid", input))


@rule("gelu")
def _gelu(input: Operand, approximate: Any = "none") -> Node:
    if approximate != "none":
        raise NoRuleError("gelu(approximate='none')")
    inner = pointwise("erf", pointwise("mul", input, Constant(math.sqrt(0.5))))
    return pointwise("mul", pointwise("mul", input, Constant(0.5)), pointwise("add", inner, Constant(1.0)))


@rule("leaky_relu")
def _leaky_relu(input: Operand, negative_slope: Constant = Constant(0.01), inplace: Any = None) -> Node:
    return pointwise("where", pointwise("gt", input, Constant(0.0)), input, pointwise("mul", input, negative_slope))


@rule("elu")
def _elu(input: Operand, alpha: Constant = Constant(1.0), inplace: Any = None) -> Node:
    positive = pointwise("gt", input, Constant(0.0))
    low = pointwise("where", positive, Constant(0.0), input)  # `minimum` would halve the gradient at 0
    return pointwise("where", positive, input, pointwise("mul", pointwise("expm1", low), alpha))


@rule("softsign")
def _softsign(input: Operand) -> Node:
    return pointwise("div", input, pointwise("add", pointwise("abs", input), Constant(1.0)))


@rule("hardsigmoid")
def _hardsigmoid(input: Operand, inplace: Any = None) -> Node:
    line = _held(pointwise("add", input, Constant(3.0)), Constant(0.0), Constant(6.0), "le", "ge")
    return pointwise("div", line, Constant(6.0))
