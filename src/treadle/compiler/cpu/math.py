"""Functions of vectors, as vector code: the ones that the processor has, and the ones that it has not.

Accuracy, absolute for bounded functions and relative for others: about 2e-7 in float32, 1e-15 in float64. A NaN passes
through every one of them.
"""

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir

from treadle.compiler.cpu.ir import I32, I64, Code, Value

FLAGS = ("contract", "nsz")
"""What arithmetic may do: fuse a product with a sum. Nothing is reordered, so results do not depend on the width."""

# A rational function for tanh on |x| < 7.9, beyond which it is 1 in float32; odd numerator, even denominator. The
# coefficients are a minimax fit made for this library's sketch.
TANH_LIMIT = 7.90531110763549805
TANH_NUMERATOR = (
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-08,
    1.48572235717979e-05,
    6.37261928875436e-04,
    4.89352455891786e-03,
)
TANH_DENOMINATOR = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)


def apply(code: Code, function: str, operands: list[Value]) -> Value:
    """One function of the program on vectors."""
    if function in _SIMPLE:
        return _SIMPLE[function](code, *operands)
    if function in _INTRINSICS:
        return code.call_vector(_INTRINSICS[function], *operands)
    if function in _COMPARISONS:
        return _truth(code, code.builder.fcmp_ordered(_COMPARISONS[function], *operands))
    return _lane_by_lane(code, function, operands)


_COMPARISONS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "=="}
_INTRINSICS = {
    "sqrt": "llvm.sqrt",
    "abs": "llvm.fabs",
    "floor": "llvm.floor",
    "ceil": "llvm.ceil",
    "trunc": "llvm.trunc",
    "round": "llvm.rint",
}


def _truth(code: Code, condition: Value) -> Value:
    """1 where a condition holds, 0 elsewhere."""
    return code.builder.select(condition, code.number(1.0), code.number(0.0))


def _mul(code: Code, a: Value, b: Value) -> Value:
    return code.builder.fmul(a, b, flags=FLAGS)


def _add(code: Code, a: Value, b: Value) -> Value:
    return code.builder.fadd(a, b, flags=FLAGS)


def _polynomial(code: Code, x: Value, coefficients: tuple[float, ...]) -> Value:
    """Horner's scheme, the highest power first."""
    result = code.number(coefficients[0])
    for c in coefficients[1:]:
        result = code.fma(result, x, code.number(c))
    return result


def _bounded(code: Code, x: Value, low: float, high: float) -> Value:
    """Hold x within limits; a NaN stays one."""
    b = code.builder
    x = b.select(b.fcmp_ordered(">", x, code.number(high)), code.number(high), x)
    return b.select(b.fcmp_ordered("<", x, code.number(low)), code.number(low), x)


def _exp(code: Code, x: Value) -> Value:
    """2^n e^r with n = round(x / ln 2) and |r| <= ln(2) / 2, e^r by its series."""
    single = code.size == 4
    low, high = (-87.33, 88.72) if single else (-708.3, 709.7)
    bits, bias, integer = (23, 127, I32) if single else (52, 1023, I64)
    b = code.builder
    inside = _bounded(code, x, low, high)
    n = code.call_vector("llvm.rint", _mul(code, inside, code.number(1 / math.log(2))))
    coarse = 0.693359375 if single else 0.693147180369123816490
    r = code.fma(n, code.number(-coarse), inside)
    r = code.fma(n, code.number(coarse - math.log(2) if single else -1.90821492927058770002e-10), r)
    degree = 7 if single else 13
    series = _polynomial(code, r, tuple(1 / math.factorial(k) for k in range(degree, -1, -1)))
    vector = ir.VectorType(integer, code.lanes)
    finite = b.select(b.fcmp_ordered("==", n, n), n, code.number(0.0))
    exponent = b.fptosi(finite, vector)
    half = b.ashr(exponent, ir.Constant(vector, [1] * code.lanes))
    for part in (half, b.sub(exponent, half)):  # 2^n by halves, since 2^n itself may be too large where e^x is not
        biased = b.add(part, ir.Constant(vector, [bias] * code.lanes))
        power = b.bitcast(b.shl(biased, ir.Constant(vector, [bits] * code.lanes)), code.vector())
        series = _mul(code, series, power)
    result = series
    result = b.select(b.fcmp_ordered(">", x, code.number(high)), code.number(math.inf), result)
    return b.select(b.fcmp_ordered("<", x, code.number(low)), code.number(0.0), result)


