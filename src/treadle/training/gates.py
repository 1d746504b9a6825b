"""The squashing functions of a cell's step, watched while it runs: how often they are closed, open, saturated."""

import linecache
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from treadle.evaluation.diagnosis import CLOSED, OPEN, Gate

_SQUASHING = ("sigmoid", "tanh")
_PARTING = ("chunk", "split", "unbind", "tensor_split")
_OUTSIDE = (str(Path(torch.__file__).parent), __file__)


@dataclass
class _Counts:
    """One call in the source of a step, and what it gave so far."""

    name: str
    function: str
    values: int = 0
    low: int = 0
    high: int = 0


class GateWatch(TorchFunctionMode):
    """Within the block, counts what logistic and tanh functions give, each call in the source for itself.

    So it works for any cell, whatever its equations. Where the cell has `gates`, a call is known by the gate whose part
    of the preactivations it squashes.

    Args:
        cell: Whose step is run.

    Attributes:
        real: `[rows]` bool, the rows of the present step that count; None for all.
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        named: list[Any] = [m for m in cell.modules() if hasattr(m, "gates")]
        self.gates: tuple[str, ...] = named[0].gates if named else ()
        self.real: Tensor | None = None
        self._calls: dict[tuple[str, int], _Counts] = {}
        self._parts: dict[int, tuple[Tensor, str]] = {}

    def next_step(self, real: Tensor) -> None:
        """A step begins, in which only some rows count."""
        self.real = real
        self._parts = {}

    def found(self) -> tuple[Gate, ...]:
        """What was seen, in the order of the equations."""
        return tuple(
            Gate(call.name, call.function, call.low / call.values, call.high / call.values)
            for call in self._calls.values()
            if call.values
        )

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run a function, and look at what it gave."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").strip("_")
        # A part is kept beside its name, so that no other tensor gets its number while the step runs.
        of = {self._parts[id(a)][1] for a in _tensors(args) if id(a) in self._parts}
        part = of.pop() if len(of) == 1 else None
        if name in _SQUASHING and isinstance(result, Tensor):
            self._count(name, part, result.detach())
        elif name in _PARTING and len(result) == len(self.gates):
            self._parts |= {id(one): (one, gate) for one, gate in zip(result, self.gates, strict=True)}
        elif part is not None and isinstance(result, Tensor):
            self._parts[id(result)] = (result, part)
        return result

    def _count(self, function: str, part: str | None, values: Tensor) -> None:
        frame = _caller()
        place = (frame.f_code.co_filename, frame.f_lasti)
        if place not in self._calls:
            source = _source(frame) or function
            self._calls[place] = _Counts(f"{part}: {source}" if part else source, function)
        call = self._calls[place]
        if self.real is not None and len(values) == len(self.real):
            values = values[self.real]
        call.values += values.numel()
        call.low += int((values < (CLOSED if function == "sigmoid" else -OPEN)).sum())
        call.high += int((values > OPEN).sum())


def _caller() -> FrameType:
    """The innermost frame outside torch and this file: the line of the step."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OUTSIDE):
        frame = frame.f_back
    return frame


def _source(frame: FrameType) -> str:
    """The text of the call that a frame is at: "sigmoid(f)"; empty where there is no source."""
    line, last, begin, end = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    if line is None or last != line or begin is None or end is None:
        return ""
    text = linecache.getline(frame.f_code.co_filename, line).encode()[begin:end].decode()
    return text.removeprefix("torch.").removeprefix("F.")


def _tensors(arguments: tuple[Any, ...]) -> Iterator[Tensor]:
    for argument in arguments:
        if isinstance(argument, Tensor):
            yield argument
        elif isinstance(argument, list | tuple):
            yield from (one for one in argument if isinstance(one, Tensor))
