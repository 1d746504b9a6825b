"""Joint samples: whole paths into the future, whose steps belong together."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.cells import State
from treadle.data.forecasting import Panel
from treadle.tasks.forecast.features import PanelFeatures
from treadle.tasks.forecast.network import ForecastNetwork
from treadle.tasks.forecast.objective import answer_at
from treadle.tasks.forecast.scaling import Floats, running_sums
from treadle.tasks.forecast.steps import COUNT, LEVEL, PAST, SCALE, SUMS, WINDOW, SeriesSteps
from treadle.tasks.forecast.windows import Ahead, Integers, Windows

SURE = 1e-3
"""Probabilities are held this far from 0 and 1 before they become normal scores."""


def rank_correlation(network: ForecastNetwork, raw: Tensor, ahead: Ahead) -> Tensor:
    r"""How the errors of the steps ahead go together: the correlation of their normal scores, `[horizon, horizon]`.

    The score of a value is \(\Phi^{-1}(F(y))\), with F what was forecast. Pairs with a missing value do not count, and
    what noise made indefinite is repaired.

    Args:
        network: The forecaster.
        raw: Its raw numbers at some origins.
        ahead: What came.
    """
    scale = torch.where(ahead.scale > 0, ahead.scale, torch.ones_like(ahead.scale))[:, None]
    counts = (~ahead.target.isnan() & (ahead.scale > 0)[:, None]).double()
    target = torch.where(counts > 0, ahead.target, ahead.location)
    found = network.distribution.probability(raw.double(), target, ahead.location, scale.expand(target.shape))
    score = torch.special.ndtri(found.clamp(SURE, 1 - SURE)) * counts
    covariance = (score.T @ score) / (counts.T @ counts).clamp(min=1)
    covariance = torch.where(counts.T @ counts >= 10, covariance, torch.eye(len(covariance)).to(covariance))
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    mended = vectors @ torch.diag(values.clamp(min=1e-4)) @ vectors.T
    spread = mended.diagonal().sqrt()
    correlation: Tensor = mended / spread[:, None] / spread
    return correlation.float()


def draws_of(names: Sequence[str], seed: int) -> list[torch.Generator]:
    """A source of draws for every series, by its name alone: a forecast does not depend on who else is asked about."""
    seeds = [int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=7).digest()) for name in names]
    return [torch.Generator().manual_seed(one) for one in seeds]


def coupled_paths(
    network: ForecastNetwork, raw: Tensor, ahead: Ahead, paths: int, draws: Sequence[torch.Generator]
) -> Floats:
    r"""Paths of a direct forecaster: its quantiles at levels that go together, by a Gaussian copula.

    $$u = \Phi(L \varepsilon), \qquad y_h = Q_h(u_h), \qquad L L^\top = \text{`rank_correlation`}$$

    Args:
        network: Trained, in evaluation mode.
        raw: Its raw numbers at an origin of every series.
        ahead: What they stand about.
        paths: Number of paths a series.
        draws: Of every series.

    Returns:
        `[paths, series, horizon]`, transformed.
    """
    factor = torch.linalg.cholesky(network.correlation.double().cpu())
    size = (paths, ahead.location.shape[1])
    drawn = torch.stack([torch.randn(size, generator=one, dtype=torch.float64) for one in draws], 1)
    levels = torch.special.ndtr(drawn @ factor.T)
    scale = ahead.scale[:, None].expand(ahead.location.shape)
    found = [network.distribution.at(raw.double(), one, ahead.location, scale) for one in levels]
    return torch.stack(found).numpy()


def ancestral_paths(
    network: ForecastNetwork,
    features: PanelFeatures,
    panel: Panel,
    windows: Windows,
    horizon: int,
    paths: int,
    draws: Sequence[torch.Generator],
) -> tuple[Floats, Tensor, Ahead]:
    """Paths of an autoregressive forecaster: every step is drawn after those before it were read.

    Covariates that are known only up to now keep their last values.

    Args:
        network: Trained, in evaluation mode.
        features: Of the panel.
        panel: Whose ends are continued.
        windows: The same, encoded.
        horizon: Steps ahead.
        paths: Number of paths a series.
        draws: Of every series.

    Returns:
        `[paths, series, horizon]`, transformed; and of the first step the raw numbers and what they stand about.
    """
    last = windows.lengths - 1
    after: dict[int, tuple[State, ...]] = {}

    def keep(group: Integers, state: tuple[State, ...]) -> None:
        for row, one in enumerate(group):
            after[int(one)] = tuple(type(layer)(*(field[row : row + 1] for field in layer)) for layer in state)

    raw, series, origin = answer_at(network, windows, [np.array([one]) for one in last], keep)
    first = windows.ahead(series, origin)
    found = np.empty((paths, len(panel), horizon))
    for one in range(len(panel)):
        steps = SeriesSteps(features, paths)
        steps.begin(_memory(features, windows, one))
        state = tuple(type(layer)(*(f.repeat(paths, 1) for f in layer)) for layer in after[one])
        beyond = _Beyond(features, panel, one, horizon, paths)
        answer = raw[one, 0].expand(paths, -1)
        with torch.no_grad():
            for step in range(horizon):
                location, scale = (torch.from_numpy(x) for x in (steps.location(paths)[:, 0], steps.scale(paths)))
                drawn = network.distribution.sample(answer.double(), location, scale, draws[one])
                found[:, one, step] = drawn.numpy()
                if step + 1 < horizon:
                    x = torch.from_numpy(steps.take(found[:, one, step], *beyond.read(step)))
                    known = torch.from_numpy(beyond.known(step + 1))
                    answer_all, state = network.step(x.to(network.head.weight), known.to(network.head.weight), state)
                    answer = answer_all[:, 0].cpu()
    return found, raw, first


class _Beyond:
    """What is known of the steps after the end of a series, for rows that all continue it."""

    def __init__(self, features: PanelFeatures, panel: Panel, one: int, horizon: int, rows: int) -> None:
        steps = len(panel.values[one])
        self.rows = rows
        stamps = panel.stamps(one, horizon + 1)[steps:]
        self._calendar = features.calendar_of(stamps)
        given = panel.future[one][steps:][: horizon + 1]
        future = np.full((horizon + 1, len(features.future.names)), np.nan)
        future[: len(given)] = features.future.apply(given)
        self._future = np.nan_to_num(future)
        self._static = features.static.apply(panel.static[one])
        self._past = np.full(len(features.past.names), np.nan)

    def read(self, step: int) -> tuple[Floats, Floats, Floats, Floats]:
        """What `SeriesSteps.take` is told with the value of a step."""
        parts = (self._calendar[step + 1], self._future[step + 1], self._past, self._static)
        calendar, future, past, static = (np.broadcast_to(part, (self.rows, len(part))) for part in parts)
        return calendar, future, past, static

    def known(self, step: int) -> NDArray[np.float32]:
        """`[rows, 1, F]`: covariates of a step that are known in advance."""
        known: NDArray[np.float32] = np.broadcast_to(self._future[step], (self.rows, 1, len(self._future[step])))
        return known.astype(np.float32)


def _memory(features: PanelFeatures, windows: Windows, one: int) -> dict[str, NDArray[Any]]:
    """What `SeriesSteps` would remember of a series that was read to its end."""
    begin, steps = int(windows.first[one]), int(windows.lengths[one])
    end = begin + steps
    filled = windows.filled.numpy()
    columns = len(features.past.names)
    start = 4 + len(features.calendar) + len(features.future.names)
    return {
        WINDOW: filled[end - features.lookback : end],
        COUNT: np.array([steps]),
        SUMS: running_sums(filled[begin:end])[-1],
        PAST: windows.other[end - 1, start : start + columns].double().numpy(),
        LEVEL: windows.level[end - 1 : end].numpy(),
        SCALE: windows.spread[end - 1 : end].numpy(),
    }
