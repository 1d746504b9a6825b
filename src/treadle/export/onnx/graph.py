"""A graph in the making: operators are added in their order, and a value is its name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from torch import Tensor

from treadle.export.onnx.packing import packed

OPSET, IR = 18, 8
"""The versions of operators and file that are written: those of the end of 2022, which every runtime in use reads."""
SMALL = 4
"""Numbers of a constant that is named by them."""

Array = NDArray[Any]
Value = str
"""The name of a value."""
Dims = Sequence[int | str | None]
"""A shape; an axis that may have any length is named."""


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    Attributes:
        name: Of its value.
        type: NumPy's name of its type.
        shape: Its axes.
    """

    name: str
    type: str
    shape: tuple[int | str | None, ...]

    def to_onnx(self) -> Any:
        """The same in ONNX's own form."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.type))
        return helper.make_tensor_value_info(self.name, kind, list(self.shape))

    def to_json(self) -> dict[str, Any]:
        """The same for a reader."""
        return {"name": self.name, "type": self.type, "shape": list(self.shape)}


class Graph:
    """Operators, inputs, outputs and weights.

    Calling it adds an operator: `graph("Add", a, b)` is the name of the sum. Arrays and numbers stand for themselves
    among the operands: whole numbers are int64 and others float32, unless they have a type.

    Args:
        name: What the graph computes.
        parent: The graph that it is the body of an operator in; it may use the values of that.
    """

    def __init__(self, name: str, parent: "Graph | None" = None) -> None:
        self.name, self.parent = name, parent
        self.nodes: list[Any] = []
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        self._weights: dict[str, Array] = {}
        self._known: dict[Any, str] = {}
        self._taken: set[str] = set() if parent is None else parent._taken
        self._scope: str = "" if parent is None else parent._scope

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """Begin the names of what is added with a further word."""
        before = self._scope
        self._scope = f"{before}{name}/"
        try:
            yield
        finally:
            self._scope = before

    def input(self, name: str, dtype: str, shape: Dims) -> Value:
        """A value that is given from outside."""
        self.inputs.append(Port(name, dtype, tuple(shape)))
        self._taken.add(name)
        return name

    def output(self, name: str, value: Value, dtype: str, shape: Dims) -> None:
        """Give a value out."""
        assert name not in self._taken, f"{name} is the name of a value inside the graph"
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"give {name}"))
        self.outputs.append(Port(name, dtype, tuple(shape)))
        self._taken.add(name)

    def __call__(self, kind: str, *operands: Any, name: str = "", **attributes: Any) -> Value:
        """Add an operator of one result.

        Args:
            kind: ONNX's name of it.
            *operands: Values, numbers or arrays; None where an operand is left out.
            name: Of the result; by default that of the operator.
            **attributes: Of the operator.
        """
        return self.several(kind, *operands, names=[name or kind.lower()], **attributes)[0]

    def several(self, kind: str, *operands: Any, names: Sequence[str], **attributes: Any) -> list[Value]:
        """Add an operator with a result for each name."""
        results = [self.fresh(name) for name in names]
        inputs = ["" if one is None else self.value(one) for one in operands]
        self.nodes.append(helper.make_node(kind, inputs, results, name=results[0], **attributes))
        return results

    def value(self, operand: Any) -> Value:
        """The name of a value, or of the constant that a number or array is."""
        if isinstance(operand, str):
            return operand
        if not isinstance(operand, np.ndarray | np.generic):
            kind = np.int64 if np.asarray(operand).dtype.kind in "iu" else np.float32
            operand = np.asarray(operand, dtype=kind)
        spelt = "_".join(str(number) for number in np.ravel(operand)[:SMALL].tolist())
        return self.weight(f"constant_{spelt}" if operand.size <= SMALL else "constant", operand)

    def weight(self, name: str, array: Array | Tensor) -> Value:
        """A constant by its name; equal ones are kept once."""
        if self.parent is not None:
            return self.parent.weight(name, array)
        array = np.array(array.detach().cpu().numpy() if isinstance(array, Tensor) else array, order="C")
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._known:
            self._known[key] = self.fresh(name, scoped=array.size > SMALL)
            self._weights[self._known[key]] = array
        return self._known[key]

    def body(self, name: str) -> "Graph":
        """A graph for an operator that runs one."""
        return Graph(name, self)

    def to_onnx(self) -> Any:
        """The graph in ONNX's own form; weights that 8 bits can hold are kept so."""
        inputs, outputs = ([port.to_onnx() for port in side] for side in (self.inputs, self.outputs))
        kept = [packed(name, array) for name, array in self._weights.items()]
        weights = [weight for initialisers, _ in kept for weight in initialisers]
        nodes = [node for _, first in kept for node in first]
        return helper.make_graph([*nodes, *self.nodes], self.name, inputs, outputs, weights)

    def model(self) -> bytes:
        """The file of the graph.

        Raises:
            onnx.checker.ValidationError: It is no graph.
        """
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(self.to_onnx(), opset_imports=opset, ir_version=IR, producer_name="treadle")
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString()
        return content

    def fresh(self, name: str, *, scoped: bool = True) -> str:
        """A name that no value has yet."""
        whole = f"{self._scope}{name}" if scoped else name
        found, number = whole, 1
        while found in self._taken:
            number += 1
            found = f"{whole}_{number}"
        self._taken.add(found)
        return found
