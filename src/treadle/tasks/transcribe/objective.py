"""What a recogniser is trained towards, and how well it does on dev recordings after an epoch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.data import BucketBatches, Ragged
from treadle.data.audio import Utterances
from treadle.data.audio.augment import Augmentation
from treadle.errors import InputError, counted
from treadle.evaluation.speech import RATES, error_rate
from treadle.nn.ctc import ctc_loss, frames_needed, greedy
from treadle.tasks.transcribe.network import SpeechBatch, SpeechNetwork
from treadle.tasks.transcribe.predictions import said_by
from treadle.tasks.transcribe.units import FOREIGN, Units
from treadle.training import Objective, TrainingSettings


@dataclass(frozen=True)
class Spoken:
    """Recordings and transcripts as numbers.

    Attributes:
        frames: Of every recording; of training, of every recording at every speed, the given speed first.
        targets: Units of every transcript.
        texts: The transcripts as the recogniser would write them.
    """

    frames: Ragged
    targets: Ragged
    texts: Sequence[str]

    def batch(self, rows: NDArray[np.int64], at: Tensor | None = None) -> SpeechBatch:
        """Some of them, padded, each at the speed of the number in `at`."""
        chosen = torch.from_numpy(rows)
        frames, lengths = self.frames.pad(chosen if at is None else at * len(self.targets) + chosen)
        return SpeechBatch(frames, lengths, *self.targets.pad(rows))


def check_lengths(spoken: Spoken, data: Utterances, reduction: int) -> None:
    """Refuse a transcript that is longer than its recording allows: nothing could be learnt from it.

    Args:
        spoken: The recordings as numbers.
        data: The same as they were given.
        reduction: Frames of a step.

    Raises:
        InputError: There is one.
    """
    for row, target in enumerate(spoken.targets):
        frames = int(spoken.frames.lengths[row])
        steps, needed = frames // reduction, frames_needed(target.tolist())
        if steps < needed:
            raise InputError(
                f"{data.where(row)}: the transcript is longer than its recording allows: its "
                f"{counted(len(target), 'unit')} need {counted(needed, 'step')}, and {frames} frames make {steps} "
                f"with reduction={reduction}; expected all that is said, a lower reduction or a larger unit"
            )


def speech_objective(
    network: SpeechNetwork,
    units: Units,
    train: Spoken,
    dev: Spoken,
    augmentation: Augmentation,
    settings: TrainingSettings,
    step: float,
) -> Objective:
    r"""The mean loss a unit, of recordings that are different every time they are read.

    $$L = \frac{1}{\sum_b \max(1, |y_b|)} \sum_b -\log p(y_b \mid x_b)$$

    Args:
        network: To be trained.
        units: That it writes with.
        train: What is learnt from.
        dev: What the best epoch is chosen by.
        augmentation: What is done to frames.
        settings: Of training.
        step: Seconds of a step of the network.
    """
    count = len(train.targets)
    lengths = train.frames.lengths.view(-1, count)  # [speeds, rows]
    needed = torch.tensor([frames_needed(row.tolist()) for row in train.targets])
    fits = lengths // network.front_end.reduction >= needed

    def loss(model: nn.Module, rows: NDArray[np.int64]) -> Tensor:
        drawn = torch.randint(len(lengths), (len(rows),))
        drawn = torch.where(fits[drawn, torch.from_numpy(rows)], drawn, 0)
        batch = train.batch(rows, drawn).to(next(model.parameters()).device)
        frames = augmentation(batch.frames, batch.lengths)
        # Through the call, so that processes that train together join their gradients.
        logits, steps = model(frames, batch.lengths)
        return mean_loss(ctc_loss(logits, steps, batch.targets, batch.target_lengths), batch.target_lengths)

    batches = BucketBatches(lengths[0], tokens=settings.batch_tokens, max_rows=settings.batch_size, seed=settings.seed)
    measure = DevMeasure(units, dev, step)
    return Objective(network, batches, loss, lambda _: measure(network), measure.merit, layers=network.layers())


def mean_loss(losses: Tensor, units: Tensor) -> Tensor:
    """The loss a unit of recordings' losses `[batch]` and their numbers of units."""
    return losses.sum() / units.clamp(min=1).sum()


class DevMeasure:
    """Loss a unit, word error rate and character error rate.

    A transcript with something that training did not hold has no probability, and neither has one that is too long for
    its recording; the loss is that of the others, the error rates those of all.

    Args:
        units: Of the network.
        dev: Recordings and transcripts.
        step: Seconds of a step of the network.
    """

    def __init__(self, units: Units, dev: Spoken, step: float) -> None:
        self.units, self.dev, self.step = units, dev, step

    def __call__(self, network: SpeechNetwork) -> dict[str, float]:
        """The figures."""
        heard, total, count = [""] * len(self.dev.texts), 0.0, 0
        for row, said in said_by(network, self.dev.frames):
            words = self.units.words(greedy(said), self.step)
            heard[row] = " ".join(word.text for word in words)
            target = self.dev.targets[row]
            if bool((target == FOREIGN).any()) or len(said) < frames_needed(target.tolist()):
                continue
            steps, size = torch.tensor([len(said)]), torch.tensor([len(target)])
            total += float(ctc_loss(said[None], steps, target[None], size))
            count += max(1, len(target))
        rates = {name: error_rate(self.dev.texts, heard, unit) for name, unit in RATES.items()}
        return {"loss": total / max(1, count), **rates}

    def merit(self, figures: dict[str, float]) -> list[float]:
        """Fewer wrong words, then fewer wrong characters, then the loss."""
        return [-figures["wer"], -figures["cer"], -figures["loss"]]