def _tanh(code: Code, x: Value) -> Value:
    b = code.builder
    if code.size == 4:
        inside = _bounded(code, x, -TANH_LIMIT, TANH_LIMIT)
        square = _mul(code, inside, inside)
        above = _mul(code, _polynomial(code, square, TANH_NUMERATOR), inside)
        result = b.fdiv(above, _polynomial(code, square, TANH_DENOMINATOR))
        beyond = b.fcmp_ordered(">=", code.call_vector("llvm.fabs", x), code.number(TANH_LIMIT))
        return b.select(beyond, code.call_vector("llvm.copysign", code.number(1.0), x), result)
    e = _exp(code, _mul(code, code.call_vector("llvm.fabs", x), code.number(-2.0)))
    result = b.fdiv(b.fsub(code.number(1.0), e), _add(code, code.number(1.0), e))
    return code.call_vector("llvm.copysign", result, x)


def _sigmoid(code: Code, x: Value) -> Value:
    if code.size == 4:
        half = code.number(0.5)
        return code.fma(_tanh(code, _mul(code, x, half)), half, half)
    e = _exp(code, code.builder.fneg(x))
    return code.builder.fdiv(code.number(1.0), _add(code, code.number(1.0), e))


def _sign(code: Code, x: Value) -> Value:
    b, zero = code.builder, code.number(0.0)
    above = b.select(b.fcmp_ordered(">", x, zero), code.number(1.0), x)
    return b.select(b.fcmp_ordered("<", x, zero), code.number(-1.0), above)


def _extreme(better: str) -> Callable[..., Value]:
    """Minimum or maximum; a NaN on either side wins, as in torch."""

    def choose(code: Code, x: Value, y: Value) -> Value:
        b = code.builder
        first = b.or_(b.fcmp_ordered(better, x, y), b.fcmp_unordered("uno", x, x))
        return b.select(first, x, y)

    return choose


def _where(code: Code, condition: Value, x: Value, y: Value) -> Value:
    return code.builder.select(code.builder.fcmp_unordered("!=", condition, code.number(0.0)), x, y)


def _relu(code: Code, x: Value) -> Value:
    b = code.builder
    return b.select(b.fcmp_ordered("<", x, code.number(0.0)), code.number(0.0), x)


_SIMPLE: dict[str, Callable[..., Value]] = {
    "add": _add,
    "sub": lambda code, a, b: code.builder.fsub(a, b, flags=FLAGS),
    "mul": _mul,
    "div": lambda code, a, b: code.builder.fdiv(a, b),
    "neg": lambda code, a: code.builder.fneg(a),
    "copy": lambda _code, a: a,
    "reciprocal": lambda code, a: code.builder.fdiv(code.number(1.0), a),
    "rsqrt": lambda code, a: code.builder.fdiv(code.number(1.0), code.call_vector("llvm.sqrt", a)),
    "ne": lambda code, a, b: _truth(code, code.builder.fcmp_unordered("!=", a, b)),
    "exp": _exp,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "relu": _relu,
    "sign": _sign,
    "minimum": _extreme("<"),
    "maximum": _extreme(">"),
    "where": _where,
}


def _lane_by_lane(code: Code, function: str, operands: list[Value]) -> Value:
    """A function of the C library, one number after the other: slow, and only for what cells seldom use."""
    name = function + ("f" if code.size == 4 else "")
    kinds = [code.scalar] * len(operands)
    known: Any = code.module.globals.get(name)
    called = known or ir.Function(code.module, ir.FunctionType(code.scalar, kinds), name)
    result = ir.Constant(code.vector(), ir.Undefined)
    for lane in range(code.lanes):
        place = ir.Constant(I32, lane)
        numbers = [code.builder.extract_element(operand, place) for operand in operands]
        result = code.builder.insert_element(result, code.builder.call(called, numbers), place)
    return result
