"""Operator: a compiled recurrence as one differentiable function of torch.

Forward, the loop runs over packed rows and keeps what the partition says; backward, the gradient's loop runs the other
way, and what it leaves over is summed in one product for each weight.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from treadle.cells import Cell, State
from treadle.compiler.cpu.run import Pass
from treadle.compiler.lower import Lowered, check_same, lower
from treadle.compiler.packing import Packing, pack
from treadle.compiler.parameters import Derived
from treadle.compiler.partition import Loop, Partition, partition
from treadle.compiler.sums import Sums
from treadle.compiler.trace import trace
from treadle.compiler.workspace import Arrays, Place, Workspace

LARGE_WEIGHTS = 2 * 1024 * 1024
"""Bytes of a step's weights from which a core should only have to keep a part of them near: what its own cache holds.
Below it meeting costs more than reading (measured at 1 MiB: a tenth slower; at 4 MiB: a twentieth faster)."""

FLOATING = ("inference", "forward", "backward")
"""The passes on weights as they are; threads share rows in all of them or in none, since all see one packing."""


class Recurrence:
    """A cell's step, compiled for whole sequences.

    Args:
        cell: Whose step; its parameters are read anew at every call.
        dtype: The type of the input; by default that of the parameters.

    Raises:
        InputError: The step cannot be compiled; the sentence names the line and the operator.
    """

    def __init__(self, cell: Cell, dtype: torch.dtype | None = None) -> None:
        self.name = type(cell).__name__
        self.step: Lowered = lower(trace(cell, dtype))
        check_same(self.step, lower(trace(cell, dtype, again=True)))
        self.derived = Derived(self.step)
        self._passes: dict[tuple[str, torch.dtype, int], Pass] = {}
        self._shares: dict[tuple[bool, torch.dtype, int, tuple[str, ...]], bool] = {}

    @cached_property
    def partition(self) -> Partition:
        """The step and its gradient, taken apart."""
        return partition(self.step)

    @cached_property
    def kept_widths(self) -> dict[str, int]:
        """What the forward pass keeps for the gradient, by name."""
        states = {f"s{i}": node.width for i, node in enumerate(self.step.state)}
        return {"x": self.step.x.width, **self.partition.forward.widths, **states}

    @cached_property
    def sums(self) -> Sums:
        """What is summed after the backward loop."""
        return Sums(self.partition)

    def compiled(self, which: str, dtype: torch.dtype, sharing: int = 1) -> Pass:
        """One of the passes "forward", "inference", "backward", "int8" for a type of number."""
        key = which, dtype, sharing
        if key not in self._passes:
            self._passes[key] = Pass(self.loop(which), dtype, self.name, sharing, int8=which == "int8")
        return self._passes[key]

    def loop(self, which: str) -> Loop:
        """What a pass computes: "int8" is "inference" on other weights."""
        found: Loop = getattr(self.partition, "inference" if which == "int8" else which)
        return found

    def run(
        self,
        cell: Cell,
        x: Tensor,
        state: State,
        lengths: Tensor | None,
        *,
        reverse: bool,
        checkpoint: int | None = None,
        int8: bool = False,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Unroll over `x [batch, time, feature]`; the output is zero past a length.

        Args:
            cell: The cell whose parameters are used.
            x: The input.
            state: The state before the first step.
            lengths: `[batch]`, or None.
            reverse: Whether time runs from the last real step to the first.
            checkpoint: Steps between the states that are kept for the gradient, which computes the rest again; None
                to keep everything.
            int8: Whether the weights are read in 8 bits; float32 only, and no gradient comes back.
        """
        derived = self.derived.tensors(cell)
        inputs = [x, *state, *derived]
        if int8 or not torch.is_grad_enabled() or not any(t.requires_grad for t in inputs):
            which, passes = ("int8", ("int8",)) if int8 else ("inference", FLOATING)
            packing = self.pack(x, lengths, reverse, passes, by_row=x.is_contiguous())
            y, after = self.answer(packing, x, state, derived, which)
        elif checkpoint is None or checkpoint >= x.shape[1]:
            y, *after = _Unroll.apply(self, self.pack(x, lengths, reverse), *inputs)
        else:
            windows = [slice(t, min(t + checkpoint, x.shape[1])) for t in range(0, x.shape[1], checkpoint)]
            y, *after = _UnrollInWindows.apply(self, windows[:: -1 if reverse else 1], lengths, reverse, *inputs)
        return y, tuple(after)

    def pack(
        self,
        x: Tensor,
        lengths: Tensor | None,
        reverse: bool,
        passes: tuple[str, ...] = FLOATING,
        *,
        by_row: bool = False,
    ) -> Packing:
        """How a batch is packed for the threads there are: all rows together where threads share their columns."""
        threads = torch.get_num_threads()
        if lengths is None and self.shares_columns(x.shape[0], x.dtype, threads, passes):
            threads = 1
        return pack(x.shape[0], x.shape[1], lengths, reverse=reverse, threads=threads, by_row=by_row)

    def shares_columns(self, batch: int, dtype: torch.dtype, threads: int, passes: tuple[str, ...] = FLOATING) -> bool:
        """Whether threads share the columns of all rows: of a single row, or of weights too large for one core."""
        key = batch > 1, dtype, threads, passes
        if key not in self._shares:
            compiled = [self.compiled(which, dtype) for which in passes]
            small = batch > 1 and any(one.weight_bytes() < LARGE_WEIGHTS for one in compiled[:2])
            self._shares[key] = not small and all(one.sharing_threads(threads) > 1 for one in compiled)
        return self._shares[key]

    def answer(
        self, packing: Packing, x: Tensor, state: Sequence[Tensor], derived: Sequence[Tensor], which: str
    ) -> tuple[Tensor, list[Tensor]]:
        """Output and states after the last step by the pass "inference" or "int8", which keeps nothing."""
        width, space = self.step.y.width, None  # what is in the space goes back with it, when this call is over
        if packing.index is None:
            lies = packing.as_it_lies(x)
            given, y = packing.pack(x) if lies is None else lies, packing.outlet(x, width)
        else:
            space = Workspace(packing.size, {"x": x.shape[2], "y": width}, x.dtype)
            given, y = packing.pack(x, space.array("x")), space.array("y")
        initial = [packing.pack_rows(s) for s in state]
        final = [_outlet(packing, s) for s in initial]
        places = {"x": (given.data_ptr(), x.shape[2]), "y": (y.data_ptr(), width)}  # an axis of one has any stride
        self._launch(which, x.dtype, packing, derived, places, initial, final)
        return packing.delivered(y), [packing.unpack_rows(s) for s in final]

    def forward(
        self, packing: Packing, x: Tensor, state: Sequence[Tensor], derived: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor], Arrays]:
        """Output, states after the last step, and the packed arrays of the pass, which the gradient reads."""
        lies = packing.as_it_lies(x) is not None
        apart = {"y", "x"} if lies else {"y"}
        widths = {name: width for name, width in self.kept_widths.items() if name not in apart}
        space = Workspace(packing.size, widths, x.dtype)
        y = x.new_empty(packing.size, self.step.y.width)
        arrays = Arrays({"x": packing.pack(x, None if lies else space.array("x")), "y": y}, space)
        initial = [packing.pack_rows(s) for s in state]
        final = [_outlet(packing, s) for s in initial]
        self._launch("forward", x.dtype, packing, derived, arrays.places, initial, final)
        return packing.unpack(y), [packing.unpack_rows(s) for s in final], arrays

    def backward(
        self,
        packing: Packing,
        kept: Arrays,
        derived: Sequence[Tensor],
        gradients: Sequence[Tensor],
        needed: Sequence[bool],
    ) -> list[Tensor | None]:
        """The gradients by input, state and derived parameters; None where it is not `needed`."""
        gy, *gs = gradients
        loop = self.partition.backward
        widths = dict(loop.widths)
        given = {"dx": gy.new_empty(packing.size, widths.pop("dx"))} if "dx" in widths else {}
        lies = packing.as_it_lies(gy) is not None
        space = Workspace(packing.size, widths if lies else {**widths, "gy": gy.shape[2]}, gy.dtype, loop.widths)
        given["gy"] = packing.pack(gy, None if lies else space.array("gy"))
        arrays = kept.joined(given, space)
        size = sum(node.width for node in loop.summed.values())
        totals = gy.new_zeros(len(packing.shares), 2, size) if size else None
        initial = [packing.pack_rows(g) for g in gs]
        final = [_outlet(packing, g) for g in initial]
        self._launch("backward", gy.dtype, packing, derived, arrays.places, initial, final, totals)
        found = packing.unpack(self.sums.of_input(arrays, derived)) if needed[0] else None
        states = [packing.unpack_rows(g) for g in final]
        summed = None if totals is None else totals.sum((0, 1))
        return [found, *states, *self.sums.of_parameters(arrays, summed, derived, needed[1 + len(gs) :])]

    def _launch(
        self,
        which: str,
        dtype: torch.dtype,
        packing: Packing,
        derived: Sequence[Tensor],
        places: Mapping[str, Place],
        initial: Sequence[Tensor],
        final: Sequence[Tensor],
        totals: Tensor | None = None,
    ) -> None:
        """Run a pass: rows are dealt to threads, or threads share the columns of all rows."""
        loop = self.compiled(which, dtype)
        sharing = loop.sharing_threads(torch.get_num_threads()) if packing.shared else 1
        for one in (self.compiled(which, dtype, sharing), loop) if sharing > 1 else (loop,):
            plan, operands = one.plan(packing), one.operands
            prepare = operands.prepare_once if operands.kept else operands.prepare
            if one.run(plan, prepare(derived, plan.forms), places, initial, final, totals):
                return


