"""The network of a translator: an encoder, a decoder with attention, a softmax over the next symbol."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from treadle.data.vocabulary import PADDING, UNKNOWN
from treadle.errors import InputError
from treadle.nn import LockedDropout, coverage_penalty, length_mask
from treadle.nn.decoder import Decoder, Encoded
from treadle.nn.softmax import Softmax
from treadle.tasks.translate.encoder import Encoder, TextEncoder
from treadle.tasks.translate.settings import TranslatorSettings

BOUNDARY = PADDING
"""The symbol before the first and behind the last: no symbol of a sentence has this number."""

POSITIONS = 2048
"""Positions whose probabilities of all symbols are held at once where nothing is learnt."""


@dataclass(frozen=True)
class TranslationBatch:
    """Some pairs, padded; past an end anything may stand.

    Attributes:
        source: What the encoder takes; of text, symbols `[batch, steps]`.
        source_lengths: `[batch]`.
        target: `[batch, time]` symbols, without an end.
        target_lengths: `[batch]`.
    """

    source: Any
    source_lengths: Tensor
    target: Tensor
    target_lengths: Tensor

    def to(self, device: torch.device | str) -> "TranslationBatch":
        """The same on another device."""
        parts = (self.source, self.source_lengths, self.target, self.target_lengths)
        return TranslationBatch(*(part.to(device) for part in parts))


class TranslationNetwork(nn.Module):
    r"""Reads one sequence and tells, symbol by symbol, the probability of another.

    $$p(y \mid x) = \prod_t p(y_t \mid y_{<t}, x), \qquad
    p(y_t \mid \dots) = \mathrm{softmax}(F P \tilde h_t + b)$$

    \(\tilde h_t\) are the features of a `Decoder` that reads \(y_{t-1}\) and looks at what the encoder gave. With tied
    weights F is the embedding of the target's symbols, and P brings the features to its size.

    The features of a whole target are computed at once, attention and softmax included, and the softmax sees real
    positions only, some at a time. In training a symbol that is read is replaced by the unknown one with a fixed
    probability (word dropout), or by what the network itself would have said in its place (scheduled sampling): a first
    pass tells what that is for all places, a second one learns.

    Args:
        encoder: Of the source.
        settings: The shape of all else.
        vocabulary: Number of the target's symbols.
        embedding: Of the target's symbols, where it is that of the source too; by default its own.

    Raises:
        InputError: A size does not fit.

    Sources: Bahdanau, Cho & Bengio 2015; Luong, Pham & Manning 2015; O. Press & L. Wolf, "Using the output embedding to
    improve language models", EACL 2017; S. Bengio et al., "Scheduled sampling for sequence prediction with recurrent
    neural networks", 2015, in two passes as by T. Mihaylova & A. Martins, "Scheduled sampling for transformers", 2019,
    section 3.
    """

    def __init__(
        self,
        encoder: Encoder,
        settings: TranslatorSettings,
        *,
        vocabulary: int,
        embedding: nn.Embedding | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = encoder
        size = settings.embedding_size
        self._shared = (embedding,)  # in a tuple, so that the encoder's weight is not entered a second time
        if embedding is None:
            self.own = fresh_embedding(vocabulary, size)
        self.embedding_dropout = LockedDropout(settings.embedding_dropout)
        self.decoder = Decoder(
            settings.cell,
            size,
            settings.hidden_size,
            settings.layers,
            memory_size=encoder.output_size,
            summary_size=encoder.summary_size,
            attention=settings.attention,
            attention_size=settings.attention_size,
            heads=settings.heads,
            coverage=settings.coverage,
            input_feeding=settings.input_feeding,
            dropout=settings.dropout,
            residual=settings.residual,
            engine=settings.engine,
            init=settings.init,
        )
        reads = size if settings.tied else settings.hidden_size
        self.projection = None if reads == settings.hidden_size else nn.Linear(settings.hidden_size, reads, bias=False)
        self.softmax = Softmax(reads, vocabulary, tied_to=self.embedding if settings.tied else None)

    @property
    def embedding(self) -> nn.Embedding:
        """Of the target's symbols."""
        shared = self._shared[0]
        return self.own if shared is None else shared

    @classmethod
    def of_text(cls, settings: TranslatorSettings, *, source: int, target: int, joint: bool) -> "TranslationNetwork":
        """A network that reads symbols.

        Args:
            settings: Its shape; both directions of the encoder together have `hidden_size` units.
            source: Number of the source's symbols.
            target: Number of the target's.
            joint: Whether they are the same symbols, with one embedding.

        Raises:
            InputError: The units cannot be halved, or another size does not fit.
        """
        if settings.bidirectional and settings.hidden_size % 2:
            raise InputError(
                f"hidden_size is {settings.hidden_size}, expected an even number: half of it reads from either end"
            )
        embedding = fresh_embedding(source, settings.embedding_size)
        encoder = TextEncoder(
            embedding,
            settings.cell,
            settings.hidden_size // (1 + settings.bidirectional),
            settings.layers,
            bidirectional=settings.bidirectional,
            embedding_dropout=settings.embedding_dropout,
            dropout=settings.dropout,
            residual=settings.residual,
            engine=settings.engine,
            init=settings.init,
        )
        return cls(encoder, settings, vocabulary=target, embedding=embedding if joint else None)

    def encode(self, source: Any, lengths: Tensor) -> Encoded:
        """What the encoder makes of a source, with word dropout in training."""
        if self.training and self.settings.word_dropout and isinstance(self.encoder, TextEncoder):
            source = self._hide(source)
        found: Encoded = self.encoder(source, lengths)
        return found

    def forward(self, batch: TranslationBatch) -> Tensor:
        """What is minimised: the mean loss a symbol in nats, smoothed, and the weighted coverage penalty."""
        encoded = self.encode(batch.source, batch.source_lengths)
        inputs, wanted, real = shifted(batch)
        if self.training and self.settings.scheduled_sampling:
            inputs = self._sampled(encoded, inputs, real)
        if self.training and self.settings.word_dropout:
            inputs = torch.cat([inputs[:, :1], self._hide(inputs[:, 1:])], 1)
        features, weights = self.read(encoded, inputs, real)
        smoothing = self.settings.label_smoothing
        loss = self.softmax.mean_loss(self.project(features[real]), wanted[real], smoothing=smoothing)
        if self.settings.coverage and self.settings.coverage_weight:
            loss = loss + self.settings.coverage_weight * coverage_penalty(weights)[real].mean()
        return loss

    def read(self, encoded: Encoded, inputs: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Features `[batch, time, hidden_size]` after each symbol of `inputs`, and attention `[batch, time, steps]`."""
        memory, state = self.decoder.begin(encoded)
        embedded = self.embedding_dropout(self.embedding(inputs))
        features, weights, _ = self.decoder(embedded, memory, state, lengths=real.sum(1))
        return features, weights

    def project(self, features: Tensor) -> Tensor:
        """Features to what the softmax reads."""
        return features if self.projection is None else self.projection(features)

    @torch.no_grad()
    def judge(self, batch: TranslationBatch) -> tuple[Tensor, Tensor]:
        """What every symbol of the truth costs, the end included, and whether it is the likeliest; zero past an end.

        Where the truth is a symbol that the model does not know, no answer is right.

        Returns:
            Nats and truth values, `[batch, time + 1]` each.
        """
        inputs, wanted, real = shifted(batch)
        features, _ = self.read(self.encode(batch.source, batch.source_lengths), inputs, real)
        nats, right = torch.zeros_like(features[..., 0]), torch.zeros_like(real)
        costs, hits = [], []
        for part, truth in zip(features[real].split(POSITIONS), wanted[real].split(POSITIONS), strict=True):
            told = self.softmax.log_probabilities(self.project(part))
            costs.append(-told.gather(1, truth[:, None]).squeeze(1))
            hits.append((told.argmax(1) == truth) & (truth != UNKNOWN))
        nats[real], right[real] = torch.cat(costs).to(nats.dtype), torch.cat(hits)
        return nats, right

    @torch.no_grad()
    def _sampled(self, encoded: Encoded, inputs: Tensor, real: Tensor) -> Tensor:
        """The inputs, some of which are what the network would have drawn in their place."""
        features, _ = self.read(encoded, inputs, real)
        said = torch.full_like(inputs, BOUNDARY)
        drawn = [
            self.softmax.log_probabilities(self.project(part)).exp().multinomial(1).squeeze(1)
            for part in features[real].split(POSITIONS)
        ]
        said[real] = torch.cat(drawn)
        said = torch.cat([inputs[:, :1], said[:, :-1]], 1)
        chosen = torch.rand(inputs.shape, device=inputs.device) < self.settings.scheduled_sampling
        return torch.where(chosen & (said != BOUNDARY), said, inputs)

    def _hide(self, symbols: Tensor) -> Tensor:
        dropped = torch.rand(symbols.shape, device=symbols.device) < self.settings.word_dropout
        return symbols.masked_fill(dropped, UNKNOWN)


def shifted(batch: TranslationBatch) -> tuple[Tensor, Tensor, Tensor]:
    """What is read, what is to be told after it, and which places are real; `[batch, time + 1]` each.

    Example:
        >>> pair = TranslationBatch(None, torch.tensor([1]), torch.tensor([[5, 6, 9]]), torch.tensor([2]))
        >>> [part.tolist() for part in shifted(pair)]
        [[[0, 5, 6, 0]], [[5, 6, 0, 0]], [[True, True, True, False]]]
    """
    real = length_mask(batch.target_lengths, batch.target.shape[1])
    target = batch.target.masked_fill(~real, BOUNDARY)
    inputs = nn.functional.pad(target, (1, 0), value=BOUNDARY)
    wanted = nn.functional.pad(target, (0, 1), value=BOUNDARY)
    return inputs, wanted, length_mask(batch.target_lengths + 1, inputs.shape[1])


def fresh_embedding(symbols: int, size: int) -> nn.Embedding:
    """Small numbers, since the embedding may be a matrix of logits too, which else would be far too sure at first."""
    embedding = nn.Embedding(symbols, size)
    nn.init.uniform_(embedding.weight, -0.1, 0.1)
    return embedding
