"""Explain: a compiled step as lines a person can read.

Values are numbered in the order in which they are computed, `v1`, `v2`, on through the gradient; `h1`, `h2` are the
hoisted products; `t1`, `t2` what the step itself made when it was traced. Parameters and fields of the state have their
own names, a gradient the name of what it is by.
"""

from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from torch import Tensor

from treadle.cells import Cell
from treadle.compiler.cpu.library import cache_folder
from treadle.compiler.cpu.machine import host
from treadle.compiler.lower import Lowered
from treadle.compiler.partition import SUMMED, Columns, Loop, Partition
from treadle.compiler.program import Constant, Matrix, Node, Vector, order
from treadle.compiler.recurrence import Recurrence
from treadle.compiler.schedule import is_given
from treadle.compiler.trace import Call, Value, trace

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "=="}


def explain(cell: Cell) -> str:
    r"""What becomes of a cell's step: its program, its gradient, and which part of them runs when.

    Args:
        cell: Whose step; the lines name the sizes that it has.

    Raises:
        InputError: The step cannot be compiled.

    Example:
        >>> from treadle.cells import make_cell
        >>> print(explain(make_cell("elman", 2, 3)).split("\n\nkept")[0])
        traced
          t1 = linear(x, weight_ih, bias_ih)
          t2 = linear(hidden, weight_hh, bias_hh)
          t3 = add(t1, t2)
          t4 = tanh(t3)
          y = t4
          hidden = t4
        <BLANKLINE>
        hoisted, for many steps at once
          h1 = x @ weight_ih.T + bias_ih + bias_hh
        <BLANKLINE>
        in the loop, forward
          v1 = h1 + hidden @ weight_hh.T
          v2 = tanh(v1)
          y = v2
          hidden = v2
    """
    recurrence = Recurrence(cell)
    parts = {"traced": _traced(cell), **_Lines(cell, recurrence.step, recurrence.partition).parts()}
    return "\n\n".join("\n".join([head, *(f"  {line}" for line in lines)]) for head, lines in parts.items() if lines)


def kernels() -> str:
    """For which processor kernels are compiled, in which blocks, and where they are kept; one sentence."""
    machine = host()
    bits, tile = 8 * machine.vector_bytes, f"{machine.tile_rows} rows by {machine.panel_vectors} vectors"
    return f"kernels for {machine.cpu}, vectors of {bits} bits, products in tiles of {tile}; kept in {cache_folder()}"


