"""States: what a causal model remembers, as named inputs and outputs of its graphs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from treadle.export.onnx.graph import Array, Graph, Value
from treadle.nn import Stack

T = TypeVar("T")

AFTER = "_after"
"""What the name of a state ends with where it is given out."""


@dataclass(frozen=True)
class StateField:
    """One array that a model remembers.

    Attributes:
        name: Of the input; that of the output has `AFTER` behind it.
        initial: `[...]`: where a row begins.
    """

    name: str
    initial: Array

    @property
    def shape(self) -> tuple[int | str, ...]:
        """Of a batch."""
        return ("batch", *self.initial.shape)

    def begin(self, rows: int) -> Array:
        """The field of rows that begin, `[rows, ...]`."""
        return np.repeat(self.initial[None], rows, 0)

    def to_json(self) -> dict[str, Any]:
        """The same for a reader; an initial value that is the same everywhere is one number."""
        initial: Any = self.initial.tolist()
        if self.initial.size and (self.initial == self.initial.flat[0]).all():
            initial = self.initial.flat[0].item()
        names = {"input": self.name, "output": self.name + AFTER}
        return {**names, "type": self.initial.dtype.name, "size": list(self.initial.shape), "initial": initial}


Fields = Sequence[StateField]


def layer_fields(stack: Stack, prefix: str = "layer") -> list[StateField]:
    """The fields of the states of causal layers, from the lowest."""
    found = []
    for number, layer in enumerate(stack.layers):
        with torch.no_grad():
            start = layer[0].cell.initial_state(1, device="cpu", dtype=torch.float32)
        for name, field in zip(start._fields, start, strict=True):
            found.append(StateField(f"{prefix}{number}_{name}", field[0].numpy()))
    return found


def enter(graph: Graph, fields: Fields) -> dict[str, Value]:
    """The fields as inputs, by name."""
    return {field.name: graph.input(field.name, field.initial.dtype.name, field.shape) for field in fields}


def leave(graph: Graph, fields: Fields, after: Mapping[str, Value]) -> None:
    """The fields as outputs."""
    for field in fields:
        graph.output(field.name + AFTER, after[field.name], field.initial.dtype.name, field.shape)


def constants(graph: Graph, fields: Fields) -> dict[str, Value]:
    """The fields of rows that begin, `[1, ...]`, inside a graph that is not given any."""
    return {field.name: graph.value(field.initial[None]) for field in fields}


def expanded(graph: Graph, fields: Fields, rows: Value) -> dict[str, Value]:
    """The fields of so many rows that begin, `[rows, ...]`, inside a graph that is not given any."""
    found = {}
    for field in fields:
        shape = graph("Concat", rows, list(field.initial.shape), axis=0, name=f"{field.name}_shape")
        start = graph.weight(f"{field.name}_begin", field.initial[None])
        found[field.name] = graph("Expand", start, shape, name=field.name)
    return found


def by_layer(stack: Stack, values: Mapping[str, T], prefix: str = "layer") -> list[tuple[T, ...]]:
    """The values of the layers' fields, a tuple a layer."""
    return [
        tuple(values[f"{prefix}{number}_{name}"] for name in layer[0].cell.state_type._fields)
        for number, layer in enumerate(stack.layers)
    ]


def by_name(stack: Stack, states: Sequence[Sequence[Any]], prefix: str = "layer") -> dict[str, Any]:
    """The inverse of `by_layer`, for values or tensors."""
    return dict(_named(stack, states, prefix))


def _named(stack: Stack, states: Sequence[Sequence[Any]], prefix: str) -> Iterator[tuple[str, Any]]:
    for number, (layer, state) in enumerate(zip(stack.layers, states, strict=True)):
        for name, field in zip(layer[0].cell.state_type._fields, state, strict=True):
            yield f"{prefix}{number}_{name}", field
