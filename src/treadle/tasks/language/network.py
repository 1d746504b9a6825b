"""The network of a language model: embedding, recurrent layers, softmax over what comes next."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treadle.cells import State
from treadle.nn import LockedDropout, Stack, length_mask
from treadle.nn.softmax import AdaptiveSoftmax, Softmax
from treadle.nn.weight_drop import WeightDrop
from treadle.tasks.language.settings import LanguageSettings

States = tuple[State, ...]
"""The state of every layer, from the lowest."""


class LanguageNetwork(nn.Module):
    r"""Reads symbols and tells, after each, the probability of every symbol to come next.

    $$e_t = m_e \odot E_{s_t}, \qquad h_t = \mathrm{Stack}(e_{1 \dots t}), \qquad
    p(s_{t+1} \mid s_{1 \dots t}) = \mathrm{softmax}(W\, m_o \odot P h_t + b)$$

    With tied weights W is E, and P brings \(h_t\) to the size of an embedding, where it has another. In training,
    dropout masks are constant over time; those of the embedding hide a symbol wherever it occurs, and those of the
    recurrent weights are drawn once a call.

    Args:
        vocabulary: Number of symbols.
        settings: Its shape and its noise.

    Raises:
        InputError: The cell has no recurrent weights to drop.

    Sources: S. Merity, N. Keskar & R. Socher, "Regularizing and optimizing LSTM language models", ICLR 2018; Y. Gal &
    Z. Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", 2016, section 4.2,
    for the embedding.
    """

    def __init__(self, vocabulary: int, settings: LanguageSettings) -> None:
        super().__init__()
        size = settings.embedding_size
        self.settings = settings
        self.embedding = nn.Embedding(vocabulary, size)
        if settings.tied:  # also a matrix of logits: small, else the first answers are far too sure
            nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.input_dropout = LockedDropout(settings.input_dropout)
        self.stack = Stack(
            settings.cell,
            size,
            settings.hidden_size,
            num_layers=settings.layers,
            dropout=settings.dropout,
            residual=settings.residual,
            init=settings.init,
            engine=settings.engine,
        )
        self.weight_drop = WeightDrop(settings.weight_drop)
        if settings.weight_drop:
            self.weight_drop.weights(self.stack)  # refuses a cell without any
        reads = size if settings.tied else self.stack.output_size
        self.projection = None if reads == self.stack.output_size else nn.Linear(self.stack.output_size, reads)
        self.output_dropout = LockedDropout(settings.output_dropout)
        self.softmax: Softmax | AdaptiveSoftmax
        if settings.softmax == "adaptive":
            self.softmax = AdaptiveSoftmax(reads, vocabulary)
        else:
            self.softmax = Softmax(reads, vocabulary, tied_to=self.embedding if settings.tied else None)

    def forward(
        self,
        tokens: Tensor,
        state: Sequence[State] | None = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
        targets: Tensor | None = None,
    ) -> tuple[Tensor, States]:
        r"""Read.

        Args:
            tokens: `[batch, time]`, integers.
            state: Of every layer, before the first step; by default the initial ones.
            lengths: `[batch]`, as in `treadle.nn.Recurrent`.
            reset: `[batch, time]`, likewise.
            targets: `[batch, time]`: what comes next, for training.

        Returns:
            The last features `[batch, time, size]`, which `losses` and `log_probabilities` take, and the states after
            the last step. With targets, instead of features, what is minimised: the mean loss a token in nats, and

            $$\alpha\, \overline{(m_o \odot h_t)^2} + \beta\, \overline{(h_t - h_{t-1})^2}$$

            over the last layer's outputs, the activation and temporal activation regularisation of Merity et al.
        """
        raw, after = self.weight_drop(self.stack, self._embed(tokens), state, lengths=lengths, reset=reset)
        hidden = self.output_dropout(raw if self.projection is None else self.projection(raw))
        if targets is None:
            return hidden, after
        real = None if lengths is None else length_mask(lengths, tokens.shape[1]).to(raw.dtype)
        loss = self.softmax.mean_loss(hidden, targets, real)
        settings = self.settings
        if settings.activation_regularisation:
            penalty = _mean(hidden.square(), real)
            loss = loss + settings.activation_regularisation * penalty
        if settings.temporal_regularisation and tokens.shape[1] > 1:
            penalty = _mean((raw[:, 1:] - raw[:, :-1]).square(), _linked(raw, real, reset))
            loss = loss + settings.temporal_regularisation * penalty
        return loss, after

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """The surprise of `targets [batch, time]` after `hidden [batch, time, size]`: `[batch, time]`, in nats.

        Nothing of the size `[batch, time, vocabulary]` is held. Where a target is padding, the number means nothing.
        """
        return self.softmax.losses(hidden, targets)

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """The logarithm of every symbol's probability to come next: `[..., size]` to `[..., vocabulary]`."""
        return self.softmax.log_probabilities(hidden)

    def step(self, tokens: Tensor, state: Sequence[State] | None = None) -> tuple[Tensor, States]:
        """The same weights, one step, without noise: `tokens [batch]` to log-probabilities `[batch, vocabulary]`."""
        y, after = self.stack.step(self.embedding(tokens), state)
        return self.log_probabilities(y if self.projection is None else self.projection(y)), after

    def layers(self) -> list[list[nn.Module]]:
        """The modules in groups, from the softmax down to the embedding; `treadle.training.layers` says what for."""
        top: list[nn.Module] = [self.softmax, *([] if self.projection is None else [self.projection])]
        return [top, *([layer] for layer in reversed(self.stack.layers)), [self.embedding]]

    def states_of(self, saved: Sequence[Sequence[Tensor]]) -> States:
        """The states of every layer again, from the lists of tensors that a file gives back, on its device."""
        device = self.embedding.weight.device
        kinds = (layer[0].cell.state_type for layer in self.stack.layers)
        return tuple(kind(*(t.to(device) for t in fields)) for kind, fields in zip(kinds, saved, strict=True))

    def _embed(self, tokens: Tensor) -> Tensor:
        """The vectors of symbols, `[batch, time, size]`, with dropout of whole symbols and of features."""
        found: Tensor = self.embedding(tokens)
        p = self.settings.embedding_dropout
        if self.training and p:
            kept = torch.empty(self.embedding.num_embeddings, 1, device=found.device, dtype=found.dtype)
            found = found * F.embedding(tokens, kept.bernoulli_(1 - p).div_(1 - p))
        return self.input_dropout(found)  # type: ignore[no-any-return]  # nn.Module.__call__ carries no types


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """The mean of `values [batch, time, feature]` over what `weights [batch, time]` is 1 at."""
    if weights is None:
        return values.mean()
    count = weights.sum().clamp(min=1) * values.shape[-1]
    return (values.sum(-1) * weights).sum() / count


def _linked(raw: Tensor, real: Tensor | None, reset: Tensor | None) -> Tensor | None:
    """Which steps follow the one before in the same document, `[batch, time - 1]`; None for all."""
    if real is None and reset is None:
        return None
    linked = raw.new_ones(raw.shape[0], raw.shape[1] - 1) if real is None else real[:, 1:]
    return linked if reset is None else linked * ~reset[:, 1:]


def detached(state: Any) -> States:
    """The same states without the graph that led to them."""
    return tuple(type(layer)(*(field.detach() for field in layer)) for layer in state)
