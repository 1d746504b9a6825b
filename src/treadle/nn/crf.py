"""A linear-chain conditional random field: the probability of a whole sequence of labels, not of each alone."""

from typing import cast

import torch
from torch import Tensor, nn

from treadle.cells import Cell, HiddenState
from treadle.errors import InputError
from treadle.nn.recurrent import Recurrent
from treadle.nn.sequences import check_sequence, clear_padding, last_step, length_mask

TINY = 1e-200
"""Numbers of the forward recursion from here to 1 / TINY lost nothing by underflow; below are 100 decades to spare."""
IMPOSSIBLE = -1e30
"""A score so low that its exponential is zero beside any other, and not -inf, of which a gradient would be NaN."""


class ForwardCell(Cell):
    r"""The forward recursion of a linear chain as a recurrent step, with exponentials instead of logarithms.

    $$h_t = x_t \odot \left(\frac{h_{t-1}}{\sum_i h_{t-1,i}}\, W\right), \qquad W_{ij} = e^{A_{ij}}$$

    with \(x_t\) the exponentials of the emissions. Over all steps, the logarithms of the sums that were divided by add
    up to the logarithm of the forward probability. A product with a weight is what the engines are made for.

    Args:
        labels: Number of labels.
        allowed: `[labels + 1, labels + 1]` bool, as in `CRF`.
    """

    allowed: Tensor

    def __init__(self, labels: int, allowed: Tensor) -> None:
        super().__init__(labels, labels)
        self.scores = nn.Parameter(torch.zeros(labels + 1, labels + 1, dtype=torch.float64))
        self.register_buffer("allowed", allowed)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step: the output is the new hidden state."""
        weight = self.scores.double().masked_fill(~self.allowed, -torch.inf)[:-1, :-1].exp()
        h = x * ((state.hidden / state.hidden.sum(-1, keepdim=True)) @ weight)
        return h, HiddenState(h)


class CRF(nn.Module):
    r"""Linear-chain conditional random field over sequences of labels.

    $$s(y) = A_{\mathrm{start}, y_1} + \sum_{t=1}^{T} e_{t, y_t} + \sum_{t=2}^{T} A_{y_{t-1}, y_t} +
    A_{y_T, \mathrm{end}}, \qquad p(y) = \frac{e^{s(y)}}{Z}, \qquad Z = \sum_{y'} e^{s(y')}$$

    The sum runs over the allowed sequences; any other has probability zero, whatever the emissions are. The empty
    sequence has probability one.

    Z is a recurrence, and is run as one (`ForwardCell`). It is computed with exponentials in double precision, which is
    exact as long as no label that can be reached falls under 1e-200 beside the others. That is looked at afterwards;
    rows where one does (emissions hundreds apart) are computed again with logarithms, so the result is exact always.
    The scores A are float64 too, and begin at zero.

    Args:
        labels: Number of labels, K.
        allowed: `[K + 1, K + 1]` bool: whether the label of the column may follow that of the row; row K is the start
            of a sequence and column K its end. By default everything may follow everything.

    Raises:
        InputError: `labels` is below 1, or `allowed` has another shape or type.

    Sources: J. Lafferty, A. McCallum & F. Pereira, "Conditional random fields", 2001; over a recurrent network, G.
    Lample et al., "Neural architectures for named entity recognition", 2016, section 2.2.

    Example:
        >>> allowed = torch.ones(3, 3, dtype=torch.bool)
        >>> allowed[1, 1] = False  # label 1 never follows itself
        >>> crf = CRF(2, allowed)
        >>> emissions = torch.tensor([[[0.0, 3.0], [0.0, 2.0]]])
        >>> path, log_probability = crf.decode(emissions, torch.tensor([2]))
        >>> path.tolist(), round(log_probability.exp().item(), 3)
        ([[1, 0]], 0.705)
        >>> [round(p, 3) for p in crf.marginals(emissions, torch.tensor([2]))[0, :, 1].tolist()]
        [0.705, 0.259]
    """

    def __init__(self, labels: int, allowed: Tensor | None = None) -> None:
        super().__init__()
        if labels < 1:
            raise InputError(f"a CRF has at least 1 label, found {labels}")
        shape = (labels + 1, labels + 1)
        if allowed is None:
            allowed = torch.ones(shape, dtype=torch.bool)
        if allowed.shape != shape or allowed.dtype != torch.bool:
            raise InputError(f"allowed is bool {list(shape)}, found {allowed.dtype} {list(allowed.shape)}")
        self.labels = labels
        self.recursion = Recurrent(ForwardCell(labels, allowed.clone()))

    @property
    def allowed(self) -> Tensor:
        """`[labels + 1, labels + 1]` bool: what may follow what."""
        return self._cell.allowed

    @property
    def _cell(self) -> ForwardCell:
        return cast(ForwardCell, self.recursion.cell)

    @property
    def scores(self) -> Tensor:
        """The parameter A, with rows and columns as `allowed` has them; what is forbidden there means nothing."""
        return self._cell.scores

    def legal(self, tags: Tensor, lengths: Tensor) -> Tensor:
        """Whether each sequence `tags [batch, time]` is made of allowed transitions only: `[batch]` bool.

        Raises:
            InputError: A tag is no label.
        """
        moves, made = self._moves(tags, lengths)
        return (self.allowed.flatten()[moves] | ~made).all(1)

    def log_partition(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """`log Z` of every row: `emissions [batch, time, labels]` and `lengths [batch]` to `[batch]`, 0 where empty.

        Raises:
            InputError: A shape or a length does not fit, or no sequence of such a length is allowed.
        """
        e, lengths = self._checked(emissions, lengths)
        return self._log_partition(e, lengths).to(_result_type(emissions))

    def log_likelihood(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """The log-probability of given sequences.

        Args:
            emissions: `[batch, time, labels]`.
            tags: `[batch, time]` integers; past a length anything.
            lengths: `[batch]`, zero allowed.

        Returns:
            `[batch]`, in float32 at least: -inf for a sequence that is not allowed (its gradient is finite).

        Raises:
            InputError: A shape, a length or a tag does not fit, or no sequence of such a length is allowed.
        """
        e, lengths = self._checked(emissions, lengths)
        return (self._score(e, tags, lengths) - self._log_partition(e, lengths)).to(_result_type(emissions))

    @torch.no_grad()
    def decode(self, emissions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The most probable sequence of every row (Viterbi 1967); arguments as in `log_partition`.

        Returns:
            The labels `[batch, time]`, zero past a length, and their log-probability `[batch]`.

        Raises:
            InputError: A shape or a length does not fit, or no sequence of such a length is allowed.
        """
        e, lengths = self._checked(emissions, lengths)
        tags = self._best(e, lengths)
        log_probability = self._score(e, tags, lengths) - self._log_partition(e, lengths)
        return tags, log_probability.to(_result_type(emissions))

    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        r"""The probability of every label at every step, \(p(y_t = k) = \partial \log Z / \partial e_{t,k}\).

        Returns:
            `[batch, time, labels]`, zero past a length; no gradient flows through it.

        Raises:
            InputError: A shape or a length does not fit, or no sequence of such a length is allowed.
        """
        with torch.inference_mode(False), torch.enable_grad():
            e, lengths = self._checked(emissions.detach().clone(), lengths.clone())
            e.requires_grad_()
            (found,) = torch.autograd.grad(self._log_partition(e, lengths).sum(), e)
        return found.to(_result_type(emissions))

    def extra_repr(self) -> str:
        """The number of labels, as `repr` shows it."""
        return str(self.labels)

    def _checked(self, emissions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Emissions in double precision, zero in the padding, and the lengths on their device."""
        checked = check_sequence(emissions, self.labels, lengths, None)
        assert checked is not None
        ends = (self._reached(emissions.shape[1]) & self.allowed[:-1, -1]).any(1)
        if checked.numel() and bool((impossible := (checked > 0) & ~ends[(checked - 1).clamp(min=0)]).any()):
            raise InputError(f"no sequence of {int(checked[impossible][0])} labels is allowed")
        return clear_padding(emissions.double(), checked), checked

    def _reached(self, steps: int) -> Tensor:
        """Which labels some allowed sequence can have at each step: `[steps, labels]` bool, one row at least."""
        reached = [self.allowed[-1, :-1]]
        for _ in range(1, steps):
            reached.append((reached[-1][:, None] & self.allowed[:-1, :-1]).any(0))
            if torch.equal(reached[-1], reached[-2]):
                break
        return torch.stack(reached + [reached[-1]] * (steps - len(reached)))

    def _allowed_scores(self, otherwise: float = -torch.inf) -> Tensor:
        return self.scores.double().masked_fill(~self.allowed, otherwise)

    def _log_partition(self, e: Tensor, lengths: Tensor) -> Tensor:
        """`log Z [batch]`, by exponentials where that is exact and by logarithms where it is not."""
        if e.shape[0] == 0 or e.shape[1] == 0:
            return e.sum((1, 2))
        scaled, exact = self._by_exponentials(e, lengths)
        if bool(exact.all()):
            return scaled
        good, bad = exact.nonzero().squeeze(1), (~exact).nonzero().squeeze(1)
        parts = [self._by_logarithms(e[bad], lengths[bad])]
        if len(good):
            parts.append(self._by_exponentials(e[good], lengths[good])[0])
        return torch.cat(parts)[torch.cat([bad, good]).argsort()]

    def _by_exponentials(self, e: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`log Z` and whether it is exact, both `[batch]`."""
        steps = e.shape[1]
        peak = e.detach().amax(2)
        x = (e - peak[..., None]).exp()
        scores = self._allowed_scores()
        first = x[:, 0] * scores[-1, :-1].exp()
        rest, _ = self.recursion(x[:, 1:], HiddenState(first), lengths=(lengths - 1).clamp(min=0))
        h = torch.cat([first[:, None], rest], 1)
        final = (last_step(h, lengths, torch.ones_like(first)) * scores[:-1, -1].exp()).sum(1)
        final = torch.where(lengths > 0, final, 1)
        divided = torch.where(length_mask(lengths - 1, steps), h.sum(2), 1)
        shifts = peak.masked_fill(~length_mask(lengths, steps), 0).sum(1)

        ignored = ~(
            length_mask(lengths, steps)[..., None] & self._reached(steps)
        )  # a label that nothing leads to is zero by right
        low, high = h.detach().masked_fill(ignored, 1).flatten(1).aminmax(dim=1)
        low, high = torch.minimum(low, final.detach()), torch.maximum(high, final.detach())
        return divided.log().sum(1) + final.log() + shifts, (low >= TINY) & (high <= 1 / TINY)

    def _by_logarithms(self, e: Tensor, lengths: Tensor) -> Tensor:
        """`log Z [batch]` for numbers of any size; memory and time of a step grow with the square of the labels."""
        scores = self._allowed_scores(IMPOSSIBLE)
        real = length_mask(lengths, e.shape[1])
        alpha = e[:, 0] + scores[-1, :-1]
        for t in range(1, e.shape[1]):
            onward = e[:, t] + torch.logsumexp(alpha[:, :, None] + scores[:-1, :-1], 1)
            alpha = torch.where(real[:, t, None], onward, alpha)
        return torch.where(lengths > 0, torch.logsumexp(alpha + scores[:-1, -1], 1), 0)

    def _moves(self, tags: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Every transition of each row, from the start to the end, by its place in the flattened scores.

        Both `[batch, time + 1]`: the places, and which of them belong to the row.
        """
        if tags.dim() != 2 or tags.is_floating_point() or tags.dtype == torch.bool:
            raise InputError(f"tags are integers [batch, time], found {tags.dtype} {list(tags.shape)}")
        lengths = lengths.to(tags.device)
        real = length_mask(lengths, tags.shape[1])
        edge = tags.new_full((tags.shape[0], 1), self.labels)
        path = torch.cat([edge, tags.masked_fill(~real, self.labels), edge], 1)
        inner = path[:, 1:-1][real]
        if inner.numel() and not 0 <= int(inner.min()) <= int(inner.max()) < self.labels:
            raise InputError(f"tags lie from 0 to {self.labels - 1}, found {int(inner.min())} to {int(inner.max())}")
        made = length_mask(torch.where(lengths > 0, lengths + 1, 0), path.shape[1] - 1)
        return path[:, :-1].long() * (self.labels + 1) + path[:, 1:], made

    def _score(self, e: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """`s(y) [batch]`, -inf where a transition is not allowed."""
        if tags.shape != e.shape[:2]:
            raise InputError(f"tags are integers {list(e.shape[:2])}, found {tags.dtype} {list(tags.shape)}")
        moves, made = self._moves(tags, lengths)
        scores = self._allowed_scores().flatten()
        moved = torch.where(made, scores.gather(0, moves.flatten()).view_as(moves), 0).sum(1)
        real = length_mask(lengths, e.shape[1])
        emitted = e.gather(2, tags.long().masked_fill(~real, 0)[..., None]).squeeze(2)
        return moved + torch.where(real, emitted, 0).sum(1)

    def _best(self, e: Tensor, lengths: Tensor) -> Tensor:
        """The sequence of highest score, `[batch, time]`.

        Only the best scores are kept on the way forward. On the way back one label a row is known, so what it came from
        is found among K sums, not K squared.
        """
        steps = e.shape[1]
        tags = torch.zeros(e.shape[:2], dtype=torch.long, device=e.device)
        if tags.numel() == 0:
            return tags
        scores = self._allowed_scores()
        into = scores[:-1, :-1].T.contiguous()
        real = length_mask(lengths, steps)
        best = [e[:, 0] + scores[-1, :-1]]
        for t in range(1, steps):
            onward = e[:, t] + (best[-1][:, None] + into).amax(2)
            best.append(torch.where(real[:, t, None], onward, best[-1]))
        tag = (best[-1] + scores[:-1, -1]).argmax(1)
        for t in range(steps - 1, -1, -1):
            tags[:, t] = tag
            if t:
                tag = torch.where(real[:, t], (best[t - 1] + into[tag]).argmax(1), tag)
        return tags.masked_fill(~real, 0)


def _result_type(emissions: Tensor) -> torch.dtype:
    """Half precision is too coarse for a sum over a sequence."""
    return torch.promote_types(emissions.dtype, torch.float32)
