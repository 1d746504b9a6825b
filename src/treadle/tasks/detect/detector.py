"""What does not fit: the error of an online forecast as a calibrated tail probability."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from treadle.errors import InputError
from treadle.tasks.detect.tail import RunningTail
from treadle.tasks.online.remembered import Arrays, Facts, Remembering
from treadle.tasks.online.scale import RunningScale
from treadle.tasks.online.series import SeriesOnline
from treadle.tasks.online.settings import OnlineSettings
from treadle.tasks.settings import check

Floats = NDArray[np.float64]

LARGEST_ERROR = 1e6
"""In standard deviations: what an error counts at most among those of late."""
SLOWER = 10
"""By how much the scale of errors follows more slowly than that of values: it brings channels to one size, and the
window says what is usual of late."""
CAP = 2.0
"""How many times the error that one in ten reaches a single one counts at most in the mean of the last."""
COMMON = 0.1
"""What a step is told to be at the least, while an episode goes on that was more unusual."""


class _DetectorSettings(BaseModel):
    model_config = ConfigDict(frozen=True)

    known: tuple[str, ...] | None
    window: int = Field(ge=100)
    short: int = Field(ge=0)
    rest: int = Field(ge=0)
    false_alarm_rate: float = Field(ge=1e-12, lt=COMMON)


class Recent:
    """The last numbers of a stream, and their mean.

    Args:
        length: How many.
        start: What stands there before one came.
    """

    def __init__(self, length: int, start: float) -> None:
        self.ring = np.full(length, start)
        self.count = 0

    def push(self, number: float) -> None:
        """Take in a number."""
        if len(self.ring):
            self.ring[self.count % len(self.ring)] = number
        self.count += 1

    def mean_with(self, number: float) -> float:
        """The mean of all, once this number has taken the place of the oldest."""
        oldest = self.ring[self.count % len(self.ring)]
        return float((self.ring.sum() - oldest + number) / len(self.ring))

    def facts(self) -> Facts:
        """How many came."""
        return {"count": self.count}

    def arrays(self) -> Arrays:
        """The numbers."""
        return {"ring": self.ring}

    def restore(self, facts: Facts, arrays: Arrays) -> None:
        """Take up what the two gave."""
        self.count, self.ring = facts["count"], arrays["ring"].copy()


class AnomalyDetector(SeriesOnline):
    r"""Anomalies of a stream: steps that an online forecast of the stream itself had not expected, as a probability.

    A `treadle.tasks.online.OnlineForecaster` expects the next values from those before. What its error is, over all
    channels in units of their usual error,

    $$u_t = \sqrt{\tfrac{1}{C} \sum_c \bigl((e_{t,c} - m_c) / \sigma_c\bigr)^2}$$

    is compared with those of the last `window` steps, once alone and once as the mean of the last `short` steps: a
    single value far off, or many a little, for which each counts at most twice what one in ten reaches. Both give the
    probability \(p\) of one at least as large (`RunningTail`); with two looks at a step, the smaller counts twice,

    $$p_t = \min\{1,\, 2 \min(p^{(1)}_t, p^{(k)}_t)\}, \qquad \mathrm{score}_t = 1 - p_t$$

    so a score of 0.999 is reached by about one step in a thousand as long as nothing happens, each judged by itself. An
    anomaly is an episode: until `rest` steps have passed, only a step that is still more unusual is told as such,
    others score 0.9 at most. The detector learns from every step, so what stays is usual after a while.

    Sources: S. Ahmad, A. Lavin, S. Purdy & Z. Agha, "Unsupervised real-time anomaly detection for streaming data",
    Neurocomputing 262, 2017, section 3.2, for the mean of the last errors among those of a longer window, there under a
    normal distribution; A. Siffer et al. 2017 for the tail; S. Coles, "An introduction to statistical modeling of
    extreme values", 2001, section 5.3, for counting an episode once.

    Args:
        known: Features that are not judged, only used to expect the others; dates and times are so anyway.
        window: Errors that a new one is compared with.
        short: Steps of the short mean; 0 for none.
        rest: Steps of an episode; 0 to judge every step by itself.
        false_alarm_rate: From which tail probability on `predict_one` and `step` tell an alarm, less than 0.1: how many
            of the steps would be alarms if each were judged by itself. Episodes leave fewer, about one in `rest` steps
            at most.
        seasons: As in `OnlineForecaster`.
        loss: As in `OnlineForecaster`.
        **options: Those of `OnlineEstimator`.

    Example:
        >>> random = np.random.default_rng(0)
        >>> detector = AnomalyDetector(hidden_size=8)
        >>> for t in range(1500):
        ...     detector.learn_one(np.sin(t / 5) + 0.1 * random.normal())
        >>> detector.predict_one(np.sin(1500 / 5)), detector.predict_one(np.sin(1500 / 5) + 2)
        (False, True)
    """

    def __init__(
        self,
        *,
        known: tuple[str, ...] | None = None,
        window: int = 1000,
        short: int = 10,
        rest: int = 150,
        false_alarm_rate: float = 1e-3,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.known = known
        self.window = window
        self.short = short
        self.rest = rest
        self.false_alarm_rate = false_alarm_rate

    def score_one(self, x: Any) -> float:
        """How unusual a step is, if it is the next: one minus its tail probability, 0 while too little is known.

        Args:
            x: A number; several as a list or array; or features by name, among them dates or times.

        Raises:
            InputError: It is no step of this stream.
        """
        values, known = self._split(x)
        row, _, _ = self._read(values, known)
        return 0.0 if self._learner is None else self._score(row, known)[0]

    def predict_one(self, x: Any) -> bool:
        """Whether a step is an alarm, if it is the next.

        Args:
            x: As in `score_one`.

        Raises:
            InputError: It is no step of this stream.
        """
        return self.score_one(x) >= 1 - self.false_alarm_rate

    def learn_one(self, x: Any) -> None:
        """Take a step; a value that is missing is no anomaly.

        Args:
            x: As in `score_one`.

        Raises:
            InputError: It is no step of this stream; the detector is as it was.
        """
        self.step(x)

    def step(self, x: Any) -> dict[str, Any]:
        """Judge a step, then take it: `score_one` and `learn_one` at once.

        Args:
            x: As in `score_one`.

        Returns:
            `score`; `anomaly`, whether it is an alarm; `expected`, the values in the form of the step, None before the
            first.

        Raises:
            InputError: It is no step of this stream; the detector is as it was.
        """
        values, known = self._split(x)
        row, _, _ = self._read(values, known)
        if self._learner is None:
            score, expected = 0.0, None
            self._take(values, known)
            errors = self._parts["errors"]
        else:
            found, errors = self._expect(known), self._parts["errors"]
            expected = self._shown(found)
            score, p, size, mean = self._score(row, known)
            self._take(values, known)
            self._remember(p, size, mean)
            errors.update((row - found)[: len(errors.mean)])
        if len(errors.mean) < self._parts["values"].width:
            errors.widen(self._parts["values"].width)
        return {"score": score, "anomaly": score >= 1 - self.false_alarm_rate, "expected": expected}

    def follow_one(self, x: Any) -> dict[str, Any]:
        """Judge a step, then take it without learning from it, as a detector that is frozen does.

        The network and the scales of its inputs stay as they are; what an error usually is goes on.

        Args:
            x: As in `score_one`, of channels that came before.

        Returns:
            As `step`.

        Raises:
            InputError: It is no step of this stream, or none was learnt from yet.
        """
        values, known = self._split(x)
        row, channels, _ = self._read(values, known)
        if self._learner is None or channels:
            raise InputError("a step can be followed once its channels were learnt from, found one that is new")
        found, errors, history = self._expect(known), self._parts["errors"], self._parts["history"]
        score, p, size, mean = self._score(row, known)
        self._learner.follow(self._inputs(history, known))
        history.push(row)
        self._remember(p, size, mean)
        errors.update((row - found)[: len(errors.mean)])
        return {"score": score, "anomaly": score >= 1 - self.false_alarm_rate, "expected": self._shown(found)}

    def _score(self, row: Floats, known: Any) -> tuple[float, float, float, float]:
        """The score of a step, its probability before episodes, the size of its error, and the mean of the last."""
        parts, size = self._parts, self._size(row, known)
        if size != size:
            return 0.0, 1.0, size, size
        p, mean = parts["tail"].probability(size), size
        if len(parts["recent"].ring):
            mean = parts["recent"].mean_with(self._capped(size))
            p = min(1.0, 2 * min(p, parts["short tail"].probability(mean)))
        episode = parts["episode"].ring
        told = max(p, COMMON) if len(episode) and p >= episode.min() else p
        return 1 - told, p, size, mean

    def _remember(self, p: float, size: float, mean: float) -> None:
        """Take in what was found of a step."""
        parts = self._parts
        parts["episode"].push(p)
        if size == size:
            capped = self._capped(size)
            parts["tail"].update(size)
            if len(parts["recent"].ring):
                parts["short tail"].update(mean)
                parts["recent"].push(capped)

    def _capped(self, size: float) -> float:
        """What an error counts in the mean of the last: one alone does not make up for many."""
        return min(size, CAP * float(self._parts["tail"].quantile))

    def _size(self, row: Floats, known: Any) -> float:
        """Of the error of a step, over all channels that are known, NaN where there is none."""
        errors = self._parts["errors"]
        error = (row - self._expect(known))[: len(errors.mean)] - errors.mean
        usual = errors.deviation > 0
        size = np.where(usual, np.abs(error) * errors.factor, np.where(error == 0, 0.0, LARGEST_ERROR))
        size = size[(size == size) & (error == error) & (errors.count > 1)]
        return float(np.sqrt((np.minimum(size, LARGEST_ERROR) ** 2).mean())) if len(size) else np.nan

    def _split(self, x: Any) -> tuple[Any, Any]:
        """A step's values that are judged, and what was known of it."""
        if not isinstance(x, Mapping):
            return x, None
        known = {*(self._settled["known"] or ()), *self._reader("known").names}
        before = {name: value for name, value in x.items() if name in known or isinstance(value, date)}
        return {name: value for name, value in x.items() if name not in before}, before or None

    def _make_parts(self) -> dict[str, Remembering]:
        return {
            **super()._make_parts(),
            "errors": RunningScale(0, SLOWER * self.half_life),
            "tail": RunningTail(self.window),
            "short tail": RunningTail(self.window),
            "recent": Recent(self.short, 0.0),
            "episode": Recent(self.rest, 1.0),
        }

    def _check_arguments(self) -> OnlineSettings:
        check(_DetectorSettings, self.get_params())
        return super()._check_arguments()
