r"""Gradient: the vector-Jacobian product of a step, as nodes.

Given the gradients of a loss by the output and by the state after the step (leaves `gy`, `g0`, `g1` ...), reverse
accumulation gives those by the input and by the state before the step. What a parameter gets is a sum over all rows and
steps; here only its terms are named,

$$\frac{\partial L}{\partial W} = \sum_{t, b} a_{tb}\, G_{tb}^\top, \qquad
\frac{\partial L}{\partial v} = \sum_{t, b} G_{tb}$$

and they are summed after the loop, each in one product over all steps and rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from treadle.compiler.lower import Lowered
from treadle.compiler.program import (
    Constant,
    Matrix,
    Node,
    Operand,
    Vector,
    columns,
    concat,
    leaf,
    order,
    pieces,
    pointwise,
    product,
    released,
    spread,
    total,
)


@dataclass(frozen=True)
class Gradient:
    """A step's vector-Jacobian product.

    Attributes:
        x: By the input; None where the step does not read it.
        state: By the fields of the state before the step.
        matrices: For every use of a matrix: which part, the operand, and the gradient of the product.
        vectors: For every use of a vector: which part and the gradient of it at one row.
    """

    x: Node | None
    state: tuple[Node, ...]
    matrices: tuple[tuple[Matrix, Node, Node], ...]
    vectors: tuple[tuple[Vector, Node], ...]

    @property
    def roots(self) -> list[Node]:
        """All nodes that it names."""
        found = [*self.state, *(g for _, _, g in self.matrices), *(g for _, g in self.vectors)]
        found += [a for _, a, _ in self.matrices]
        return found if self.x is None else [*found, self.x]

    def mapped(self, change: Callable[[list[Node]], list[Node]]) -> "Gradient":
        """The same with other nodes in the place of its roots."""
        roots = self.roots
        new = dict(zip(roots, change(roots), strict=True))
        return Gradient(
            x=None if self.x is None else new[self.x],
            state=tuple(new[g] for g in self.state),
            matrices=tuple((m, new[a], new[g]) for m, a, g in self.matrices),
            vectors=tuple((v, new[g]) for v, g in self.vectors),
        )


def differentiate(step: Lowered) -> Gradient:
    """The vector-Jacobian product of a lowered step."""
    return _Reverse(step).run()


class _Reverse:
    """Reverse accumulation over one step."""

    def __init__(self, step: Lowered) -> None:
        self.step = step
        self.gradients: dict[Node, Node] = {}
        self.parts: dict[Node, list[tuple[int, Node]]] = {}  # of leaves: where a part begins, and its gradient
        self.matrices: list[tuple[Matrix, Node, Node]] = []
        self.vectors: list[tuple[Vector, Node]] = []

    def run(self) -> Gradient:
        roots = self.step.held
        seeds = [leaf("gy", roots[0].width), *(leaf(f"g{i}", root.width) for i, root in enumerate(roots[1:]))]
        for root, seed in zip(roots, seeds, strict=True):
            begin = 0
            for piece in pieces(root):
                self.give(piece, columns(seed, begin, piece.width))
                begin += piece.width
        for node in reversed(order(roots)):
            gradient = self.gradients.get(node)
            if gradient is not None and node.kind != "leaf":
                self.pass_on(node, gradient)
        x = self.leaf_gradient(self.step.x)
        state = tuple(self.leaf_gradient(s) or spread(Constant(0.0), s.width) for s in self.step.state)
        return Gradient(x, state, tuple(self.matrices), tuple(self.vectors)).mapped(released)

    def give(self, node: Node, gradient: Node) -> None:
        """Add to the gradient of a node."""
        known = self.gradients.get(node)
        self.gradients[node] = gradient if known is None else pointwise("add", known, gradient)

    def pass_on(self, node: Node, gradient: Node) -> None:
        """From the gradient of a node to those of what it is computed from."""
        match node.kind:
            case "product":
                terms, bias = node.arguments
                for a, matrix in terms:
                    self.matrices.append((matrix, a, gradient))
                    self.give(a, product([(gradient, matrix.turned())], width=a.width))
                self.vectors += [(vector, gradient) for vector in bias]
            case "sum":
                (a,) = node.arguments
                self.give(a, spread(gradient, a.width))
            case "slice":
                a, start = node.arguments
                self.parts.setdefault(a, []).append((start, gradient))
            case "pointwise":
                function, *operands = node.arguments
                shares = DERIVATIVES[function](node, gradient, *operands) if function in DERIVATIVES else ()
                for a, share in zip(operands, shares, strict=False):
                    if share is not None and not isinstance(a, Constant):
                        self.share(a, node.width, share)

    def share(self, a: Node | Vector, width: int, share: Operand) -> None:
        """Give an operand of a function its share; one that was spread gets the sum over the features."""
        gradient = spread(share, width)
        if a.width != width:
            gradient = total(gradient)
        if isinstance(a, Vector):
            self.vectors.append((a, gradient))
        else:
            self.give(a, gradient)

    def leaf_gradient(self, node: Node) -> Node | None:
        """The gradient of a leaf from its uses as a whole and in parts."""
        parts = [*self.parts.get(node, [])]
        if node in self.gradients:
            parts.append((0, self.gradients[node]))
        if not parts:
            return None
        cuts = sorted({0, node.width, *(b for start, g in parts for b in (start, start + g.width))})
        found = []
        for low, high in pairwise(cuts):
            inside = [(low - start, g) for start, g in parts if start <= low and high <= start + g.width]
            here = [columns(g, begin, high - low) for begin, g in inside]
            piece = here[0] if here else spread(Constant(0.0), high - low)
            for other in here[1:]:
                piece = pointwise("add", piece, other)
            found.append(piece)
        return concat(found)


def _times(*factors: Operand) -> Operand:
    result = factors[0]
    for factor in factors[1:]:
        result = pointwise("mul", result, factor)
    return result


def _negative(a: Operand) -> Operand:
    return pointwise("neg", a)


def _complement(a: Operand) -> Operand:
    return pointwise("sub", Constant(1.0), a)


def _choose(better: str, g: Node, a: Operand, b: Operand) -> tuple[Operand, Operand]:
    """For minimum and maximum: to the operand that was taken, half to each where they are equal, as torch does."""
    taken, none = pointwise(better, a, b), Constant(0.0)
    same, half = pointwise("eq", a, b), pointwise("mul", g, Constant(0.5))
    first = pointwise("where", taken, g, pointwise("where", same, half, none))
    return first, pointwise("where", taken, none, pointwise("where", same, half, g))


DERIVATIVES: dict[str, Callable[..., tuple[Operand | None, ...]]] = {
    "copy": lambda y, g, a: (g,),
    "add": lambda y, g, a, b: (g, g),
    "sub": lambda y, g, a, b: (g, _negative(g)),
    "mul": lambda y, g, a, b: (_times(g, b), _times(g, a)) if a is not b else (_times(Constant(2.0), g, a), None),
    "div": lambda y, g, a, b: (pointwise("div", g, b), _negative(pointwise("div", _times(g, y), b))),
    "neg": lambda y, g, a: (_negative(g),),
    "reciprocal": lambda y, g, a: (_negative(_times(g, y, y)),),
    "sigmoid": lambda y, g, a: (_times(g, y, _complement(y)),),
    "tanh": lambda y, g, a: (_times(g, _complement(_times(y, y))),),
    "relu": lambda y, g, a: (pointwise("where", pointwise("gt", a, Constant(0.0)), g, Constant(0.0)),),
    "exp": lambda y, g, a: (_times(g, y),),
    "expm1": lambda y, g, a: (_times(g, pointwise("add", y, Constant(1.0))),),
    "log": lambda y, g, a: (pointwise("div", g, a),),
    "log1p": lambda y, g, a: (pointwise("div", g, pointwise("add", a, Constant(1.0))),),
    "sqrt": lambda y, g, a: (pointwise("div", _times(g, Constant(0.5)), y),),
    "rsqrt": lambda y, g, a: (_times(g, Constant(-0.5), y, y, y),),
    "abs": lambda y, g, a: (_times(g, pointwise("sign", a)),),
    "sin": lambda y, g, a: (_times(g, pointwise("cos", a)),),
    "cos": lambda y, g, a: (_negative(_times(g, pointwise("sin", a))),),
    "erf": lambda y, g, a: (_times(g, Constant(1.1283791670955126), pointwise("exp", _negative(_times(a, a)))),),
    "pow": lambda y, g, a, n: (_times(g, n, pointwise("pow", a, Constant(n.value - 1))), None),
    "maximum": lambda y, g, a, b: _choose("gt", g, a, b),
    "minimum": lambda y, g, a, b: _choose("lt", g, a, b),
    "where": lambda y, g, c, a, b: (
        None,
        pointwise("where", c, g, Constant(0.0)),
        pointwise("where", c, Constant(0.0), g),
    ),
}
"""For every function that has a slope: from its value, the gradient and the operands to the operands' shares."""
