r"""Program: the one form between a traced step and the code that runs.

A node is one value of every row: a vector of `width` numbers. Five kinds make a recurrence,

- `Leaf`: what is given: the input, a field of the state, a gradient from outside;
- `Pointwise`: a function of vectors, number by number; a vector of width 1 is spread;
- `Product`: \(\sum_k a_k W_k + b\), any number of terms;
- `Sum`: over the features of a vector, to width 1;
- `Concat`: vectors side by side,

and `Slice`, which is kept only of leaves: of everything else a part is computed as a part. Parameters are no nodes:
they are named by the tensor they come from and the part of it that is meant (`Matrix`, `Vector`).

The builders below hold nodes in a normal form, so that gates, which a cell computes in one product and takes apart,
become separate products of the width of the state, and nothing later needs to know what a gate is. Equal nodes are the
same object.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import pairwise
from typing import Any
from weakref import WeakValueDictionary

Parameter = int
"""A tensor made from parameters alone, by its number in `Lowered.derived`."""


@dataclass(frozen=True)
class Vector:
    """Numbers `start : start + width` of a parameter of one axis; width 1 of a scalar is spread over any width."""

    parameter: Parameter
    start: int
    width: int


@dataclass(frozen=True)
class Matrix:
    """A part of a parameter of two axes that a row vector is multiplied with from the left, `[inputs, outputs]`.

    Attributes:
        parameter: Which.
        transposed: Whether the parameter is stored as `[outputs, inputs]`.
        inputs: Begin and number of the inputs.
        outputs: Begin and number of the outputs.
    """

    parameter: Parameter
    transposed: bool
    inputs: tuple[int, int]
    outputs: tuple[int, int]

    def part(self, *, inputs: tuple[int, int] | None = None, outputs: tuple[int, int] | None = None) -> "Matrix":
        """Some of the inputs or outputs, each given as begin and number within this part."""

        def within(whole: tuple[int, int], part: tuple[int, int] | None) -> tuple[int, int]:
            return whole if part is None else (whole[0] + part[0], part[1])

        return Matrix(self.parameter, self.transposed, within(self.inputs, inputs), within(self.outputs, outputs))

    def of(self, parameter: Any) -> Any:
        """This part of the parameter's tensor, or of its gradient, as `[inputs, outputs]`."""
        whole = parameter.detach().t() if self.transposed else parameter.detach()
        (i, inputs), (o, outputs) = self.inputs, self.outputs
        return whole if whole.shape == (inputs, outputs) else whole[i : i + inputs, o : o + outputs]

    def turned(self) -> "Matrix":
        """The transpose."""
        return Matrix(self.parameter, not self.transposed, self.outputs, self.inputs)


@dataclass(frozen=True)
class Constant:
    """A number. `sized`: it depends on a size of the layer, so kernels are told it when they run."""

    value: float
    sized: bool = False


class Node:
    """One value of every row; see the module's docstring. Equal nodes are the same object."""

    __slots__ = ("__weakref__", "arguments", "kind", "width")

    def __init__(self, kind: str, arguments: tuple[Any, ...], width: int) -> None:
        self.kind, self.arguments, self.width = kind, arguments, width

    @property
    def children(self) -> tuple["Node", ...]:
        """The nodes that this one is computed from."""
        match self.kind:
            case "pointwise" | "concat" | "sum" | "slice":
                return tuple(a for a in self.arguments if isinstance(a, Node))
            case "product":
                return tuple(a for a, _ in self.arguments[0])
        return ()

    def __repr__(self) -> str:
        match self.kind:
            case "leaf":
                return str(self.arguments[0])
            case "pointwise":
                return f"{self.arguments[0]}[{self.width}]"
            case _:
                return f"{self.kind}[{self.width}]"


Operand = Node | Vector | Constant

_known: "WeakValueDictionary[Any, Node]" = WeakValueDictionary()


def _node(kind: str, arguments: tuple[Any, ...], width: int) -> Node:
    """The node with these arguments."""
    key = (kind, arguments, width)
    found = _known.get(key)
    if found is None:
        _known[key] = found = Node(kind, arguments, width)
    return found


def leaf(name: str, width: int) -> Node:
    """A value that is given."""
    return _node("leaf", (name,), width)


def product(terms: Iterable[tuple[Node, Matrix]], bias: Iterable[Vector] = (), *, width: int) -> Node:
    r"""\(\sum_k a_k W_k + \sum_j b_j\); a product with vectors side by side becomes a sum over them."""
    flat: list[tuple[Node, Matrix]] = []
    for a, matrix in terms:
        begin = 0
        for piece in pieces(a):
            flat.append((piece, matrix.part(inputs=(begin, piece.width))))
            begin += piece.width
    return _node("product", (tuple(flat), tuple(bias)), width)


def pointwise(function: str, *operands: Operand) -> Node:
    """A function number by number; over vectors side by side it is computed piece by piece."""
    width = max([1, *(a.width for a in operands if not isinstance(a, Constant))])
    cuts = sorted({0, width, *(cut for a in operands if isinstance(a, Node) and a.width == width for cut in _cuts(a))})
    if len(cuts) > 2:
        return concat([pointwise(function, *(part(a, i, j - i, width) for a in operands)) for i, j in pairwise(cuts)])
    return _simplified(function, operands, width) or _node("pointwise", (function, *operands), width)


