"""What has to be beaten where every step of a series has a number: a linear model of the series so far."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from treadle.evaluation.baselines.models import Baseline, Columns, floor
from treadle.evaluation.scores import Task

RECENT = 16
"""Steps that the recent mean and change are of."""

_PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)

Floats = npt.NDArray[np.float64]


class StepBaseline:
    """Ridge regression of each step's number on the series so far; deterministic.

    Per channel: the value, the mean and the spread of all steps so far, the mean of the last 16, and the change over
    them; and how many steps there were. A missing value is the last one that was seen, or the training mean. Features
    are standardised on the training steps; the penalty is the one that did best on a fifth of the series.
    """

    name = "features so far + ridge"
    description = "value, mean and spread so far, recent mean and change of every channel, number of steps"

    def fit(self, columns: Columns, y: Sequence[Any], classes: Sequence[Any] = ()) -> "StepBaseline":  # noqa: ARG002 - the protocol
        """Learn from series and a list of numbers for each; see `Baseline.fit`."""
        from sklearn.linear_model import Ridge

        series = _series(columns)
        known = np.concatenate([one[~np.isnan(one).any(1)] for one in series])
        self._missing = known.mean(0) if len(known) else np.zeros(series[0].shape[1])
        raw = [self._features(one) for one in series]
        everything = np.concatenate(raw)
        self._mean, spread = everything.mean(0), everything.std(0)
        self._scale = np.where(spread > 1e-9 * np.maximum(1.0, np.abs(self._mean)), 1 / np.maximum(spread, 1e-300), 0.0)
        x, targets = [self._standardised(one) for one in raw], [np.asarray(one, dtype=np.float64) for one in y]
        order = np.random.default_rng(0).permutation(len(x))
        held, kept = order[: len(x) // 5], order[len(x) // 5 :]

        def some(parts: list[Floats], rows: npt.NDArray[np.int64]) -> Floats:
            return np.concatenate([parts[row] for row in rows])

        def loss(penalty: float) -> float:
            guess = Ridge(alpha=penalty).fit(some(x, kept), some(targets, kept)).predict(some(x, held))
            return float(np.mean((guess - some(targets, held)) ** 2))

        best = min(_PENALTIES, key=loss) if len(held) else 1.0
        self._model = Ridge(alpha=best).fit(np.concatenate(x), np.concatenate(targets))
        return self

    def predict(self, columns: Columns) -> Floats:
        """The numbers of the steps of all series, one after the other."""
        rows = [self._standardised(self._features(one)) for one in _series(columns)]
        return np.asarray(self._model.predict(np.concatenate(rows)), dtype=np.float64)

    def _standardised(self, raw: Floats) -> Floats:
        return np.asarray(np.clip((raw - self._mean) * self._scale, -10, 10))

    def _features(self, series: Floats) -> Floats:
        """`[steps, features]` of one series `[steps, channels]`."""
        values = _filled(series, self._missing)
        count = np.arange(1.0, len(values) + 1)[:, None]
        total, squares = values.cumsum(0), (values**2).cumsum(0)
        mean = total / count
        spread = np.sqrt(np.maximum(0, squares / count - mean**2))
        before = np.concatenate([np.zeros((RECENT, values.shape[1])), total])[: len(values)]
        recent = (total - before) / np.minimum(count, RECENT)
        first = np.concatenate([np.repeat(values[:1], RECENT, 0), values])[: len(values)]
        return np.concatenate([values, mean, spread, recent, values - first, count], axis=1)


class StepFloor:
    """The mean of all training numbers for every step."""

    name = "training mean"
    description = "ignores the input"

    def fit(self, columns: Columns, y: Sequence[Any], classes: Sequence[Any] = ()) -> "StepFloor":
        """Count; see `Baseline.fit`."""
        self._floor = floor("regress").fit(columns, np.concatenate(y).tolist(), classes)
        return self

    def predict(self, columns: Columns) -> Floats:
        """The same number for the steps of all series."""
        ((name, (kind, values)),) = columns.items()
        return self._floor.predict({name: (kind, list(np.concatenate(values)))})


def step_baseline(_: Task) -> Baseline:
    """The strong baseline of targets a step."""
    return StepBaseline()


def step_floor(_: Task) -> Baseline:
    """The weakest one that makes sense."""
    return StepFloor()


def _series(columns: Columns) -> list[Floats]:
    ((_, values),) = columns.values()
    arrays = [np.asarray(value, dtype=np.float64) for value in values]
    return [array[:, None] if array.ndim == 1 else array for array in arrays]


def _filled(series: Floats, otherwise: Floats) -> Floats:
    """Missing values replaced by the last one before them, else by what is given."""
    missing = np.isnan(series)
    if not missing.any():
        return series
    last = np.maximum.accumulate(np.where(missing, -1, np.arange(len(series))[:, None]), axis=0)
    found: Floats = np.where(last < 0, otherwise, np.take_along_axis(series, np.maximum(last, 0), axis=0))
    return found
