r"""How a recurrent network remembers: what of a gradient is left after so many steps, and why.

The gradient that a step T sends to the state k steps before it is a product of k Jacobians,

$$\frac{\partial y_T}{\partial s_{T-k}} = \frac{\partial y_T}{\partial s_{T-1}}
\prod_{t=T-k+1}^{T-1} \frac{\partial s_t}{\partial s_{t-1}}$$

so it vanishes or explodes as their spectrum lies below or above 1. Where it has vanished, what was read at that
distance cannot be learnt from.

Sources: S. Hochreiter, "Untersuchungen zu dynamischen neuronalen Netzen", 1991; Y. Bengio, P. Simard & P. Frasconi,
"Learning long-term dependencies with gradient descent is difficult", IEEE Transactions on Neural Networks 5, 1994; R.
Pascanu, T. Mikolov & Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, section 2.
"""

import copy
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from treadle.cells import Cell
from treadle.errors import InputError
from treadle.evaluation.diagnosis import SHARE, Floats, LayerDiagnosis, Spectrum
from treadle.nn import Recurrent
from treadle.nn.low_rank import Factors
from treadle.nn.weight_drop import RECURRENT
from treadle.training.gates import GateWatch

LONGEST = 400
"""Steps of a sequence that are looked at, at most."""
ROWS = 16
"""Sequences that are looked at, at most; the longest are taken. Shorter data is looked at in as many directions."""
_NUMBERS = 1_500_000  # of units in all steps and rows: of wide layers, fewer rows
_WIDEST = 1024  # numbers in a state whose Jacobian is computed
_JACOBIANS = 4
_STILL = 0.01  # a unit is dead that moves by less than this share of what units of its layer move


class _Seen(NamedTuple):
    """A sequence as a layer read it: `x [time, input_size]`, and the fields of the state before it, or None."""

    x: Tensor
    state: tuple[Tensor, ...] | None


@dataclass(frozen=True)
class _Unrolled:
    """A layer run over sequences in float64, with the graph.

    Attributes:
        x: `[rows, time, input_size]`.
        lengths: `[rows]`.
        states: The state before each step, and that after the last one.
        y: `[rows, time, output_size]`.
    """

    x: Tensor
    lengths: Tensor
    states: list[Any]
    y: Tensor


def diagnose(network: nn.Module, run: Callable[[], object], *, seed: int = 0) -> list[LayerDiagnosis]:
    r"""Look at every recurrent layer of a network while it reads.

    Each layer is unrolled over the longest sequences that it is given by `run`, in float64, and
    \(\gamma_k = \lVert v^\top \partial y_T / \partial s_{T-k} \rVert\) is computed for random directions v of its last
    output, the root of the mean square over sequences and directions; see `LayerDiagnosis` for all that is measured.
    Nothing in the network changes.

    Args:
        network: Holds layers of kind `treadle.nn.Recurrent`, anywhere.
        run: Lets it read some data, such as `lambda: model.predict(X)`.
        seed: Of the directions.

    Returns:
        What was found in every layer that was run, in the order of the network's modules.

    Raises:
        InputError: None was run over a sequence.

    Example:
        >>> from treadle.nn import Stack
        >>> stack = Stack("elman", 3, 8)
        >>> (found,) = diagnose(stack, lambda: stack(torch.randn(4, 50, 3)))
        >>> found.name, found.steps, found.memory < 50
        ('layer 1', 50, True)
    """
    seen: dict[str, list[_Seen]] = {}
    layers = {name: module for name, module in network.named_modules() if isinstance(module, Recurrent)}
    with _watched(layers, seen):
        run()
    if not seen:
        raise InputError("no recurrent layer of the network has read a sequence, so there is nothing to look at")
    return [
        examine(layer.cell, seen[name], spoken(name, layer), seed=seed)
        for name, layer in layers.items()
        if name in seen
    ]


def spoken(name: str, layer: Recurrent) -> str:
    """Where a layer stands, for people: `stack.layers.1.0` is "stack, layer 2".

    Example:
        >>> from treadle.cells import GRUCell
        >>> spoken("encoder.stack.layers.0.1", Recurrent(GRUCell(3, 4), reverse=True))
        'encoder.stack, layer 1, backward'
    """
    found = re.fullmatch(r"(?:(.*)\.)?layers\.(\d+)\.\d+", name)
    words = [name] if found is None else [*([found[1]] if found[1] else []), f"layer {int(found[2]) + 1}"]
    return ", ".join([*words, *(["backward"] if layer.reverse else [])])