class _Lines:
    """Writes the parts of a partition, each value under one name throughout."""

    def __init__(self, cell: Cell, step: Lowered, partition: Partition) -> None:
        self.step, self.partition = step, partition
        fields: tuple[str, ...] = cell.state_type._fields
        self.fields = fields
        self.names: dict[Node, str] = {}
        self.leaves = {"x": "x", "y": "y", "gy": "d y"}
        self.leaves |= {f"s{i}": field for i, field in enumerate(fields)}
        self.leaves |= {f"g{i}": f"d {field}" for i, field in enumerate(fields)}
        own = {value: name for name, value in step.parameters.items()}
        self.parameters = {number: own.get(value, f"p{number}") for number, value in enumerate(step.derived)}
        self.shapes: dict[int, tuple[int, ...]] = {n: value.shape for n, value in enumerate(step.derived)}
        self.counts = {"h": 0, "v": 0}

    def parts(self) -> dict[str, list[str]]:
        """The lines under their headings, in the order in which they run."""
        forward, backward = self.partition.forward, self.partition.backward
        once, kept = self.once(), [name for name in forward.stored if name != "y"]
        first, loop = self.loop(forward, dict(zip(["y", *self.fields], self.roots(forward), strict=True)))
        names = [self.names[forward.stored[name][0]] for name in kept]
        self.leaves |= dict(zip(kept, names, strict=True))
        gradients = {f"d {field}": root for field, root in zip(self.fields, self.roots(backward), strict=True)}
        if self.partition.x_in_loop:
            gradients["d x" if not self.partition.x else "part of d x"] = backward.stored["dx"][0]
        before, back = self.loop(backward, gradients)
        return {
            "once a call, from parameters alone": once,
            "hoisted, for many steps at once": first,
            "in the loop, forward": loop,
            "kept for the gradient": [f"{', '.join(['x', 'y', *self.fields, *names])} of every step"],
            "hoisted, backward": before,
            "in the loop, backward": back,
            "summed in the loop, over all steps and rows": self.summed(),
            "sunk, over all steps and rows after the loop": self.sunk(),
        }

    def roots(self, loop: Loop) -> list[Node]:
        """What a loop is for: the output, where it has one, and what it carries."""
        return [*loop.stored.get("y", ()), *(after for _, after in loop.carried)]

    def once(self) -> list[str]:
        """How tensors are made from parameters before anything runs."""
        known = {value: name for name, value in self.step.parameters.items()}
        known |= {value: f"p{number}" for number, value in enumerate(self.step.derived) if value not in known}
        return _calls(self.step.calls, known, "q")

    def loop(self, loop: Loop, results: dict[str, Node]) -> tuple[list[str], list[str]]:
        """The hoisted products of a loop, and its steps."""
        carried = {before.arguments[0] for before, _ in loop.carried}
        hoisted: list[str] = []
        lines: list[str] = []
        stored = [node for nodes in loop.stored.values() for node in nodes]
        roots = [*results.values(), *stored, *loop.summed.values()]
        for node in order(roots):
            if node.kind in ("leaf", "slice", "concat"):
                continue
            if node.kind == "product":
                text = self.product(node, carried, hoisted)
            elif node.kind == "sum":
                text = f"sum({self.name(node.arguments[0])})"
            elif node.arguments[0] == "copy":
                self.names[node], text = self.name(node.arguments[1]), None
            else:
                text = self.function(*node.arguments)
            if text is not None:
                self.names[node] = self.next("v")
                lines.append(f"{self.names[node]} = {text}")
        lines += [f"{name} = {self.name(node)}" for name, node in results.items()]
        return hoisted, lines

    def product(self, node: Node, carried: set[str], hoisted: list[str]) -> str | None:
        """The part of a product that belongs to a step; None where all of it is hoisted."""
        terms, bias = node.arguments
        early = [(a, matrix) for a, matrix in terms if is_given(a, carried)]
        late = [self.term(a, matrix) for a, matrix in terms if (a, matrix) not in early]
        biases = [self.vector(b) for b in bias]
        if not early:
            return " + ".join([*late, *biases])
        name = self.next("h")
        hoisted.append(f"{name} = {' + '.join([*(self.term(*term) for term in early), *biases])}")
        if late:
            return " + ".join([name, *late])
        self.names[node] = name
        return None

    def sunk(self) -> list[str]:
        """What is left for after the backward loop."""
        partition = self.partition
        lines = []
        for matrix, a, g in sorted(
            partition.matrices, key=lambda use: (use[0].parameter, use[0].outputs, use[0].inputs)
        ):
            left, right = (g, a) if matrix.transposed else (a, g)
            lines.append(f"d {self.matrix(matrix, stored=True)} = {self.columns(left)}.T @ {self.columns(right)}")
        vectors = [(v, g) for v, g in partition.vectors if g.array != SUMMED]
        vectors.sort(key=lambda use: (use[0].parameter, use[0].start))
        lines += [f"d {self.vector(v)} = sum of {self.columns(g)}" for v, g in vectors]
        products = [f"{self.columns(g)} @ {self.matrix(matrix)}" for g, matrix in partition.x]
        if products:
            lines.append(f"d x = {' + '.join([*products, *(['part of d x'] if partition.x_in_loop else [])])}")
        return list(dict.fromkeys(lines))

    def summed(self) -> list[str]:
        """The gradients of vectors that the backward loop adds up as it goes."""
        nodes = self.partition.backward.summed.values()
        summed = dict(zip(accumulate((node.width for node in nodes), initial=0), nodes, strict=False))
        pairs = [(vector, summed[g.start]) for vector, g in self.partition.vectors if g.array == SUMMED]
        pairs.sort(key=lambda pair: (pair[0].parameter, pair[0].start))
        return [f"d {self.vector(vector)} = sum of {self.name(g)}" for vector, g in pairs]

    # Names.

    def next(self, letter: str) -> str:
        self.counts[letter] += 1
        return f"{letter}{self.counts[letter]}"

    def name(self, a: Node | Vector | Constant) -> str:
        """An operand: a number, a parameter, or a value by its name."""
        if isinstance(a, Constant):
            return f"{a.value:.6g}"
        if isinstance(a, Vector):
            return self.vector(a)
        if a.kind == "leaf":
            return self.leaves[a.arguments[0]]
        if a.kind == "slice":
            inner, start = a.arguments
            return f"{self.name(inner)}[{start}:{start + a.width}]"
        if a.kind == "concat":
            return f"concat({', '.join(self.name(piece) for piece in a.arguments)})"
        return self.names[a]

    def function(self, function: str, *operands: Node | Vector | Constant) -> str:
        names = [self.name(a) for a in operands]
        if function in _INFIX:
            return f"{names[0]} {_INFIX[function]} {names[1]}"
        return f"{function}({', '.join(names)})"

    def term(self, a: Node, matrix: Matrix) -> str:
        return f"{self.name(a)} @ {self.matrix(matrix)}"

    def matrix(self, matrix: Matrix, *, stored: bool = False) -> str:
        """A part of a parameter as it is multiplied with, or as it is stored."""
        axes = (matrix.outputs, matrix.inputs) if matrix.transposed else (matrix.inputs, matrix.outputs)
        shape = self.shapes[matrix.parameter]
        cuts = [_cut(begin, size, whole) for (begin, size), whole in zip(axes, shape, strict=True)]
        while cuts and cuts[-1] == ":":
            cuts.pop()
        name = self.parameters[matrix.parameter] + (f"[{', '.join(cuts)}]" if cuts else "")
        return name if stored or not matrix.transposed else f"{name}.T"

    def vector(self, vector: Vector) -> str:
        numbers = max([1, *self.shapes[vector.parameter]])
        cut = _cut(vector.start, vector.width, numbers)
        return self.parameters[vector.parameter] + ("" if cut == ":" else f"[{cut}]")

    def columns(self, columns: Columns) -> str:
        """What stands in columns of a stored array."""
        begin = 0
        for node in self.partition.backward.stored.get(columns.array, ()):
            if begin == columns.start:
                return self.name(node)
            begin += node.width
        name = self.leaves[columns.array]
        whole = self.widths().get(columns.array, columns.width)
        return name if columns.width == whole else f"{name}[{columns.start}:{columns.start + columns.width}]"

    def widths(self) -> dict[str, int]:
        """Of what is given."""
        leaves = [self.step.x, *self.step.state]
        return {leaf.arguments[0]: leaf.width for leaf in leaves} | {"y": self.step.y.width}


