"""From series to what a forecaster is trained and calibrated on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from treadle.data.forecasting import Panel
from treadle.errors import InputError, counted
from treadle.tasks.forecast.conformal import conformal_offsets
from treadle.tasks.forecast.features import PanelFeatures
from treadle.tasks.forecast.network import ForecastNetwork
from treadle.tasks.forecast.objective import answer_at, only_from
from treadle.tasks.forecast.paths import rank_correlation
from treadle.tasks.forecast.settings import choose_lookback
from treadle.tasks.forecast.transform import Transform, choose_transform
from treadle.tasks.forecast.windows import Integers, Windows, even_origins

DEV_ORIGINS, CALIBRATION_ORIGINS = 2000, 4000
"""Steps of all series together that dev is measured at, and that errors are gathered from after training."""
BEGIN_ORIGINS = 1000
"""Steps of a series whose errors the network begins with."""


def dev_begins(panel: Panel, fraction: float, season: int | None) -> list[int]:
    """Where the part begins, in every series, that the best epoch is chosen by: at its end.

    It is a fraction of the series, at least a season (the shortest customary one, where none is given), and at most a
    third.
    """
    least = season or max(panel.frequency.seasons[:1], default=1)
    lengths = [len(one) for one in panel.values]
    return [n - min(max(math.ceil(fraction * n), least), n // 3) for n in lengths]


def fit_features(train: Panel, arguments: Mapping[str, Any], season: int, horizon: int) -> PanelFeatures:
    """What is found in the training part of series.

    Args:
        train: That part.
        arguments: Of the forecaster.
        season: Steps of a season.
        horizon: Steps ahead.
    """
    counts = arguments["output"] == "negative-binomial"
    given: Any = "none" if counts else arguments["transform"]
    transform: Transform = choose_transform(train.values, season) if given == "auto" else given
    longest = max(len(one) for one in train.values)
    lookback = arguments["lookback"] or choose_lookback(train.frequency, season, horizon, longest)
    return PanelFeatures.fit(
        train,
        season=season,
        horizon=horizon if arguments["mode"] == "direct" else 1,
        lookback=max(lookback, season),
        lags=min(arguments["lags"], max(lookback, season)),
        transform=transform,
        scaling=arguments["scaling"],
        counts=counts,
        calendar=arguments["calendar"] and train.frequency.dated,
    )


@dataclass(frozen=True)
class Part:
    """Series, of which one part is trained on and the rest is dev.

    Attributes:
        windows: All of them.
        first: `[series]`: the first step that is answered at.
        end: `[series]`: where dev begins.
        learnt: `[series]`: where training ends: there, or after dev.
    """

    windows: Windows
    first: Integers
    end: Integers
    learnt: Integers

    @classmethod
    def of(cls, panel: Panel, features: PanelFeatures, end: Integers, *, everything: bool = False) -> Self:
        """Encode series whose dev parts begin at `end`, and are learnt from if `everything` is.

        Raises:
            InputError: Not one of them has a step to learn from.
        """
        windows = features.encode(panel)
        end = end - windows.skipped
        learnt = windows.lengths if everything else end
        first = np.minimum(features.season, np.maximum(1, learnt // 3))
        if not (learnt - 1 > first).any():
            longest = int(np.argmax(learnt))
            steps = counted(int(learnt[longest]), "step")
            raise InputError(
                f"{panel.where(longest)}: the longest series has {steps} to learn from, expected at least "
                f"{int(first[longest]) + 2}"
            )
        return cls(windows, first, end, learnt)

    def dev_origins(self) -> list[Integers]:
        """The steps of every series from which a step of dev is ahead."""
        most = max(4, DEV_ORIGINS // len(self.windows))
        begin = np.maximum(self.first, self.end - self.windows.horizon)
        return [even_origins(a, n - 1, most) for a, n in zip(begin, self.windows.lengths, strict=True)]

    def base_errors(self) -> Tensor:
        """What the base errs by in training, `[origins, horizon]`, in scales; of counts, themselves in scales."""
        origins = [even_origins(a, b - 1, BEGIN_ORIGINS) for a, b in zip(self.first, self.learnt, strict=True)]
        series = np.repeat(np.arange(len(origins)), [len(one) for one in origins])
        ahead = self.windows.ahead(series, np.concatenate(origins), self.learnt[series])
        scale = torch.where(ahead.scale > 0, ahead.scale, torch.nan)
        return (ahead.target - ahead.location) / scale[:, None]

    def calibrate(self, network: ForecastNetwork, levels: Sequence[float], *, conformal: bool) -> None:
        """After training: how the steps of a path go together, and what makes the quantiles cover what they say."""
        most = max(4, CALIBRATION_ORIGINS // len(self.windows))
        origins = [even_origins(a, n - 1, most) for a, n in zip(self.first, self.windows.lengths, strict=True)]
        raw, series, origin = answer_at(network, self.windows, origins)
        ahead = self.windows.ahead(series, origin)
        network.correlation.copy_(rank_correlation(network, raw, ahead))
        if not conformal:
            return
        ahead = only_from(ahead, origin, self.end[series])
        scale = ahead.scale[:, None].expand(ahead.location.shape)
        asked = torch.tensor(levels, dtype=torch.float64)
        found = network.distribution.quantiles(raw.double(), asked, ahead.location, scale)
        scale = torch.where(scale > 0, scale, torch.nan)
        quantiles = (found - ahead.location[..., None]) / scale[..., None]
        truth = (ahead.target - ahead.location) / scale
        offsets = conformal_offsets(quantiles.numpy(), truth.numpy(), levels)
        network.offsets.copy_(torch.from_numpy(offsets))
