"""Prefix beam search over the frames of a CTC network, with another model's opinion of the units if there is one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Any, Protocol

from torch import Tensor

from treadle.errors import InputError
from treadle.nn.ctc import BLANK

Prefix = tuple[int, ...]


class Scorer(Protocol):
    """What else speaks for a sequence of units, as a language model does; weights are in its numbers already."""

    def begin(self) -> Any:
        """Its state before the first unit."""

    def after(self, state: Any, unit: int) -> Any:
        """Its state after one more."""

    def following(self, state: Any) -> Sequence[float]:
        """What each unit adds to the score when it comes next, `[units]`; number 0 is not looked at."""

    def end(self, state: Any) -> float:
        """What the end adds."""


@dataclass(frozen=True)
class Hypothesis:
    """A sequence of units.

    Attributes:
        units: From 1.
        log_probability: Of the units by the network, over all kept ways to place them.
        score: The same and what the scorer added.
    """

    units: Prefix
    log_probability: float
    score: float


class _Nothing:
    """A scorer without opinion."""

    def __init__(self, units: int) -> None:
        self._zeros = [0.0] * units

    def begin(self) -> None:
        return None

    def after(self, state: None, unit: int) -> None:  # noqa: ARG002 - a Scorer's method
        return None

    def following(self, state: None) -> Sequence[float]:  # noqa: ARG002 - a Scorer's method
        return self._zeros

    def end(self, state: None) -> float:  # noqa: ARG002 - a Scorer's method
        return 0.0


@dataclass
class _Beam:
    """A prefix that is kept.

    Attributes:
        blank: Log-probability of all ways that end in a blank.
        unit: Of all ways that end in its last unit.
        state: The scorer's.
        added: What the scorer has added.
        following: What it adds for each next unit.
    """

    blank: float
    unit: float
    state: Any
    added: float
    following: Sequence[float]


def prefix_beam_search(
    said: Tensor, beam_size: int, scorer: Scorer | None = None, *, best: int = 1, least: float = 0.0
) -> list[Hypothesis]:
    r"""The sequences of units that are likeliest over all ways to place them.

    $$\log p(y \mid x) + s(y)$$

    Frame by frame every kept prefix goes on with a blank, its last unit again, or a new unit; what leads to the same
    prefix is added up, once for ways that end in a blank and once for the others. The `beam_size` prefixes with the
    highest sum are kept. Where nothing is dropped, the sums are exact.

    Args:
        said: `[time, units]` log-probabilities of one row, without its padding.
        beam_size: Prefixes that are kept.
        scorer: s, or None for nothing.
        best: How many sequences are wanted, at most.
        least: A unit whose probability in a frame is below this does not begin there.

    Returns:
        The best first.

    Raises:
        InputError: `beam_size` is below 1.

    Source: A. Hannun, A. Maas, D. Jurafsky & A. Ng, "First-pass large vocabulary continuous speech recognition using
    bi-directional recurrent DNNs", 2014, algorithm 1.

    Example:
        >>> import torch
        >>> frames = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()  # no frame says 1, both together do: 0.64 to 0.36
        >>> [(one.units, round(math.exp(one.score), 2)) for one in prefix_beam_search(frames, 4, best=2)]
        [((1,), 0.64), ((), 0.36)]
    """
    if beam_size < 1:
        raise InputError(f"beam_size is a number of prefixes, at least 1, found {beam_size}")
    fused: Scorer = _Nothing(said.shape[1]) if scorer is None else scorer
    begin = fused.begin()
    beams: dict[Prefix, _Beam] = {(): _Beam(0.0, -math.inf, begin, 0.0, fused.following(begin))}
    floor = math.log(least) if least > 0 else -math.inf
    for frame in said.double().tolist():
        likely = [unit for unit, value in enumerate(frame) if unit != BLANK and value >= floor and value > -math.inf]
        sums = _extended(beams, frame, likely)
        kept = nlargest(beam_size, sums, key=lambda prefix: _add(*sums[prefix]) + _added(beams, prefix))
        beams = {prefix: _kept(beams, prefix, sums[prefix], fused) for prefix in kept}
    found = [
        Hypothesis(prefix, total, total + one.added + fused.end(one.state))
        for prefix, one in beams.items()
        if (total := _add(one.blank, one.unit)) > -math.inf
    ]
    return nlargest(best, found, key=lambda one: one.score)


def _extended(beams: dict[Prefix, _Beam], frame: list[float], likely: list[int]) -> dict[Prefix, list[float]]:
    """The two sums of every prefix that a frame can lead to."""
    sums: dict[Prefix, list[float]] = {}
    for prefix, one in beams.items():
        both = _add(one.blank, one.unit)
        last = prefix[-1] if prefix else BLANK
        same = sums.setdefault(prefix, [-math.inf, -math.inf])
        same[0] = _add(same[0], both + frame[BLANK])
        if prefix:
            same[1] = _add(same[1], one.unit + frame[last])
        for unit in likely:
            came = one.blank if unit == last else both  # a repetition is one unit, unless a blank stands between
            if came > -math.inf:
                longer = sums.setdefault((*prefix, unit), [-math.inf, -math.inf])
                longer[1] = _add(longer[1], came + frame[unit])
    return sums


def _added(beams: dict[Prefix, _Beam], prefix: Prefix) -> float:
    """What the scorer has added to a prefix, or adds with its last unit."""
    if prefix in beams:
        return beams[prefix].added
    before = beams[prefix[:-1]]
    return before.added + before.following[prefix[-1]]


def _kept(beams: dict[Prefix, _Beam], prefix: Prefix, sums: list[float], scorer: Scorer) -> _Beam:
    known, (blank, unit) = beams.get(prefix), sums
    if known is not None:
        return _Beam(blank, unit, known.state, known.added, known.following)
    state = scorer.after(beams[prefix[:-1]].state, prefix[-1])
    return _Beam(blank, unit, state, _added(beams, prefix), scorer.following(state))


def _add(one: float, other: float) -> float:
    """The logarithm of the sum of two exponentials."""
    if one < other:
        one, other = other, one
    return one if other == -math.inf else one + math.log1p(math.exp(other - one))
