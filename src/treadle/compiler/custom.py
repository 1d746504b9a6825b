"""Custom operators: a compiled recurrence as `torch.compile` and `torch.export` see it, two operators of torch's.

In eager mode an autograd function is faster and keeps what it likes; a graph needs operators with fixed results. So
`treadle::unroll` returns the output, the states after the last step and all that its gradient reads, each as long as
the padded batch, and `treadle::unroll_backward` takes them up. The recurrence itself is named by a number.
"""

from typing import Any

import torch
from torch import Tensor

from treadle.compiler.recurrence import Recurrence
from treadle.compiler.workspace import Arrays


class _Known:
    """The recurrences, each under a name of its own.

    Graph capture reads an attribute when it comes to it, but a list once a graph: it would miss what a later layer of
    the same graph adds.
    """


_known = _Known()


def number_of(recurrence: Recurrence) -> int:
    """The number by which a graph names a recurrence; it lives as long as the process, as the graph may."""
    for number, other in enumerate(vars(_known).values()):
        if other is recurrence:
            return number
    number = len(vars(_known))
    setattr(_known, f"number_{number}", recurrence)
    return number


def known(number: int) -> Recurrence:
    """The recurrence of a number."""
    found: Recurrence = getattr(_known, f"number_{number}")
    return found


@torch.library.custom_op("treadle::unroll", mutates_args=())
def unroll(
    x: Tensor,
    state: list[Tensor],
    derived: list[Tensor],
    lengths: Tensor | None,
    reverse: bool,
    keeps: bool,
    number: int,
) -> list[Tensor]:
    """Output, states after the last step, and, where it `keeps`, what the gradient reads."""
    recurrence = known(number)
    packing = recurrence.pack(x, lengths, reverse)
    if not keeps:
        y, after = recurrence.answer(packing, x, state, derived, "inference")
        return [y.contiguous(), *(s.clone() for s in after)]
    y, after, kept = recurrence.forward(packing, x, state, derived)
    results = [y.contiguous(), *(s.clone() for s in after)]
    rows = x.shape[0] * x.shape[1]
    for name in recurrence.kept_widths:
        array = kept[name]
        results.append(array.new_zeros(rows, array.shape[1]))
        results[-1][: array.shape[0]] = array
    return results


@unroll.register_fake
def _unroll_shapes(
    x: Tensor,
    state: list[Tensor],
    derived: list[Tensor],
    lengths: Tensor | None,
    reverse: bool,
    keeps: bool,
    number: int,
) -> list[Tensor]:
    recurrence = known(number)
    results = [x.new_empty(x.shape[0], x.shape[1], recurrence.step.y.width), *(torch.empty_like(s) for s in state)]
    if keeps:
        rows = x.shape[0] * x.shape[1]
        results += [x.new_empty(rows, width) for width in recurrence.kept_widths.values()]
    return results


@torch.library.custom_op("treadle::unroll_backward", mutates_args=())
def unroll_backward(
    x: Tensor,
    kept: list[Tensor],
    derived: list[Tensor],
    gradients: list[Tensor],
    lengths: Tensor | None,
    reverse: bool,
    number: int,
) -> list[Tensor]:
    """The gradients by input, state and derived parameters."""
    recurrence = known(number)
    packing = recurrence.pack(x, lengths, reverse)
    sequences = {name: array[: packing.size] for name, array in zip(recurrence.kept_widths, kept, strict=True)}
    found = recurrence.backward(
        packing, Arrays(sequences), derived, gradients, [True] * (len(gradients) + len(derived))
    )
    shapes = [x, *gradients[1:], *derived]
    return [torch.zeros_like(s) if g is None else g.clone() for g, s in zip(found, shapes, strict=True)]


@unroll_backward.register_fake
def _unroll_backward_shapes(
    x: Tensor,
    kept: list[Tensor],
    derived: list[Tensor],
    gradients: list[Tensor],
    lengths: Tensor | None,
    reverse: bool,
    number: int,
) -> list[Tensor]:
    return [torch.empty_like(t) for t in (x, *gradients[1:], *derived)]


def _setup(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    x, state, derived, lengths, reverse, keeps, number = inputs
    first = 1 + len(state)
    ctx.save_for_backward(x, *derived, *([] if lengths is None else [lengths]), *output[first:])
    ctx.parts = (len(derived), lengths is not None, len(state), reverse, keeps, number)
    ctx.shapes = [(t.shape, t.dtype) for t in output[:first]]


def _backward(ctx: Any, gradients: list[Tensor | None]) -> tuple[Any, ...]:
    parameters, ragged, states, reverse, _keeps, number = ctx.parts
    x, *saved = ctx.saved_tensors
    derived, rest = saved[:parameters], saved[parameters:]
    lengths = rest.pop(0) if ragged else None
    given = [
        x.new_zeros(shape) if gradient is None else gradient
        for gradient, (shape, _) in zip(gradients[: 1 + states], ctx.shapes, strict=True)
    ]
    dx, *others = unroll_backward(x, rest, derived, given, lengths, reverse, number)
    return dx, others[:states], others[states:], None, None, None, None


unroll.register_autograd(_backward, setup_context=_setup)
