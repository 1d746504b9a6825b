"""Connectionist temporal classification: the probability of a sequence of units, summed over all ways to place it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.errors import InputError
from treadle.nn.sequences import check_sequence, clear_padding

BLANK = 0
"""The number that stands for no unit."""


@dataclass(frozen=True)
class Emission:
    """A unit, and where it is heard.

    Attributes:
        unit: Its number.
        start: The first frame that says it.
        end: The frame after the last that does.
        probability: The largest that one of these frames gives it.
    """

    unit: int
    start: int
    end: int
    probability: float


def frames_needed(units: Sequence[int]) -> int:
    """The fewest frames that units can be placed on: one each, and a blank between two that are equal.

    Example:
        >>> frames_needed([3, 3, 5])
        4
    """
    return len(units) + sum(one == other for one, other in pairwise(units))


def ctc_loss(logits: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    r"""The negative log-likelihood of units, by torch's own forward and backward recursion.

    $$-\log p(y \mid x), \qquad p(y \mid x) = \sum_{\pi:\, B(\pi) = y} \prod_{t=1}^{T} p_t(\pi_t)$$

    where B takes out repeated units and then the blanks.

    Args:
        logits: `[batch, time, units]`, of which number 0 is the blank; past a length anything.
        lengths: `[batch]`, zero allowed.
        targets: `[batch, longest]` units from 1; past a length anything.
        target_lengths: `[batch]`, zero allowed.

    Returns:
        `[batch]`, float32 at least: infinite where there are fewer frames than `frames_needed` (its gradient is zero).

    Raises:
        InputError: A shape, a length or a target does not fit.

    Source: A. Graves, S. Fernández, F. Gomez & J. Schmidhuber, "Connectionist temporal classification: labelling
    unsegmented sequence data with recurrent neural networks", ICML 2006, sections 3 and 4.

    Example:
        >>> logits = torch.tensor([[[0.0, 0.0], [0.0, 0.0]]])  # three of the four ways through two frames say [1]
        >>> round(ctc_loss(logits, torch.tensor([2]), torch.tensor([[1]]), torch.tensor([1])).exp().item(), 3)
        1.333
    """
    lengths = _checked(logits, lengths)
    batch, _, units = logits.shape
    target_lengths = target_lengths.to(logits.device)
    if targets.dim() != 2 or targets.shape[0] != batch or target_lengths.shape != (batch,):
        found = f"{list(targets.shape)} and {list(target_lengths.shape)}"
        raise InputError(f"targets are [{batch}, longest] with lengths [{batch}], found {found}")
    real = torch.arange(targets.shape[1], device=logits.device) < target_lengths[:, None]
    targets = targets.to(logits.device)
    if bool(((targets < 1) | (targets >= units))[real].any()):
        raise InputError(f"targets are units from 1 to {units - 1}, found {int(targets[real].min())} or more")
    targets = targets.masked_fill(~real, BLANK)
    twice = (targets[:, 1:] == targets[:, :-1]) & real[:, 1:]
    impossible = lengths < target_lengths + twice.sum(1)
    said = _log_probabilities(logits, lengths)
    if said.numel() == 0:
        return said.sum((1, 2)).masked_fill(impossible, torch.inf)
    losses: Tensor = F.ctc_loss(
        said.transpose(0, 1), targets, lengths, target_lengths, blank=BLANK, reduction="none", zero_infinity=True
    )
    return losses.masked_fill(impossible, torch.inf)


@torch.no_grad()
def log_probabilities(logits: Tensor, lengths: Tensor) -> Tensor:
    """The logarithm of every unit's probability in every frame, `[batch, time, units]`, zero past a length.

    Raises:
        InputError: A shape or a length does not fit.
    """
    lengths = _checked(logits, lengths)
    return clear_padding(_log_probabilities(logits, lengths), lengths)


def greedy(said: Tensor) -> list[Emission]:
    """The units of the likeliest unit of each frame, without repetitions and blanks.

    Args:
        said: `[time, units]` log-probabilities of one row, without its padding.

    Example:
        >>> frames = torch.tensor([[0.1, 0.9], [0.4, 0.6], [0.8, 0.2], [0.3, 0.7]]).log()
        >>> [(one.unit, one.start, one.end, round(one.probability, 1)) for one in greedy(frames)]
        [(1, 0, 2, 0.9), (1, 3, 4, 0.7)]
    """
    if len(said) == 0:
        return []
    best, units = said.max(1)
    edges = [0, *(torch.flatten(torch.nonzero(units[1:] != units[:-1])) + 1).tolist(), len(units)]
    sure, named = best.exp().tolist(), units.tolist()
    runs = ((named[start], start, end) for start, end in pairwise(edges))
    return [Emission(unit, start, end, max(sure[start:end])) for unit, start, end in runs if unit != BLANK]


def align(said: Tensor, units: Sequence[int]) -> list[Emission]:
    """Where given units are heard, on the likeliest of all ways to place them (Viterbi 1967).

    Args:
        said: `[time, units]` log-probabilities of one row.
        units: From 1.

    Raises:
        InputError: There are too few frames.

    Example:
        >>> frames = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.6, 0.4]]).log()
        >>> [(one.start, one.end) for one in align(frames, [1])]
        [(1, 3)]
    """
    if len(said) < frames_needed(units):
        raise InputError(f"{len(units)} units need {frames_needed(units)} frames, found {len(said)}")
    if not units:
        return []
    path = [BLANK]
    for unit in units:
        path += [unit, BLANK]
    places = torch.tensor(path)
    scores = said.double()[:, places]
    leaps = (places != BLANK) & (places != places.roll(2))
    leaps[:2] = False
    best = torch.full((len(path),), -torch.inf, dtype=torch.float64)
    best[:2] = scores[0, :2]
    steps = []
    for frame in scores[1:]:
        stay = torch.stack([best, best.roll(1), torch.where(leaps, best.roll(2), -torch.inf)])
        stay[1, 0] = -torch.inf
        best, step = stay.max(0)
        best = best + frame
        steps.append(step)
    at = len(path) - 1 if best[-1] >= best[-2] else len(path) - 2
    passed = [at]
    for step in reversed(steps):
        at -= int(step[at])
        passed.append(at)
    passed.reverse()
    found = []
    for number, unit in enumerate(units):
        frames = [frame for frame, place in enumerate(passed) if place == 2 * number + 1]
        sure = float(said[frames, unit].max().exp())
        found.append(Emission(unit, frames[0], frames[-1] + 1, sure))
    return found


def _checked(logits: Tensor, lengths: Tensor) -> Tensor:
    checked = check_sequence(logits, logits.shape[-1], lengths, None)
    assert checked is not None
    return checked


def _log_probabilities(logits: Tensor, lengths: Tensor) -> Tensor:
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))  # half precision is too coarse for the sum
    return clear_padding(wide, lengths).log_softmax(2)
