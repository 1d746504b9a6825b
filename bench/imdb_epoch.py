"""An epoch over IMDB's training reviews: Treadle's classifier beside the usual torch recipe, in turn in one process.

All train a one-layer bidirectional LSTM (hidden 128, embedding 128) with the same optimiser on the same token numbers,
cut after 400. The usual recipe: random batches of 32, padded to the longest of the batch, `torch.nn.LSTM`, the last
hidden states. It is measured twice, as it is usually written and after `torch.set_flush_denormal(True)`: its gradient
enters behind the padding and vanishes on the way back to the words, through denormal numbers, which a processor
computes with many times slower. Treadle flushes them by itself while it trains.

Treadle's side is the library itself: `SequenceClassifier.fit_columns`, whose progress callback hands over to the
recipes after every slice of an epoch, so that a drift of the machine's speed meets all alike.

    python bench/imdb_epoch.py aclImdb/train
    python bench/imdb_epoch.py aclImdb/train --slices 100 --measured 2    # a shorter run: two hundredths of an epoch
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from record import record, table
from treadle.data import BucketBatches, Kind, read
from treadle.tasks import SequenceClassifier
from treadle.training import Silent, TrainingSettings
from treadle.training.denormals import denormals_flushed
from treadle.training.optimisation import make_optimizer

LONGEST, BATCH, SIZE = 400, 32, 128
RECIPES = {"the usual recipe": False, "the usual recipe, denormal numbers flushed": True}
"""Whether each flushes denormal numbers."""
OURS = "Treadle, engine cpu"


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


def random_batches(rows: int) -> list[Tensor]:
    """Row numbers of an epoch of the usual recipe."""
    return list(torch.randperm(rows, generator=torch.Generator().manual_seed(0)).split(BATCH))


def usual_steps(rows: list[Tensor], labels: Tensor, vocabulary: int, slices: int) -> Iterator[None]:
    """An epoch of the usual recipe; yields after every slice."""
    torch.manual_seed(0)
    model = UsualRecipe(vocabulary)
    optimizer = make_optimizer(model, TrainingSettings())
    batches = random_batches(len(rows))
    ends = borders(len(batches), slices)
    for step, batch in enumerate(batches, 1):
        x = pad_sequence([rows[i] for i in batch.tolist()], batch_first=True)
        loss = nn.functional.cross_entropy(model(x), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step in ends:
            yield


def borders(steps: int, slices: int) -> set[int]:
    """The last step of every slice."""
    return {round(steps * (i + 1) / slices) for i in range(slices)}


class Measured(Exception):  # noqa: N818 (nothing went wrong)
    """As many slices as were asked for are measured."""


class Alternate(Silent):
    """Times slices of Treadle's epoch and, between them, slices of the recipes."""

    def __init__(self, texts: list[str], labels: list[Any], model: SequenceClassifier, slices: int, few: int) -> None:
        self.texts, self.labels, self.model = texts, labels, model
        self.slices, self.few = slices, few
        self.seconds: dict[str, list[float]] = {name: [] for name in (*RECIPES, OURS)}

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        feature = self.model.features_["text"]
        encoded = feature.encode(self.texts)
        targets = self.model.target_.encode(self.labels)
        self.others = {name: usual_steps(list(encoded), targets, feature.size, self.slices) for name in RECIPES}
        self.lengths = encoded.lengths
        self.ends = borders(steps, self.slices)
        self.since = time.perf_counter()

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        if step not in self.ends:
            return
        self.seconds[OURS].append(time.perf_counter() - self.since)
        for name, flushed in RECIPES.items():
            with denormals_flushed(flushed):
                since = time.perf_counter()
                next(self.others[name])
                self.seconds[name].append(time.perf_counter() - since)
        last = ", ".join(f"{name} {seconds[-1]:.1f} s" for name, seconds in self.seconds.items())
        done = len(self.seconds[OURS])
        print(f"slice {done} of {self.few}: {last}", file=sys.stderr)
        if done == self.few:
            raise Measured
        self.since = time.perf_counter()

    def padded(self) -> dict[str, int]:
        """Steps of all padded batches of an epoch."""
        usual = random_batches(len(self.lengths))
        ours = BucketBatches(self.lengths, tokens=self.model.batch_tokens, max_rows=BATCH, seed=0).epoch(0)
        longest = [sum(len(batch) * int(self.lengths[batch].max()) for batch in batches) for batches in (usual, ours)]
        return {**dict.fromkeys(RECIPES, longest[0]), OURS: longest[1]}


def main(folder: str, slices: int, few: int) -> None:
    """Measure and record."""
    data = read(folder)
    texts, labels = data.columns["text"], data.columns["label"]
    model = SequenceClassifier(hidden_size=SIZE, embedding_size=SIZE, max_length=LONGEST, batch_size=BATCH, epochs=1)
    watch = Alternate(texts, labels, model, slices, few)
    some = [0, 1, len(texts) - 2, len(texts) - 1]
    dev = ({"text": [texts[i] for i in some]}, [labels[i] for i in some])
    with suppress(Measured):
        model.fit_columns({"text": texts}, {"text": Kind.TEXT}, labels, dev=dev, progress=watch)
    first, padded = next(iter(RECIPES)), watch.padded()
    rows = [
        [
            name,
            f"{padded[name] / 1e6:.1f} million",
            f"{sum(seconds) * slices / few:.0f} s",
            f"{sum(seconds) / sum(watch.seconds[first]):.3f}",
        ]
        for name, seconds in watch.seconds.items()
    ]
    body = table(["recipe", "padded steps", "an epoch", "ratio"], rows)
    for name in RECIPES:
        ratios = [a / b for a, b in zip(watch.seconds[OURS], watch.seconds[name], strict=True)]
        spread = f"{min(ratios):.3f} / {statistics.median(ratios):.3f} / {max(ratios):.3f}"
        body += f"\n\nTreadle to {name}, least / median / most of the slices: {spread}."
    body += (
        f"\n\nMeasured: {few} of {slices} slices of an epoch{'' if few == slices else '; the rest is extrapolated'}."
    )
    body += (
        " The gradient of the usual recipe enters behind the padding and vanishes through denormal numbers; the second"
        " row calls `torch.set_flush_denormal(True)`, as Treadle does by itself while it trains. What is left between"
        " the second row and the third is padding: Treadle batches reviews of similar length."
    )
    record("python bench/imdb_epoch.py aclImdb/train", "An epoch over 25,000 IMDB reviews, up to 400 tokens each", body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An epoch over IMDB, Treadle beside the usual recipe.")
    parser.add_argument("folder", nargs="?", default="aclImdb/train")
    parser.add_argument("--slices", type=int, default=10, help="parts that the epoch is cut into")
    parser.add_argument("--measured", type=int, help="how many of them are measured; all, unless given")
    given = parser.parse_args()
    main(given.folder, given.slices, given.measured or given.slices)
