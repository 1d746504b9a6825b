"""An epoch over IMDB's training reviews: Treadle's classifier beside the usual torch recipe, in turn in one process.

Both train a one-layer bidirectional LSTM (hidden 128, embedding 128) with the same optimiser on the same token numbers,
cut after 400. The usual recipe: random batches of 32, padded to the longest of the batch, `torch.nn.LSTM`. Treadle's
side is the library itself: `SequenceClassifier.fit_columns`, whose progress callback hands over to the other recipe
after every slice of an epoch, so that a drift of the machine's speed meets both alike.

    python bench/imdb_epoch.py aclImdb/train
"""

import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from record import record, table
from treadle.data import Kind, read
from treadle.tasks import SequenceClassifier
from treadle.training import Silent, TrainingSettings
from treadle.training.optimisation import make_optimizer

SLICES = 10
LONGEST, BATCH, SIZE = 400, 32, 128


class UsualRecipe(nn.Module):
    """Embedding, `torch.nn.LSTM` over the padded batch, linear layer on the last hidden states."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, SIZE, padding_idx=0)
        self.lstm = nn.LSTM(SIZE, SIZE, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * SIZE, 2)

    def forward(self, x: Tensor) -> Tensor:
        _, (h, _) = self.lstm(self.embedding(x))
        return self.head(torch.cat([h[0], h[1]], 1))


def usual_steps(rows: list[Tensor], labels: Tensor, vocabulary: int, slices: int) -> Iterator[None]:
    """An epoch of the usual recipe; yields after every slice."""
    torch.manual_seed(0)
    model = UsualRecipe(vocabulary)
    optimizer = make_optimizer(model, TrainingSettings())
    order = torch.randperm(len(rows)).split(BATCH)
    borders = {round(len(order) * (i + 1) / slices) for i in range(slices)}
    for step, batch in enumerate(order, 1):
        x = pad_sequence([rows[i] for i in batch.tolist()], batch_first=True)
        loss = nn.functional.cross_entropy(model(x), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step in borders:
            yield


class Alternate(Silent):
    """Times slices of Treadle's epoch and, between them, slices of the other."""

    def __init__(self, texts: list[str], labels: list[Any], model: SequenceClassifier) -> None:
        self.texts, self.labels, self.model = texts, labels, model
        self.ours: list[float] = []
        self.theirs: list[float] = []

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        feature = self.model.features_["text"]
        encoded = feature.encode(self.texts)
        targets = self.model.target_.encode(self.labels)
        self.other = usual_steps(list(encoded), targets, feature.size, SLICES)
        self.steps = steps - 1  # the loop allows one step more an epoch
        self.borders = {round(self.steps * (i + 1) / SLICES) for i in range(SLICES)}
        self.since = time.perf_counter()

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        if step not in self.borders:
            return
        self.ours.append(time.perf_counter() - self.since)
        since = time.perf_counter()
        next(self.other)
        self.theirs.append(time.perf_counter() - since)
        print(f"slice {len(self.ours)}: {self.ours[-1]:.1f} s beside {self.theirs[-1]:.1f} s", file=sys.stderr)
        self.since = time.perf_counter()


def main(folder: str) -> None:
    """Measure and record."""
    data = read(folder)
    texts, labels = data.columns["text"], data.columns["label"]
    model = SequenceClassifier(hidden_size=SIZE, embedding_size=SIZE, max_length=LONGEST, batch_size=BATCH, epochs=1)
    watch = Alternate(texts, labels, model)
    few = [0, 1, len(texts) - 2, len(texts) - 1]
    dev = ({"text": [texts[i] for i in few]}, [labels[i] for i in few])
    model.fit_columns({"text": texts}, {"text": Kind.TEXT}, labels, dev=dev, progress=watch)
    ratios = [a / b for a, b in zip(watch.ours, watch.theirs, strict=True)]
    ours, theirs = sum(watch.ours), sum(watch.theirs)
    rows = [
        ["the usual recipe", f"{theirs:.0f} s", "1"],
        ["Treadle, engine torch", f"{ours:.0f} s", f"{ours / theirs:.2f}"],
    ]
    spread = f"{min(ratios):.2f} / {statistics.median(ratios):.2f} / {max(ratios):.2f}"
    body = table(["recipe", "an epoch", "ratio"], rows)
    body += f"\n\nRatio over {SLICES} slices, least / median / most: {spread}."
    record("python bench/imdb_epoch.py aclImdb/train", "An epoch over 25,000 IMDB reviews, up to 400 tokens each", body)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "aclImdb/train")