class _Unroll(torch.autograd.Function):
    """`Recurrence.run` with its gradient."""

    @staticmethod
    def forward(ctx: Any, recurrence: Recurrence, packing: Packing, x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        """The pass that keeps what the gradient needs."""
        states = len(recurrence.step.state)
        state, derived = others[:states], others[states:]
        y, after, kept = recurrence.forward(packing, x, state, derived)
        ctx.recurrence, ctx.packing, ctx.kept = recurrence, packing, kept
        ctx.save_for_backward(*derived)
        return (y, *after)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient's pass."""
        _refuse_second_gradient()
        found = ctx.recurrence.backward(ctx.packing, ctx.kept, ctx.saved_tensors, gradients, ctx.needs_input_grad[2:])
        return (None, None, *found)


class _UnrollInWindows(torch.autograd.Function):
    """`Recurrence.run` window by window: the states between windows are kept, and each window is run again backward."""

    @staticmethod
    def forward(
        ctx: Any, recurrence: Recurrence, windows: list[slice], lengths: Tensor | None, reverse: bool, *inputs: Tensor
    ) -> tuple[Tensor, ...]:
        """All windows in the order of time, keeping the state before each."""
        count = len(recurrence.step.state)
        x, state, derived = inputs[0], list(inputs[1 : 1 + count]), inputs[1 + count :]
        outputs: dict[int, Tensor] = {}
        states: list[Tensor] = []
        for window in windows:
            states += state
            packing = recurrence.pack(x[:, window], _within(lengths, window), reverse)
            outputs[window.start], state = recurrence.answer(packing, x[:, window], state, derived, "inference")
        ctx.recurrence, ctx.windows, ctx.lengths, ctx.reverse, ctx.count = recurrence, windows, lengths, reverse, count
        ctx.save_for_backward(x, *derived, *states)
        return (torch.cat([outputs[start] for start in sorted(outputs)], 1), *state)

    @staticmethod
    def backward(ctx: Any, gy: Tensor, *gs: Tensor) -> tuple[Tensor | None, ...]:
        """All windows against the order of time."""
        _refuse_second_gradient()
        recurrence, count = ctx.recurrence, ctx.count
        parameters = len(recurrence.step.derived)
        x, *saved = ctx.saved_tensors
        derived, states = saved[:parameters], saved[parameters:]
        needed = ctx.needs_input_grad[4:]
        dx: dict[int, Tensor] = {}
        sums: list[Tensor | None] = [None] * parameters
        for number in range(len(ctx.windows) - 1, -1, -1):
            window, before = ctx.windows[number], states[number * count : (number + 1) * count]
            packing = recurrence.pack(x[:, window], _within(ctx.lengths, window), ctx.reverse)
            _, _, kept = recurrence.forward(packing, x[:, window], before, derived)
            dx_window, *found = recurrence.backward(packing, kept, derived, [gy[:, window], *gs], needed)
            gs = found[:count]
            dx[window.start] = dx_window
            for i, share in enumerate(found[count:]):
                if share is not None:
                    sums[i] = share if sums[i] is None else sums[i] + share
        whole = torch.cat([dx[start] for start in sorted(dx)], 1) if needed[0] else None
        return (None, None, None, None, whole, *gs, *sums)


def _within(lengths: Tensor | None, window: slice) -> Tensor | None:
    """How much of a window every row fills."""
    return None if lengths is None else (lengths - window.start).clamp(0, window.stop - window.start)


def _refuse_second_gradient() -> None:
    if torch.is_grad_enabled():
        raise RuntimeError(
            "engine 'cpu' gives no gradient of a gradient (create_graph=True): make the layer with engine='eager'"
        )


def _outlet(packing: Packing, initial: Tensor) -> Tensor:
    """Where a carried value ends; a row without steps ends where it begins."""
    return torch.empty_like(initial) if packing.every_row_runs else initial.clone()
