"""Lower: from a trace to a program.

Every call of the trace falls into one of two kinds. What no row takes part in is a *parameter's* matter: it is kept as
it was called and computed with torch once a call of the layer, so that weight normalisation or a mask on a weight costs
nothing a step, and torch differentiates it. What rows take part in becomes nodes by the rules of `operators`.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from treadle.compiler.operators import HINTS, RULES, NoRuleError, Weight, apply, truth
from treadle.compiler.program import (
    Constant,
    Node,
    Operand,
    Vector,
    columns,
    concat,
    leaf,
    order,
    pointwise,
    product,
    rebuild,
    released,
    spread,
    with_children,
)
from treadle.compiler.slices import needed, slices
from treadle.compiler.trace import Call, Trace, Value, values_in
from treadle.compiler.types import CASTS, Types
from treadle.errors import InputError


@dataclass(frozen=True)
class Lowered:
    """A step as nodes.

    Attributes:
        dtype: The type of number that the step was traced in; it is right for no other.
        x: The input.
        state: The fields of the state before the step.
        y: The output.
        after: The fields of the state after the step.
        held: The output and those fields as the gradient sees them, with `hold` where it stops.
        derived: The tensors made from parameters alone that the nodes name by number.
        calls: How those are made, in order.
        parameters: The cell's parameters and buffers by name.
        tied: Further names of these, each with the one that they have there.
    """

    dtype: torch.dtype
    x: Node
    state: tuple[Node, ...]
    y: Node
    after: tuple[Node, ...]
    held: tuple[Node, ...]
    derived: tuple[Value, ...]
    calls: tuple[Call, ...]
    parameters: dict[str, Value]
    tied: dict[str, str]


def check_same(first: Lowered, second: Lowered) -> None:
    """Hold two traces of a step, on batches of two sizes, to one program.

    Raises:
        InputError: They differ, since the step computes with the size of the batch or with numbers of its own that
            change.
    """
    if first.held != second.held:
        raise InputError(
            "the step is another one every time it is traced: it computes with the number of rows (x.shape[0], len(x))"
            " or with numbers that change, such as random.random(); engine='eager' runs any step"
        )


def lower(traced: Trace) -> Lowered:
    """The program of a step.

    Raises:
        InputError: A call has no rule; the sentence names it, the line of the cell, and what to write instead.
    """
    x = leaf("x", traced.x.shape[1])
    state = tuple(leaf(f"s{i}", value.shape[1]) for i, value in enumerate(traced.state))
    rows: dict[Value, Operand] = {traced.x: x, **dict(zip(traced.state, state, strict=True))}
    derived: dict[Value, int] = {}
    kept: list[Call] = []
    parts = slices(traced.calls)
    types = Types(traced.dtype)
    for call in traced.calls:
        values = values_in((call.args, call.kwargs))
        if not any(value in rows for value in values) and not any(
            v.shape[:1] == (traced.rows,) for v in values_in(call.result)
        ):
            kept.append(call)
        else:
            _convert(call, rows, derived, parts, types, traced.rows)

    def root(value: Value) -> Node:
        return spread(rows[value], value.shape[1])

    held = normal([root(traced.y), *(root(value) for value in traced.after)])
    y, *after = released(held)
    calls = tuple(needed(kept, derived))
    return Lowered(
        traced.dtype, x, state, y, tuple(after), tuple(held), tuple(derived), calls, traced.parameters, traced.tied
    )


def normal(roots: list[Node]) -> list[Node]:
    """The same values in normal form: products cut where their parts are used apart, sums of products merged."""
    roots = rebuild(roots, _cutting(roots))
    merged = _merge(roots)
    return [merged[root] for root in roots]


def _convert(
    call: Call,
    rows: dict[Value, Operand],
    derived: dict[Value, int],
    parts: dict[Value, tuple[Value, int]],
    types: Types,
    batch: int,
) -> None:
    """Apply the rule of one call."""

    def argument(a: Any) -> Any:
        match a:
            case Value() if a in rows:
                return rows[a]
            case Value():
                return parameter(a)
            case bool() | str() | None:
                return a
            case np.bool_():
                return bool(a)
            case int() | float() | np.integer() | np.floating():
                return Constant(float(a))
            case Tensor() if a.numel() == 1 and not a.is_complex():
                return Constant(float(a))
            case Tensor():
                raise NoRuleError(
                    "a tensor that is no parameter: keep a fixed one as a buffer (register_buffer), make rows by"
                    " zeros_like, ones_like or full_like"
                )
            case tuple() | list():
                return tuple(argument(b) for b in a)
            case slice():
                return slice(*(argument(b) for b in (a.start, a.stop, a.step)))
        return a

    def parameter(value: Value) -> Vector | Weight:
        types.parameter(value)
        if value in parts and value.shape != (1,):
            whole, start = parts[value]
            return Vector(derived.setdefault(whole, len(derived)), start, value.shape[0])
        number = derived.setdefault(value, len(derived))
        sizes = [size for size in value.shape if size != 1]
        if len(value.shape) == 2 and (len(sizes) == 2 or call.name in ("linear", "matmul", "mm", "addmm")):
            return Weight(number, (value.shape[0], value.shape[1]))
        if len(sizes) > 1:
            raise NoRuleError("parameters of one or two axes")
        return Vector(number, 0, sizes[0] if sizes else 1)

    try:
        if call.name not in RULES:
            raise NoRuleError(HINTS.get(call.name, ""))
        logical = call.name in ("add", "radd") and call.result.dtype == torch.bool
        given = [argument(a) for a in call.args], {name: argument(a) for name, a in call.kwargs.items()}
        found = apply("or" if logical else call.name, *given)
        found = _cast(call, found) if call.name in CASTS else found
        results = call.result if isinstance(call.result, tuple) else (call.result,)
        nodes = found if isinstance(found, tuple) else (found,)
        if len(nodes) != len(results):
            raise NoRuleError("one result")
        types.take(call)
        for value, node in zip(results, nodes, strict=True):
            rows[value] = _fitting(value, node, batch)
    except NoRuleError as why:
        rule = f"; {why}" if str(why) else ""
        raise InputError(
            f"{call.line}: the compiler has no rule for {call.name!r} with these arguments{rule}. Steps are compiled"
            " from products with parameters, functions number by number, sums over the features, slices and"
            " concatenation; engine='eager' runs any step"
        ) from None


def _cast(call: Call, found: Operand) -> Operand:
    """What a function that changes the type of number does to the numbers."""
    (source, *_), dtype = values_in((call.args, call.kwargs)), call.result.dtype
    if dtype == torch.bool:
        return truth(found)
    return pointwise("trunc", found) if source.dtype.is_floating_point and not dtype.is_floating_point else found


def _fitting(value: Value, found: Operand, batch: int) -> Operand:
    """Hold a result to the shape that torch gave it: rows stay rows."""
    width = value.shape[1] if len(value.shape) == 2 else 1
    if len(value.shape) not in (1, 2) or value.shape[0] != batch or width in (0, batch):
        raise NoRuleError("rows of a batch stay apart, each a vector [batch, size]")
    if isinstance(found, Node) and found.width not in (1, width):
        raise NoRuleError("a result of the shape [batch, size]")
    return spread(found, width)


def _cutting(roots: list[Node]) -> Any:
    """Cut every product at the borders of the parts of it that are used."""

    def family(node: Node) -> tuple[Any, int]:
        """What a product computes, wherever its columns begin, and where they begin."""
        terms, bias = node.arguments
        begin = terms[0][1].outputs[0]
        what = tuple((a, m.parameter, m.transposed, m.inputs, m.outputs[0] - begin) for a, m in terms)
        return (what, tuple((b.parameter, b.start - begin) for b in bias)), begin

    borders: dict[Any, set[int]] = {}
    for node in order(roots):
        if node.kind == "product":
            what, begin = family(node)
            borders.setdefault(what, set()).update((begin, begin + node.width))

    def cut(node: Node, children: list[Node]) -> Node:
        new = with_children(node, children)
        if node.kind != "product":
            return new
        what, begin = family(node)
        inner = sorted(b - begin for b in borders[what] if begin <= b <= begin + node.width)
        return concat([columns(new, low, high - low) for low, high in pairwise(inner)])

    return cut


def _merge(roots: list[Node]) -> dict[Node, Node]:
    """One product in place of a sum of products and vectors, each used nowhere else."""
    uses: dict[Node, int] = dict.fromkeys(roots, 2)
    for node in order(roots):
        for child in node.children:
            uses[child] = uses.get(child, 0) + 1

    def addends(node: Node) -> list[Operand]:
        """What a sum is made of, through sums that are used nowhere else."""
        if node.kind != "pointwise" or node.arguments[0] != "add":
            return [node]
        found: list[Operand] = []
        for a in node.arguments[1:]:
            inner = isinstance(a, Node) and a.width == node.width and uses[a] == 1
            found += addends(a) if inner and isinstance(a, Node) else [a]
        return found

    def merge(node: Node, children: list[Node]) -> Node:
        if node.kind != "pointwise" or node.arguments[0] != "add":
            return with_children(node, children)
        parts = addends(node)
        products = [a for a in parts if isinstance(a, Node) and a.kind == "product" and uses[a] == 1]
        vectors = [a for a in parts if isinstance(a, Vector) and a.width == node.width and products]
        if len(products) + len(vectors) < 2:
            return with_children(node, children)
        terms = [(new[b], matrix) for a in products for b, matrix in a.arguments[0]]
        terms.sort(key=lambda term: (term[1].parameter, term[1].inputs))
        bias = [vector for a in products for vector in a.arguments[1]]
        result = product(terms, [*bias, *vectors], width=node.width)
        for a in parts:
            if a not in products and a not in vectors:
                result = pointwise("add", new.get(a, a) if isinstance(a, Node) else a, result)
        return result

    new: dict[Node, Node] = {}
    for node in order(roots):
        new[node] = merge(node, [new[child] for child in node.children])
    return new