def total(a: Node) -> Node:
    """The sum over the features, width 1; pieces are added number by number first, where they are as wide."""
    parts = [piece if piece.width == 1 else _node("sum", (copied(piece),), 1) for piece in pieces(a)]
    return reduce(partial(pointwise, "add"), parts)


def hold(a: Node) -> Node:
    """A value that lets no gradient through. Only `Lowered.held` has such nodes; see `released`."""
    return pointwise("hold", a)


def released(roots: Sequence[Node]) -> list[Node]:
    """The same values without `hold`."""

    def release(node: Node, children: list[Node]) -> Node:
        held = node.kind == "pointwise" and node.arguments[0] == "hold"
        return children[0] if held else with_children(node, children)

    return rebuild(roots, release)


def concat(parts: Sequence[Node]) -> Node:
    """Vectors side by side."""
    flat = tuple(piece for a in parts for piece in pieces(a))
    return flat[0] if len(flat) == 1 else _node("concat", flat, sum(piece.width for piece in flat))


def pieces(a: Node) -> tuple[Node, ...]:
    """The vectors that stand side by side in this one."""
    return a.arguments if a.kind == "concat" else (a,)


def part(a: Operand, start: int, width: int, whole: int) -> Operand:
    """Numbers `start : start + width` of an operand of a function of width `whole`; what is spread stays."""
    if isinstance(a, Constant) or a.width != whole or (start, width) == (0, whole):
        return a
    return Vector(a.parameter, a.start + start, width) if isinstance(a, Vector) else columns(a, start, width)


def columns(a: Node, start: int, width: int) -> Node:
    """Numbers `start : start + width` of a vector, by computing no more than these."""
    if (start, width) == (0, a.width):
        return a
    match a.kind:
        case "pointwise":
            function, *operands = a.arguments
            return spread(pointwise(function, *(part(b, start, width, a.width) for b in operands)), width)
        case "product":
            terms, bias = a.arguments
            chosen = [(b, matrix.part(outputs=(start, width))) for b, matrix in terms]
            return product(chosen, [Vector(b.parameter, b.start + start, width) for b in bias], width=width)
        case "concat":
            found, begin = [], 0
            for piece in a.arguments:
                low, high = max(start - begin, 0), min(start + width - begin, piece.width)
                if low < high:
                    found.append(columns(piece, low, high - low))
                begin += piece.width
            return concat(found)
        case "slice":
            return _node("slice", (a.arguments[0], a.arguments[1] + start), width)
    return _node("slice", (a, start), width)


def order(roots: Iterable[Node]) -> list[Node]:
    """The roots and all that they are computed from, each after what it needs."""
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in found:
            for child in node.children:
                visit(child)
            found[node] = None

    for root in roots:
        visit(root)
    return list(found)


def rebuild(roots: Sequence[Node], change: Callable[[Node, list[Node]], Node]) -> list[Node]:
    """The roots anew, with every node below them, from the leaves up: `change(node, its new children)` says as what."""
    new: dict[Node, Node] = {}
    for node in order(roots):
        new[node] = change(node, [new[child] for child in node.children])
    return [new[root] for root in roots]


def with_children(node: Node, children: Sequence[Node]) -> Node:
    """The same computation on other nodes."""
    if tuple(children) == node.children:
        return node
    following = iter(children)
    match node.kind:
        case "pointwise":
            function, *operands = node.arguments
            return pointwise(function, *(next(following) if isinstance(a, Node) else a for a in operands))
        case "product":
            terms, bias = node.arguments
            return product([(next(following), matrix) for _, matrix in terms], bias, width=node.width)
        case "sum":
            return total(next(following))
        case "concat":
            return concat(list(following))
        case "slice":
            return columns(next(following), node.arguments[1], node.width)
    return node


def _cuts(a: Node) -> list[int]:
    """Where the pieces of a vector begin."""
    starts, begin = [], 0
    for piece in pieces(a):
        starts.append(begin)
        begin += piece.width
    return starts


def _simplified(function: str, operands: tuple[Operand, ...], width: int) -> Node | None:
    """What a function comes to where an operand is 0 or 1, if that is a node."""

    def is_number(a: Operand, number: float) -> bool:
        return isinstance(a, Constant) and a.value == number and not a.sized

    def fits(a: Operand) -> bool:
        return isinstance(a, Node) and a.width == width

    match function, operands:
        case ("add", (a, b)) | ("mul", (b, a)) if fits(b) and is_number(a, 0.0 if function == "add" else 1.0):
            return b if isinstance(b, Node) else None
        case ("add" | "sub", (a, b)) if fits(a) and is_number(b, 0.0):
            return a if isinstance(a, Node) else None
        case ("mul" | "div", (a, b)) if fits(a) and is_number(b, 1.0):
            return a if isinstance(a, Node) else None
        case ("add", (Node(kind="sum") as a, Node(kind="sum") as b)) if a.children[0].width == b.children[0].width:
            return _node("sum", (pointwise("add", *a.children, *b.children),), 1)
        case ("copy", (a,)) if fits(a):
            return a if isinstance(a, Node) else None
    return None


def spread(a: Operand, width: int) -> Node:
    """A number or a vector of width 1 in every place of a vector."""
    if isinstance(a, Node) and a.width == width:
        return a
    return _node("pointwise", ("copy", a), width)


def copied(a: Node) -> Node:
    """A value as a pointwise node of its own, so that it can be stored like one."""
    return a if a.kind == "pointwise" else _node("pointwise", ("copy", a), a.width)
