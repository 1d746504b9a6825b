"""How well a network does on dev sentences after an epoch, and which of two epochs was better."""

import torch

from treadle.data.tagging import Span, to_spans
from treadle.evaluation.spans import score_spans
from treadle.tasks.tagging.features import INNER, Encoded, TaggerFeatures
from treadle.tasks.tagging.network import TaggerNetwork
from treadle.tasks.tagging.predictions import batches, named


class DevMeasure:
    """Loss, F1 of spans or accuracy of tags, and accuracy of labels.

    Args:
        features: Of the network.
        dev: Sentences with gold tags, and labels if the network gives them.
    """

    def __init__(self, features: TaggerFeatures, dev: Encoded) -> None:
        assert dev.tags is not None
        self.features, self.dev = features, dev
        self.gold: list[list[Span]] = []
        if features.scheme is not None:
            self.gold = [to_spans([features.tags[tag] for tag in row.tolist()], INNER) for row in dev.tags]

    def __call__(self, network: TaggerNetwork) -> dict[str, float]:
        """The figures, `loss` being in nats a token as in training."""
        tokens = max(1, int(self.dev.lengths.sum()))
        loss = of_labels = right = right_labels = 0.0
        found: list[list[Span]] = [[]] * len(self.dev.words)
        for rows, batch, emissions, logits in batches(network, self.dev):
            losses, label_losses = network.losses_of((emissions, logits), batch)
            loss += float(losses.double().sum())
            best, _ = network.best(emissions, batch.lengths)
            if self.features.scheme is None:
                assert batch.tags is not None
                real = torch.arange(best.shape[1], device=best.device) < batch.lengths[:, None]
                right += int(((best == batch.tags) & real).sum())
            else:
                for row, tags in zip(rows, named(self.features, best, batch.lengths), strict=True):
                    found[row] = to_spans(tags, INNER)
            if logits is not None and label_losses is not None and batch.labels is not None:
                of_labels += float(label_losses.double().sum())
                right_labels += int((logits.argmax(1) == batch.labels).sum())
        count = len(self.dev.words)
        figures = {"loss": loss / tokens + network.label_weight * of_labels / count}
        if self.features.scheme is None:
            figures["token_accuracy"] = right / tokens
        else:
            figures["span_f1"] = score_spans(self.gold, found, resamples=0).metrics["span_f1"].value
        if self.features.labels:
            figures["sentence_accuracy"] = right_labels / count
        return figures

    def merit(self, figures: dict[str, float]) -> list[float]:
        """The figures' sum, then the loss.

        A point of either counts alike: with tags first, labels would only be looked at in ties, and an epoch would be
        chosen that loses two points of one for a hundredth of the other.
        """
        return [sum(value for name, value in figures.items() if name != "loss"), -figures["loss"]]
