"""Cells that ONNX has an operator for: LSTM, GRU in both of its forms, and Elman's network."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from treadle.cells import Cell, ElmanCell, GRUCell, LSTMCell
from treadle.cells.gated import GatedCell
from treadle.cells.gru_variants import OriginalGRUCell
from treadle.export.onnx.graph import Array, Graph, Value
from treadle.export.onnx.sequences import Lengths
from treadle.nn import Recurrent

ORDERS: dict[type[Cell], tuple[str, tuple[str, ...]]] = {
    LSTMCell: ("LSTM", ("input", "output", "forget", "cell")),
    GRUCell: ("GRU", ("update", "reset", "new")),
    OriginalGRUCell: ("GRU", ("update", "reset", "new")),
    ElmanCell: ("RNN", ("hidden",)),
}
"""The operator of a cell, and the order in which that stacks the gates."""


def is_native(cell: Cell) -> bool:
    """Whether ONNX has an operator for a cell: this class and no other, and no option that the operator lacks."""
    return type(cell) in ORDERS and not (isinstance(cell, LSTMCell) and cell.projection_size)


def write_native(
    graph: Graph,
    directions: Sequence[Recurrent],
    x: Value,
    lengths: Lengths | None,
    states: Sequence[tuple[Value, ...]] | None,
) -> tuple[Value, list[tuple[Value, ...]]]:
    """All directions of a layer as one operator.

    Args:
        graph: Where.
        directions: One or two layers of one kind of cell.
        x: `[batch, time, input_size]`.
        lengths: Of it; None where every step is real.
        states: Before the first step, for every direction; None for zeros.

    Returns:
        The outputs `[batch, time, features]` of the directions side by side, zero past a length, and the states after
        the last real step; those of rows without steps are as they were.
    """
    cell = _cells(directions)[0]
    kind, _ = ORDERS[type(cell)]
    attributes: dict[str, Any] = {"hidden_size": cell.hidden_size, "direction": _direction(directions)}
    if kind == "GRU":
        attributes["linear_before_reset"] = int(type(cell) is GRUCell)
    if isinstance(cell, ElmanCell):
        attributes["activations"] = [cell.nonlinearity.capitalize()] * len(directions)
    fields = cell.state_type._fields
    before = [] if states is None else [_joined(graph, field, parts) for field, parts in _by_field(fields, states)]
    found = graph.several(
        kind,
        graph("Transpose", x, perm=[1, 0, 2], name="time_first"),
        _stacked(graph, directions, "weight_ih"),
        _stacked(graph, directions, "weight_hh"),
        None if cell.bias_ih is None else _biases(graph, directions),
        None if lengths is None else lengths.short,
        *before,
        names=["outputs", *(f"{field}_at_end" for field in fields)],
        **attributes,
    )
    outputs, ends = found[0], found[1:]
    y = graph("Transpose", outputs, perm=[2, 0, 1, 3], name="batch_first")
    y = graph("Reshape", y, [0, 0, -1], name="y")
    if before and lengths is not None:  # ONNX Runtime leaves zeros where a row has no step
        ends = [graph("Where", lengths.some, end, start) for end, start in zip(ends, before, strict=True)]
    return y, [
        tuple(graph("Gather", end, number, axis=0, name=f"{field}") for field, end in zip(fields, ends, strict=True))
        for number in range(len(directions))
    ]


def _cells(directions: Sequence[Recurrent]) -> list[GatedCell]:
    return [cast(GatedCell, one.cell) for one in directions]


def _direction(directions: Sequence[Recurrent]) -> str:
    if len(directions) == 2:
        return "bidirectional"
    return "reverse" if directions[0].reverse else "forward"


def _by_field(fields: Sequence[str], states: Sequence[tuple[Value, ...]]) -> list[tuple[str, list[Value]]]:
    return [(field, [state[place] for state in states]) for place, field in enumerate(fields)]


def _joined(graph: Graph, field: str, parts: list[Value]) -> Value:
    """A field of the state of all directions, `[directions, batch, size]`."""
    each = [graph("Unsqueeze", part, [0], name=f"{field}_before") for part in parts]
    return each[0] if len(each) == 1 else graph("Concat", *each, axis=0, name=f"{field}_before")


def _in_order(cell: GatedCell, tensor: Tensor) -> Array:
    """Rows of gates in the operator's order instead of the cell's."""
    _, order = ORDERS[type(cell)]
    blocks = dict(zip(cell.gates, tensor.detach().chunk(len(order)), strict=True))
    return torch.cat([blocks[gate] for gate in order]).numpy()


def _stacked(graph: Graph, directions: Sequence[Recurrent], name: str) -> Value:
    weights = [_in_order(cell, getattr(cell, name)) for cell in _cells(directions)]
    return graph.weight(name, np.stack(weights))


def _biases(graph: Graph, directions: Sequence[Recurrent]) -> Value:
    """`[directions, 2 * gates * size]`."""
    both = [
        np.concatenate([_in_order(cell, bias) for bias in (cell.bias_ih, cell.bias_hh) if bias is not None])
        for cell in _cells(directions)
    ]
    return graph.weight("biases", np.stack(both))
