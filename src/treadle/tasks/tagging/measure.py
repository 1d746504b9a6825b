"""How well a network does on dev sentences after an epoch, and which of two epochs was better."""

from dataclasses import replace

import torch
from torch import Tensor

from treadle.data.tagging import TaggedSentences, to_spans
from treadle.data.tagging.schemes import LETTERS, OUTSIDE, Scheme, Span, convert, split_tag
from treadle.errors import InputError
from treadle.evaluation.spans import score_spans
from treadle.tasks.tagging.features import INNER, TaggerFeatures
from treadle.tasks.tagging.network import TaggerBatch, TaggerNetwork
from treadle.tasks.tagging.predictions import batches, named


class DevMeasure:
    """Loss, F1 of spans or accuracy of tags, and accuracy of labels.

    A tag or label that training does not have is a mistake of the network. It has no probability, so the loss is that
    of the sentences whose tags (and of those whose label) are all known.

    Args:
        features: Of the network.
        dev: Sentences with gold tags, and labels if the network gives them.

    Raises:
        InputError: The network gives labels, and the sentences have none; their tags are of another kind.
    """

    def __init__(self, features: TaggerFeatures, dev: TaggedSentences) -> None:
        dev = of_same_kind(features, dev)
        self.features, self.dev = features, features.encode(dev, gold=True)
        self.tags = features.inner(dev)
        self.gold: list[list[Span]] = []
        if features.scheme is not None:
            self.gold = [to_spans(tags, INNER) for tags in self.tags]

    def __call__(self, network: TaggerNetwork) -> dict[str, float]:
        """The figures, `loss` being in nats a token as in training."""
        loss = of_labels = 0.0
        tokens = labelled = right = right_labels = 0
        found: list[list[Span]] = [[]] * len(self.dev.words)
        for rows, batch, emissions, logits in batches(network, self.dev):
            losses, label_losses, known = _losses(network, batch, emissions, logits)
            loss += float(losses.double().sum())
            tokens += int(batch.lengths[known].sum())
            best, _ = network.best(emissions, batch.lengths)
            for row, tags in zip(rows, named(self.features, best, batch.lengths), strict=True):
                if self.features.scheme is None:
                    right += sum(map(str.__eq__, tags, self.tags[row]))
                else:
                    found[row] = to_spans(tags, INNER)
            if logits is not None and label_losses is not None and batch.labels is not None:
                of_labels += float(label_losses.double().sum())
                labelled += int((batch.labels >= 0).sum())
                right_labels += int((logits.argmax(1) == batch.labels).sum())
        figures = {"loss": loss / max(1, tokens) + network.label_weight * of_labels / max(1, labelled)}
        if self.features.scheme is None:
            figures["token_accuracy"] = right / max(1, int(self.dev.lengths.sum()))
        else:
            figures["span_f1"] = score_spans(self.gold, found, resamples=0).metrics["span_f1"].value
        if self.features.labels:
            figures["sentence_accuracy"] = right_labels / len(self.dev.words)
        return figures

    def merit(self, figures: dict[str, float]) -> list[float]:
        """The figures' sum, then the loss.

        A point of either counts alike: with tags first, labels would only be looked at in ties, and an epoch would be
        chosen that loses two points of one for a hundredth of the other.
        """
        return [sum(value for name, value in figures.items() if name != "loss"), -figures["loss"]]


def of_same_kind(features: TaggerFeatures, data: TaggedSentences) -> TaggedSentences:
    """Sentences whose tags are of the model's kind, and of its scheme where they alone do not tell theirs.

    Others are another column of the file, most often; every figure would be 0 or mean nothing.

    Raises:
        InputError: The tags are of another kind than the model's: parts of speech for spans, or the reverse.
    """
    if data.tags is None or (features.scheme is not None and data.scheme is not None):
        return data
    if features.scheme is not None and all(_is_of(tag, features.scheme) for tags in data.tags for tag in tags):
        tags = [convert(one, features.scheme, features.scheme) for one in data.tags]
        return replace(data, tags=tags, scheme=features.scheme)
    known = {OUTSIDE} if features.scheme is not None else set(features.tags)
    places = ((row, token, tag) for row, tags in enumerate(data.tags) for token, tag in enumerate(tags))
    foreign = next((place for place in places if place[2] not in known), None)
    if foreign is None or (features.scheme is None and any(tag in known for tags in data.tags for tag in tags)):
        return data
    row, token, tag = foreign
    example = next(answer for answer in features.answers if answer != OUTSIDE)
    raise InputError(
        f"{data.where(row, token)}: found the tag {tag!r}, expected tags of the kind that the model gives, such as "
        f"{example!r}; another column can be named by --target"
    )


def _is_of(tag: str, scheme: Scheme) -> bool:
    """Whether a tag may be one of a scheme."""
    parts = split_tag(tag)
    return parts is not None and parts.letter in (OUTSIDE, *LETTERS[scheme])


def _losses(
    network: TaggerNetwork, batch: TaggerBatch, emissions: Tensor, logits: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Of tags and of labels, `[batch]` each, zero where the truth has no probability; and which tags all have one."""
    assert batch.tags is not None
    known = (batch.tags >= 0).all(1)
    labels = None if batch.labels is None else batch.labels.clamp(min=0)
    some = replace(batch, tags=batch.tags.clamp(min=0), labels=labels)
    of_tags, of_labels = network.losses_of((emissions, logits), some)
    if of_labels is not None and batch.labels is not None:
        of_labels = torch.where(batch.labels >= 0, of_labels, 0)
    return torch.where(known, of_tags, 0), of_labels, known
