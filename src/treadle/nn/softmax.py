"""Which symbol comes next: cross-entropy that never holds a number for every step and every symbol."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from treadle.errors import InputError

CHUNK_ON_CPU, CHUNK_ELSEWHERE = 5 * 2**19, 2**26
"""Numbers `[positions, vocabulary]` of one chunk. On a CPU, about what its second-level cache holds was the fastest
(in float32, and with products in bfloat16 little slower than all at once)."""
LEAST = 32
"""Positions of a chunk at least, since every chunk adds to a gradient of the whole weight."""
ROWS = 256
"""Rows of a product with a cluster of rare symbols are a multiple of this."""
CUTOFFS = (2_000, 10_000, 50_000)
"""Where the clusters of the adaptive softmax end, as far as the vocabulary is larger."""

SHRINK = 4
"""Of the feature vector, from each cluster to the next."""


def cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    importance: Tensor | None = None,
    *,
    smoothing: float = 0.0,
) -> Tensor:
    r"""The mean cross-entropy of linear logits, without holding the logits.

    $$L = \frac{1}{\sum_i m_i} \sum_i m_i \left(\log \sum_v e^{z_{iv}} - z_{i t_i}\right), \qquad z_i = W h_i + b$$

    Positions are taken in chunks. Of each chunk the logits, the losses and at once the share in all gradients are
    computed, so the backward pass has nothing left to do, and memory holds one chunk of logits and one of
    probabilities. Under automatic mixed precision the products are still those of the weight's own type.

    Args:
        hidden: `[n, size]`.
        weight: `[vocabulary, size]`.
        bias: `[vocabulary]` or None.
        targets: `[n]`, integers.
        importance: `[n]`, \(m\); by default 1. It gets no gradient.
        smoothing: \(\epsilon\), from 0 to below 1: in the place of \(z_{i t_i}\) stands \((1 - \epsilon) z_{i t_i} +
            \epsilon\, \overline{z_i}\), as if now and then any other symbol had been the target.

    Returns:
        The loss in nats; 0 where there is no position. It has first derivatives by hidden, weight and bias.

    Sources: E. Wijmans et al., "Cut your losses in large-vocabulary language models", 2024; P.-L. Hsu et al., "Liger
    kernel: efficient Triton kernels for LLM training", 2024, section 3.2, for gradients in the forward pass; C.
    Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016, section 7, for smoothing.

    Example:
        >>> hidden, weight, targets = torch.randn(6, 4), torch.randn(9, 4), torch.randint(9, (6,))
        >>> found = cross_entropy(hidden, weight, None, targets)
        >>> torch.allclose(found, F.cross_entropy(hidden @ weight.T, targets))
        True
    """
    loss: Tensor
    with torch.autocast(hidden.device.type, enabled=False):
        loss = _CrossEntropy.apply(hidden.to(weight.dtype), weight, bias, targets, importance, smoothing)
    return loss


def token_losses(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """The cross-entropy of every position in nats, `[n]`, with arguments as in `cross_entropy`.

    No chunk is held for the gradient either; the backward pass computes each again, so a mean is had faster from
    `cross_entropy`.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        hidden = hidden.to(weight.dtype)
        if not torch.is_grad_enabled():
            parts = [_losses(hidden[at], weight, bias, targets[at]) for at in _chunks(hidden, weight)]
        else:
            again = partial(checkpoint, _losses, use_reentrant=False, preserve_rng_state=False)
            parts = [again(hidden[at], weight, bias, targets[at]) for at in _chunks(hidden, weight)]
        return torch.cat(parts) if parts else hidden.sum(-1)


