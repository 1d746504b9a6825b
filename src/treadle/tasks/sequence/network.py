"""The network of the tasks that give one answer a sequence: embedding, recurrent stack, pooling, linear head."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.data import BucketBatches, Ragged
from treadle.data.vocabulary import PADDING, UNKNOWN
from treadle.nn import LockedDropout, Pooling, Stack
from treadle.nn.convolutions import Convolutions
from treadle.nn.segments import segments
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.sequence.features import Feature
from treadle.tasks.settings import NetworkSettings

EMBEDDING_SCALE = 0.5
"""Standard deviation of fresh embeddings: large enough that rare words, which move little, stay different."""


class SequenceEncoder(nn.Module):
    r"""One input column to one vector a row.

    \(e_t\) is the embedding of token \(t\), or the numbers of step \(t\); then
    \(v = \mathrm{pool}(\mathrm{stack}(e_1 \dots e_T))\). With a `segment`, the stack reads that many of them as one
    (`treadle.nn.segments`). With `convolutions`, the mean over time of what these find in \(e\) stands beside the
    pooled: \(v = [\mathrm{pool}(\mathrm{stack}(e)); \frac1T \sum_t \mathrm{convolutions}(e)_t]\).

    Args:
        feature: The column.
        settings: The shape.
    """

    def __init__(self, feature: Feature, settings: NetworkSettings) -> None:
        super().__init__()
        self.word_dropout = settings.word_dropout
        self.input_noise = settings.input_noise
        self.channels = feature.channels
        self.segment, self.stride = settings.segment, settings.stride
        self.embedding: nn.Embedding | None = None
        size = feature.size
        if not feature.is_numeric:
            self.embedding = nn.Embedding(feature.size, settings.embedding_size, padding_idx=PADDING)
            size = settings.embedding_size
            with torch.no_grad():
                self.embedding.weight.normal_(0, EMBEDDING_SCALE)[PADDING] = 0
        self.dropout = LockedDropout(settings.embedding_dropout if self.embedding is not None else 0.0)
        # A cell written by the user need not know initialisation by name; it is only told where one was chosen.
        chosen: dict[str, Any] = {} if settings.init == "recommended" else {"init": settings.init}
        self.stack = Stack(
            settings.cell,
            size * settings.segment,
            settings.hidden_size,
            settings.layers,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout,
            residual=settings.residual,
            engine=settings.engine,
            checkpoint=settings.checkpoint,
            **chosen,
        )
        self.pooling = Pooling(settings.pooling, self.stack.output_size, bidirectional=settings.bidirectional)
        self.output_size = self.pooling.output_size
        self.convolutions: Convolutions | None = None
        if settings.convolutions is not None:
            self.convolutions = Convolutions(size, settings.convolutions)
            self.mean = Pooling("mean", self.convolutions.output_size)
            self.output_size += self.mean.output_size

    def embed(self, x: Tensor) -> Tensor:
        """Token numbers `[batch, time]` to embeddings `[batch, time, feature]`; numbers get noise in training."""
        if self.embedding is None:
            if not self.training or not self.input_noise:
                return x
            noise = torch.randn_like(x) * self.input_noise
            noise[..., self.channels :] = 0  # what is observed and what is not stays known
            return x + noise
        if self.training and self.word_dropout:
            dropped = torch.rand(x.shape, device=x.device) < self.word_dropout
            x = x.masked_fill(dropped & (x != PADDING), UNKNOWN)
        embedded: Tensor = self.embedding(x)
        return embedded

    def encode(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Embeddings `[batch, time, feature]` to one vector a row, `[batch, output_size]`."""
        embedded = self.dropout(embedded)
        x, count = segments(embedded, lengths, self.segment, self.stride)
        y, _ = self.stack(x, lengths=count)
        pooled: Tensor = self.pooling(y, count)
        if self.convolutions is None:
            return pooled
        return torch.cat([pooled, self.mean(self.convolutions(embedded, lengths), lengths)], 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """A padded batch and its `lengths [batch]` to `[batch, output_size]`."""
        return self.encode(self.embed(x), lengths)


class SequenceNetwork(nn.Module):
    r"""One or several input columns to one answer: \(o = W\,[v_1; \dots; v_n] + b\), with dropout on the vectors.

    Args:
        features: The input columns.
        output_size: Numbers in the answer.
        settings: The shape.
    """

    def __init__(self, features: Sequence[Feature], output_size: int, settings: NetworkSettings) -> None:
        super().__init__()
        encoders = [SequenceEncoder(feature, settings) for feature in features]
        self.encoders = nn.ModuleList(encoders)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(sum(encoder.output_size for encoder in encoders), output_size)

    def forward(self, inputs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """For every column a padded batch and its lengths, to `[batch, output_size]`."""
        vectors = [encoder(x, lengths) for encoder, (x, lengths) in zip(self.encoders, inputs, strict=True)]
        return self.answer(vectors)

    def encoder(self, place: int) -> SequenceEncoder:
        """The encoder of one column, by its place among the features."""
        return cast(SequenceEncoder, self.encoders[place])

    def layers(self) -> list[list[nn.Module]]:
        """The modules in groups, from the head down to the embeddings; `treadle.training.layers` says what for."""
        encoders = [self.encoder(place) for place in range(len(self.encoders))]
        depth = max(len(encoder.stack.layers) for encoder in encoders)
        top = [self.head, *(encoder.pooling for encoder in encoders), *(encoder.stack.highway for encoder in encoders)]
        top += [encoder.convolutions for encoder in encoders if encoder.convolutions is not None]
        middle = [[encoder.stack.layers[number] for encoder in encoders] for number in reversed(range(depth))]
        bottom = [encoder.embedding for encoder in encoders if encoder.embedding is not None]
        return [top, *middle, *([bottom] if bottom else [])]

    def begin_from(self, pretrained: Pretrained) -> None:
        """Take up a language model's embedding and layers, in every column."""
        for place in range(len(self.encoders)):
            encoder = self.encoder(place)
            assert encoder.embedding is not None
            pretrained.begin(encoder.embedding, encoder.stack)

    def answers(self, inputs: Sequence[Ragged]) -> Tensor:
        """What is said of every row, without dropout: `[rows, output_size]`, on the CPU in float32."""
        device = next(self.parameters()).device
        lengths = steps_a_row(inputs)
        found = torch.zeros(len(lengths), self.head.out_features)
        self.eval()
        with torch.no_grad():
            for rows in BucketBatches(lengths, tokens=4 * 8192, max_rows=256, shuffle=False).epoch(0):
                found[torch.from_numpy(rows)] = self(pad(inputs, rows, device)).float().cpu()
        return found

    def answer(self, vectors: Sequence[Tensor]) -> Tensor:
        """The vector of every column, `[batch, size]`, to `[batch, output_size]`."""
        answer: Tensor = self.head(self.dropout(torch.cat(list(vectors), 1)))
        return answer


def steps_a_row(inputs: Sequence[Ragged]) -> Tensor:
    """The steps that each row has in all columns together, `[rows]`."""
    return torch.stack([ragged.lengths for ragged in inputs]).sum(0)


def pad(inputs: Sequence[Ragged], rows: NDArray[np.int64], device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """A padded batch of every column and its lengths, as `SequenceNetwork` takes them."""
    padded = [ragged.pad(rows) for ragged in inputs]
    return [(x.to(device), lengths.to(device)) for x, lengths in padded]
