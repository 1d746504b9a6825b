"""Numeric sequences made ready for a network: checked, clipped, scaled, their gaps filled and marked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treadle.data.series import LARGEST, Floats, join_series
from treadle.errors import InputError, nearest

Scaling = Literal["standard", "minmax", "series", "none"]
Fill = Literal["forward", "linear", "mean"]
# The distance between the quartiles of a normal distribution, in standard deviations.
_QUARTILES = 1.349


@dataclass(frozen=True, eq=False)
class SeriesScaler:
    """What training data says about every channel, and the way from a series to the network's input.

    `transform` takes four steps for every series `x` and channel `c`. NaN and None are missing values.

    1. Clip, only if `clip` is given: to the training median plus and minus `clip` robust standard deviations. One of
       these is the distance between the quartiles over 1.349; where it is zero nothing is clipped.
    2. Scale: `x = (x - shift[c]) / scale[c]`, where a channel that never changes has scale 1.

       | scaling | shift | scale |
       |---|---|---|
       | `"standard"` | mean in training | standard deviation in training |
       | `"minmax"` | lowest value in training | range in training |
       | `"series"` | mean of this series | standard deviation of this series |
       | `"none"` | 0 | 1 |

    3. Fill what is missing. A channel without any value in a series takes the mean, whatever the fill.

       | fill | value |
       |---|---|
       | `"forward"` | the last one before it; at the head the first one after it |
       | `"linear"` | on the straight line between its neighbours; at either end the nearest one |
       | `"mean"` | the mean in training (with `"series"` scaling, of this series) |

    4. Mark: for every channel with missing values in training, append a channel that is 1 where a value was observed
       and 0 where it was filled (Che et al. 2018, Recurrent neural networks for multivariate time series with missing
       values). Data without gaps get no extra channel.

    Missing values take no part in any statistic.

    Attributes:
        scaling: See above.
        fill: See above.
        clip: In robust standard deviations, or None.
        mean: `[C]`, in training, after clipping.
        shift: `[C]`; 0 with `"series"`.
        scale: `[C]`, above zero; 1 with `"series"`.
        low: `[C]`, minus infinity where nothing is clipped.
        high: `[C]`, infinity where nothing is clipped.
        masked: The channels that get a mask.

    Example:
        >>> scaler = SeriesScaler.fit([[1.0, 3.0], [5.0, None, 7.0]])
        >>> scaler.transform([[4.0, None]])[0].tolist()
        [[0.0, 1.0], [0.0, 0.0]]
    """

    scaling: Scaling
    fill: Fill
    clip: float | None
    mean: Floats
    shift: Floats
    scale: Floats
    low: Floats
    high: Floats
    masked: NDArray[np.int64]

    @classmethod
    def fit(
        cls,
        series: Sequence[ArrayLike],
        *,
        scaling: Scaling = "standard",
        fill: Fill = "forward",
        clip: float | None = None,
        where: Callable[[int], str] | None = None,
    ) -> Self:
        """Learn the statistics of every channel from training data.

        Args:
            series: One `[T]` or `[T, C]` array or list a row; `T` may differ and be 0, `C` may not differ.
            scaling: See above.
            fill: See above.
            clip: Values further from the median than this many robust standard deviations are moved there.
            where: The place of a row as an error sentence names it; by default `"row 7"`, counted from 1.

        Raises:
            InputError: An option is not valid; a row is not numeric, holds an infinite value or has another
                number of channels than the rows before it; a channel has no value in any row.
        """
        for name, value, valid in (("scaling", scaling, get_args(Scaling)), ("fill", fill, get_args(Fill))):
            if value not in valid:
                raise InputError(f"{name} is {value!r}{nearest(str(value), valid)}")
        if clip is not None and not clip > 0:
            raise InputError(f"clip is {clip}; expected a number of standard deviations above 0")
        values, _ = join_series(series, None, where)
        observed = ~np.isnan(values)
        if values.size == 0:
            raise InputError("the series hold no values at all")
        for channel in np.flatnonzero(~observed.any(axis=0)):
            raise InputError(f"channel {channel + 1} has no value in any row of the training data; leave it out")

        low, high = np.full((2, values.shape[1]), np.inf) * [[-1], [1]]
        if clip is not None:
            first, median, third = np.nanpercentile(values, [25, 50, 75], axis=0)
            sigma = (third - first) / _QUARTILES
            # Where half of all values are the same, every other value would count as an outlier.
            low = np.where(sigma > 0, median - clip * sigma, low)
            high = np.where(sigma > 0, median + clip * sigma, high)
            values = values.clip(low, high)
        mean = np.nanmean(values, axis=0)
        shift, scale = np.zeros_like(mean), np.ones_like(mean)
        if scaling == "standard":
            shift, scale = mean, np.nanstd(values, axis=0)
        elif scaling == "minmax":
            shift, scale = np.nanmin(values, axis=0), np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
        masked = np.flatnonzero(~observed.all(axis=0))
        return cls(scaling, fill, clip, mean, shift, _not_constant(scale, shift), low, high, masked)

    @property
    def channels(self) -> int:
        """Channels of the series that go in."""
        return len(self.mean)

    @property
    def features(self) -> int:
        """Channels that come out: those that went in, then the masks."""
        return self.channels + len(self.masked)

    def transform(
        self, series: Sequence[ArrayLike], *, where: Callable[[int], str] | None = None
    ) -> list[NDArray[np.float32]]:
        """The network's input for every series.

        Args:
            series: One `[T]` or `[T, C]` array or list a row.
            where: As in `fit`.

        Returns:
            One `[T, features]` array a row, without NaN or infinity.

        Raises:
            InputError: A row is not numeric, holds an infinite value or has another number of channels than
            training data.
        """
        values, lengths = join_series(series, self.channels, where)
        observed = ~np.isnan(values)
        values = values.clip(self.low, self.high)
        if self.scaling == "series":
            shift, scale = _moments(values, observed, lengths)
            default = np.zeros(self.channels)
        else:
            shift, scale = self.shift, self.scale
            default = (self.mean - shift) / scale
        values = (values - shift) / scale
        if not observed.all():
            values = _filled(values, observed, lengths, self.fill, default)
        result = np.concatenate([values, observed[:, self.masked]], axis=1).clip(-LARGEST, LARGEST)
        return np.split(result.astype(np.float32), np.cumsum(lengths)[:-1]) if len(lengths) else []

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        bounds = {
            name: [float(bound) if np.isfinite(bound) else None for bound in getattr(self, name)]
            for name in ("low", "high")
        }
        return {
            "scaling": self.scaling,
            "fill": self.fill,
            "clip": self.clip,
            **{name: getattr(self, name).tolist() for name in ("mean", "shift", "scale", "masked")},
            **bounds,
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """The scaler that `to_json` saved.

        Raises:
            InputError: It is damaged.
        """
        try:
            arrays = {name: np.array(saved[name], dtype=np.float64) for name in ("mean", "shift", "scale")}
            for name, unbounded in (("low", -np.inf), ("high", np.inf)):
                arrays[name] = np.array([unbounded if bound is None else bound for bound in saved[name]], np.float64)
            masked = np.array(saved["masked"], dtype=np.int64)
            scaling, fill, clip = saved["scaling"], saved["fill"], saved["clip"]
            count = len(arrays["mean"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the saved scaler is damaged: {error}") from error
        sound = (
            count > 0
            and all(array.shape == (count,) and not np.isnan(array).any() for array in arrays.values())
            and np.isfinite([arrays["mean"], arrays["shift"], arrays["scale"]]).all()
            and (arrays["scale"] > 0).all()
            and masked.ndim == 1
            and ((masked >= 0) & (masked < count)).all()
            and scaling in get_args(Scaling)
            and fill in get_args(Fill)
            and (clip is None or isinstance(clip, int | float))
        )
        if not sound:
            raise InputError("the saved scaler is damaged: its channels do not fit together")
        return cls(scaling, fill, clip, **arrays, masked=masked)


def _not_constant(scale: Floats, shift: Floats) -> Floats:
    """`scale`, with 1 where the values differ by no more than rounding."""
    return np.where(scale <= np.maximum(1e-12 * np.abs(shift), 1e-30), 1.0, scale)


def _moments(values: Floats, observed: NDArray[np.bool_], lengths: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of every series and channel, repeated over its steps: `[total, C]` each."""
    lengths = lengths[lengths > 0]
    if len(lengths) == 0:
        return np.zeros_like(values), np.ones_like(values)
    starts = np.cumsum(lengths) - lengths
    counts = np.maximum(np.add.reduceat(observed, starts, axis=0, dtype=np.int64), 1)
    mean = np.add.reduceat(np.where(observed, values, 0), starts, axis=0) / counts
    away = np.where(observed, values - mean.repeat(lengths, axis=0), 0)
    deviation = np.sqrt(np.add.reduceat(away**2, starts, axis=0) / counts)
    return mean.repeat(lengths, axis=0), _not_constant(deviation, mean).repeat(lengths, axis=0)


def _filled(
    values: Floats, observed: NDArray[np.bool_], lengths: NDArray[np.int64], fill: Fill, default: Floats
) -> Floats:
    """Every gap filled, for all series at once."""
    if fill == "mean":
        return np.where(observed, values, default)
    total, channels = values.shape
    step = np.arange(total)[:, None]
    channel = np.arange(channels)
    ends = np.cumsum(lengths).repeat(lengths)[:, None]
    starts = ends - lengths.repeat(lengths)[:, None]
    # The nearest observed step at or before, and at or after, each step; it counts if it lies in the same
    # series.
    before = np.maximum.accumulate(np.where(observed, step, -1), axis=0)
    after = np.minimum.accumulate(np.where(observed, step, total)[::-1], axis=0)[::-1]
    earlier = np.where(before >= starts, values[before, channel], np.nan)
    later = np.where(after < ends, values[np.minimum(after, total - 1), channel], np.nan)
    result = np.where(np.isnan(earlier), later, earlier)
    if fill == "linear":
        share = (step - before) / np.maximum(after - before, 1)
        between = earlier + share * (later - earlier)
        result = np.where(np.isnan(between), result, between)
    return np.where(np.isnan(result), default, result)