class Softmax(nn.Module):
    """A distribution over symbols from a feature vector: linear logits, normalised.

    Args:
        size: Of the feature vector.
        vocabulary: Number of symbols.
        tied_to: An embedding `[vocabulary, size]` whose weight serves here too; by default there is one of its own.

    Raises:
        InputError: The embedding has another shape.

    Source: O. Press & L. Wolf, "Using the output embedding to improve language models", EACL 2017, for tied weights.

    Example:
        >>> softmax = Softmax(4, 9)
        >>> tuple(softmax.log_probabilities(torch.randn(2, 5, 4)).shape)
        (2, 5, 9)
    """

    def __init__(self, size: int, vocabulary: int, *, tied_to: nn.Embedding | None = None) -> None:
        super().__init__()
        if tied_to is not None and tuple(tied_to.weight.shape) != (vocabulary, size):
            raise InputError(
                f"a tied embedding is [{vocabulary}, {size}], found {list(tied_to.weight.shape)}; project to its size"
            )
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self._tied_to = (tied_to,)  # in a tuple, so that the embedding's weight is not entered a second time
        if tied_to is None:
            self.own = nn.Parameter(torch.empty(vocabulary, size).uniform_(-0.1, 0.1))

    @property
    def weight(self) -> Tensor:
        """`[vocabulary, size]`."""
        tied = self._tied_to[0]
        return self.own if tied is None else tied.weight

    def mean_loss(
        self, hidden: Tensor, targets: Tensor, importance: Tensor | None = None, *, smoothing: float = 0.0
    ) -> Tensor:
        """As `cross_entropy`, for `hidden [..., size]`, `targets [...]`."""
        flat = None if importance is None else importance.flatten()
        positions, wanted = hidden.flatten(0, -2), targets.flatten()
        return cross_entropy(positions, self.weight, self.bias, wanted, flat, smoothing=smoothing)

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """As `token_losses`, for `hidden [..., size]`, `targets [...]`."""
        return token_losses(hidden.flatten(0, -2), self.weight, self.bias, targets.flatten()).view(targets.shape)

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """The logarithm of every symbol's probability, `[..., vocabulary]`."""
        with torch.autocast(hidden.device.type, enabled=False):
            return F.linear(hidden.to(self.weight.dtype), self.weight, self.bias).log_softmax(-1)


