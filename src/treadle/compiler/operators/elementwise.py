"""Functions number by number: the ones that the program has, and the ones that are made of those."""

import math
from typing import Any

from treadle.compiler.operators.rules import NoRuleError, rule
from treadle.compiler.program import Constant, Node, Operand, pointwise


def _elementwise(*names: str, function: str | None = None) -> None:
    """A function of torch's that is one function of the program."""

    @rule(*names)
    def apply(*operands: Operand, **_options: Any) -> Node:
        return pointwise(function or names[0], *operands)


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
    ("minimum", "min"),
    ("maximum", "max"),
    ("gt", "greater"),
    ("ge", "greater_equal"),
    ("lt", "less"),
    ("le", "less_equal"),
    ("eq",),
    ("ne", "not_equal"),
    ("round",),
):
    _elementwise(*_names)
_elementwise("logical_and", "bitwise_and", "and", function="mul")
_elementwise("logical_or", "bitwise_or", "or", function="maximum")


@rule("to", "type", "type_as", "float", "double", "clone", "contiguous", "bool")
def _same_numbers(input: Operand, *_types: Any, **_options: Any) -> Operand:
    return input


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
def _pow(input: Operand, exponent: Operand) -> Node:
    if not isinstance(exponent, Constant):
        raise NoRuleError("a power with a fixed exponent")
    match exponent.value:
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
def _rpow(input: Operand, other: Operand) -> Node:
    if not isinstance(other, Constant) or other.value <= 0:
        raise NoRuleError("a power of a positive number")
    return pointwise("exp", pointwise("mul", input, Constant(math.log(other.value))))


@rule("remainder", "mod")
def _remainder(input: Operand, other: Operand) -> Node:
    quotient = pointwise("floor", pointwise("div", input, other))
    return pointwise("sub", input, pointwise("mul", quotient, other))


@rule("relu")
def _relu(input: Operand, inplace: Any = None) -> Node:
    return pointwise("relu", input)


@rule("clamp", "clip", "clamp_min")
def _clamp(input: Operand, min: Operand | None = None, max: Operand | None = None) -> Node:
    result = input
    if min is not None:
        result = pointwise("maximum", result, min)
    if max is not None:
        result = pointwise("minimum", result, max)
    return pointwise("copy", result)


@rule("clamp_max")
def _clamp_max(input: Operand, max: Operand) -> Node:
    return pointwise("minimum", input, max)


@rule("hardtanh")
def _hardtanh(
    input: Operand, min_val: Operand = Constant(-1.0), max_val: Operand = Constant(1.0), inplace: Any = None
) -> Node:
    return _clamp(input, min_val, max_val)


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
def _softplus(input: Operand, beta: Constant = Constant(1.0), threshold: Any = None) -> Node:
    a = input if beta.value == 1 else pointwise("mul", input, beta)
    tail = pointwise("log1p", pointwise("exp", pointwise("neg", pointwise("abs", a))))
    result = pointwise("add", pointwise("maximum", a, Constant(0.0)), tail)
    return result if beta.value == 1 else pointwise("div", result, beta)


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
    below = pointwise("mul", pointwise("expm1", pointwise("minimum", input, Constant(0.0))), alpha)
    return pointwise("where", pointwise("gt", input, Constant(0.0)), input, below)


@rule("softsign")
def _softsign(input: Operand) -> Node:
    return pointwise("div", input, pointwise("add", pointwise("abs", input), Constant(1.0)))


@rule("hardsigmoid")
def _hardsigmoid(input: Operand, inplace: Any = None) -> Node:
    line = pointwise("add", pointwise("mul", input, Constant(1 / 6)), Constant(0.5))
    return _clamp(line, Constant(0.0), Constant(1.0))
