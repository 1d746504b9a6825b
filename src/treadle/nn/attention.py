"""Attention: for every query a mean of what an encoder gave, weighted by how well each of its steps suits the query."""

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from treadle.errors import InputError, nearest
from treadle.nn.sequences import clear_padding, length_mask

ATTENTIONS = ("additive", "general", "dot", "scaled")

CHUNK = 2**22
"""Numbers `[batch, queries, steps, size]` that additive scores hold at once; the gradient computes them again."""


class Memory(NamedTuple):
    """What queries look at, made ready once for all of them.

    Attributes:
        keys: `[batch, steps, ...]`, which queries are compared with.
        values: `[batch, steps, size]`, zero past a length.
        real: `[batch, steps]` bool: which steps are no padding.
    """

    keys: Tensor
    values: Tensor
    real: Tensor

    def take(self, rows: Tensor) -> "Memory":
        """Some rows, each as often as it is named."""
        return Memory(self.keys[rows], self.values[rows], self.real[rows])


class Attended(NamedTuple):
    """What queries found.

    Attributes:
        context: `[batch, queries, output_size]`.
        weights: `[batch, queries, steps]`; they sum to one over the real steps and are zero at all others; of several
            heads, their mean.
        coverage: `[batch, steps]`, the sum of the weights so far, None without coverage.
    """

    context: Tensor
    weights: Tensor
    coverage: Tensor | None


