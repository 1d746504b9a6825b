"""What a forecaster is trained towards, and how a trained one reads whole series."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from treadle.cells import State
from treadle.tasks.forecast.network import ForecastNetwork
from treadle.tasks.forecast.windows import Ahead, Integers, Windows
from treadle.training import Objective

FEWEST_BATCHES = 20
"""Batches of an epoch at least: few series are read several times between two measurements on dev."""
DEV_ORIGINS = 2000
"""Steps that dev is measured at, at most; they lie in even distances."""
READ_AT_ONCE, READ_TOGETHER = 16384, 64
"""Steps of all rows together, and rows, that are held in memory where whole series are read."""
ANSWERED_AT_ONCE = 2_000_000
"""Raw numbers of a batch at most: of a longer horizon, fewer steps of a stretch are answered at."""


@dataclass(frozen=True)
class Stretches:
    """A batch: stretches of series, and the steps in them that are answered at.

    Attributes:
        series: `[batch]`, which series.
        start: `[batch]`, its first step.
        lengths: `[batch]`, its steps.
        rows: `[origins]`, rows of the batch.
        steps: `[origins]`, steps of those rows.
    """

    series: Integers
    start: Integers
    lengths: Integers
    rows: Integers
    steps: Integers


class StretchBatches:
    """Cuts all series into stretches anew in every epoch, by seed and epoch alone.

    Args:
        first: `[series]`: the first step that is answered at.
        end: `[series]`: the step after the last one that training may see.
        chunk: Steps of a stretch.
        rows: Stretches of a batch.
        origins: Steps of a batch that are answered at, at most.
        seed: Of the cuts.
    """

    def __init__(self, first: Integers, end: Integers, *, chunk: int, rows: int, origins: int, seed: int) -> None:
        self.first, self.end = first, end
        self.chunk, self.rows, self.origins, self.seed = chunk, rows, origins, seed
        self.usable = np.flatnonzero(end - 1 > first)
        a_pass = math.ceil(int(np.ceil((end[self.usable] - 1) / chunk).sum()) / rows)
        self.passes = max(1, math.ceil(FEWEST_BATCHES / a_pass))
        self.per_epoch = a_pass * self.passes

    def epoch(self, number: int) -> list[Stretches]:
        """The batches of an epoch."""
        rng = np.random.default_rng([self.seed, number])
        batches = []
        for _ in range(self.passes):
            series, start = self._cut(rng)
            order = rng.permutation(len(series))
            for begin in range(0, len(order), self.rows):
                chosen = order[begin : begin + self.rows]
                batches.append(self._batch(series[chosen], start[chosen], rng))
        return batches

    def _cut(self, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """Stretches that cover every series, from a random step on; the first begins where the series does."""
        series, start = [], []
        for one in self.usable:
            # A stretch needs a step after its last one, which it is asked about.
            inside = int(self.end[one]) - 1
            cuts = np.arange(int(rng.integers(self.chunk)) if inside > self.chunk else 0, inside, self.chunk)
            cuts = np.unique(np.minimum(np.concatenate([[0], cuts]), max(0, inside - self.chunk)))
            series.append(np.full(len(cuts), one))
            start.append(cuts)
        return np.concatenate(series), np.concatenate(start)

    def _batch(self, series: Integers, start: Integers, rng: np.random.Generator) -> Stretches:
        lengths = np.minimum(self.chunk, self.end[series] - 1 - start)
        rows = np.repeat(np.arange(len(series)), lengths)
        steps = np.concatenate([np.arange(length) for length in lengths])
        # The state is cold where a stretch begins within a series; a quarter of it warms up.
        cold = np.where(start[rows] > 0, self.chunk // 4, 0)
        kept = np.flatnonzero((start[rows] + steps >= self.first[series[rows]]) & (steps >= cold))
        if len(kept) > self.origins:
            kept = np.sort(rng.choice(kept, self.origins, replace=False))
        return Stretches(series, start, lengths, rows[kept], steps[kept])


def forecast_objective(
    network: ForecastNetwork, windows: Windows, batches: StretchBatches, dev: Sequence[Integers], dev_from: Integers
) -> Objective:
    """The loss on training stretches, and on the steps of dev.

    Args:
        network: To be trained.
        windows: The series, training and dev behind each other.
        batches: Stretches of the training part.
        dev: The origins of every series that dev is measured at.
        dev_from: The first step of every series that belongs to dev.
    """

    def loss(model: nn.Module, batch: Stretches) -> Tensor:
        series, origin = batch.series[batch.rows], batch.start[batch.rows] + batch.steps
        ahead = windows.ahead(series, origin, batches.end[series])
        asked = _asked(network, windows, batch.series, batch.start, batch.lengths, batch.rows, batch.steps)
        raw, _ = model(*asked)
        return mean_loss(network, raw, ahead)

    def evaluate(model: nn.Module) -> dict[str, float]:
        assert isinstance(model, ForecastNetwork)
        raw, series, origin = answer_at(model, windows, dev)
        ahead = only_from(windows.ahead(series, origin), origin, dev_from[series])
        point = raw_errors(model, raw, ahead)
        return {"loss": float(mean_loss(model, raw, ahead)), "scaled_error": point}

    def merit(found: dict[str, float]) -> list[float]:
        return [-found["loss"]]

    return Objective(network, batches, loss, evaluate, merit)


def only_from(ahead: Ahead, origin: Integers, first: Integers) -> Ahead:
    """The targets from certain steps on; those before count as missing."""
    steps = torch.from_numpy(origin)[:, None] + torch.arange(1, ahead.target.shape[1] + 1)
    target = ahead.target.masked_fill(steps < torch.from_numpy(first)[:, None], torch.nan)
    return Ahead(target, ahead.location, ahead.scale, ahead.known)


def losses(network: ForecastNetwork, raw: Tensor, ahead: Ahead) -> tuple[Tensor, Tensor]:
    """The loss of every step ahead, `[origins, horizon]`, zero where it does not count, and where it does."""
    counts = ~ahead.target.isnan() & (ahead.scale > 0)[:, None]
    scale = torch.where(ahead.scale > 0, ahead.scale, torch.ones_like(ahead.scale))[:, None].expand(counts.shape)
    target = torch.where(counts, ahead.target, ahead.location)
    if network.distribution.counts:
        y, location = target, torch.zeros_like(target)
    else:  # in scales already, before the last bits are given up
        y, location, scale = (target - ahead.location) / scale, torch.zeros_like(target), torch.ones_like(target)
    y, location, scale = (one.to(raw) for one in (y, location, scale))
    found = network.distribution.loss(raw, y, location, scale)
    here = counts.to(raw.device)
    return torch.where(here, found, torch.zeros_like(found)), here


def mean_loss(network: ForecastNetwork, raw: Tensor, ahead: Ahead) -> Tensor:
    """The mean over all that counts."""
    found, counts = losses(network, raw, ahead)
    return found.sum() / counts.sum().clamp(min=1)


def raw_errors(network: ForecastNetwork, raw: Tensor, ahead: Ahead) -> float:
    """The mean absolute error of the median, in scales."""
    counts = ~ahead.target.isnan() & (ahead.scale > 0)[:, None]
    scale = ahead.scale[:, None].expand(counts.shape)
    median = network.distribution.quantiles(
        raw.double().cpu(), torch.tensor([0.5], dtype=torch.float64), ahead.location, scale
    )[..., 0]
    error = (median - ahead.target).abs() / scale
    return float(error[counts].mean()) if bool(counts.any()) else 0.0


def answer_at(
    network: ForecastNetwork,
    windows: Windows,
    origins: Sequence[Integers],
    keep: Callable[[Integers, tuple[State, ...]], None] | None = None,
) -> tuple[Tensor, Integers, Integers]:
    """What a network answers at some steps, having read every series from its beginning.

    Args:
        network: In evaluation mode.
        windows: The series.
        origins: The steps of every series that are answered at, rising.
        keep: Is given the numbers of some series, and the states after the last origin of each.

    Returns:
        Raw numbers `[origins, horizon, size]` on the CPU, and for each the series and the step.
    """
    number = [len(one) for one in origins]
    begin = np.cumsum([0, *number])
    raw = torch.zeros(int(begin[-1]), network.horizon, network.distribution.size)
    upto = np.array([int(one[-1]) + 1 if len(one) else 0 for one in origins], dtype=np.int64)
    order = np.argsort(upto, kind="stable")
    with torch.no_grad():
        for group in (order[k : k + READ_TOGETHER] for k in range(0, len(order), READ_TOGETHER)):
            state: tuple[State, ...] | None = None
            window = max(1, READ_AT_ONCE // len(group))
            for start in range(0, int(upto[group].max()), window):
                lengths = np.clip(upto[group] - start, 0, window)
                asked = [np.searchsorted(origins[one], [start, start + window]) for one in group]
                at = np.concatenate([np.arange(a, b) + begin[one] for (a, b), one in zip(asked, group, strict=True)])
                rows = np.repeat(np.arange(len(group)), [b - a for a, b in asked])
                steps = np.concatenate([origins[one][a:b] - start for (a, b), one in zip(asked, group, strict=True)])
                begins = np.minimum(start, windows.lengths[group])
                found, state = network(*_asked(network, windows, group, begins, lengths, rows, steps), state)
                raw[torch.from_numpy(at)] = found.float().cpu()
            if keep is not None and state is not None:
                keep(group, state)
    series = np.repeat(np.arange(len(origins)), number)
    return raw, series, np.concatenate([np.asarray(one, dtype=np.int64) for one in origins])


def _asked(
    network: ForecastNetwork,
    windows: Windows,
    series: Integers,
    start: Integers,
    lengths: Integers,
    rows: Integers,
    steps: Integers,
) -> tuple[Tensor, ...]:
    """The arguments of the network for some stretches."""
    x, counted = windows.inputs(series, start, lengths)
    known = windows.ahead(series[rows], start[rows] + steps).known
    parts = (x, counted, torch.from_numpy(rows), torch.from_numpy(steps), known)
    return tuple(part.to(network.head.weight.device) for part in parts)
