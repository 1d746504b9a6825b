"""What a network says of sentences, in the words of the data: tags, spans with their places and confidence, labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data import BucketBatches
from treadle.data.tagging import Span, to_spans
from treadle.tasks.tagging.confidence import span_confidence
from treadle.tasks.tagging.features import INNER, Encoded, TaggerFeatures
from treadle.tasks.tagging.inputs import Given
from treadle.tasks.tagging.network import TaggerBatch, TaggerNetwork

TOKENS, ROWS = 4 * 8192, 256
"""Size of a batch where nothing is learnt."""


@dataclass(frozen=True)
class PredictedSpan:
    """A span that was found.

    Attributes:
        start: Its first token, from 0.
        end: The token after its last.
        type: What it is.
        text: Its words: the piece of the string that was given, or its tokens between spaces.
        confidence: The probability that just this span is there, see `span_confidence`.
        start_char: Where it begins in the string that was given, None where tokens were.
        end_char: Where it ends there (exclusive).
    """

    start: int
    end: int
    type: str
    text: str
    confidence: float
    start_char: int | None = None
    end_char: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Its fields, without the places in a string where there is none."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Tagged:
    """What a network says of sentences.

    Attributes:
        tags: As the training data writes them.
        spans: None where tags mark none.
        confidence: Of every tag its marginal probability, or of every span its probability; None where it was not
            asked for.
        labels: `[sentences, labels]` probabilities, or None where sentences have no labels.
    """

    tags: list[list[str]]
    spans: list[list[Span]] | None
    confidence: list[list[float]] | None
    labels: NDArray[np.float32] | None


def batches(
    network: TaggerNetwork, encoded: Encoded
) -> Iterator[tuple[NDArray[np.int64], TaggerBatch, Tensor, Tensor | None]]:
    """Of all sentences, those of similar length together: rows, batch, emissions and labels' logits."""
    network.eval()
    device = next(network.parameters()).device
    for rows in BucketBatches(encoded.lengths, tokens=TOKENS, max_rows=ROWS, shuffle=False).epoch(0):
        batch = encoded.batch(rows, device)
        with torch.no_grad():
            emissions, logits = network(batch)
        yield rows, batch, emissions, logits


def tag_sentences(
    network: TaggerNetwork, features: TaggerFeatures, encoded: Encoded, *, confidence: bool = False
) -> Tagged:
    """Tags, spans and labels of sentences, and on demand how sure they are.

    Args:
        network: The trained network.
        features: That it reads through.
        encoded: The sentences.
        confidence: Whether confidence is wanted, which takes longer.
    """
    count = len(encoded.words)
    tags: list[list[str]] = [[]] * count
    spans: list[list[Span]] = [[]] * count
    sure: list[list[float]] = [[]] * count
    labels = np.zeros((count, len(features.labels)), dtype=np.float32)
    for rows, batch, emissions, logits in batches(network, encoded):
        best, _ = network.best(emissions, batch.lengths)
        if logits is not None:
            labels[rows] = logits.float().softmax(1).cpu().numpy()
        found = named(features, best, batch.lengths)
        for row, own in zip(rows, found, strict=True):
            tags[row] = features.outer(own)
            spans[row] = to_spans(own, INNER) if features.scheme else []
        if not confidence:
            continue
        if features.scheme is None:
            of_tags = network.marginals(emissions, batch.lengths).gather(2, best[..., None]).squeeze(2).tolist()
            for row, own, length in zip(rows, of_tags, batch.lengths.tolist(), strict=True):
                sure[row] = own[:length]
            continue
        places = [(place, span.start, span.end) for place, row in enumerate(rows) for span in spans[row]]
        of_spans = iter(span_confidence(network, emissions, batch.lengths, best, places).tolist())
        for row in rows:
            sure[row] = [next(of_spans) for _ in spans[row]]
    return Tagged(
        tags, spans if features.scheme else None, sure if confidence else None, labels if features.labels else None
    )


def named(features: TaggerFeatures, tags: Tensor, lengths: Tensor) -> list[list[str]]:
    """The network's own names of tags `[batch, time]`, a list a sentence."""
    name = features.tags
    return [[name[tag] for tag in row[:length]] for row, length in zip(tags.tolist(), lengths.tolist(), strict=True)]


def placed(given: Given, tagged: Tagged) -> list[list[PredictedSpan]]:
    """The spans with their words, and where a string was given, with their places in it."""
    assert tagged.spans is not None
    assert tagged.confidence is not None
    answers = []
    for row, spans in enumerate(tagged.spans):
        text, places = given.texts[row], given.places[row]
        own = []
        for span, confidence in zip(spans, tagged.confidence[row], strict=True):
            start, end, type_ = span
            if text is None or places is None:
                words = " ".join(given.tokens[row][start:end])
                own.append(PredictedSpan(start, end, type_, words, confidence))
            else:
                begin, stop = places[start].start, places[end - 1].end
                own.append(PredictedSpan(start, end, type_, text[begin:stop], confidence, begin, stop))
        answers.append(own)
    return answers
