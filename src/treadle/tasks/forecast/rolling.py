"""Forecasts from many points in time of series that are known further: what happened is then there to compare."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from treadle.data.forecasting import Panel
from treadle.errors import InputError, counted
from treadle.evaluation.forecast_scores import HeldOut
from treadle.evaluation.forecasting import Forecasts
from treadle.tasks.forecast.estimator import Forecaster

_AT_ONCE = 20_000_000
"""Numbers that one reading of the series may answer with; of more origins, they are read again."""

Origins = Sequence[Sequence[int]]
"""Of every series, how many of its steps are known each time: rising; none for a series that is left out."""


@dataclass(frozen=True)
class Rolled:
    """Forecasts from several origins, and what happened.

    Attributes:
        panel: The series.
        forecasts: Series by series, origins rising.
        held: What happened, in the same order.
        series: Of every forecast, the number of its series.
        origins: Of every forecast, how many steps were known.
    """

    panel: Panel
    forecasts: Forecasts
    held: HeldOut
    series: Sequence[int]
    origins: Sequence[int]

    def stamps(self, number: int) -> NDArray[np.generic]:
        """`[history + horizon]` stamps of a forecast."""
        start = self.panel.starts[self.series[number]]
        return self.panel.frequency.range(start, self.origins[number] + len(self.held.truth[number]))


def rolling_origin(
    estimator: Forecaster,
    panel: Panel,
    *,
    horizon: int | None = None,
    windows: int | None = 10,
    step: int | None = None,
    earliest: Sequence[int] | None = None,
    refit: bool = False,
) -> Rolled:
    """Forecast the end of every series again and again, each time from a step later, as if the rest were not known.

    Source: L. Tashman, "Out-of-sample tests of forecasting accuracy: an analysis and review", International Journal of
    Forecasting 16, 2000.

    Args:
        estimator: A fitted forecaster; with `refit`, its arguments are enough.
        panel: The series, of which the model may have learnt the beginning.
        horizon: Steps of every forecast; by default the model's.
        windows: Forecasts of every series; the last one ends with the series. None for all
            that `earliest` leaves; a series that is too short for all has fewer.
        step: Steps from one origin to the next; by default the horizon, so that no step is forecast twice.
        earliest: Steps of every series that are known at least; by default a season and one more.
        refit: Whether the model learns anew at every origin from what was known there, all series that far from their
            end; else it keeps its weights, and only reads on.

    Raises:
        InputError: An argument lies outside its range; a series is too short for a single forecast; or the model
            refuses the series.
    """
    steps = horizon if horizon is not None else (estimator.horizon if refit else estimator.horizon_)
    if steps is None:
        raise InputError("the horizon is not told, expected a number of steps where a model is refitted")
    every = steps if step is None else step
    for name, value in (("horizon", steps), ("windows", 1 if windows is None else windows), ("step", every)):
        if value < 1:
            raise InputError(f"{name} is {value}, expected 1 or more")
    season = (estimator.season or 1) if refit else estimator.features_.season
    least = [season + 1] * len(panel) if earliest is None else earliest
    origins = [_origins(panel, number, steps, windows, every, least[number]) for number in range(len(panel))]
    return _refitted(estimator, panel, origins, steps) if refit else forecasts_from(estimator, panel, origins, steps)


def forecasts_from(estimator: Forecaster, panel: Panel, origins: Origins, horizon: int) -> Rolled:
    """Forecasts from given origins. What happened after the end of a series is missing.

    Args:
        estimator: A fitted forecaster.
        panel: The series.
        origins: Where in every series.
        horizon: Steps of every forecast.

    Raises:
        InputError: The model refuses the series.
    """
    found: dict[int, list[Forecasts]] = {}
    for count in sorted({len(one) for one in origins} - {0}):
        chosen = [number for number, one in enumerate(origins) if len(one) == count]
        some = panel.take(chosen)
        rounds = max(1, _AT_ONCE // (len(chosen) * horizon * max(1, len(estimator.settings_.levels))))
        made: list[Forecasts] = []
        for first in range(0, count, rounds):
            made += estimator.predict_origins(some, [origins[one][first : first + rounds] for one in chosen], horizon)
        found |= {number: [one.take([place]) for one in made] for place, number in enumerate(chosen)}
    return _rolled(panel, origins, horizon, estimator.features_.season, found)


def _refitted(estimator: Forecaster, panel: Panel, origins: Origins, horizon: int) -> Rolled:
    """The same, with a model trained anew for each; origins are counted from the last one back."""
    found: dict[int, list[Forecasts]] = {number: [] for number, one in enumerate(origins) if one}
    season = 1
    for back in range(max(map(len, origins)), 0, -1):
        chosen = [number for number, one in enumerate(origins) if len(one) >= back]
        known = panel.take(chosen).until([origins[one][-back] for one in chosen])
        fitted = clone(estimator).fit_panel(known)
        season = fitted.features_.season
        forecasts = fitted.predict_panel(known, horizon)
        for place, number in enumerate(chosen):
            found[number].append(forecasts.take([place]))
    return _rolled(panel, origins, horizon, season, found)


def _rolled(panel: Panel, origins: Origins, horizon: int, season: int, found: dict[int, list[Forecasts]]) -> Rolled:
    pairs = [(number, origin) for number, one in enumerate(origins) for origin in one]
    parts = [forecasts for number in range(len(panel)) for forecasts in found.get(number, [])]
    truth = [_ahead(panel.values[number], origin, horizon) for number, origin in pairs]
    # Forecasts as far from the end of their series share a stretch of time.
    stretch = [(len(panel.values[number]) - origin - 1) // horizon for number, origin in pairs]
    names = [panel.ids[number] for number, _ in pairs]
    return Rolled(
        panel,
        Forecasts(names, [one.point[0] for one in parts], parts[0].levels, [one.quantiles[0] for one in parts]),
        HeldOut(names, [panel.values[number][:origin] for number, origin in pairs], truth, season, stretch),
        [number for number, _ in pairs],
        [origin for _, origin in pairs],
    )


def _ahead(values: NDArray[np.float64], origin: int, horizon: int) -> NDArray[np.float64]:
    known = values[origin : origin + horizon]
    return np.concatenate([known, np.full(horizon - len(known), np.nan)])


def _origins(panel: Panel, number: int, horizon: int, windows: int | None, step: int, least: int) -> list[int]:
    """The origins of one series, the last one a horizon before its end.

    Raises:
        InputError: It is too short for one.
    """
    last = len(panel.values[number]) - horizon
    if last < least:
        raise InputError(
            f"{panel.where(number)}: has {counted(len(panel.values[number]), 'step')}, expected at least "
            f"{least + horizon:,} to forecast the last {horizon:,} from those before"
        )
    possible = (last - least) // step + 1
    count = possible if windows is None else min(windows, possible)
    return [last - back * step for back in range(count - 1, -1, -1)]
