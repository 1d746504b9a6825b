"""From a panel to the numbers of a network: transform, fill, scale, calendar, covariates, fitted on training data."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting import Frequency, Panel, calendar_features
from treadle.errors import InputError, counted
from treadle.tasks.forecast.blend import fit_base, refit_base
from treadle.tasks.forecast.scaling import Floats, Scaler, Scaling, fill, running_sums, usual_scale
from treadle.tasks.forecast.transform import Transform, apply
from treadle.tasks.forecast.windows import EncodedSeries, Windows

FARTHEST = 10.0
"""Standardised covariates are held within this many deviations."""


@dataclass(frozen=True)
class Standard:
    """Covariates in deviations from their mean.

    Attributes:
        names: Of the columns.
        mean: Of each.
        deviation: Of each; 1 for one that does not change.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fit(cls, names: Sequence[str], parts: Sequence[Floats]) -> Self:
        """From `[time, columns]` arrays; NaN is left out."""
        values = np.ma.masked_invalid(np.concatenate(parts))
        mean, deviation = values.mean(0).filled(0.0), values.std(0).filled(0.0)
        return cls(tuple(names), tuple(mean.tolist()), tuple(np.where(deviation > 0, deviation, 1.0).tolist()))

    def apply(self, values: Floats) -> Floats:
        """`[..., columns]` standardised; NaN stays."""
        return np.asarray(np.clip((values - np.array(self.mean)) / np.array(self.deviation), -FARTHEST, FARTHEST))


