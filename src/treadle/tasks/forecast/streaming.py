"""A forecaster on a stream: after every value, what comes next and how sure that is."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from treadle.data.forecasting import show
from treadle.data.series import LARGEST, is_absent, is_real
from treadle.errors import InputError
from treadle.streaming import StreamModel
from treadle.streaming.layers import LayerSteps, settled
from treadle.streaming.model import identity
from treadle.tasks.forecast.features import PanelFeatures
from treadle.tasks.forecast.frames import column_names
from treadle.tasks.forecast.moments import read_stamp
from treadle.tasks.forecast.network import ForecastNetwork
from treadle.tasks.forecast.scaling import Floats
from treadle.tasks.forecast.steps import COUNT, SCALE, SeriesSteps
from treadle.tasks.forecast.transform import undo

Array = NDArray[Any]

STAMP, STATIC, AHEAD = "series.stamp", "series.static", "series.ahead"
"""Beside the memory of `SeriesSteps`: the stamp of the last value, covariates that do not change, and those of the next
step."""

_Y, _STAMP = 0, 1


class ForecastStreamModel(StreamModel):
    """A forecaster that reads a series value by value, in memory of one window and the states of the layers.

    A step is a number, or None for a missing one, or a dict: `y`; `ds`, the time stamp, which the first step of a model
    with a calendar must have, and which every later one may leave out; a number for each covariate that is known up to
    now or does not change; and under `next` a dict of the covariates of the next step that are known in advance.

    The answer is a dict: `y`, the median of the next value, and the quantiles `y_10`, ..., `y_90`, a level each; they
    are those of `Forecaster.predict` on all that was read.

    Args:
        features: Fitted.
        network: Trained.
        levels: Of the quantiles.
        rows: Streams at most.
        threads: Threads at most.
    """

    def __init__(
        self,
        features: PanelFeatures,
        network: ForecastNetwork,
        levels: Sequence[float],
        rows: int = 1,
        threads: int = 1,
    ) -> None:
        self.rows, self.features = rows, features
        self.identity = identity(network, str(features.to_json()), str(tuple(levels)))
        self._network: ForecastNetwork = settled(network)
        self._layers = LayerSteps(self._network.stack, rows, threads)
        self._series = SeriesSteps(features, rows)
        self.explanation = self._layers.explanation
        self._levels = torch.tensor([*levels, 0.5], dtype=torch.float64)
        self._names = column_names(levels)
        self._columns = _columns(features)
        own = {
            STAMP: np.zeros(1, dtype=np.int64),
            STATIC: np.full(len(features.static.names), np.nan),
            AHEAD: np.zeros(len(features.future.names)),
            "output.features": np.zeros(self._layers.y.shape[1], dtype=self._layers.y.dtype),
        }
        self.initial = {**self._series.initial, **self._layers.initial, **own}
        beside = {name: np.repeat(one[None], rows, 0) for name, one in own.items()}
        self.state = {**self._series.state, **self._layers.state, **beside}

    def read(self, step: Any) -> Array:
        """`[1, columns]`: value, stamp, and covariates.

        Raises:
            InputError: It is no step of this model.
        """
        given = step if isinstance(step, Mapping) else {"y": _single(step)}
        ahead = given.get("next", {})
        if not isinstance(ahead, Mapping):
            raise InputError(f"'next' holds the covariates of the next step by name, found {ahead!r:.50}")
        features = self.features
        parts = {"y": given, **dict.fromkeys((*features.past.names, *features.static.names), given)}
        parts |= dict.fromkeys(features.future.names, ahead)
        allowed = {"y", "ds", "next", *features.past.names, *features.static.names}
        for name in (*given, *ahead):
            if name not in allowed | set(features.future.names):
                raise InputError(f"a step of this stream has no {name!r}, expected {', '.join(sorted(allowed))}")
        row = np.full(self._columns, np.nan)
        row[_STAMP] = read_stamp(given.get("ds"), features)
        places = [_Y, *range(_STAMP + 1, self._columns)]
        for place, (name, holder) in zip(places, parts.items(), strict=True):
            row[place] = _number(name, holder.get(name))
        for name in features.future.names:
            if ahead.get(name) is None:
                raise InputError(f"a step of this stream needs the {name!r} of the next step, expected it under 'next'")
        row[_Y] = features.transformed(row[:1], lambda _: "the step")[0]
        return row[None]

    def advance(self, x: Array) -> None:
        """Read a value in every one of the first rows.

        Raises:
            InputError: A stream begins with a missing value, or without what the model needs from the first step on;
                nothing has changed.
        """
        rows, features = len(x), self.features
        fresh = self.state[COUNT][:rows, 0] == 0
        if np.isnan(x[fresh, _Y]).any():
            raise InputError("the first step of a stream has no value, expected a number")
        ends = np.cumsum([_STAMP + 1, len(features.past.names), len(features.static.names), len(features.future.names)])
        past, static, future = (x[:, a:b] for a, b in pairwise(ends))
        if np.isnan(static[fresh]).any():
            raise InputError(f"the first step of a stream needs {', '.join(features.static.names)}")
        stamp = self._next_stamps(x[:, _STAMP], self.state[STAMP][:rows, 0], fresh)
        calendar = self._calendar(stamp)
        kept = self.state[STATIC][:rows]
        kept[...] = np.where(np.isnan(static), kept, static)
        self.state[STAMP][:rows, 0] = stamp
        standard = features.future.apply(future)
        self.state[AHEAD][:rows] = standard
        read = self._series.take(x[:, _Y], calendar, standard, features.past.apply(past), features.static.apply(kept))
        self._layers.x[:rows] = read
        self._layers.run(rows)
        self.state["output.features"][:rows] = self._layers.y[:rows]

    def _next_stamps(self, given: Floats, last: Array, fresh: Array) -> Array:
        """The stamps of this step: as given, or one step after the last."""
        frequency = self.features.frequency
        if not self.features.calendar:
            return np.where(np.isnan(given), last, np.nan_to_num(given)).astype(np.int64)
        if np.isnan(given[fresh]).any():
            raise InputError(
                "the first step of this stream needs its time stamp, expected {'ds': ..., 'y': ...}; or train with "
                "calendar=False"
            )
        before = frequency.array(last.astype("datetime64[s]" if frequency.dated else np.int64))
        expected = np.asarray(frequency.shift(before, np.ones(len(last), np.int64))).astype(np.int64)
        wrong = ~fresh & ~np.isnan(given) & (given != expected)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            found, right = (show(np.datetime64(int(one[row]), "s")) for one in (given, expected))
            raise InputError(f"the step is of {found}, expected {right}; a missing value is sent as one")
        return np.where(fresh, np.nan_to_num(given), expected).astype(np.int64)

    def _calendar(self, stamps: Array) -> Floats:
        """Of the step after these stamps, `[rows, C]`."""
        if not self.features.calendar:
            return np.zeros((len(stamps), 0))
        frequency = self.features.frequency
        now = frequency.array(stamps.astype("datetime64[s]" if frequency.dated else np.int64))
        return self.features.calendar_of(frequency.shift(now, np.ones(len(stamps), np.int64)))

    def answers(self, rows: int) -> Sequence[Any]:
        """What each row expects next."""
        network, features = self._network, self.features
        known = np.zeros((rows, network.horizon, len(features.future.names)), dtype=np.float32)
        known[:, 0] = self.state[AHEAD][:rows]
        parts = (self.state["output.features"][:rows], known)
        with torch.no_grad():
            raw = network.raw(*(torch.from_numpy(part) for part in parts))[:, 0].double()
        location = torch.from_numpy(self._series.location(rows)[:, 0])
        scale = torch.from_numpy(self.state[SCALE][:rows, 0])
        found = network.distribution.quantiles(raw, self._levels, location, scale)
        found[:, :-1] += network.offsets[0].double() * scale[:, None]
        values = undo(features.transform, found.numpy())
        told = []
        for row in values:
            quantiles = np.sort(row[:-1])
            median = quantiles[self._names.index("y_50")] if "y_50" in self._names else row[-1]
            told.append({"y": float(median), **dict(zip(self._names, quantiles.tolist(), strict=True))})
        return told


def _columns(features: PanelFeatures) -> int:
    return 2 + len(features.past.names) + len(features.static.names) + len(features.future.names)


def _single(step: Any) -> Any:
    """A value out of a list of one, as a line of numbers gives it."""
    values = np.asarray(step, dtype=object)
    if values.size != 1:
        raise InputError(f"a step of this stream is one number or a dict with 'y', found {step!r:.50}")
    return values.item()


def _number(name: str, value: Any) -> float:
    """A number; NaN where it is missing."""
    if is_absent(value):
        return np.nan
    if isinstance(value, bool) or not is_real(value):
        raise InputError(f"{name!r} is {value!r:.50}, expected a number or nothing")
    if abs(value) > LARGEST:
        raise InputError(f"{name!r} is {value!s:.50}, expected a number up to 3.4e38, or nothing")
    return float(value)
