"""Target tokens a second in training: the default translator beside the same model in torch.nn, in turn in one process.

The other is written as such models usually are: `nn.LSTM` over packed sequences as encoder and decoder, general
attention over all decoder steps at once, a linear layer with tied weights, `F.cross_entropy` with label smoothing over
all positions of the batch, fused AdamW, gradients clipped. Both have the same shape and take the same batches of
Multi30k English to German, 8,000 joint sub-words, about 4,000 tokens each.

Treadle's default lets products round to bfloat16 where the processor is faster so; it is measured with and without, and
so is torch.nn (`torch.set_float32_matmul_precision("medium")`).

    python bench/translation_speed.py ../shared/data
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from record import record, table
from treadle.data import BucketBatches
from treadle.data.pairs import read_parallel
from treadle.tasks import Translator
from treadle.tasks.settings import check
from treadle.tasks.translate.features import PairFeatures
from treadle.tasks.translate.network import TranslationBatch
from treadle.tasks.translate.settings import PairSettings
from treadle.training.denormals import denormals_flushed

BATCHES, ROUNDS = 6, 5


class UsualTranslator(nn.Module):
    """An LSTM encoder and decoder with general attention, from torch.nn alone."""

    def __init__(self, vocabulary: int, like: Translator) -> None:
        super().__init__()
        size, hidden = like.embedding_size, like.hidden_size
        self.smoothing = like.label_smoothing
        self.embedding = nn.Embedding(vocabulary, size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.encoder = nn.LSTM(size, hidden // 2, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * hidden, 2 * hidden)
        self.decoder = nn.LSTM(size, hidden, batch_first=True)
        self.score = nn.Linear(hidden, hidden, bias=False)
        self.join = nn.Linear(2 * hidden, hidden, bias=False)
        self.project = nn.Linear(hidden, size, bias=False)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.dropout, self.embedding_dropout = nn.Dropout(like.dropout), nn.Dropout(like.embedding_dropout)

    def forward(self, batch: TranslationBatch) -> Tensor:
        """The smoothed loss of a batch."""
        source = self.embedding_dropout(self.embedding(batch.source))
        packed = pack_padded_sequence(source, batch.source_lengths, batch_first=True, enforce_sorted=False)
        memory, (h, c) = self.encoder(packed)
        memory, _ = pad_packed_sequence(memory, batch_first=True, total_length=batch.source.shape[1])
        memory = self.dropout(memory)
        begin = torch.tanh(self.bridge(torch.cat([h[0], c[0], h[1], c[1]], 1))).chunk(2, 1)
        time_ = torch.arange(batch.target.shape[1] + 1)
        real = time_ <= batch.target_lengths[:, None]
        target = batch.target.masked_fill(~real[:, 1:], 0)
        inputs, wanted = F.pad(target, (1, 0)), F.pad(target, (0, 1))
        embedded = self.embedding_dropout(self.embedding(inputs))
        packed = pack_padded_sequence(embedded, batch.target_lengths + 1, batch_first=True, enforce_sorted=False)
        y, _ = self.decoder(packed, tuple(one[None].contiguous() for one in begin))
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=inputs.shape[1])
        scores = y @ self.score(memory).transpose(1, 2)
        padding = torch.arange(batch.source.shape[1]) >= batch.source_lengths[:, None]
        weights = scores.masked_fill(padding[:, None], -torch.inf).softmax(-1)
        features = torch.tanh(self.join(self.dropout(torch.cat([weights @ memory, y], 2))))
        logits = F.linear(self.project(features), self.embedding.weight, self.bias)
        wanted = wanted.masked_fill(~real, -1)
        return F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-1, label_smoothing=self.smoothing)


def stepper(model: nn.Module, batches: list[TranslationBatch], precision: str) -> Callable[[], float]:
    """A function that makes a step on every batch and tells the seconds."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    model.train()

    def run() -> float:
        torch.set_float32_matmul_precision(precision)
        since = time.perf_counter()
        for batch in batches:
            optimizer.zero_grad()
            model(batch).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        seconds = time.perf_counter() - since
        torch.set_float32_matmul_precision("highest")
        return seconds

    return run


def main(data: Path) -> None:
    """Measure in turn, and record."""
    folder = data / "translation/multi30k_en_de"
    pairs = read_parallel(folder / "train.en.gz", folder / "train.de.gz")
    model = Translator()
    model.features_ = PairFeatures.fit(pairs, check(PairSettings, model.get_params()))
    encoded = model.features_.encode(pairs)
    order = BucketBatches(encoded.lengths, tokens=model.batch_tokens, max_rows=model.batch_size).epoch(0)
    batches = [encoded.batch(rows) for rows in order[:BATCHES]]
    tokens = sum(int((batch.target_lengths + 1).sum()) for batch in batches)
    runs, sizes = {}, []
    for name, precision in (("float32", "highest"), ("bfloat16 products", "medium")):
        ours, usual = model.build_network(), UsualTranslator(len(model.features_.target), model)
        sizes += [sum(p.numel() for p in one.parameters()) for one in (ours, usual)]
        runs[f"Treadle, {name}"] = stepper(ours, batches, precision)
        runs[f"torch.nn, {name}"] = stepper(usual, batches, precision)
    found: dict[str, list[float]] = {name: [] for name in runs}
    with denormals_flushed():
        for run in runs.values():
            run()
        for _ in range(ROUNDS):
            for name, run in runs.items():
                found[name].append(run())
    speed = {name: tokens / statistics.median(times) for name, times in found.items()}
    rows = [[name, f"{value:,.0f}", f"{value / speed['torch.nn, float32']:.2f}"] for name, value in speed.items()]
    usual, rounded = speed["torch.nn, float32"], speed["torch.nn, bfloat16 products"]
    default, plain = speed["Treadle, bfloat16 products"], speed["Treadle, float32"]
    body = table(["model", "target tokens a second", "times torch.nn in float32"], rows) + (
        f"\n\nThe default translator is {default / usual:.2f} times as fast as torch.nn as it is, "
        f"{default / rounded:.2f} times as fast as torch.nn with products in bfloat16, and in float32 "
        f"{plain / usual:.2f} times. {sizes[0]:,} parameters in Treadle's, {sizes[1]:,} in the other. Medians of "
        f"{ROUNDS} rounds in turn of {BATCHES} batches, {tokens:,} target tokens."
    )
    record("python bench/translation_speed.py ../shared/data", "Training a translator", body)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