def _traced(cell: Cell) -> list[str]:
    """A step as it was recorded."""
    step, fields = trace(cell), cell.state_type._fields
    known = {step.x: "x", **dict(zip(step.state, fields, strict=True))}
    known |= {value: name for name, value in step.parameters.items()}
    lines = _calls(step.calls, known, "t")
    return [*lines, *(f"{name} = {known[v]}" for name, v in zip(("y", *fields), (step.y, *step.after), strict=True))]


def _calls(calls: Iterable[Call], known: dict[Value, str], letter: str) -> list[str]:
    """Recorded calls, a line each; results that have no name yet are numbered."""
    lines, count = [], 0
    for call in calls:
        results = (call.result,) if isinstance(call.result, Value) else call.result
        for value in results:
            if value not in known:
                count += 1
                known[value] = f"{letter}{count}"
        operands = [*(_text(a, known) for a in call.args), *(f"{k}={_text(a, known)}" for k, a in call.kwargs.items())]
        left = ", ".join(known[value] for value in results)
        if call.name == "getitem":
            lines.append(f"{left} = {operands[0]}[{operands[1].strip('()')}]")
        else:
            lines.append(f"{left} = {call.name}({', '.join(operands)})")
    return lines


def _text(a: Any, known: dict[Value, str]) -> str:
    """An argument of a recorded call."""
    match a:
        case Value():
            return known[a]
        case Tensor():
            return f"constant {list(a.shape)}"
        case tuple():
            return f"({', '.join(_text(b, known) for b in a)})"
        case slice():
            return ":".join("" if b is None else _text(b, known) for b in (a.start, a.stop))
    return str(a)


def _cut(begin: int, size: int, whole: int) -> str:
    return ":" if (begin, size) == (0, whole) else f"{begin}:{begin + size}"