class Attention(nn.Module):
    r"""Weighted means of a memory.

    $$c_t = \sum_s a_{ts} v_s, \qquad a_{ts} = \frac{e^{z_{ts}}}{\sum_{s'} e^{z_{ts'}}}$$

    with sums over the real steps of the memory only, and scores of query \(q_t\) and memory \(m_s\)

    | kind | \(z_{ts}\) | \(v_s\) |
    |---|---|---|
    | "additive" | \(u^\top \tanh(W q_t + U m_s)\) | \(m_s\) |
    | "general" | \(q_t^\top W m_s\) | \(m_s\) |
    | "dot" | \(q_t^\top m_s\) | \(m_s\) |
    | "scaled" | \((W q_t)^\top (U m_s) / \sqrt d\), for each head its own | \(V m_s\), heads side by side |

    With coverage, a step that was looked at before counts for more or less: \(g_{ts} = \sum_{t' < t} a_{t's}\) enters
    the score, as \(w\, g_{ts}\) within the tanh of "additive" and as \(\omega\, g_{ts}\) added to the others; both
    begin at zero. Without it, all queries are answered at once; with it, one after the other.

    A memory without any real step gives a context of zeros, and weights of zeros.

    Args:
        kind: One of the names above.
        query_size: Size of \(q_t\).
        memory_size: Size of \(m_s\).
        size: Of the space where "additive" and "scaled" compare the two; by default `query_size`.
        heads: How many "scaled" has.
        coverage: Whether there is coverage.

    Attributes:
        output_size: Size of the context.

    Raises:
        InputError: There is no such kind, or sizes and heads do not fit.

    Sources: D. Bahdanau, K. Cho & Y. Bengio, "Neural machine translation by jointly learning to align and translate",
    ICLR 2015, appendix A.1.2; M.-T. Luong, H. Pham & C. Manning, "Effective approaches to attention-based neural
    machine translation", EMNLP 2015, section 3.1; A. Vaswani et al., "Attention is all you need", 2017, section 3.2;
    A. See, P. Liu & C. Manning, "Get to the point: summarization with pointer-generator networks", ACL 2017, section
    2.3, for coverage.

    Example:
        >>> attention = Attention("general", 4, 6)
        >>> memory = attention.remember(torch.randn(2, 5, 6), torch.tensor([5, 2]))
        >>> found = attention(torch.randn(2, 3, 4), memory)
        >>> tuple(found.context.shape), found.weights[1, :, 2:].any().item()
        ((2, 3, 6), False)
    """

    def __init__(
        self,
        kind: str,
        query_size: int,
        memory_size: int,
        *,
        size: int | None = None,
        heads: int = 1,
        coverage: bool = False,
    ) -> None:
        super().__init__()
        if kind not in ATTENTIONS:
            raise InputError(f"there is no attention {kind!r}{nearest(kind, ATTENTIONS)}")
        size = query_size if size is None else size
        _check_sizes(kind, query_size, memory_size, size, heads)
        self.kind, self.heads = kind, heads
        self.output_size = size if kind == "scaled" else memory_size
        if kind in ("additive", "scaled"):
            self.of_query = nn.Linear(query_size, size, bias=kind == "additive")
            self.of_memory = nn.Linear(memory_size, size, bias=False)
        elif kind == "general":
            self.of_memory = nn.Linear(memory_size, query_size, bias=False)
        if kind == "additive":
            self.score = nn.Linear(size, 1, bias=False)
        if kind == "scaled":
            self.of_value = nn.Linear(memory_size, size, bias=False)
        self.coverage: nn.Parameter | None = None
        if coverage:
            self.coverage = nn.Parameter(torch.zeros(size if kind == "additive" else heads))

    def remember(self, memory: Tensor, lengths: Tensor) -> Memory:
        """Make ready what queries will look at.

        Args:
            memory: `[batch, steps, memory_size]`; past a length anything.
            lengths: `[batch]`, zero allowed.
        """
        lengths = lengths.to(memory.device)
        memory = clear_padding(memory, lengths)
        keys = memory if self.kind == "dot" else self.of_memory(memory)
        values = self.of_value(memory) if self.kind == "scaled" else memory
        return Memory(keys, values, length_mask(lengths, memory.shape[1]))

    def forward(self, query: Tensor, memory: Memory, coverage: Tensor | None = None) -> Attended:
        """Answer queries `[batch, queries, query_size]`.

        Args:
            query: What is asked; the order matters only with coverage.
            memory: As `remember` gave it.
            coverage: `[batch, steps]`, that before the first query; by default zeros.
        """
        if self.kind in ("additive", "scaled"):
            query = self.of_query(query)
        if self.coverage is None or not query.shape[1]:
            weights = self._weights(query, memory, None)
            return Attended(self._mean(weights, memory), weights.mean(1), coverage)
        covered = torch.zeros_like(memory.real, dtype=query.dtype) if coverage is None else coverage
        found, shown = [], []
        for one in query.split(1, 1):
            found.append(self._weights(one, memory, covered))
            shown.append(found[-1].mean(1))
            covered = covered + shown[-1].squeeze(1)
        return Attended(self._mean(torch.cat(found, 2), memory), torch.cat(shown, 1), covered)

    def _weights(self, query: Tensor, memory: Memory, covered: Tensor | None) -> Tensor:
        """`[batch, heads, queries, steps]`."""
        scores = self._scores(query, memory.keys, covered)
        unreal = ~memory.real[:, None, None]
        # The padding has no share in the sum; where nothing is real the second mask leaves zeros and no NaN.
        return scores.masked_fill(unreal, torch.finfo(scores.dtype).min).softmax(-1).masked_fill(unreal, 0)

    def _scores(self, query: Tensor, keys: Tensor, covered: Tensor | None) -> Tensor:
        if self.kind == "additive":
            if covered is not None and self.coverage is not None:
                keys = keys + covered[..., None] * self.coverage
            return _additive(query, keys, self.score.weight[0])[:, None]
        scores = _by_head(query, self.heads) @ _by_head(keys, self.heads).transpose(-1, -2)
        if self.kind == "scaled":
            scores = scores / math.sqrt(query.shape[-1] // self.heads)
        if covered is not None and self.coverage is not None:
            scores = scores + self.coverage[:, None, None] * covered[:, None, None]
        return scores

    def _mean(self, weights: Tensor, memory: Memory) -> Tensor:
        return (weights @ _by_head(memory.values, self.heads)).transpose(1, 2).flatten(2)

    def extra_repr(self) -> str:
        """Kind and heads, as `repr` shows them."""
        return f"{self.kind!r}, heads={self.heads}"


def coverage_penalty(weights: Tensor) -> Tensor:
    r"""How much queries look where others looked before: \(\sum_s \min(a_{ts}, g_{ts})\), `[batch, queries]`.

    Args:
        weights: `[batch, queries, steps]`.

    Source: See, Liu & Manning 2017, equation 12.
    """
    before = weights.cumsum(1) - weights
    return torch.minimum(weights, before).sum(-1)


def _check_sizes(kind: str, query_size: int, memory_size: int, size: int, heads: int) -> None:
    if kind == "dot" and query_size != memory_size:
        raise InputError(
            f"attention 'dot' needs queries and memory of one size, found {query_size} and {memory_size}; "
            "'general' takes any"
        )
    if heads < 1 or (heads > 1 and kind != "scaled"):
        raise InputError(f"attention {kind!r} with {heads} heads is not possible; 'scaled' takes 1 or more")
    if size < 1 or size % heads:
        raise InputError(f"a size of {size} is not divided by {heads} heads, expected a multiple")


def _by_head(x: Tensor, heads: int) -> Tensor:
    """`[batch, steps, size]` to `[batch, heads, steps, size / heads]`."""
    split: Tensor = x.unflatten(-1, (heads, -1))
    return split.transpose(1, 2)


def _additive(query: Tensor, keys: Tensor, weight: Tensor) -> Tensor:
    """The sum of `weight * tanh(query + keys)` over features, `[batch, queries, steps]`, some queries at a time."""
    rows = max(1, CHUNK // max(1, keys.numel()))
    one = partial(checkpoint, _tanh_scores, use_reentrant=False, preserve_rng_state=False)
    run = one if torch.is_grad_enabled() else _tanh_scores
    return torch.cat([run(part, keys, weight) for part in query.split(rows, 1)], 1)


def _tanh_scores(query: Tensor, keys: Tensor, weight: Tensor) -> Tensor:
    return torch.tanh(query[:, :, None] + keys[:, None]) @ weight
