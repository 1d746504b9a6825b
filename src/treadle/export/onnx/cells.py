"""The step of any cell in a graph, from the compiler's program of it."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from treadle.cells import Cell
from treadle.compiler.program import Constant, Matrix, Node, Operand, Vector
from treadle.compiler.trace import Value as Value_
from treadle.compiler.trace import values_in
from treadle.errors import InputError
from treadle.export.onnx.graph import Graph, Value
from treadle.nn.compiled import recurrence

F = np.float32

COMPARISONS = {"gt": "Greater", "ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual", "eq": "Equal"}
CAPITAL = ("sigmoid", "tanh", "exp", "log", "sqrt", "sin", "cos", "floor", "ceil", "neg", "abs", "erf", "sign", "relu")
FUNCTIONS = {name: name.capitalize() for name in (*CAPITAL, "reciprocal", "round", "add", "sub", "mul", "div", "pow")}
FUNCTIONS |= {"minimum": "Min", "maximum": "Max"}
"""ONNX's names of the program's functions; those that it has none for are made of others in `_composed`."""
PARTS = ("getitem", "chunk", "split", "narrow")
"""Functions of torch that take a part of a tensor."""


class StepWriter:
    """Writes the step of a cell into a graph.

    What depends on the input alone is written into `outer`, where it is computed for all steps at once; the rest into
    `body`, which runs once a step. For a single step both are the same graph.

    Args:
        cell: Whose step.
        outer: Where the input is.
        body: Where the state is.
        x: The input, a value of `outer`.
        state: The fields of the state before the step, values of `body`.
        bring: From a value of `outer`, of a width, to that of one step of it in `body`.

    Raises:
        InputError: The cell's step is nothing that the compiler knows.
    """

    def __init__(
        self,
        cell: Cell,
        outer: Graph,
        body: Graph,
        x: Value,
        state: tuple[Value, ...],
        bring: Callable[[Value, int], Value],
    ) -> None:
        try:
            compiled = recurrence(cell)
        except InputError as error:
            raise InputError(f"{type(cell).__name__} has no form in ONNX: {error}") from None
        self.cell, self.outer, self.body, self._bring = cell, outer, body, bring
        self.step = compiled.step
        self._derived: list[Tensor] = [one.detach() for one in compiled.derived.tensors(cell)]
        self._outside: dict[Any, Value] = {self.step.x: x}
        self._inside: dict[Any, Value] = dict(zip(self.step.state, state, strict=True))
        self._truths: dict[Value, Value] = {}

    def write(self) -> tuple[Value, tuple[Value, ...]]:
        """The output and the state after the step, values of `body`."""
        y = self._within(self.step.y)
        return y, tuple(self._within(node) for node in self.step.after)

    @cached_property
    def _recurrent(self) -> dict[Node, bool]:
        """Whether a node depends on the state, as far as that was asked."""
        return {self.step.x: False, **dict.fromkeys(self.step.state, True)}

    def _depends(self, node: Node) -> bool:
        known = self._recurrent
        if node not in known:
            known[node] = any(self._depends(child) for child in node.children)
        return known[node]

    def _within(self, node: Node) -> Value:
        """A node's value in the body."""
        if node not in self._inside:
            if self._depends(node):
                self._inside[node] = self._emit(self.body, node, self._within)
            else:
                self._inside[node] = self._bring(self._before(node), node.width)
        return self._inside[node]

    def _before(self, node: Node) -> Value:
        """The value over all steps of a node that depends on no state."""
        if node not in self._outside:
            self._outside[node] = self._emit(self.outer, node, self._before)
        return self._outside[node]

    def _emit(self, graph: Graph, node: Node, child: Callable[[Node], Value]) -> Value:
        match node.kind:
            case "pointwise":
                function, *operands = node.arguments
                values = [self._operand(graph, a, child) for a in operands]
                return self._spread(graph, self._function(graph, function, values), node, operands)
            case "product":
                return self._product(graph, node)
            case "sum":
                return graph("ReduceSum", child(node.arguments[0]), [-1], name="sum")
            case "concat":
                return graph("Concat", *(child(a) for a in node.arguments), axis=-1, name="side_by_side")
            case _:
                inner, start = node.arguments
                return graph("Slice", child(inner), [start], [start + node.width], [-1], name="part")

    def _operand(self, graph: Graph, a: Operand, child: Callable[[Node], Value]) -> Value:
        match a:
            case Vector():
                whole = self._derived[a.parameter].reshape(-1)[a.start : a.start + a.width]
                return graph.weight(self._name(a.parameter, (a.start, a.width)), whole)
            case Constant():
                return graph.value(F(a.value))
        return child(a)

    def _function(self, graph: Graph, function: str, values: list[Value]) -> Value:
        if function == "copy":
            return values[0]
        if function in FUNCTIONS:
            return graph(FUNCTIONS[function], *values, name=function)
        if function in COMPARISONS or function == "ne":
            truth = graph(COMPARISONS.get(function, "Equal"), *values, name=f"is_{function}")
            truth = graph("Not", truth, name="is_ne") if function == "ne" else truth
            number = graph("Cast", truth, to=1, name=function)
            self._truths[number] = truth
            return number
        if function == "where":
            condition, *both = values
            if condition not in self._truths:
                self._truths[condition] = graph("Not", graph("Equal", condition, F(0)), name="is_true")
            return graph("Where", self._truths[condition], *both, name="where")
        return _composed(graph, function, values[0])

    def _spread(self, graph: Graph, value: Value, node: Node, operands: list[Operand]) -> Value:
        """A result as wide as its node, though all of its operands may be narrow."""
        if any(not isinstance(a, Constant) and a.width == node.width for a in operands):
            return value
        return graph("Add", value, np.zeros(node.width, F), name="spread")

    def _product(self, graph: Graph, node: Node) -> Value:
        """The terms of the input outside, with the bias; those of the state inside, added to them."""
        terms, bias = node.arguments
        inputs = [term for term in terms if not self._depends(term[0])]
        states = [term for term in terms if self._depends(term[0])]
        addends = [self._times(graph, self._within(a), matrix) for a, matrix in states]
        if inputs:
            place = self.outer
            given = [self._times(place, self._before(a), matrix) for a, matrix in inputs]
            before = self._added(place, given, bias, node.width)
            addends.append(before if not states else self._bring(before, node.width))
            bias = ()
        return self._added(graph, addends, bias, node.width)

    def _times(self, graph: Graph, a: Value, matrix: Matrix) -> Value:
        name = self._name(matrix.parameter, matrix.outputs, matrix.inputs, transposed=matrix.transposed)
        weight = graph.weight(name, matrix.of(self._derived[matrix.parameter]).contiguous())
        return graph("MatMul", a, weight, name=f"product_{name.split('.')[-1]}")

    def _added(self, graph: Graph, addends: list[Value], bias: tuple[Vector, ...], width: int) -> Value:
        if not addends:
            return graph.value(np.zeros(width, F))
        value = addends[0]
        for other in addends[1:]:
            value = graph("Add", value, other, name="preactivation")
        if bias:
            parts = [self._derived[b.parameter].reshape(-1)[b.start : b.start + b.width] for b in bias]
            total = sum(parts[1:], parts[0])
            value = graph("Add", value, graph.weight(self._name(bias[0].parameter, (bias[0].start, width)), total))
        return value

    @cached_property
    def _sources(self) -> dict[Value_, str]:
        """What every tensor that is made from parameters alone is made of."""
        found = {value: name for name, value in self.step.parameters.items()}
        for call in self.step.calls:
            of = dict.fromkeys(found[one] for one in values_in((call.args, call.kwargs)) if one in found)
            for place, result in enumerate(values_in(call.result)):
                what = "part" if call.name in PARTS else call.name
                number = f"{place}" if isinstance(call.result, tuple) else ""
                found[result] = f"{what}{number}_of_{'_and_'.join(of)}"
        return found

    def _name(
        self,
        parameter: int,
        outputs: tuple[int, int],
        inputs: tuple[int, int] | None = None,
        *,
        transposed: bool = True,
    ) -> str:
        """What a part of a parameter is called: that, and the gate that it belongs to."""
        value = self.step.derived[parameter]
        name = self._sources.get(value, f"made_of_parameters_{parameter}")
        gates: tuple[str, ...] = getattr(self.cell, "gates", ())
        start, width = outputs
        size = self.cell.hidden_size
        whole = value.shape[0 if transposed else -1] if value.shape else 1
        if width == size and start % size == 0 and whole == len(gates) * size and len(gates) > 1:
            name += f".{gates[start // size]}"
        elif width != whole:
            name += f".{start}_to_{start + width}"
        if inputs is not None and transposed and inputs[1] != value.shape[1]:
            name += f".of_{inputs[0]}_to_{sum(inputs)}"
        return name


def _composed(graph: Graph, function: str, a: Value) -> Value:
    """Functions that ONNX has no operator for."""
    match function:
        case "log1p":
            return graph("Log", graph("Add", a, F(1)), name=function)
        case "expm1":
            return graph("Sub", graph("Exp", a), F(1), name=function)
        case "rsqrt":
            return graph("Reciprocal", graph("Sqrt", a), name=function)
        case "trunc":
            return graph("Mul", graph("Sign", a), graph("Floor", graph("Abs", a)), name=function)
    raise InputError(f"the function {function!r} of a step has no form in ONNX")


def write_step(graph: Graph, cell: Cell, x: Value, state: tuple[Value, ...]) -> tuple[Value, tuple[Value, ...]]:
    """One step of a cell: `x [batch, input_size]` and the state before it to the output and the state after it.

    Raises:
        InputError: The cell's step is nothing that the compiler knows.
    """
    return StepWriter(cell, graph, graph, x, state, lambda value, _: value).write()
