"""Beam search: at every step the best few beginnings of every input's answer are kept."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from treadle.tasks.search.model import Hypothesis, SearchModel
from treadle.tasks.search.ngrams import block_repeated
from treadle.tasks.search.single import at_limit


class BeamSettings(BaseModel):
    r"""How hypotheses are kept and ranked.

    The score of a whole sequence y of n symbols, the end among them, is \(\log p(y) / l(n)\):

    | `normalisation` | \(l(n)\) |
    |---|---|
    | "average" | \(n^\alpha\); with \(\alpha = 1\) the mean log-probability |
    | "gnmt" | \(\left(\frac{5 + n}{6}\right)^\alpha\) (Wu et al. 2016, equation 14) |
    | "none" | 1, which prefers short sequences |

    Attributes:
        beam_size: Beginnings that are kept of every answer.
        n_best: How many of the hypotheses found are given, at most `beam_size`.
        normalisation: See above.
        length_penalty: \(\alpha\).
        no_repeat_ngram: n of n-grams that no answer has twice; 0 for no such rule.

    Source: Y. Wu et al., "Google's neural machine translation system", 2016, section 7.
    """

    model_config = ConfigDict(frozen=True)

    beam_size: int = Field(default=5, ge=1)
    n_best: int = Field(default=1, ge=1)
    normalisation: Literal["average", "gnmt", "none"] = "average"
    length_penalty: float = Field(default=1.0, ge=0)
    no_repeat_ngram: int = Field(default=0, ge=0)

    def divisor(self, length: int) -> float:
        """What the log-probability of so many symbols is divided by."""
        match self.normalisation:
            case "average":
                return float(length**self.length_penalty)
            case "gnmt":
                return float(((5 + length) / 6) ** self.length_penalty)
            case "none":
                return 1.0


@dataclass
class _Sentence:
    """One input on its way.

    Attributes:
        place: Its number in the batch.
        limit: Symbols at most.
        finished: Whole hypotheses so far.
    """

    place: int
    limit: int
    finished: list[Hypothesis] = field(default_factory=list)

    def done(self, best: float, how: BeamSettings) -> bool:
        """Whether nothing better can come.

        That is so when `beam_size` hypotheses are whole, or when not even a beginning that went on with certainty to
        the limit could be among the `n_best`.

        Args:
            best: The log-probability of the likeliest beginning.
            how: The settings.
        """
        if best == -torch.inf or len(self.finished) >= how.beam_size:
            return True
        if len(self.finished) < how.n_best:
            return False
        last = sorted((one.score for one in self.finished), reverse=True)[how.n_best - 1]
        return best / how.divisor(self.limit) <= last


@torch.no_grad()
def beam_search(model: SearchModel, inputs: Any, limits: Tensor, how: BeamSettings) -> list[list[Hypothesis]]:
    """The best hypotheses of every input.

    A hypothesis that has ended leaves the beam, and its place goes to another beginning; an input whose answer is
    found leaves the batch. What is found for one input does not depend on the others. Where the beam is as large as the
    number of sequences, the best of all is found.

    Args:
        model: Tells the next symbol.
        inputs: A batch of them, as the model's `start` takes it.
        limits: `[batch]` symbols at most, the end among them, at least 1: the last of so many is the end.
        how: The settings.

    Returns:
        Of every input up to `n_best` hypotheses, the best first.
    """
    width = how.beam_size
    open_ = [_Sentence(place, limit) for place, limit in enumerate(limits.tolist())]
    answers: list[list[Hypothesis]] = [[]] * len(open_)
    rows = torch.arange(len(open_), device=limits.device).repeat_interleave(width)
    state = model.reorder(model.start(inputs), rows)
    limits = limits[rows]
    last = torch.full_like(limits, model.begin)
    symbols = limits.new_zeros(len(rows), 0)
    looked: Tensor | None = None
    sums = torch.full((len(open_), width), -torch.inf, dtype=torch.float64, device=limits.device)
    sums[:, 0] = 0.0  # all beginnings of an input are alike at first; one is enough
    while open_:
        told, attention, state = model.step(state, last)
        told = at_limit(block_repeated(told, symbols, how.no_repeat_ngram), limits, symbols.shape[1], model.end)
        looked = attention[:, None] if looked is None else torch.cat([looked, attention[:, None]], 1)
        best, parents, chosen = _extend(sums, told)
        ends = chosen == model.end
        for row, rank in (ends[:, :width] & (best[:, :width] > -torch.inf)).nonzero().tolist():
            parent = row * width + int(parents[row, rank])
            total, length = float(best[row, rank]), symbols.shape[1] + 1
            seen = looked[parent, : length - 1]
            whole = Hypothesis(symbols[parent].tolist(), total, total / how.divisor(length), seen)
            open_[row].finished.append(whole)
        # The first `width` that go on; there are as many, since each of `width` beginnings has but one end.
        going = (ends | (best == -torch.inf)).to(torch.int8).argsort(dim=1, stable=True)[:, :width]
        sums = best.masked_fill(ends, -torch.inf).gather(1, going)
        chosen, parents = chosen.gather(1, going), parents.gather(1, going)
        staying = []
        for row, (sentence, likeliest) in enumerate(zip(open_, sums.amax(1).tolist(), strict=True)):
            if sentence.done(likeliest, how):
                ranked = sorted(sentence.finished, key=lambda one: -one.score)
                answers[sentence.place] = ranked[: how.n_best]
            else:
                staying.append(row)
        open_ = [open_[row] for row in staying]
        kept = torch.tensor(staying, dtype=torch.long, device=limits.device)
        sums, last = sums[kept], chosen[kept].flatten()
        rows = (kept[:, None] * width + parents[kept]).flatten()
        state, limits, looked = model.reorder(state, rows), limits[rows], looked[rows]
        symbols = torch.cat([symbols[rows], last[:, None]], 1)
    return answers


def _extend(sums: Tensor, told: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The best continuations of every input: sums, their beginnings' places in the beam, symbols; `[batch, 2 * width]`.

    Args:
        sums: `[batch, width]` log-probabilities of the beginnings.
        told: `[batch * width, vocabulary]`.
    """
    batch, width = sums.shape
    each, symbols = told.topk(min(2 * width, told.shape[1]))  # no beginning gives more than all that is kept
    many = each.shape[1]
    whole = (sums[..., None] + each.view(batch, width, many)).flatten(1)
    best, index = whole.topk(min(2 * width, whole.shape[1]))
    return best, index // many, symbols.view(batch, -1).gather(1, index)
