"""From a language model's log-probabilities to the next symbol."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from treadle.data.vocabulary import PADDING, UNKNOWN
from treadle.errors import InputError


@dataclass(frozen=True)
class Sampling:
    r"""How the next symbol is drawn from \(p(w)\); the steps follow one another in this order.

    1. `repetition_penalty` \(\theta\): a symbol among the last `repetition_window` ones gets the weight
       \(p(w)^\theta\). Source: Keskar et al. 2019, "CTRL", section 4.1, whose logits are log-probabilities here, so
       that no symbol's sign can turn a penalty into a reward.
    2. `forbidden` symbols get the weight 0.
    3. `temperature` \(\tau\): every weight becomes \(w^{1/\tau}\); at 0 all is given to the greatest.
    4. `top_k`: only the k greatest weights are kept.
    5. `top_p`: only the fewest, greatest first, whose sum reaches this share of the whole. Source: Holtzman et al.
       2020, "The curious case of neural text degeneration" (nucleus sampling).

    Of equal weights, the symbol of the smaller number is the greater.

    Attributes:
        temperature: Zero or more; 0 is greedy.
        top_k: One or more; None keeps all.
        top_p: Above 0, up to 1; None keeps all.
        repetition_penalty: Above 0; 1 changes nothing, 1.2 is usual, below 1 rewards repetition.
        repetition_window: How many of the last symbols count as recent.
        forbidden: Numbers that are never drawn.

    Raises:
        InputError: A value is out of its range.

    Example:
        >>> Sampling(temperature=0.8, top_k=40).top_k
        40
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    repetition_window: int = 64
    forbidden: tuple[int, ...] = (PADDING, UNKNOWN)

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise InputError(f"temperature is {self.temperature}; expected 0 or more, and finite")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}; expected 1 or more")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p}; expected a share above 0, up to 1")
        if not 0 < self.repetition_penalty < math.inf:
            raise InputError(f"repetition_penalty is {self.repetition_penalty}; expected a finite number above 0")
        if self.repetition_window < 0:
            raise InputError(f"repetition_window is {self.repetition_window}; expected 0 or more")
        if min(self.forbidden, default=0) < 0:
            raise InputError(f"forbidden symbol is {min(self.forbidden)}; expected 0 or more")


def generators(seed: int, rows: int) -> list[torch.Generator]:
    """A generator of random numbers for every row: row i draws the same, whoever shares the batch.

    Its `get_state` after some symbols is all that the drawing needs to go on from there.

    Args:
        seed: Zero or more.
        rows: How many.

    Raises:
        InputError: The seed is negative.
    """
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more")
    # Neighbouring seeds are hashed apart, so that row 1 of seed 0 is not row 0 of seed 1.
    seeds = [int(np.random.SeedSequence([seed, row]).generate_state(1, np.uint64)[0] >> 1) for row in range(rows)]
    return [torch.Generator().manual_seed(one) for one in seeds]


def sample(
    log_probabilities: Tensor,
    sampling: Sampling,
    random: Sequence[torch.Generator],
    recent: Tensor | None = None,
) -> Tensor:
    """The next symbol of every row.

    Args:
        log_probabilities: `[batch, vocabulary]` natural logarithms; they need not sum to one.
        sampling: How to draw.
        random: A generator a row, on the CPU. Each gives exactly one number, however few symbols are left, so that
            settings can change between steps without moving later draws.
        recent: `[batch, length]` symbols so far, the last at the end; shorter rows filled up with a forbidden number.

    Returns:
        `[batch]` symbols.

    Raises:
        InputError: No symbol of a row is left to be drawn.
        ValueError: There is not one generator a row.

    Example:
        >>> p = torch.tensor([[0.0, 0.0, 0.2, 0.8]])
        >>> sample(p.log(), Sampling(temperature=0), generators(0, 1)).tolist()
        [3]
    """
    if len(random) != len(log_probabilities):
        raise ValueError(f"{len(random)} generators for {len(log_probabilities)} rows: expected one a row")
    share = allowed(log_probabilities, sampling, recent).exp().cumsum(-1)
    total = share[:, -1:].contiguous()
    points = [torch.rand((1,), dtype=torch.float64, generator=one) for one in random]
    # The first symbol at which the sum passes the point has a probability above 0. Rounding may put the point onto
    # the whole sum, which the last such symbol reaches.
    drawn = torch.searchsorted(share, torch.stack(points).to(share) * total, right=True)
    return torch.minimum(drawn, torch.searchsorted(share, total)).squeeze(-1)


def allowed(log_probabilities: Tensor, sampling: Sampling, recent: Tensor | None = None) -> Tensor:
    """The distribution that `sample` draws from.

    Args:
        log_probabilities: `[batch, vocabulary]` natural logarithms; they need not sum to one.
        sampling: How to draw.
        recent: `[batch, length]` symbols so far, the last at the end.

    Returns:
        `[batch, vocabulary]` natural logarithms in float64, -inf for what is left out.

    Raises:
        InputError: No symbol of a row is left to be drawn.
    """
    scores = log_probabilities.double().log_softmax(-1)
    if recent is not None and sampling.repetition_penalty != 1:
        window = recent[:, max(0, recent.shape[1] - sampling.repetition_window) :]
        met = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, window, True)
        scores = torch.where(met, scores * sampling.repetition_penalty, scores)
    out = [number for number in sampling.forbidden if number < scores.shape[1]]
    scores = scores.index_fill(1, torch.tensor(out, dtype=torch.long, device=scores.device), -torch.inf)
    best = scores.max(-1, keepdim=True).values
    if not torch.isfinite(best).all():
        row = int((~torch.isfinite(best)).nonzero()[0, 0])
        raise InputError(f"row {row}: no symbol is left to be drawn, expected one that is possible and not forbidden")
    if sampling.temperature == 0:
        first = (scores == best).to(torch.uint8).argmax(-1, keepdim=True)
        return torch.full_like(scores, -torch.inf).scatter_(1, first, 0.0)
    # Differences from the best stay finite at the lowest temperatures, where the logarithms would not.
    scores = ((scores - best) / sampling.temperature).log_softmax(-1)
    if sampling.top_k is None and sampling.top_p in (None, 1):
        return scores
    ranked, order = scores.sort(dim=-1, descending=True, stable=True)
    if sampling.top_k is not None:
        ranked[:, sampling.top_k :] = -torch.inf
        ranked = ranked.log_softmax(-1)
    if sampling.top_p not in (None, 1):
        before = ranked.exp().cumsum(-1).roll(1, -1)
        before[:, 0] = 0.0
        ranked = ranked.masked_fill(before >= sampling.top_p, -torch.inf).log_softmax(-1)
    return torch.empty_like(ranked).scatter_(1, order, ranked)
