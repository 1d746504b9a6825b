r"""The score of the Numenta Anomaly Benchmark (NAB): early detections gain, false alarms cost, by profile.

A labelled series has windows, each around an anomaly. An alarm at the relative place \(r\) of a window is worth

$$A(r) = \frac{2}{1 + e^{5 r}} - 1$$

from its left edge \(r = -1\) towards its right edge \(r = 0\); only the best alarm of a window counts, scaled so that
one at the very first record is worth a whole true positive. A window without an alarm costs a false negative. An alarm
outside costs, by the same function at \(r > 0\), the more the farther it lies behind the last window, and the whole of
a false positive from three window lengths on, or where no window came before. Records of the probationary period count
for nothing. One threshold for all series is the one that gives the best sum, and

$$\mathrm{score} = 100\, \frac{s - s_\text{null}}{s_\text{perfect} - s_\text{null}}$$

puts a detector that never raises an alarm at 0 and one that raises exactly one at the start of every window at 100.

Source: A. Lavin & S. Ahmad, "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark", ICMLA
2015, section III; the details (places in a window, the cap of the probationary period) as the benchmark's own scripts,
version 1.1, have them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError

Floats = NDArray[np.float64]

PROBATION: Final = 0.15
"""Share of the records of a series that a detector may get to know it by, without being scored."""
LONGEST: Final = 5_000
"""Records whose share the probationary period does not exceed."""
FAR: Final = 3.0
"""Window lengths behind a window from which a false alarm costs all that it can."""


@dataclass(frozen=True)
class Profile:
    """What alarms are worth.

    Attributes:
        true_positive: What one at the first record of a window gains.
        false_positive: What one far from every window costs.
        false_negative: What a window without one costs.
    """

    true_positive: float = 1.0
    false_positive: float = 0.11
    false_negative: float = 1.0


PROFILES: Final = {
    "standard": Profile(),
    "few false alarms": Profile(false_positive=0.22),
    "few misses": Profile(false_negative=2.0),
}
"""NAB's own."""


@dataclass(frozen=True)
class LabelledScores:
    """What a detector said of a series, and where its anomalies are.

    Attributes:
        scores: `[time]`, higher for what is less usual; the detector had seen nothing of the future at any of them.
        windows: First and last record of every window, both inside it, in the order of time.

    Raises:
        InputError: A score is no number, or the windows overlap or do not lie in the series.
    """

    scores: Floats
    windows: Sequence[tuple[int, int]]

    def __post_init__(self) -> None:
        """Check what is given."""
        if np.isnan(self.scores).any():
            raise InputError(f"the score of record {int(np.isnan(self.scores).argmax()) + 1} is no number")
        end = -1
        for first, last in self.windows:
            if not end < first <= last < len(self.scores):
                raise InputError(
                    f"the window from record {first} to {last} overlaps another or lies outside the series of "
                    f"{len(self.scores):,} records, expected windows in the order of time"
                )
            end = last

    @property
    def probation(self) -> int:
        """Records that do not count."""
        return int(min(np.floor(PROBATION * len(self.scores)), PROBATION * LONGEST))

    def worth(self, profile: Profile) -> tuple[Floats, NDArray[np.int64]]:
        """What an alarm at every record is worth, `[time]`, and in which window it lies, -1 for none."""
        places = np.arange(len(self.scores))
        inside = np.full(len(places), -1)
        relative = np.full(len(places), FAR)
        for number, (first, last) in enumerate(self.windows):
            width = last - first + 1
            within = slice(first, last + 1)
            inside[within] = number
            relative[within] = -(last - places[within] + 1) / width
            behind = slice(last + 1, None)
            relative[behind] = (places[behind] - last) / (width - 1) if width > 1 else np.inf
        value = _sigmoidal(relative)
        gain = value * profile.true_positive / _sigmoidal(np.array(-1.0))
        return np.where(inside >= 0, gain, value * profile.false_positive), inside


