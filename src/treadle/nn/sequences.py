"""Lengths, directions and resets of padded batches: small exact rearrangements, used by every layer and engine.

A padded batch is `[batch, time, ...]` with `lengths [batch]`; what lies past a row's length is padding and means
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from treadle.errors import InputError


def length_mask(lengths: Tensor, steps: int) -> Tensor:
    """True at the real steps: `[batch, steps]`.

    Example:
        >>> length_mask(torch.tensor([2, 0]), 3).tolist()
        [[True, True, False], [False, False, False]]
    """
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def clear_padding(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Zeros in place of the padding, whatever it held (NaN included); its gradient is zero too.

    Args:
        x: `[batch, time, feature]`.
        lengths: `[batch]`, or None where nothing is padding.
    """
    if lengths is None:
        return x
    return x.masked_fill(~length_mask(lengths, x.shape[1])[..., None], 0)


def take_steps(x: Tensor, index: Tensor) -> Tensor:
    """`out[b, t] = x[b, index[b, t]]` for `x [batch, time, feature]` and `index [batch, steps]`."""
    rows = torch.arange(x.shape[0], device=x.device)[:, None] * x.shape[1]
    return x.flatten(0, 1).index_select(0, (rows + index).flatten()).view(*index.shape, x.shape[2])


def last_step(x: Tensor, lengths: Tensor, empty: Tensor) -> Tensor:
    """The value at the last real step of every row, `[batch, feature]`, and `empty` where a row has no step.

    Args:
        x: `[batch, time, feature]`.
        lengths: `[batch]`.
        empty: `[batch, feature]`, what an empty row gives.
    """
    if x.shape[1] == 0:
        return empty
    last = take_steps(x, (lengths - 1).clamp(min=0)[:, None])[:, 0]
    return torch.where((lengths > 0)[:, None], last, empty)


def reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Every row backwards, from its own last real step to its first; the padding stays where it is.

    Args:
        x: `[batch, time, feature]`.
        lengths: `[batch]`, or None where nothing is padding.
    """
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    back = lengths[:, None] - 1 - steps
    return take_steps(x, torch.where(back >= 0, back, steps))


def reverse_reset(reset: Tensor, lengths: Tensor | None) -> Tensor:
    """The reset mask that cuts the reversed rows at the same places.

    A reset at step t parts t - 1 from t. Read backwards, step t comes first, so the state returns before t - 1.

    Args:
        reset: `[batch, time]` bool.
        lengths: `[batch]`, or None where nothing is padding.
    """
    parted = torch.roll(reverse(reset[..., None], lengths)[..., 0], 1, dims=1)
    parted[:, :1] = False
    return parted


def check_sequence(
    x: Tensor, input_size: int, lengths: Tensor | Sequence[int] | None, reset: Tensor | None
) -> Tensor | None:
    """Hold the arguments of a layer to their contract and bring the lengths to the input's device.

    Raises:
        InputError: A shape, a type or a length does not fit; the sentence names what was found and what is expected.
    """
    if not isinstance(x, Tensor):
        raise InputError(f"x is a tensor [batch, time, {input_size}], found a {type(x).__name__}; see torch.as_tensor")
    shape = x.shape
    if len(shape) != 3 or shape[2] != input_size:
        raise InputError(f"x is [batch, time, {input_size}], found {list(shape)}")
    if lengths is None and reset is None:
        return None
    batch, steps, _ = shape
    if reset is not None and not isinstance(reset, Tensor):
        raise InputError(f"reset is a bool tensor [{batch}, {steps}], found a {type(reset).__name__}")
    if reset is not None and (reset.dtype != torch.bool or reset.shape != (batch, steps)):
        raise InputError(f"reset is bool [{batch}, {steps}], found {reset.dtype} {list(reset.shape)}")
    if lengths is None:
        return None
    lengths = _as_tensor(lengths, batch)
    if lengths.shape != (batch,) or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise InputError(f"lengths are integers [{batch}], found {lengths.dtype} {list(lengths.shape)}")
    if not torch.compiler.is_compiling() and batch and not 0 <= int(lengths.min()) <= int(lengths.max()) <= steps:
        raise InputError(
            f"lengths lie between 0 and the {steps} steps of x, found {int(lengths.min())} to {int(lengths.max())}"
        )
    return lengths.to(x.device)


def _as_tensor(lengths: Tensor | Sequence[int], batch: int) -> Tensor:
    """Lengths that came as a list or an array."""
    if isinstance(lengths, Tensor):
        return lengths
    try:
        return torch.as_tensor(lengths) if len(lengths) else torch.zeros(0, dtype=torch.long)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"lengths are integers [{batch}], found {lengths!r}") from None


@dataclass(frozen=True)
class Segments:
    """A batch cut at its resets: every piece a row of its own, so that an engine that knows no resets can run it.

    Attributes:
        source: `[pieces, longest]` the step of the flattened batch `[batch * time]` at each step of each piece.
        lengths: `[pieces]` steps of each piece.
        row: `[pieces]` the row that a piece was cut from.
        carries: `[pieces]` whether it continues the state that came in (the others start from the initial state).
        place: `[batch * time]` where each step of the batch went in the flattened pieces; padding goes to place 0.
        last: `[batch]` the last piece of each row.
    """

    source: Tensor
    lengths: Tensor
    row: Tensor
    carries: Tensor
    place: Tensor
    last: Tensor

    @classmethod
    def cut(cls, reset: Tensor, lengths: Tensor | None) -> "Segments":
        """Cut `reset [batch, time]` bool, with `lengths [batch]` or None where nothing is padding.

        Every row has at least one piece, an empty one if it has no step.
        """
        batch, steps = reset.shape
        device = reset.device
        if lengths is None:
            lengths = torch.full((batch,), steps, device=device)
        real = length_mask(lengths, steps)
        starts = reset & real
        starts[:, 0] = True
        piece = starts.flatten().cumsum(0).sub(1)
        begin = starts.flatten().nonzero().squeeze(1)
        row = begin // steps
        sizes = torch.zeros_like(begin).index_add_(0, piece, real.flatten().long())
        longest = int(sizes.max())
        source = (begin[:, None] + torch.arange(longest, device=device)).clamp(max=batch * steps - 1)
        offset = torch.arange(batch * steps, device=device) - begin[piece]
        return cls(
            source=source,
            lengths=sizes,
            row=row,
            carries=(begin % steps == 0) & ~(reset[row, 0] & (sizes > 0)),
            place=torch.where(real.flatten(), piece * longest + offset, 0),
            last=piece.view(batch, steps)[:, -1],
        )
