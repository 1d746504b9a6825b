"""Functions and products in vector code against NumPy in float64: all edges, all shapes, NaN and the ends of a type."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from llvmlite import ir

from treadle.compiler.cpu import library, tile
from treadle.compiler.cpu import math as vector_math
from treadle.compiler.cpu.ir import Code
from treadle.compiler.cpu.machine import host

Array = np.ndarray[Any, Any]
TYPES: dict[str, Any] = {"float32": np.float32, "float64": np.float64}
TOLERANCE = {"float32": 4e-7, "float64": 2e-15}
BOUNDED = {"sigmoid", "tanh", "sin", "cos", "erf"}
UNARY: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "erf": np.vectorize(math.erf, otypes=[float]),
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "relu": lambda a: np.where(a < 0, 0, a),
    "copy": lambda a: a,
    "neg": np.negative,
    "round": np.round,
    "tanh": np.tanh,
    **{
        name: getattr(np, name)
        for name in (
            *("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "abs"),
            *("sign", "floor", "ceil", "trunc", "reciprocal"),
        )
    },
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}


@cache
def functions(dtype: str) -> dict[str, int]:
    """Every function as a loop over whole vectors: `(a, b, out, count)`."""
    module = ir.Module("functions")
    names = [*UNARY, *BINARY]
    for name in names:
        lanes = host().vector_bytes // TYPES[dtype]().itemsize
        code = Code(module, f"test_{name}", ["*a", "*b", "*out", "count"], dtype, lanes)
        g = code.arguments
        with code.loop(code.integer(0), g["count"], lanes) as i:
            operands = [code.load(g["a"], i), code.load(g["b"], i)][: 1 + (name in BINARY)]
            code.store(vector_math.apply(code, name, operands), g["out"], i)
        code.done()
    found = library.load(module, [f"test_{name}" for name in names])
    return {name: found[f"test_{name}"] for name in names}


def computed(dtype: str, name: str, a: Array, b: Array | None = None) -> Array:
    """A function of the vector code, in float64; the numbers fill whole vectors."""
    size = len(a)
    padded = [np.resize(part, size + -size % 16).astype(TYPES[dtype]) for part in (a, a if b is None else b)]
    out = np.empty_like(padded[0])
    addresses = [part.ctypes.data for part in (*padded, out)]
    library.function(functions(dtype)[name], 4)(*addresses, len(out))
    return out[:size].astype(np.float64)


def special(dtype: str) -> Array:
    info = np.finfo(TYPES[dtype])
    ends = [0.0, info.smallest_subnormal, info.tiny, 1e-30, 1.0, 1e30, info.max, np.inf]
    return np.array([sign * end for end in ends for sign in (1, -1)] + [np.nan])


def numbers(dtype: str) -> Array:
    """Numbers of all sizes, exact in the type."""
    generator = np.random.default_rng(4)
    ends = 80.0 if dtype == "float32" else 600.0
    found = [generator.uniform(-ends, ends, 400), generator.normal(size=400), np.linspace(-12, 12, 401)]
    found.append(generator.choice([-1, 1], 400) * 10 ** generator.uniform(-30, 1, 400))
    return np.concatenate([*found, special(dtype)]).astype(TYPES[dtype]).astype(np.float64)


def expected(dtype: str, function: Callable[..., Array], *operands: Array) -> Array:
    """By NumPy in float64; what the type cannot hold is infinite."""
    with np.errstate(all="ignore"):
        exact = np.asarray(function(*operands), dtype=np.float64)
        return np.where(np.abs(exact) > np.finfo(TYPES[dtype]).max, np.sign(exact) * np.inf, exact)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", UNARY)
def test_a_function_equals_numpy(name: str, dtype: str) -> None:
    x = numbers(dtype)
    want = expected(dtype, UNARY[name], x)
    found = computed(dtype, name, x)
    same = agree(dtype, found, want, bounded=name in BOUNDED)
    assert same.all(), f"{name} of {x[~same][:4]} is {found[~same][:4]}, not {want[~same][:4]}"


def agree(dtype: str, found: Array, want: Array, *, bounded: bool) -> Array:
    """Where numbers are right: absolutely for bounded functions, relatively for others; a subnormal one may be zero."""
    with np.errstate(all="ignore"):
        error = TOLERANCE[dtype] * (1 if bounded else np.abs(want)) + 1.01 * np.finfo(TYPES[dtype]).tiny
        return (found == want) | (np.abs(found - want) <= error) | (np.isnan(found) & np.isnan(want))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", BINARY)
def test_a_function_of_two_equals_numpy(name: str, dtype: str) -> None:
    values = np.concatenate([special(dtype)[2:], [0.3, -7.0, 2.5, 0.0, -0.0]]).astype(TYPES[dtype]).astype(np.float64)
    a, b = (grid.ravel() for grid in np.meshgrid(values, values))
    want = expected(dtype, BINARY[name], a, b)
    found = computed(dtype, name, a, b)
    same = agree(dtype, found, want, bounded=False)
    assert same.all(), f"{name} of {a[~same][:4]}, {b[~same][:4]} is {found[~same][:4]}, not {want[~same][:4]}"


@pytest.mark.parametrize(("dtype", "largest"), [("float32", 88.72), ("float64", 709.7)])
def test_exp_reaches_the_end_of_the_type(dtype: str, largest: float) -> None:
    x = np.linspace(largest - 2, largest, 64).astype(TYPES[dtype]).astype(np.float64)
    np.testing.assert_allclose(computed(dtype, "exp", x), np.exp(x), rtol=1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("dtype", TYPES)
def test_a_gate_closes_and_opens_completely(dtype: str) -> None:
    x = np.array([50.0, 1e3, 1e30, np.inf])
    assert (computed(dtype, "sigmoid", x) == 1).all()
    assert (computed(dtype, "tanh", x) == 1).all()
    assert (computed(dtype, "tanh", -x) == -1).all()
    assert (computed(dtype, "sigmoid", -x) < 1e-20).all()


# The matrix tile.


@cache
def product(dtype: str) -> tuple[Any, Any]:
    """`product` and `pack`."""
    found = library.load(tile.build(host(), dtype), ["product", "pack"])
    return library.function(found["product"], len(tile.PRODUCT)), library.function(found["pack"], 7)


def layouts(weight: Array) -> list[Array]:
    """The same matrix in several layouts: by rows, by columns, and as a part of a larger one of either kind."""
    rows, columns = weight.shape
    large = np.full((2 * rows + 3, 2 * columns + 5), np.nan, weight.dtype)
    parts = [large.copy()[2 : 2 + rows, 3 : 3 + columns], large.T.copy().T[2 : 2 + rows, 3 : 3 + columns]]
    parts.append(large.copy()[1 : 1 + 2 * rows : 2, : 2 * columns : 2])
    for part in parts:
        part[:] = weight
    return [np.ascontiguousarray(weight), np.asfortranarray(weight), *parts]


@pytest.mark.parametrize("dtype", TYPES)
def test_the_tile_multiplies_any_shape_in_any_layout(dtype: str) -> None:
    kind = TYPES[dtype]
    lanes = host().vector_bytes // kind().itemsize
    most, rows_of_tile = host().panel_vectors * lanes, host().tile_rows
    multiply, pack = product(dtype)
    generator = np.random.default_rng(5)
    widths = [1, lanes - 1, lanes, lanes + 1, most - 1, most, most + 1, 2 * most, 2 * most + lanes + 1, 3 * most]
    for outputs in widths:
        vectors = -(-outputs // lanes)
        whole = vectors * lanes
        for inputs in (1, 2, 15, 16, 17, 33):
            weight = generator.normal(size=(inputs, outputs)).astype(kind)
            panels = []
            for given in layouts(weight):
                to = np.full(whole * inputs, np.nan, kind)
                strides = [stride // kind().itemsize for stride in given.strides]
                pack(given.ctypes.data, *strides, inputs, outputs, vectors, to.ctypes.data)
                panels.append(to)
            assert all(np.array_equal(panel, panels[0]) for panel in panels)
            for rows in (0, 1, 2, 3, rows_of_tile, rows_of_tile + 1, 2 * rows_of_tile + 1):
                wide = generator.normal(size=(rows, inputs + 3)).astype(kind)
                a = wide[:, 1 : 1 + inputs]
                start = generator.normal(size=(max(rows, 1), whole)).astype(kind)
                out = np.full((rows + 1, whole + 2), 7.0, kind)
                for stride, back in ((0, 0), (whole, 1)):
                    begin = start[:1] if stride == 0 else start[:rows]
                    operands = [a.ctypes.data, wide.shape[1], panels[0].ctypes.data, inputs]
                    multiply(*operands, start.ctypes.data, stride, out.ctypes.data, whole + 2, rows, vectors, back)
                    padded = np.pad(weight.astype(float), ((0, 0), (0, whole - outputs)))
                    want = begin.astype(float) + a.astype(float) @ padded
                    np.testing.assert_allclose(out[:rows, :whole], want, atol=40 * np.finfo(kind).eps * inputs**0.5)
                    assert (out[:rows, whole:] == 7).all()
                    assert (out[rows:] == 7).all()