class AdaptiveSoftmax(nn.Module):
    """The same over clusters of symbols: rare ones cost less. Symbols have to be numbered by falling frequency.

    Args:
        size: Of the feature vector.
        vocabulary: Number of symbols.
        cutoffs: Where the clusters end; by default those of `CUTOFFS` that the vocabulary has, or half of it.

    Raises:
        InputError: The cutoffs do not rise within the vocabulary, or the feature vector is too short for so many.

    Source: E. Grave et al., "Efficient softmax approximation for GPUs", ICML 2017; the module is torch's.
    """

    def __init__(self, size: int, vocabulary: int, cutoffs: Sequence[int] | None = None) -> None:
        super().__init__()
        if cutoffs is None:
            cutoffs = [cutoff for cutoff in CUTOFFS if cutoff < vocabulary] or [max(1, vocabulary // 2)]
        if not all(a < b for a, b in pairwise([0, *cutoffs, vocabulary])):
            raise InputError(f"cutoffs rise from 1 to below the vocabulary of {vocabulary}, found {list(cutoffs)}")
        if size < (least := SHRINK ** len(cutoffs)):
            raise InputError(
                f"a feature vector of {size} leaves no number for the rarest of {len(cutoffs)} clusters, expected "
                f"{least} or more: each has vectors {SHRINK} times shorter than the one before"
            )
        self.clusters = nn.AdaptiveLogSoftmaxWithLoss(size, vocabulary, list(cutoffs), div_value=float(SHRINK))

    def mean_loss(self, hidden: Tensor, targets: Tensor, importance: Tensor | None = None) -> Tensor:
        """As in `Softmax`."""
        losses = self.losses(hidden, targets)
        if importance is None:
            return losses.mean() if losses.numel() else losses.sum()
        return (losses * importance).sum() / importance.sum().clamp(min=torch.finfo(losses.dtype).tiny)

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """As in `Softmax`."""
        flat, wanted = hidden.flatten(0, -2), targets.flatten()
        frequent, ends = self.clusters.shortlist_size, self.clusters.cutoffs
        head: Tensor = self.clusters.head(flat).log_softmax(-1)
        cluster = torch.stack([wanted >= end for end in ends[:-1]]).sum(0)  # 0 in the head
        in_head = torch.where(wanted < frequent, wanted, frequent + cluster - 1)
        found = -head.gather(1, in_head[:, None]).squeeze(1)
        for number, (begin, tail) in enumerate(zip(ends[:-1], self.clusters.tail, strict=True), 1):
            rows = (cluster == number).nonzero().squeeze(1)
            symbols = wanted[rows] - begin
            inside = tail(flat[_filled_up(rows)])[: len(rows)].log_softmax(-1)
            found = found.index_add(0, rows, -inside.gather(1, symbols[:, None]).squeeze(1))
        return found.view(targets.shape)

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """As in `Softmax`."""
        found: Tensor = self.clusters.log_prob(hidden.reshape(-1, hidden.shape[-1]))
        return found.view(*hidden.shape[:-1], found.shape[1])


class _CrossEntropy(torch.autograd.Function):
    """`cross_entropy`; the gradients are ready after the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        importance: Tensor | None,
        smoothing: float,
    ) -> Tensor:
        """All chunks: losses, and the gradients that are wanted."""
        by_hidden, by_weight, by_bias = (
            torch.zeros_like(tensor) if tensor is not None and wanted else None
            for tensor, wanted in zip((hidden, weight, bias), ctx.needs_input_grad, strict=False)
        )
        total = hidden.new_zeros(())
        for at in _chunks(hidden, weight):
            h, wanted = hidden[at], targets[at, None]
            share = None if importance is None else importance[at].to(h.dtype)
            logits = F.linear(h, weight, bias)
            largest, symbol = logits.max(1, keepdim=True)
            expected = logits.gather(1, wanted)
            probabilities = torch.softmax(logits, 1)
            if smoothing:
                expected = (1 - smoothing) * expected + smoothing * logits.mean(1, keepdim=True)
            # log sum exp z = z_v - log p_v for any v; the likeliest has a probability that cannot vanish
            losses = (largest - probabilities.gather(1, symbol).log() - expected).squeeze(1)
            total += losses.sum() if share is None else losses @ share
            if by_hidden is None and by_weight is None and by_bias is None:
                continue
            if smoothing:
                probabilities -= smoothing / len(weight)
            probabilities.scatter_add_(1, wanted, torch.full_like(expected, smoothing - 1.0))
            if by_hidden is not None:
                torch.mm(probabilities, weight, out=by_hidden[at])
                if share is not None:
                    by_hidden[at] *= share[:, None]
            if by_weight is not None:
                by_weight.addmm_(probabilities.T, h if share is None else h * share[:, None])
            if by_bias is not None:
                by_bias += probabilities.sum(0) if share is None else share @ probabilities
        count = hidden.new_tensor(float(len(hidden))) if importance is None else importance.sum().to(total.dtype)
        ctx.scale = 1 / count.clamp(min=torch.finfo(total.dtype).tiny)
        ctx.found = by_hidden, by_weight, by_bias
        mean: Tensor = total * ctx.scale
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients, scaled in place and given away."""
        if ctx.found is None:
            raise RuntimeError("the gradients of cross_entropy are given out once; compute the loss again")
        found, ctx.found = ctx.found, None
        scale = upstream * ctx.scale
        return (*(None if gradient is None else gradient.mul_(scale) for gradient in found), None, None, None)


def _filled_up(rows: Tensor) -> Tensor:
    """Row numbers, and zeros behind them up to a multiple of `ROWS`.

    oneDNN keeps a program of megabytes for each of the last thousand shapes of products; as many shapes as there are
    numbers of rare symbols in a batch would fill the memory.
    """
    return F.pad(rows, (0, -len(rows) % ROWS))


def _losses(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    return F.cross_entropy(F.linear(hidden, weight, bias), targets, reduction="none")


def _chunks(hidden: Tensor, weight: Tensor) -> Iterator[slice]:
    """Stretches of positions whose logits fill a chunk."""
    numbers = CHUNK_ON_CPU if hidden.device.type == "cpu" else CHUNK_ELSEWHERE
    rows = max(LEAST, numbers // len(weight))
    return (slice(start, min(start + rows, len(hidden))) for start in range(0, len(hidden), rows))
