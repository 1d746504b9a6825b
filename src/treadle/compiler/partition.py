"""Partition: which part of a step and of its gradient runs when.

- *Once a call*: what depends on parameters alone (see `lower`).
- *Hoisted*: products of the input, computed for a chunk of steps at once inside the kernel (see `schedule`).
- *In the loop*: whatever needs the state, forward, and the carried gradient, backward.
- *Sunk*: what only accumulates: the gradients of the parameters, and of the input where it goes through products; each
  is one product over all steps and rows after the loop.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from treadle.compiler.gradient import Gradient, differentiate
from treadle.compiler.lower import Lowered, normal
from treadle.compiler.program import Matrix, Node, Vector, leaf, order, pointwise, rebuild, spread, with_children
from treadle.compiler.saving import choose_saved

SUMMED = "summed"
"""The name of the vector that holds, side by side, what the backward loop has summed."""


@dataclass(frozen=True)
class Loop:
    """What one pass over time computes.

    Attributes:
        name: "forward", "inference" or "backward".
        carried: For every carried value its leaf before a step and its node after it.
        stored: Arrays over all steps by name; each holds vectors side by side.
        summed: Vectors that are summed over all steps and rows, by name, in the order of the columns of `SUMMED`.
    """

    name: str
    carried: tuple[tuple[Node, Node], ...]
    stored: dict[str, tuple[Node, ...]]
    summed: dict[str, Node] = field(default_factory=dict)

    @cached_property
    def widths(self) -> dict[str, int]:
        """The widths of the stored arrays."""
        return {name: sum(node.width for node in nodes) for name, nodes in self.stored.items()}


@dataclass(frozen=True)
class Columns:
    """Columns `start : start + width` of an array `[steps and rows, ...]` by its name."""

    array: str
    start: int
    width: int


@dataclass(frozen=True)
class Partition:
    """A step and its gradient, taken apart.

    Attributes:
        forward: The pass that keeps what the gradient needs.
        inference: The pass that keeps nothing.
        backward: The gradient's pass, against the order of the forward one.
        matrices: The sunk products: part of a matrix, operand, gradient of its product.
        vectors: The sums: part of a vector, and the columns to add up; of `SUMMED` those that the loop has added up.
        x: The sunk products of the input's gradient: gradient of a product, and the matrix that it is multiplied with.
        x_in_loop: Whether there is a part of the input's gradient that the loop itself stores (as "dx").
    """

    forward: Loop
    inference: Loop
    backward: Loop
    matrices: tuple[tuple[Matrix, Columns, Columns], ...]
    vectors: tuple[tuple[Vector, Columns], ...]
    x: tuple[tuple[Columns, Matrix], ...]
    x_in_loop: bool


def partition(step: Lowered) -> Partition:
    """Take a lowered step and its gradient apart."""
    roots = [step.y, *step.after]
    carried = tuple(zip(step.state, step.after, strict=True))
    gradient = differentiate(step)
    saved, gradient = _save(step, roots, gradient)
    inference = Loop("inference", carried, {"y": (step.y,)})
    forward = Loop("forward", carried, {"y": (step.y,), **{f"k{i}": (node,) for i, node in enumerate(saved)}})
    return _Backward(step, gradient).partition(forward, inference)


def _save(step: Lowered, roots: list[Node], gradient: Gradient) -> tuple[list[Node], Gradient]:
    """Choose what the forward pass keeps, and name it in the gradient by leaves."""
    forward = set(order(roots))
    everything = gradient.roots
    read = [n for n in everything if n in forward]
    read += [c for n in order(everything) if n not in forward for c in n.children if c in forward]
    at_hand = {step.y} if step.y.kind != "concat" else set()
    saved = choose_saved(roots, read, at_hand)
    names = {node: leaf(f"k{i}", node.width) for i, node in enumerate(saved)}
    names |= {node: leaf("y", node.width) for node in at_hand if node.kind != "leaf"}

    def named(node: Node, children: list[Node]) -> Node:
        return names.get(node) or with_children(node, children)

    return saved, gradient.mapped(lambda roots: rebuild(roots, named))


class _Backward:
    """Lays out the backward pass: what it carries, what it stores and where, what is left for afterwards."""

    def __init__(self, step: Lowered, gradient: Gradient) -> None:
        gradient = gradient.mapped(normal)
        self.step = step
        self.x, self.state = gradient.x, gradient.state
        self.matrices, self.vectors = gradient.matrices, gradient.vectors
        self.stored: dict[str, list[Node]] = {"G": [], "A": []}
        self.places: dict[Node, Columns] = {}

    def partition(self, forward: Loop, inference: Loop) -> Partition:
        for _, _, g in sorted(self.matrices, key=self._place_of_matrix):
            self.store("G", g)
        by_place = sorted(self.vectors, key=lambda use: (use[0].parameter, use[0].start))
        alone = list(dict.fromkeys(g for _, g in by_place if g not in self.places))
        begins = accumulate((g.width for g in alone), initial=0)
        totals = {g: Columns(SUMMED, begin, g.width) for g, begin in zip(alone, begins, strict=False)}
        matrices = tuple((m, self.at(a), self.places[g]) for m, a, g in self.matrices)
        vectors = tuple((v, totals.get(g) or self.places[g]) for v, g in self.vectors)
        sunk, rest = self.split_x()
        stored = {name: tuple(nodes) for name, nodes in self.stored.items() if nodes}
        if rest is not None:
            stored["dx"] = (rest,)
        carried = tuple((leaf(f"g{i}", g.width), g) for i, g in enumerate(self.state))
        backward = Loop("backward", carried, stored, {f"sum {number}": g for number, g in enumerate(alone)})
        return Partition(forward, inference, backward, matrices, vectors, sunk, rest is not None)

    def _place_of_matrix(self, use: tuple[Matrix, Node, Node]) -> tuple[bool, int, int]:
        """Gradients of products of the state come first, each matrix's in the order of its outputs."""
        matrix, a, _ = use
        return a is self.step.x, matrix.parameter, matrix.outputs[0]

    def store(self, array: str, node: Node) -> None:
        """Give a node columns of an array."""
        if node not in self.places:
            start = sum(other.width for other in self.stored[array])
            self.stored[array].append(node)
            self.places[node] = Columns(array, start, node.width)

    def at(self, a: Node) -> Columns:
        """Where the operand of a product lies over all steps and rows; one that is computed is stored."""
        if a.kind == "leaf" and not a.arguments[0].startswith("g"):
            return Columns(a.arguments[0], 0, a.width)
        if a.kind == "slice" and a.arguments[0].kind == "leaf":
            return Columns(a.arguments[0].arguments[0], a.arguments[1], a.width)
        self.store("A", a)
        return self.places[a]

    def split_x(self) -> tuple[tuple[tuple[Columns, Matrix], ...], Node | None]:
        """The input's gradient: products of stored gradients, and what is left."""
        if self.x is None:
            return (), None
        sunk: list[tuple[Columns, Matrix]] = []
        rest: list[Node] = []
        for addend in _addends(self.x):
            if addend.kind == "product" and not addend.arguments[1] and all(a in self.places for a in addend.children):
                sunk += [(self.places[a], matrix) for a, matrix in addend.arguments[0]]
            else:
                rest.append(addend)
        result = None
        for addend in rest:
            result = addend if result is None else pointwise("add", result, addend)
        return tuple(sunk), None if result is None else spread(result, self.step.x.width)


def _addends(node: Node) -> Iterable[Node]:
    """The nodes that a node is the sum of."""
    if node.kind == "pointwise" and node.arguments[0] == "add" and all(isinstance(a, Node) for a in node.arguments[1:]):
        for a in node.arguments[1:]:
            yield from _addends(a)
    else:
        yield node
