"""One sequence for every input, step by step: the likeliest symbol each time, or a drawn one."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from treadle.tasks.language.sampling import Sampling, sample
from treadle.tasks.search.model import Hypothesis, SearchModel
from treadle.tasks.search.ngrams import block_repeated

Choose = Callable[[Tensor, Sequence[int]], Tensor]
"""`(log-probabilities [rows, vocabulary], inputs of the rows) -> symbols [rows]`."""


@torch.no_grad()
def greedy_search(model: SearchModel, inputs: Any, limits: Tensor, *, no_repeat_ngram: int = 0) -> list[Hypothesis]:
    """The likeliest symbol at every step; what a beam of one hypothesis finds, faster.

    Args:
        model: Tells the next symbol.
        inputs: A batch of them, as the model's `start` takes it.
        limits: `[batch]` symbols at most, the end among them, at least 1: the last of so many is the end.
        no_repeat_ngram: As in `BeamSettings`.

    Returns:
        A hypothesis an input; its score is its log-probability.
    """
    return _follow(model, inputs, limits, no_repeat_ngram, lambda told, _: told.argmax(1))


@torch.no_grad()
def sample_search(
    model: SearchModel,
    inputs: Any,
    limits: Tensor,
    *,
    random: Sequence[Generator],
    sampling: Sampling,
    no_repeat_ngram: int = 0,
) -> list[Hypothesis]:
    """A symbol drawn at every step; arguments as in `greedy_search`.

    Args:
        model: Tells the next symbol.
        inputs: A batch of them.
        limits: `[batch]`.
        random: A generator an input, so that what is drawn for one does not depend on the others.
        sampling: How symbols are drawn; of its `forbidden`, the end is excepted.
        no_repeat_ngram: As in `BeamSettings`.
    """
    kept = tuple(number for number in sampling.forbidden if number != model.end)
    how = Sampling(sampling.temperature, sampling.top_k, sampling.top_p, forbidden=kept)

    def drawn(told: Tensor, rows: Sequence[int]) -> Tensor:
        return sample(told, how, [random[row] for row in rows])

    return _follow(model, inputs, limits, no_repeat_ngram, drawn)


def _follow(model: SearchModel, inputs: Any, limits: Tensor, ngram: int, choose: Choose) -> list[Hypothesis]:
    """Step by step, with rows leaving the batch as they end."""
    state = model.start(inputs)
    rows = list(range(len(limits)))
    found: list[Hypothesis | None] = [None] * len(rows)
    last = torch.full_like(limits, model.begin)
    symbols = limits.new_zeros(len(rows), 0)
    sums = torch.zeros(len(rows), dtype=torch.float64)
    looked: list[Tensor] = []
    while rows:
        told, attention, state = model.step(state, last)
        allowed = at_limit(block_repeated(told, symbols, ngram), limits, symbols.shape[1], model.end)
        last = choose(allowed, rows)
        sums = sums + told.gather(1, last[:, None]).squeeze(1).double().cpu()
        ended = last == model.end
        looked.append(attention)
        for place in ended.nonzero().squeeze(1).tolist():
            seen = torch.stack([one[place] for one in looked[:-1]]) if len(looked) > 1 else attention.new_zeros(0, 0)
            said = float(sums[place])
            found[rows[place]] = Hypothesis(symbols[place].tolist(), said, said, seen)
        symbols = torch.cat([symbols, last[:, None]], 1)
        if bool(ended.any()):
            going = (~ended).nonzero().squeeze(1)
            rows = [rows[place] for place in going.tolist()]
            state, limits, last = model.reorder(state, going), limits[going], last[going]
            symbols, sums = symbols[going], sums[going.cpu()]
            looked = [one[going] for one in looked]
    return [one for one in found if one is not None]


def at_limit(told: Tensor, limits: Tensor, written: int, end: int) -> Tensor:
    """Log-probabilities `[rows, vocabulary]` that leave nothing but the end to rows with one symbol left."""
    full = limits <= written + 1
    if not bool(full.any()):
        return told
    ends = told[:, end].clone()
    told = told.masked_fill(full[:, None], -torch.inf)
    told[:, end] = ends
    return told
