"""A number at every step of a series: the network, its windows, what it is trained towards, what it answers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from treadle.data import BucketBatches, Ragged
from treadle.errors import InputError, counted
from treadle.nn import length_mask
from treadle.tasks.sequence.features import Feature, Where
from treadle.tasks.sequence.network import SequenceNetwork
from treadle.tasks.sequence.targets import StepTarget, Target
from treadle.tasks.settings import NetworkSettings
from treadle.training import Objective
from treadle.training.carried import CarriedStates, States

WINDOW = 4096
"""Steps that are read at once where nothing is learnt and no other number was given."""
TOKENS, ROWS = 4 * 8192, 256
"""Size of a batch there."""


class Window(NamedTuple):
    """Some steps of some rows; `first` where the rows begin here, otherwise they go on from the window before."""

    rows: NDArray[np.int64]
    start: int
    stop: int
    first: bool


class Windows:
    """Batches of rows, each cut into windows of equally many steps, in their order.

    Args:
        lengths: `[rows]`.
        steps: Of a window; None for whole rows.
        tokens: Padded steps of a window at most.
        max_rows: Of a batch.
        seed: Of the order.
        shuffle: As in `BucketBatches`.
    """

    def __init__(
        self, lengths: Tensor, steps: int | None, *, tokens: int, max_rows: int, seed: int = 0, shuffle: bool = True
    ) -> None:
        self.lengths, self.steps = lengths.numpy(), steps
        if steps is not None:  # then it is the window, not the row, that has to be held
            max_rows = max(1, min(max_rows, tokens // steps))
            tokens = max_rows * max(1, int(lengths.max()))
        self.batches = BucketBatches(lengths, tokens=tokens, max_rows=max_rows, seed=seed, shuffle=shuffle)

    def epoch(self, number: int) -> list[Window]:
        """The windows of one epoch."""
        found = []
        for rows in self.batches.epoch(number):
            longest = max(1, int(self.lengths[rows].max()))
            steps = self.steps or longest
            found += [Window(rows, start, start + steps, start == 0) for start in range(0, longest, steps)]
        return found


class StepNetwork(SequenceNetwork):
    r"""One input column to a number a step: \(o_t = w^\top y_t + b\), with \(y = \mathrm{stack}(x)\).

    Args:
        feature: The column.
        settings: The shape; its pooling is left aside.
        bptt: Steps that are read at once where nothing is learnt, too; None for whole rows, or `WINDOW`.
    """

    def __init__(self, feature: Feature, settings: NetworkSettings, bptt: int | None) -> None:
        # A stream answers by the last output, which is what this pooling gives.
        super().__init__([feature], 1, settings.model_copy(update={"pooling": "last"}))
        self.bptt = bptt

    def forward(  # type: ignore[override]  # with the states that windows are joined by
        self, inputs: Sequence[tuple[Tensor, Tensor]], state: States | None = None
    ) -> tuple[Tensor, States]:
        """A padded batch, its lengths, and the states before it, to `[batch, time]` and the states after it."""
        ((x, lengths),) = inputs
        y, after = self.encoder(0).stack(self.encoder(0).embed(x), state, lengths=lengths)
        return self.head(self.dropout(y)).squeeze(2), after

    def answers(self, inputs: Sequence[Ragged]) -> Tensor:
        """What is said of every step of every row, one row after the other: `[steps, 1]`, on the CPU in float32."""
        (column,) = inputs
        found, device = torch.zeros(len(column.values), 1), next(self.parameters()).device
        causal = not self.encoder(0).stack.bidirectional
        steps = (self.bptt or WINDOW) if causal else None
        windows = Windows(column.lengths, steps, tokens=TOKENS, max_rows=ROWS, shuffle=False)
        self.eval()
        state: States | None = None
        with torch.no_grad():
            for window in windows.epoch(0) if len(column) else []:
                x, lengths = column.pad(window.rows, window.start, window.stop)
                answer, state = self([(x.to(device), lengths.to(device))], None if window.first else state)
                real = length_mask(lengths, x.shape[1])
                first = column.offsets[torch.from_numpy(window.rows)] + window.start
                found[(first[:, None] + torch.arange(x.shape[1]))[real], 0] = answer.float().cpu()[real]
        return found


def step_objective(
    network: StepNetwork,
    target: StepTarget,
    windows: Windows,
    rows: tuple[list[Ragged], Tensor],
    dev: tuple[list[Ragged], Tensor],
) -> Objective:
    r"""The mean squared error of the steps of a window.

    With windows shorter than the rows it is truncated backpropagation through time: a window begins with the states
    that the one before it ended with, and no gradient goes back beyond its first step. What training holds is then that
    of one window, however long the rows are.

    Args:
        network: To be trained.
        target: What is predicted.
        windows: Of the training rows.
        rows: The numbers of the column, and the targets of all steps.
        dev: The same of the rows that the best epoch is chosen by.

    Source: R. Williams & J. Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories", 1990.
    """
    ((column,), targets), (dev_inputs, dev_targets) = rows, dev
    truth = Ragged(targets, column.offsets)
    carried = CarriedStates(network.encoder(0).stack)

    def loss(model: nn.Module, window: Window) -> Tensor:
        device = next(model.parameters()).device
        x, lengths = column.pad(window.rows, window.start, window.stop)
        wanted, _ = truth.pad(window.rows, window.start, window.stop)
        answer, after = model([(x.to(device), lengths.to(device))], None if window.first else carried.states)
        if windows.steps is not None:
            carried.keep(after)
        real = length_mask(lengths, x.shape[1]).to(device)
        squares = torch.where(real, answer - wanted.to(device), 0).square()
        return squares.sum() / real.sum().clamp(min=1)

    def evaluate(_: nn.Module) -> dict[str, float]:
        answer = network.answers(dev_inputs)
        return {"loss": float(target.loss(answer, dev_targets)), **target.dev_metrics(answer, dev_targets)}

    joined = carried if windows.steps is not None else None
    return Objective(network, windows, loss, evaluate, target.merit, joined, network.layers())


def check_targets(target: Target, inputs: Sequence[Ragged], y: Sequence[Any], where: Where) -> None:
    """Hold numbers that are to be predicted to the rows and steps that they belong to.

    Args:
        target: What the model predicts: a number a row, or a number a step.
        inputs: The numbers of every column.
        y: The targets of every row.
        where: The place of a row.

    Raises:
        InputError: The targets are of the other kind, a row has not one for each step, or no row has a step.
    """
    for row, (steps, targets) in enumerate(zip(inputs[0].lengths.tolist(), y, strict=True)):
        if np.ndim(targets) != target.per_step:
            found, expected = ("a list of targets", "one number") if np.ndim(targets) else ("one number", "a list")
            raise InputError(f"{where(row)}: found {found}, expected {expected}, as in training")
        if target.per_step and steps != len(targets):
            numbers = f"{counted(steps, 'step')} and {counted(len(targets), 'target')}"
            raise InputError(f"{where(row)}: found {numbers}, expected a target for each step")
    if target.per_step and not len(inputs[0].values):
        raise InputError("no row has a step, expected a series with a target for each step")
