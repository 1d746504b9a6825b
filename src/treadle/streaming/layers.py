"""Layers, ready to take one step after the other: a copy of their weights in the form that a step reads."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.cells import Cell, State
from treadle.compiler.cpu.single_step import SingleStep
from treadle.errors import InputError
from treadle.nn import Recurrent, Stack
from treadle.nn.compiled import recurrence, refusal

Array = NDArray[Any]

COMPILED = {"auto": "inference", "cpu": "inference", "int8": "int8"}
"""The compiled pass that takes a step, by the engine of a layer."""


def settled(module: Any) -> Any:
    """A copy of a module as a stream runs it: on the CPU, in float32 or float64, without noise and without gradients.

    Args:
        module: A layer or a network; it stays as it is.
    """
    copy = deepcopy(module).cpu().eval().requires_grad_(False)
    dtype = next((p.dtype for p in copy.parameters()), torch.float32)
    return copy if dtype in (torch.float32, torch.float64) else copy.float()


class LayerSteps:
    """A causal stack or a single recurrent layer, for up to `rows` rows at a time.

    Write `x[:n]`, call `run(n)`, read `y[:n]`. Each row goes on from its row of every array in `state`.

    Args:
        layers: The layers; later changes of their weights do not reach this copy.
        rows: Rows at most.
        threads: Threads at most that share the rows.

    Attributes:
        x: `[rows, input_size]`.
        y: `[rows, output_size]`.
        state: `[rows, size]` by layer and field: "0.hidden", "0.cell", "1.hidden", ...
        initial: `[size]` of each: where a stream begins.
        explanation: How the steps run, one clause.

    Raises:
        InputError: The layers also read from the end.
    """

    def __init__(self, layers: Recurrent | Stack, rows: int = 1, threads: int = 1) -> None:
        if layers.bidirectional if isinstance(layers, Stack) else layers.reverse:
            kind = "a bidirectional stack" if isinstance(layers, Stack) else "a reverse layer"
            raise InputError(f"{kind} cannot be streamed, since it begins at the end; use a causal one")
        layers = settled(layers)
        depth = [layer[0] for layer in layers.layers] if isinstance(layers, Stack) else [layers]
        dtype = next((p.dtype for p in layers.parameters()), torch.float32)
        first: Recurrent = depth[0]
        x = torch.zeros(rows, first.cell.input_size, dtype=dtype)
        self.x: Array = x.numpy()
        self.state: dict[str, Array] = {}
        self.initial: dict[str, Array] = {}
        self._layers = layers
        self._runs: list[Callable[[int], None]] = []
        self._packed: list[tuple[SingleStep, Cell]] = []
        self._followed: Recurrent | Stack | None = None
        self._pairs: list[tuple[Tensor, Tensor]] = []
        for number, layer in enumerate(depth):
            cell = layer.cell
            start = cell.initial_state(1, device="cpu", dtype=dtype)
            fields = type(start)(*(field.repeat(rows, 1) for field in start))
            for name, field, begin in zip(start._fields, fields, start, strict=True):
                self.state[f"{number}.{name}"] = field.numpy()
                self.initial[f"{number}.{name}"] = begin[0].numpy().copy()
            y = torch.zeros(rows, cell.output_size, dtype=dtype)
            which = COMPILED.get(layer.engine) if refusal(cell) is None else None
            run = _eager(cell, x, y, fields) if which is None else self._compiled(which, cell, x, y, fields, threads)
            self._runs.append(run)
            if isinstance(layers, Stack):
                y = self._joined(layers, number, x, y)
            x = y
        self.y: Array = x.numpy()
        compiled = len(self._packed) == len(depth)
        how = "compiled, weights in place" if compiled else "a call of the cell's own step in torch"
        self.explanation = f"a step is {how}"

    def run(self, rows: int) -> None:
        """A step of the first `rows` rows through all layers."""
        for run in self._runs:
            run(rows)

    def renew(self, layers: Recurrent | Stack) -> None:
        """Take up the weights that the same layers have by now; the state stays as it is."""
        if layers is not self._followed:
            mine, theirs = self._layers.state_dict(), layers.state_dict()
            self._followed, self._pairs = layers, [(kept, theirs[name]) for name, kept in mine.items()]
        with torch.no_grad():
            for kept, now in self._pairs:
                kept.copy_(now)
        for step, cell in self._packed:
            step.renew(recurrence(cell).derived.tensors(cell))

    def _compiled(
        self, which: str, cell: Cell, x: Tensor, y: Tensor, state: State, threads: int
    ) -> Callable[[int], None]:
        made = recurrence(cell)
        derived = made.derived.tensors(cell)
        step = SingleStep(made.compiled(which, x.dtype), derived, x, y, state, threads)
        self._packed.append((step, cell))
        return step.run

    def _joined(self, stack: Stack, number: int, x: Tensor, y: Tensor) -> Tensor:
        """Where a layer's output is found, once a residual or highway connection has brought its input to it."""
        gate = dict(stack.highway.items()).get(str(number))
        if gate is None and not (stack.residual and x.shape == y.shape):
            return y
        out = torch.zeros_like(y)
        self._runs.append(_residual(x.numpy(), y.numpy(), out.numpy()) if gate is None else _highway(gate, x, y, out))
        return out


def _eager(cell: Cell, x: Tensor, y: Tensor, state: State) -> Callable[[int], None]:
    def run(rows: int) -> None:
        with torch.no_grad():
            found, after = cell.step(x[:rows], type(state)(*(field[:rows] for field in state)))
            y[:rows] = found
            for field, new in zip(state, after, strict=True):
                field[:rows] = new

    return run


def _residual(x: Array, y: Array, out: Array) -> Callable[[int], None]:
    def run(rows: int) -> None:
        np.add(x[:rows], y[:rows], out=out[:rows])

    return run


def _highway(gate: nn.Module, x: Tensor, y: Tensor, out: Tensor) -> Callable[[int], None]:
    def run(rows: int) -> None:
        with torch.no_grad():
            opened = torch.sigmoid(gate(x[:rows]))
            out[:rows] = opened * y[:rows] + (1 - opened) * x[:rows]

    return run
