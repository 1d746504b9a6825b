"""Summary features of numeric series: what a statistician would look at first, and the outline of the curve."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

_OUTLINE_POINTS = 32
_OUTLINE_FEATURES = 4096  # outline points of all channels together
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


class SummaryBlock:
    """Per channel: mean, spread, quantiles, end values, slope, size of steps, and the curve at 32 points.

    Also the length and the share of missing values. Missing values are interpolated within the row; a channel
    that is missing altogether takes the training mean. Features are standardised on the training rows.
    """

    description = "summary features and outline"

    def fit(self, values: Sequence[Any], outputs: int) -> sparse.csr_matrix:  # noqa: ARG002 - the protocol of all blocks
        """Learn channel means and feature scales; returns the training rows' features `[rows, features]`."""
        series = [_two_dimensional(value) for value in values]
        self._channels = series[0].shape[1]
        self._points = max(4, min(_OUTLINE_POINTS, _OUTLINE_FEATURES // self._channels))
        total = np.sum([np.nansum(one, axis=0) for one in series], axis=0)
        known = np.sum([np.sum(~np.isnan(one), axis=0) for one in series], axis=0)
        self._channel_mean = total / np.maximum(known, 1)
        raw = self._features(series)
        self._mean, spread = raw.mean(0), raw.std(0)
        # A feature that hardly varies in training says nothing; dividing by its rounding error would make it
        # shout.
        varies = spread > 1e-9 * np.maximum(1.0, np.abs(self._mean))
        self._scale = np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0)
        return self._standardised(raw)

    def transform(self, values: Sequence[Any]) -> sparse.csr_matrix:
        """The same features of other rows."""
        return self._standardised(self._features([_two_dimensional(value) for value in values]))

    def _standardised(self, raw: npt.NDArray[np.float64]) -> sparse.csr_matrix:
        # Clipped: one wild row must not decide for all.
        return sparse.csr_matrix(np.clip((raw - self._mean) * self._scale, -10, 10).astype(np.float32))

    def _features(self, series: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        return np.stack([self._features_of(one) for one in series])

    def _features_of(self, series: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        missing = np.isnan(series)
        filled = self._filled(series, missing)
        steps = np.diff(filled, axis=0) if len(filled) > 1 else np.zeros((1, self._channels))
        time = np.linspace(-1, 1, len(filled))[:, None]
        slope = (filled * time).sum(0) / max(float((time * time).sum()), 1e-9)
        at = np.linspace(0, len(filled) - 1, self._points)
        before = np.floor(at).astype(np.int64)
        after = np.minimum(before + 1, len(filled) - 1)
        part = (at - before)[:, None]
        outline = filled[before] * (1 - part) + filled[after] * part
        parts = [
            filled.mean(0),
            filled.std(0),
            *np.quantile(filled, _QUANTILES, axis=0),
            filled[0],
            filled[-1],
            slope,
            np.abs(steps).mean(0),
            steps.std(0),
            outline.ravel(),
            missing.mean(0) if len(series) else np.ones(self._channels),
            np.array([float(len(series))]),
        ]
        return np.concatenate(parts)

    def _filled(self, series: npt.NDArray[np.float64], missing: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        if len(series) == 0:
            return np.array(self._channel_mean[None, :])
        if not missing.any():
            return series
        filled = series.copy()
        time = np.arange(len(series))
        for channel in np.flatnonzero(missing.any(0)):
            gaps = missing[:, channel]
            if gaps.all():
                filled[:, channel] = self._channel_mean[channel]
            else:
                filled[gaps, channel] = np.interp(time[gaps], time[~gaps], series[~gaps, channel])
        return filled


def _two_dimensional(value: Any) -> npt.NDArray[np.float64]:
    array = np.asarray(value, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array
