"""Products with parameters, sums over the features, parts of a vector, and vectors side by side."""

import math
from typing import Any

from treadle.compiler.operators.rules import NoRuleError, Weight, rule
from treadle.compiler.program import (
    Constant,
    Matrix,
    Node,
    Operand,
    Vector,
    columns,
    concat,
    hold,
    pointwise,
    product,
    total,
)


@rule("linear")
def _linear(input: Operand, weight: Weight, bias: Vector | None = None) -> Node:
    outputs, inputs = weight.shape
    matrix = Matrix(weight.parameter, True, (0, inputs), (0, outputs))
    return product([(_rows(input), matrix)], [] if bias is None else [bias], width=outputs)


@rule("matmul", "mm")
def _matmul(input: Operand, other: Weight) -> Node:
    if not isinstance(other, Weight):
        raise NoRuleError("a product of rows with a parameter of two axes")
    inputs, outputs = other.shape
    return product([(_rows(input), Matrix(other.parameter, False, (0, inputs), (0, outputs)))], width=outputs)


@rule("addmm")
def _addmm(input: Operand, mat1: Operand, mat2: Weight) -> Node:
    return pointwise("add", _matmul(mat1, mat2), input)


@rule("sum")
def _sum(input: Node, dim: Any = None, keepdim: Any = False) -> Node:
    _last(dim)
    return total(input)


@rule("mean")
def _mean(input: Node, dim: Any = None, keepdim: Any = False) -> Node:
    _last(dim)
    return pointwise("mul", total(input), Constant(1 / input.width, sized=True))


@rule("var")
def _var(
    input: Node, dim: Any = None, unbiased: Any = True, keepdim: Any = False, correction: Constant | None = None
) -> Node:
    _last(dim)
    degrees = correction.value if correction is not None else float(bool(unbiased))
    return _variance(input, _mean(input, Constant(-1.0)), degrees)


@rule("std")
def _std(
    input: Node, dim: Any = None, unbiased: Any = True, keepdim: Any = False, correction: Constant | None = None
) -> Node:
    variance = _var(input, dim, unbiased, keepdim, correction)
    some = pointwise("ne", variance, Constant(0.0))  # where all are the same torch has the gradient 0
    return pointwise("where", some, pointwise("sqrt", pointwise("where", some, variance, Constant(1.0))), Constant(0.0))


@rule("layer_norm")
def _layer_norm(
    input: Node,
    normalized_shape: Any,
    weight: Vector | None = None,
    bias: Vector | None = None,
    eps: Constant = Constant(1e-5),
) -> Node:
    mean = _mean(input, Constant(-1.0))
    variance = _variance(input, mean, 0.0)
    result = pointwise("mul", pointwise("sub", input, mean), pointwise("rsqrt", pointwise("add", variance, eps)))
    if weight is not None:
        result = pointwise("mul", result, weight)
    return result if bias is None else pointwise("add", result, bias)


def _variance(a: Node, mean: Node, degrees: float) -> Node:
    """The mean square of what is left without the mean.

    The mean itself gets no gradient from it, since what is left adds up to 0.
    """
    if degrees >= a.width:
        raise NoRuleError("more features than the correction")
    centred = pointwise("sub", a, hold(mean))
    return pointwise("mul", total(pointwise("mul", centred, centred)), Constant(1 / (a.width - degrees), sized=True))


# Parts of a vector, and vectors side by side.


@rule("chunk")
def _chunk(input: Node, chunks: Constant, dim: Constant = Constant(0.0)) -> tuple[Node, ...]:
    _last(dim)
    size = math.ceil(input.width / chunks.value)
    return tuple(columns(input, start, min(size, input.width - start)) for start in range(0, input.width, size))


@rule("split", "split_with_sizes")
def _split(input: Node, split_size_or_sections: Any, dim: Constant = Constant(0.0)) -> tuple[Node, ...]:
    _last(dim)
    if isinstance(split_size_or_sections, Constant):
        size = int(split_size_or_sections.value)
        widths = [min(size, input.width - start) for start in range(0, input.width, size)]
    else:
        widths = [int(width.value) for width in split_size_or_sections]
    starts = [sum(widths[:i]) for i in range(len(widths))]
    return tuple(columns(input, start, width) for start, width in zip(starts, widths, strict=True))


@rule("narrow")
def _narrow(input: Node, dim: Constant, start: Constant, length: Constant) -> Node:
    _last(dim)
    return columns(input, int(start.value) % input.width, int(length.value))


@rule("select")
def _select(input: Node, dim: Constant, index: Constant) -> Node:
    _last(dim)
    return columns(input, int(index.value) % input.width, 1)


@rule("getitem")
def _getitem(input: Node, index: Any) -> Node:
    index = index if isinstance(index, tuple) else (index,)
    full = slice(None)
    kept = [entry for entry in index if entry is not Ellipsis and entry is not None]
    if index and index[0] is Ellipsis:
        kept = [full, *kept][-2:] if len(kept) < 2 else kept
    if not kept or kept[0] != full or len(kept) > 2:
        raise NoRuleError("a slice of the features, x[:, a:b]")
    if len(kept) == 1:
        return input
    chosen = kept[1]
    if isinstance(chosen, Constant):
        return columns(input, int(chosen.value) % input.width, 1)
    if not isinstance(chosen, slice):
        raise NoRuleError("a slice of the features, x[:, a:b]")
    start, stop, step = slice(*(_plain(v) for v in (chosen.start, chosen.stop, chosen.step))).indices(input.width)
    if step != 1:
        raise NoRuleError("a slice of the features without gaps")
    return columns(input, start, stop - start)


@rule("cat", "concat", "concatenate", "hstack")
def _cat(tensors: tuple[Operand, ...], dim: Constant = Constant(-1.0)) -> Node:
    _last(dim)
    return concat([_rows(a) for a in tensors])


@rule("unsqueeze", "squeeze", "view", "reshape", "flatten", "expand", "expand_as", "view_as", "reshape_as")
def _same(input: Operand, *_sizes: Any, **_options: Any) -> Operand:
    return input


@rule("zeros_like", "new_zeros", "zeros")
def _zeros(*_shape: Any, **_options: Any) -> Constant:
    return Constant(0.0)


@rule("ones_like", "new_ones", "ones")
def _ones(*_shape: Any, **_options: Any) -> Constant:
    return Constant(1.0)


@rule("full_like")
def _full_like(input: Operand, fill_value: Constant, **_options: Any) -> Constant:
    return fill_value


@rule("new_full")
def _new_full(input: Operand, size: Any, fill_value: Constant, **_options: Any) -> Constant:
    return fill_value


def _rows(a: Operand) -> Node:
    if not isinstance(a, Node):
        raise NoRuleError("rows [batch, size] to the left of a parameter")
    return a


def _plain(value: Any) -> Any:
    return int(value.value) if isinstance(value, Constant) else value


def _last(dim: Any) -> None:
    """Hold an axis to the features."""
    axes = dim if isinstance(dim, tuple) else (dim,)
    if [_plain(axis) for axis in axes] not in ([-1], [1]):
        raise NoRuleError("the last axis, dim=-1")
