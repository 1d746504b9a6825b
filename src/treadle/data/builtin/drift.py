"""A series whose law changes on the way: once at a stroke, once by and by. Generated."""

import math
from dataclasses import dataclass
from typing import Final

from treadle.data.builtin.draw import Draw
from treadle.data.table import Table

STEPS: Final = 20_000
TRAIN: Final = 6_000
"""Steps of the training part, all of the first law."""

ABRUPT: Final = 10_000
"""The step from which the second law holds."""
GRADUAL: Final = (15_000, 16_000)
"""Between these steps the second law turns into the third."""

NOISE: Final = 0.3
"""Standard deviation of what is new at every step."""

_DIGITS: Final = 3


@dataclass(frozen=True)
class _Law:
    """A level, a wave, and an autoregression of order 2 around them.

    Attributes:
        level: What the series swings around.
        amplitude: Of the wave.
        period: Of the wave, in steps.
        second: Share of the wave's second harmonic.
        first_lag: Weight of the deviation one step ago.
        second_lag: Weight of the deviation two steps ago.
    """

    level: float
    amplitude: float
    period: int
    second: float
    first_lag: float
    second_lag: float

    def wave(self, step: int) -> float:
        """The centre of a step, without its deviation."""
        angle = 2 * math.pi * (step % self.period) / self.period
        return self.level + self.amplitude * (math.sin(angle) + self.second * math.sin(2 * angle))


_LAWS: Final = (
    _Law(10.0, 2.0, 24, 0.0, 1.5, -0.7),
    _Law(14.0, 1.0, 40, 0.8, -0.6, 0.2),
    _Law(8.0, 3.0, 16, 0.3, 0.9, -0.4),
)


def drift(split: str) -> Table:
    """Columns `unique_id`, `ds` (the number of the step) and `y`; 6,000 steps train, the next 14,000 test.

    With a law of its own for level, wave and autoregression each, the three parts of the series are the steps before
    10,000, those from there to 15,000, and those from 16,000 on; between, the second law passes into the third evenly.
    What is new at a step has a standard deviation of 0.3: no forecast one step ahead can have a
    smaller root mean squared error. Values have three decimals.
    """
    draw = Draw(1931)
    deviations = (0.0, 0.0)
    values = []
    for step in range(STEPS):
        before, after, share = _laws(step)
        new = NOISE * (sum(draw.uniform() for _ in range(12)) - 6)  # close to normal, by additions alone
        first = before.first_lag + share * (after.first_lag - before.first_lag)
        second = before.second_lag + share * (after.second_lag - before.second_lag)
        deviations = (first * deviations[0] + second * deviations[1] + new, deviations[0])
        centre = before.wave(step) + share * (after.wave(step) - before.wave(step))
        values.append(round(centre + deviations[0], _DIGITS))
    part = range(TRAIN) if split == "train" else range(TRAIN, STEPS)
    return Table({"unique_id": ["drift"] * len(part), "ds": list(part), "y": values[part.start : part.stop]})


def _laws(step: int) -> tuple[_Law, _Law, float]:
    """The law that was, the law that comes, and how far it has come."""
    first, second, third = _LAWS
    if step < ABRUPT:
        return first, first, 0.0
    start, end = GRADUAL
    return second, third, min(1.0, max(0.0, (step - start) / (end - start)))