@contextmanager
def _watched(layers: dict[str, Recurrent], seen: dict[str, list[_Seen]]) -> Iterator[None]:
    """Within the block, the longest sequences that each layer reads are kept."""
    hooks = []
    for name, layer in layers.items():

        def keep(module: Any, args: Any, kwargs: Any, name: str = name) -> None:
            given = dict(zip(("x", "state"), args, strict=False)) | kwargs
            rows = seen.setdefault(name, [])
            rows += _rows(given["x"], given.get("state"), given.get("lengths"), given.get("reset"), module.reverse)
            rows.sort(key=lambda row: -len(row.x))
            del rows[ROWS:]
            if not rows:
                del seen[name]

        hooks.append(layer.register_forward_pre_hook(keep, with_kwargs=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _rows(x: Tensor, state: Any, lengths: Tensor | None, reset: Tensor | None, reverse: bool) -> list[_Seen]:
    """The rows of a batch that have a step, in the direction in which they are read, up to their first reset."""
    steps = torch.full((len(x),), x.shape[1]) if lengths is None else lengths.cpu()
    if reset is not None and x.shape[1] > 1:
        cut = reset[:, 1:].cpu().long()
        steps = torch.minimum(steps, torch.where(cut.any(1), cut.argmax(1) + 1, x.shape[1]))
    longest = steps.argsort(descending=True)[:ROWS].tolist()
    found = []
    for row in longest:
        if steps[row]:
            one = x[row, : int(steps[row])].detach().double().cpu()
            own = None if state is None else tuple(field[row].detach().double().cpu() for field in state)
            found.append(_Seen((one.flip(0) if reverse else one)[:LONGEST], own))
    return found


@torch.enable_grad()
def examine(cell: Cell, rows: list[Any], name: str = "", *, seed: int = 0) -> LayerDiagnosis:
    """What one cell does on sequences.

    Args:
        cell: Any; it is not changed.
        rows: Pairs of a sequence `[time, input_size]` and the fields of the state before it (None for the initial one).
        name: Of the layer.
        seed: Of the directions.
    """
    cell = copy.deepcopy(cell).cpu().double().eval().requires_grad_(False)
    steps = max(len(x) for x, _ in rows)
    rows = rows[: max(2, _NUMBERS // (steps * sum(cell.state_sizes)))]
    watch = GateWatch(cell)
    ran = _unroll(cell, rows, watch)
    gradient = _by_distance(cell, ran, seed)
    left = np.flatnonzero(gradient >= SHARE)
    reaches = len(left) and left[-1] + 1 == len(gradient)
    return LayerDiagnosis(
        name=name,
        cell=type(_innermost(cell)).__name__,
        units=cell.output_size,
        rows=len(rows),
        gradient=gradient,
        decay=_decay(gradient),
        memory=None if reaches else int(left[-1] + 1) if len(left) else 0,
        gates=watch.found(),
        dead=_dead(ran),
        weights=tuple(spectra(cell)),
        step_radius=_step_radius(cell, ran),
    )


def _unroll(cell: Cell, rows: list[Any], watch: GateWatch) -> _Unrolled:
    again = -(-ROWS // len(rows))  # few sequences are looked at in several directions each
    rows = [row for row in rows for _ in range(again)]
    lengths = torch.tensor([len(x) for x, _ in rows])
    x = nn.utils.rnn.pad_sequence([x for x, _ in rows], batch_first=True)
    state = cell.initial_state(len(rows), dtype=torch.float64)
    if rows[0][1] is not None:
        state = cell.state_type(*map(torch.stack, zip(*(before for _, before in rows), strict=True)))
    states, outputs = [cell.state_type(*(field.requires_grad_() for field in state))], []
    for t in range(x.shape[1]):
        watch.next_step(lengths > t)
        with watch:
            y, after = cell.step(x[:, t], states[-1])
        states.append(after)
        outputs.append(y)
    return _Unrolled(x, lengths, states, torch.stack(outputs, 1))


def _by_distance(cell: Cell, ran: _Unrolled, seed: int) -> Floats:
    r"""\(\gamma_k / \gamma_1\) for every distance k."""
    batch = len(ran.lengths)
    last = ran.y[torch.arange(batch), ran.lengths - 1]
    v = torch.randn(last.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    v = v / v.norm(dim=1, keepdim=True)
    before = [getattr(state, name) for state in ran.states[:-1] for name in _memory(cell)]
    found = torch.autograd.grad((last * v).sum(), before, allow_unused=True, retain_graph=True)
    squares = [torch.zeros(batch).double() if g is None else g.square().sum(1) for g in found]
    a_step = torch.stack(squares).view(len(ran.states) - 1, -1, batch).sum(1)  # [time, batch]
    distance = ran.lengths - torch.arange(len(a_step))[:, None]
    sums = torch.zeros(len(a_step) + 1).double().index_add_(0, distance.clamp(min=0).flatten(), a_step.flatten())
    counts = distance.clamp(min=0).flatten().bincount(minlength=len(a_step) + 1)
    norms: Floats = (sums / counts.clamp(min=1)).sqrt()[1:].numpy()
    return norms / norms[0] if norms[0] > 0 else norms


def _decay(gradient: Floats) -> float:
    """The factor a step of the exponential that fits best, by least squares on the logarithms."""
    k = np.flatnonzero(gradient > 1e-200)
    return float(np.exp(np.polyfit(k, np.log(gradient[k]), 1)[0])) if len(k) > 2 else math.nan


def _dead(ran: _Unrolled) -> tuple[int, ...]:
    real = torch.arange(ran.y.shape[1]) < ran.lengths[:, None]
    moves = ran.y.detach()[real].std(0, correction=0)
    least = _STILL * float(moves.square().mean().sqrt())
    return tuple(torch.nonzero(moves <= least).flatten().tolist())


def spectra(cell: Cell) -> Iterator[Spectrum]:
    """The recurrent weights of a cell: each square block of a matrix that multiplies the state, and vectors that do."""
    inner = _innermost(cell)
    gates: tuple[str, ...] = getattr(inner, "gates", ())
    whole = {name: module.dense() for name, module in inner.named_modules() if isinstance(module, Factors)}
    for name, parameter in [*inner.named_parameters(), *whole.items()]:
        leaf, weight = name.rpartition(".")[2], parameter.detach().double()
        if leaf == "weight_self":
            radius = float(weight.abs().max())
            yield Spectrum(leaf, radius, radius)
        elif weight.dim() == 2 and leaf.startswith(RECURRENT) and len(weight) % weight.shape[1] == 0:
            blocks = weight.split(weight.shape[1])
            for number, block in enumerate(blocks):
                part = gates[number] if len(gates) == len(blocks) else str(number)
                radius = float(torch.linalg.eigvals(block).abs().max())
                norm = float(torch.linalg.matrix_norm(block, 2))
                yield Spectrum(leaf if len(blocks) == 1 else f"{leaf}, {part}", radius, norm)


def _step_radius(cell: Cell, ran: _Unrolled) -> float:
    """The mean spectral radius of one step's Jacobian, at some states of the data."""
    memory = _memory(cell)
    sizes = dict(zip(cell.state_type._fields, cell.state_sizes, strict=True))
    width = sum(sizes[name] for name in memory)
    if width > _WIDEST:
        return math.nan
    found = []
    for row in range(min(_JACOBIANS, len(ran.lengths))):
        t = int(ran.lengths[row]) * (row + 1) // (_JACOBIANS + 1)
        state = {name: field[row].detach().repeat(width, 1) for name, field in ran.states[t]._asdict().items()}
        inputs = [state[name].requires_grad_() for name in memory]
        _, after = cell.step(ran.x[row, t].repeat(width, 1), cell.state_type(**state))
        outputs = torch.cat([getattr(after, name) for name in memory], 1)
        # Rows are independent, so each asks for the gradient of another number of the state.
        parts = torch.autograd.grad(outputs, inputs, torch.eye(width).double(), allow_unused=True)
        columns = [torch.zeros_like(x) if part is None else part for x, part in zip(inputs, parts, strict=True)]
        found.append(float(torch.linalg.eigvals(torch.cat(columns, 1)).abs().max()))
    return float(np.mean(found))


def _memory(cell: Cell) -> list[str]:
    """The fields of the state that are memory."""
    return [name for name in cell.state_type._fields if name not in cell.auxiliary]


def _innermost(cell: nn.Module) -> nn.Module:
    """The cell within its wrappers."""
    while isinstance(inner := getattr(cell, "cell", None), Cell):
        cell = inner
    return cell