@dataclass(frozen=True)
class NabScore:
    """The score of a detector on a corpus.

    Attributes:
        score: Normalised: 0 for no alarm at all, 100 for perfect ones.
        threshold: Scores from here on are alarms; infinite where none pays.
        raw: The sum before it is normalised.
        series: The part of every series in it.
        detected: Windows with an alarm.
        windows: Windows in all.
        false_alarms: Records outside all windows that are alarms.
    """

    score: float
    threshold: float
    raw: float
    series: list[float]
    detected: int
    windows: int
    false_alarms: int


def nab_score(
    corpus: Sequence[LabelledScores], profile: Profile = PROFILES["standard"], threshold: float | None = None
) -> NabScore:
    """Score a detector as NAB does.

    Args:
        corpus: Every series with what the detector said of it.
        profile: What alarms are worth.
        threshold: From which score on there is an alarm; None for the one that is best on this very corpus, which is
            NAB's rule.

    Raises:
        InputError: There is no window at all.

    Example:
        >>> scores = np.zeros(100)
        >>> scores[40] = 1.0
        >>> found = nab_score([LabelledScores(scores, [(40, 49)])])
        >>> found.score, found.threshold, found.detected, found.false_alarms
        (100.0, 1.0, 1, 0)
    """
    count = sum(len(one.windows) for one in corpus)
    if not count:
        raise InputError("no series has a window, expected one at least: without any there is nothing to be found")
    chosen = best_threshold(corpus, profile) if threshold is None else threshold
    parts = [_at_threshold(one, profile, chosen) for one in corpus]
    null = sum(_at_threshold(one, profile, np.inf)[0] for one in corpus)
    raw = sum(score for score, _, _ in parts)
    return NabScore(
        100 * (raw - null) / (profile.true_positive * count - null),
        float(chosen),
        raw,
        [score for score, _, _ in parts],
        sum(detected for _, detected, _ in parts),
        count,
        sum(alarms for _, _, alarms in parts),
    )


def best_threshold(corpus: Sequence[LabelledScores], profile: Profile) -> float:
    """The threshold with the largest sum over all series; of several the highest, infinite where none pays."""
    scores, gains = [], []
    for one in corpus:
        worth, inside = one.worth(profile)
        order = np.argsort(-one.scores, kind="stable")
        order = order[order >= one.probation]
        gain = np.where(inside[order] < 0, worth[order], 0.0)
        best: dict[int, float] = {}
        for place in np.flatnonzero(inside[order] >= 0).tolist():
            record = order[place]
            had = best.get(inside[record], -profile.false_negative)
            best[inside[record]] = max(had, worth[record])
            gain[place] = best[inside[record]] - had
        scores.append(one.scores[order])
        gains.append(gain)
    all_scores = np.concatenate(scores)
    order = np.argsort(-all_scores, kind="stable")
    falling, totals = all_scores[order], np.concatenate(gains)[order].cumsum()
    last = np.append(falling[1:] != falling[:-1], True)  # equal scores cross a threshold together
    candidates = np.concatenate([[0.0], totals[last]])
    return float(np.concatenate([[np.inf], falling[last]])[int(candidates.argmax())])


def _at_threshold(one: LabelledScores, profile: Profile, threshold: float) -> tuple[float, int, int]:
    """A series' part of the sum, its windows with an alarm, and its false alarms."""
    worth, inside = one.worth(profile)
    counts = np.arange(len(worth)) >= one.probation
    alarms = (one.scores >= threshold) & counts
    outside = alarms & (inside < 0)
    total, detected = float(worth[outside].sum()), 0
    for number in range(len(one.windows)):
        within = alarms & (inside == number)
        if within.any():
            total, detected = total + float(worth[within].max()), detected + 1
        elif (counts & (inside == number)).any():
            total -= profile.false_negative
    return total, detected, int(outside.sum())


def _sigmoidal(relative: NDArray[Any]) -> Floats:
    """The value of an alarm at a relative place, from 0.987 at -1 over 0 at 0 to -1 from three windows on."""
    value: Floats = np.where(relative > FAR, -1.0, 2 / (1 + np.exp(5 * np.minimum(relative, FAR))) - 1)
    return value
