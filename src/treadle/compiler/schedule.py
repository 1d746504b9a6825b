"""Schedule: in which order a loop's step is computed, and where every value lies.

The values of a step are computed in stages, all rows of the batch in each: products, each one call of the matrix tile,
and groups of pointwise functions of one width, each one pass over the rows that reads and writes memory only where
another stage or step needs the value. Products of the input alone are hoisted: they are computed for a chunk of steps
at once and only completed in the loop.

A schedule names sizes but does not depend on them: two layers of different widths have the same one, and share the
compiled kernel.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from treadle.compiler.levels import comes_before, is_read, is_repeated, levels
from treadle.compiler.partition import Loop
from treadle.compiler.program import Constant, Matrix, Node, Vector, copied, order, pieces


@dataclass(frozen=True)
class Place:
    """Where a value lies: a column of a buffer, and of a carried one whether before or after the step."""

    buffer: str
    column: int = 0
    after: bool = False


@dataclass
class Buffer:
    """Memory that a kernel reads or writes.

    Attributes:
        kind: "sequence" (a row for every step and row), "carried" (one for the step before and after), "chunk" (the
            hoisted products of some steps), "scratch" (one step), "total" (a sum over steps and rows), "vector" (of a
            parameter), "number" (a constant).
        width: Numbers of a row.
    """

    kind: str
    width: int
    source: Any = None

    @property
    def for_all_rows(self) -> bool:
        """Whether the rows of the batch have it in common."""
        return self.kind in ("vector", "number", "total")


@dataclass
class Term:
    """One operand of a product stage: where it lies, and the weights `(row, column, matrix)` it is multiplied with."""

    place: Place
    inputs: int
    blocks: list[tuple[int, int, Matrix]]


@dataclass
class ProductStage:
    """Products of the same operands, side by side in one buffer; `pieces` are the column and width of each."""

    out: str
    outputs: int
    pieces: list[tuple[int, int]]
    bias: list[tuple[int, Vector]]
    hoisted: list[Term]
    terms: list[Term]


@dataclass
class GroupStage:
    """Pointwise functions of one width over all rows.

    `code` is a list of instructions, and a value is named by its position: `("load", place)`, `("splat", place)`,
    `(function, *values)`, `("store", place, value)`, `("sum", place, value)` over the features,
    `("accumulate", place, value)` over the rows, `("constant", number)`.
    """

    width: int
    code: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass
class Schedule:
    """A loop ready to be written as code: its buffers by name and its stages in order."""

    name: str
    carried: list[str]
    buffers: dict[str, Buffer]
    stages: list[ProductStage | GroupStage]


def schedule(loop: Loop) -> Schedule:
    """Order the step of a loop and place its values."""
    return _Scheduler(loop).run()


def is_given(node: Node, carried: Container[str]) -> bool:
    """Whether a node is a leaf, or a part of one, that no step changes."""
    node = node.arguments[0] if node.kind == "slice" else node
    return node.kind == "leaf" and node.arguments[0] not in carried


class _Scheduler:
    def __init__(self, loop: Loop) -> None:
        self.name = loop.name
        self.carried = {before.arguments[0]: before.width for before, _ in loop.carried}
        self.buffers: dict[str, Buffer] = {}
        self.stores: dict[Node, list[Place]] = {}
        roots: list[Node] = []
        for before, after in loop.carried:
            name = before.arguments[0]
            self.buffers[name] = Buffer("carried", before.width)
            roots += self.store_pieces(name, [after], after_step=True)
        for name, nodes in loop.stored.items():
            self.buffers[name] = Buffer("sequence", sum(node.width for node in nodes))
            roots += self.store_pieces(name, list(nodes))
        for name, node in loop.summed.items():
            self.buffers[name] = Buffer("total", node.width)
            roots += self.store_pieces(name, [node])
        self.order = order(roots)
        self.level = levels(self.order, self.is_kept)
        self.made: dict[Node, Place] = {}

    def store_pieces(self, name: str, nodes: list[Node], *, after_step: bool = False) -> list[Node]:
        """Note where roots go; vectors side by side go piece by piece."""
        column, roots = 0, []
        for node in nodes:
            for piece in pieces(node):
                root = copied(piece)
                self.stores.setdefault(root, []).append(Place(name, column, after_step))
                roots.append(root)
                column += piece.width
        return roots

    def run(self) -> Schedule:
        products = self.group_products()
        groups: dict[tuple[int, int], list[Node]] = {}
        for node in self.order:
            if node.kind == "pointwise":
                groups.setdefault((self.level[node], node.width), []).append(node)
        for node in self.order:
            for child in node.children:
                if child.kind == "pointwise" and self.is_apart(child, node) and is_read(child, node):
                    self.give_home(child)
        stages: list[tuple[tuple[int, int], ProductStage | GroupStage]] = []
        stages += [((level, 0), self.product_stage(nodes)) for level, nodes in products]
        stages += [((level, 1), self.group_stage(nodes, width)) for (level, width), nodes in sorted(groups.items())]
        stages.sort(key=lambda stage: stage[0])
        return Schedule(self.name, list(self.carried), self.buffers, [stage for _, stage in stages])

    # Order.

    def is_apart(self, a: Node, user: Node) -> bool:
        """Whether a value must lie in memory before its user can read it."""
        return comes_before(a, user) or (user.kind == "pointwise" and self.level[a] != self.level[user])

    def give_home(self, node: Node) -> None:
        """See that a value lies in one piece of memory after its stage; a carried one is spread over two."""
        if not self.is_kept(node):
            name = f"v{self.order.index(node)}"
            self.buffers[name] = Buffer("scratch", node.width)
            self.stores.setdefault(node, []).append(Place(name))

    def is_kept(self, node: Node) -> bool:
        """Whether a value is stored where later stages can read it."""
        return any(not place.after and not self.is_total(place) for place in self.stores.get(node, []))

    def is_total(self, place: Place) -> bool:
        """Whether a place adds up what is stored there."""
        return self.buffers[place.buffer].kind == "total"

    # Products.

    def group_products(self) -> list[tuple[int, list[Node]]]:
        """Products of one level with the same operands, in the order of their weights."""
        groups: dict[tuple[int, tuple[Node, ...]], list[Node]] = {}
        for node in self.order:
            if node.kind == "product":
                groups.setdefault((self.level[node], node.children), []).append(node)
        for nodes in groups.values():
            nodes.sort(key=lambda node: (node.arguments[0][0][1].parameter, node.arguments[0][0][1].outputs))
        for nodes in groups.values():
            name = f"p{self.order.index(nodes[0])}"
            column = 0
            for node in nodes:
                self.made[node] = Place(name, column)
                column += node.width
        return [(level, nodes) for (level, _), nodes in groups.items()]

    def product_stage(self, nodes: list[Node]) -> ProductStage:
        name = self.made[nodes[0]].buffer
        hoisted: list[Term] = []
        terms: list[Term] = []
        for i, a in enumerate(nodes[0].children):
            blocks = [(0, self.made[node].column, node.arguments[0][i][1]) for node in nodes]
            place = self.place(a)
            into = hoisted if is_given(a, self.carried) else terms
            last = into[-1] if into else None
            follows = last is not None and Place(last.place.buffer, last.place.column + last.inputs) == place
            if last is not None and follows:
                last.blocks += [(last.inputs, column, matrix) for _, column, matrix in blocks]
                last.inputs += a.width
            else:
                into.append(Term(place, a.width, blocks))
        bias = [(self.made[node].column, vector) for node in nodes for vector in node.arguments[1]]
        outputs = sum(node.width for node in nodes)
        self.buffers[name] = Buffer("chunk" if hoisted else "scratch", outputs, "product")
        columns = [(self.made[node].column, node.width) for node in nodes]
        return ProductStage(name, outputs, columns, bias, hoisted, terms)

    # Places.

    def place(self, node: Node) -> Place:
        """Where a value that lies in memory is read."""
        match node.kind:
            case "slice":
                inner = self.place(node.arguments[0])
                return Place(inner.buffer, inner.column + node.arguments[1])
            case "leaf":
                name = node.arguments[0]
                self.buffers.setdefault(name, Buffer("sequence", node.width))
                return Place(name)
            case "product":
                return self.made[node]
            case "sum":
                name = f"v{self.order.index(node)}"
                self.buffers.setdefault(name, Buffer("scratch", 1))
                return Place(name)
        return next(place for place in self.stores[node] if not place.after and not self.is_total(place))

    # Groups.

    def group_stage(self, nodes: list[Node], width: int) -> GroupStage:
        stage = GroupStage(width)
        known: dict[Any, int] = {}

        def emit(*instruction: Any) -> int:
            stage.code.append(instruction)
            return len(stage.code) - 1

        def value(a: Any) -> int:
            if a not in known:
                again = isinstance(a, Node) and is_repeated(a) and not self.is_kept(a)
                known[a] = compute(a) if again else self.read(a, width, emit)
            return known[a]

        def compute(a: Node) -> int:
            function, *operands = a.arguments
            return emit(function, *(value(b) for b in operands))

        sums = {node.arguments[0]: node for node in self.order if node.kind == "sum"}
        for node in nodes:
            known[node] = compute(node)
            for place in self.stores.get(node, []):
                emit("accumulate" if self.is_total(place) else "store", place, known[node])
            if node in sums:
                emit("sum", self.place(sums[node]), known[node])
        return stage

    def read(self, a: Any, width: int, emit: Any) -> int:
        """The instruction that brings an operand into a group."""
        if isinstance(a, Constant):
            if not a.sized:
                return int(emit("constant", a.value))
            name = f"c{sum(buffer.kind == 'number' for buffer in self.buffers.values())}"
            self.buffers[name] = Buffer("number", 1, a.value)
            return int(emit("splat", Place(name)))
        if isinstance(a, Vector):
            name = f"w{a.parameter}"
            self.buffers.setdefault(name, Buffer("vector", 0, a.parameter))
            return int(emit("splat" if a.width == 1 else "load", Place(name, a.start)))
        return int(emit("load" if a.width == width else "splat", self.place(a)))