@dataclass(frozen=True, eq=False)
class PanelFeatures:
    """How a panel becomes numbers.

    Attributes:
        frequency: Of the panel.
        season: Steps of a season; 1 for none.
        horizon: Steps the network answers for.
        lookback: Values in a window, which the base forecast and the scaling see.
        lags: Last values of it that the network reads.
        transform: Of every value.
        scaling: Of every window.
        counts: Whether values are counts.
        base: The rules that forecasts begin from, with their shares, as `treadle.tasks.forecast.blend` calls them.
        calendar: Names of the calendar's features.
        past: Covariates that are known up to now.
        future: Covariates that are known in advance.
        static: Covariates that do not change.
        weights: `[horizon, lookback]`, those of the base; zeros for counts, which begin from nothing.
        utc: Whether time stamps of several zones became UTC.
        written: How time stamps were written, as the panel says.
        targets: Columns that the values came from.
        usual: The usual scale of windows in training, for answers of few values.
        relative: Whether that is a share of their level.
    """

    frequency: Frequency
    season: int
    horizon: int
    lookback: int
    lags: int
    transform: Transform
    scaling: Scaling
    counts: bool
    base: str
    calendar: tuple[str, ...]
    past: Standard
    future: Standard
    static: Standard
    weights: NDArray[np.float32]
    utc: bool = False
    written: str = ""
    targets: tuple[str, ...] = ()
    usual: float = 0.0
    relative: bool = False

    @classmethod
    def fit(
        cls,
        panel: Panel,
        *,
        season: int,
        horizon: int,
        lookback: int,
        lags: int,
        transform: Transform,
        scaling: Scaling,
        counts: bool,
        calendar: bool,
    ) -> Self:
        """Fit on the training part of a panel; arguments as the attributes."""
        names = calendar_features(panel.stamps(0), panel.frequency)[1] if calendar else ()
        past = Standard.fit(panel.past_names, panel.past)
        future = Standard.fit(panel.future_names, panel.future)
        static = Standard.fit(panel.static_names, [panel.static])
        shape = (season, horizon, lookback, lags, transform, scaling, counts)
        nothing = np.zeros((horizon, lookback), dtype=np.float32)
        told = (panel.utc, panel.written, tuple(panel.target_columns))
        features = cls(panel.frequency, *shape, "none", tuple(names), past, future, static, nothing, *told)
        if counts:
            return features
        windows = features.encode(panel)
        usual, relative = usual_scale(*windows.full(), transformed=transform != "none")
        base, weights = fit_base(*windows.training_pairs(), season)
        return replace(features, base=base, weights=weights.astype(np.float32), usual=usual, relative=relative)

    def refitted(self, panel: Panel) -> Self:
        """The same with a base half of which is fitted to other series, or more of them; all else stays."""
        windows, ahead, *_ = self.encode(panel).training_pairs()
        weights = refit_base(self.base, windows, ahead, self.season)
        return replace(self, weights=((self.weights + weights) / 2).astype(np.float32))

    @property
    def scaler(self) -> Scaler:
        """Of the windows."""
        return Scaler(self.lookback, self.scaling, self.counts, self.usual, self.relative)

    @property
    def base_weights(self) -> Floats:
        """The weights of the base in double precision; each row sums to 1, whatever the level it is asked about.

        Those that are kept, in single precision, do so to seven digits, which a level of ten digits shows.
        """
        weights = self.weights.astype(np.float64)
        total = weights.sum(1, keepdims=True)
        return np.asarray(weights / np.where(total, total, 1.0))

    @property
    def input_size(self) -> int:
        """Numbers that the network reads of a step."""
        columns = (self.calendar, self.past.names, self.future.names, self.static.names)
        return self.lags + 4 + sum(map(len, columns))

    def encode(self, panel: Panel, *, beyond: int = 0) -> Windows:
        """The numbers of a panel.

        Args:
            panel: With the covariates of the one that was fitted on, in the same order.
            beyond: Steps after the end of every series for which the covariates known in advance must be known.

        Raises:
            InputError: The panel does not fit what the features were fitted on; one sentence says where.
        """
        self._check(panel)
        series = [self._encode(panel, number, beyond) for number in range(len(panel))]
        return Windows(series, self.lookback, self.lags, self.horizon, self.base_weights)

    def other(
        self, observed: NDArray[np.bool_], count: NDArray[np.int64], anchor: Floats, *rest: Floats
    ) -> NDArray[np.float32]:
        """What a step reads beside its window.

        Args:
            observed: `[...]`: whether the value is not missing.
            count: `[...]`: values so far.
            anchor: `[..., 2]`, of `Statistics`.
            *rest: `[..., columns]` each: calendar and future covariates of the next step, past ones of this, static.
        """
        seen = np.stack([observed.astype(np.float64), np.minimum(count / self.lookback, 1.0)], -1)
        read: NDArray[np.float32] = np.nan_to_num(np.concatenate([seen, anchor, *rest], -1)).astype(np.float32)
        return read

    def calendar_of(self, stamps: Any) -> Floats:
        """`[time, columns]` for stamps; without columns where the model reads no calendar."""
        if not self.calendar:
            return np.zeros((len(stamps), 0))
        return calendar_features(stamps, self.frequency, self.calendar)[0]

    def transformed(self, y: Floats, where: Callable[[int], str]) -> Floats:
        """Values as the windows hold them.

        Raises:
            InputError: A value cannot be transformed, or is no count where counts are expected.
        """
        if self.counts:
            odd = np.flatnonzero((y < 0) | (y != np.round(y)) & ~np.isnan(y))
            if len(odd):
                raise InputError(f"{where(int(odd[0]))}: found {y[odd[0]]:g}, expected a count: 0, 1, 2, ...")
        return apply(self.transform, y, where)

    def _check(self, panel: Panel) -> None:
        if panel.frequency != self.frequency:
            raise InputError(
                f"{panel.source}: a step is a {panel.frequency}, the model was trained on steps of a {self.frequency}"
            )
        for kind in ("past", "future", "static"):
            found, expected = getattr(panel, f"{kind}_names"), getattr(self, kind).names
            if tuple(found) != expected:
                raise InputError(
                    f"{panel.source}: found the {kind} covariates {', '.join(found) or 'none'}, the model was trained "
                    f"with {', '.join(expected) or 'none'}"
                )

    def _encode(self, panel: Panel, number: int, beyond: int) -> EncodedSeries:
        values = panel.values[number]
        seen = np.flatnonzero(~np.isnan(values))
        if not len(seen):
            raise InputError(f"{panel.where(number)}: has no value, expected at least one")
        start, steps = int(seen[0]), len(values) - int(seen[0])
        target = self.transformed(values, lambda step: panel.where(number, step))[start:]
        filled = fill(target, self.season)
        sums = running_sums(filled)
        count = np.arange(1, steps + 1)
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(filled, (self.lookback - 1, 0), mode="edge"), self.lookback
        )
        statistics = self.scaler.statistics(windows, count, sums)
        future = self._future(panel, number, start, steps, beyond)
        past = _forward_filled(self.past.apply(panel.past[number][start:]))
        static = np.broadcast_to(self.static.apply(panel.static[number]), (steps, len(self.static.names)))
        calendar = self.calendar_of(panel.stamps(number, 1)[start + 1 :])
        other = self.other(~np.isnan(target), count, statistics.anchor, calendar, future[1 : steps + 1], past, static)
        return EncodedSeries(start, filled, target, statistics, other, future.astype(np.float32))

    def _future(self, panel: Panel, number: int, start: int, steps: int, beyond: int) -> Floats:
        """`[steps + horizon, F]`: what is known in advance, standardised; the mean where it is not known."""
        given = panel.future[number][start:]
        found = np.full((steps + max(self.horizon, beyond), given.shape[1]), np.nan)
        found[: len(given)] = given[: len(found)]
        missing = np.argwhere(np.isnan(found[steps : steps + beyond]))
        if len(missing):
            step, column = missing[0]
            raise InputError(
                f"{panel.where(number, start + steps + int(step))}: the covariate {self.future.names[column]!r} is "
                f"missing, expected its values for {counted(beyond, 'step')} after the last value of the series"
            )
        return np.nan_to_num(self.future.apply(found[: steps + self.horizon]))

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        weights = b64encode(np.ascontiguousarray(self.weights, "<f4").tobytes()).decode()
        return asdict(self) | {"frequency": str(self.frequency), "weights": weights}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: It is damaged.
        """
        standards = {
            name: Standard(*(tuple(saved[name][part]) for part in ("names", "mean", "deviation")))
            for name in ("past", "future", "static")
        }
        frequency = Frequency.parse(saved["frequency"])
        weights = np.frombuffer(b64decode(saved["weights"]), "<f4").astype(np.float32)
        own = {
            "frequency": frequency,
            "calendar": tuple(saved["calendar"]),
            "targets": tuple(saved["targets"]),
            "weights": weights.reshape(saved["horizon"], saved["lookback"]),
        }
        return cls(**(saved | standards | own))


def _forward_filled(values: Floats) -> Floats:
    """The last known value in the place of a missing one; 0, the mean, before there was any."""
    step = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, step), 0)
    return np.nan_to_num(np.take_along_axis(values, last, 0))
