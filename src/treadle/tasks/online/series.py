"""A series that is forecast a step ahead and learnt from as it comes: what online forecaster and detector share."""

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from treadle.tasks.online.estimator import OnlineEstimator
from treadle.tasks.online.learner import Loss
from treadle.tasks.online.losses import REGRESSION
from treadle.tasks.online.reading import Reader
from treadle.tasks.online.remembered import Arrays, Facts, Remembering
from treadle.tasks.online.scale import RunningScale
from treadle.tasks.online.settings import OnlineSettings
from treadle.tasks.settings import check

Floats = NDArray[np.float64]


class _SeriesSettings(BaseModel):
    model_config = ConfigDict(frozen=True)

    seasons: tuple[Annotated[int, Field(ge=1)], ...] | None
    half_life: float = Field(gt=0)


def _readers() -> dict[str, Reader]:
    """Of the values that are forecast, which are numbers, and of what is known of their steps."""
    return {"values": Reader("value", dates=False), "known": Reader()}


class History:
    """The last values of a series: those that the next step's inputs are made of, in a ring of fixed size.

    Args:
        length: Values that are kept.
        width: Channels.

    Attributes:
        last: The last value of every channel that was not missing, NaN before one came.
        change: What it differed from the one before.
    """

    def __init__(self, length: int, width: int) -> None:
        self.ring = np.full((length, width), np.nan)
        self.count = 0
        self.last = np.full(width, np.nan)
        self.change = np.full(width, np.nan)

    def push(self, values: Floats) -> None:
        """Take in a step, NaN where a value is missing."""
        self.change = values - self.last
        self.last = np.where(np.isnan(values), self.last, values)
        if len(self.ring):
            self.ring[self.count % len(self.ring)] = self.last
        self.count += 1

    def ago(self, steps: int) -> Floats:
        """The values so many steps before the next one, NaN before the first."""
        found: Floats = self.ring[(self.count - steps) % len(self.ring)]
        return found

    def copy(self) -> "History":
        """Another with the same values."""
        other = History(0, 0)
        other.restore(self.facts(), self.arrays())
        return other

    def facts(self) -> Facts:
        """How many values came."""
        return {"count": self.count}

    def arrays(self) -> Arrays:
        """The values."""
        return {"ring": self.ring, "last": self.last, "change": self.change}

    def restore(self, facts: Facts, arrays: Arrays) -> None:
        """Take up what the two gave."""
        self.count, self.ring = facts["count"], arrays["ring"].copy()
        self.last, self.change = arrays["last"].copy(), arrays["change"].copy()


class SeriesOnline(OnlineEstimator):
    r"""An online estimator that forecasts the next values of a series from those before them.

    The network says by how much the next value differs from the last one, in units of how much values usually differ:

    $$\hat y_t = y_{t-1} + m_\Delta + \sigma_\Delta\, z_t$$

    so that it begins as the naive forecast. It reads the last value, the last change, what the value one season ago
    would mean as a change, and what is known of step t beforehand.

    Args:
        seasons: Lengths of seasons in steps: the network sees the values of one season ago. As many values are kept as
            the longest has steps. None for none.
        loss: "huber", "squared" or "absolute".
        **options: Those of `OnlineEstimator`.
    """

    def __init__(self, *, seasons: tuple[int, ...] | None = None, loss: str = "huber", **options: Any) -> None:
        super().__init__(**options)
        self.seasons = seasons
        self.loss = loss

    def _make_parts(self) -> dict[str, Remembering]:
        return {
            **_readers(),
            "level": RunningScale(0, self.half_life),
            "changes": RunningScale(0, self.half_life),
            "known scale": RunningScale(0, self.half_life),
            "history": History(max(self.seasons or (), default=0), 0),
        }

    def _make_loss(self) -> Loss:
        return REGRESSION[check(OnlineSettings, self._settled).loss]

    def _check_arguments(self) -> OnlineSettings:
        check(_SeriesSettings, self.get_params())
        return super()._check_arguments()

    def _read(self, values: Any, known: Any) -> tuple[Floats, list[Any], list[Any]]:
        """A step's values, and the new channels and features in it; nothing is changed.

        Raises:
            InputError: One of them cannot be used.
        """
        row, channels = self._reader("values").read(values)
        features = [] if known is None else self._reader("known").read(known)[1]
        return row, channels, features

    def _reader(self, name: str) -> Reader:
        reader: Reader = (self._parts or _readers())[name]
        return reader

    def _take(self, values: Any, known: Any) -> None:
        """Learn from a step.

        Raises:
            InputError: It cannot be used; nothing has changed.
        """
        row, channels, features = self._read(values, known)
        self._begin()
        if self._learner is None or channels or features or (known is not None and not self._parts["known"].width):
            row = self._widen(values, known, channels, features)
        history, changes = self._parts["history"], self._parts["changes"]
        change = row - history.last
        self._learn(self._inputs(history, known), np.where(np.isnan(change), np.nan, changes.scaled(change)))
        changes.update(change)
        self._parts["level"].update(row)
        if known is not None:
            self._parts["known scale"].update(self._parts["known"].read(known)[0])
        history.push(row)

    def _widen(self, values: Any, known: Any, channels: list[Any], features: list[Any]) -> Floats:
        """Make room for new channels and features; with new channels the network begins anew."""
        reader, others = self._parts["values"], self._parts["known"]
        more = reader.register(values, channels)
        wider = known is not None and others.register(known, features)
        if more:
            for name in ("level", "changes"):
                self._parts[name].widen(reader.width)
            history, kept = self._parts["history"], self._parts["history"].copy()
            for name in ("ring", "last", "change"):
                old = getattr(kept, name)
                new = np.full((*old.shape[:-1], reader.width), np.nan)
                new[..., : old.shape[-1]] = old
                setattr(history, name, new)
        if wider:
            self._parts["known scale"].widen(others.width)
        inputs = reader.width * (2 + len(self._settled["seasons"] or ())) + others.width
        if more or self._learner is None:
            self._learner = self._make_learner(inputs, reader.width, reader.width)
        elif wider:
            self._learner.resize(inputs, reader.width)
        row: Floats = reader.read(values)[0]
        return row

    def _inputs(self, history: History, known: Any) -> Floats:
        """What the network reads before the values of a step are there."""
        level, changes, scale = self._parts["level"], self._parts["changes"], self._parts["known scale"]
        parts = [level.scaled(history.last), changes.scaled(history.change)]
        parts += [changes.scaled(history.ago(season) - history.last) for season in self._settled["seasons"] or ()]
        if len(scale.mean):
            row = np.full(len(scale.mean), np.nan) if known is None else self._parts["known"].read(known)[0]
            parts.append(scale.scaled(row))
        return np.concatenate(parts)

    def _expect(self, known: Any) -> Floats:
        """The values of the next step, NaN where a channel has had none; nothing is changed."""
        history, learner = self._parts["history"], self._learner
        assert learner is not None
        found: Floats = history.last + self._parts["changes"].unscaled(learner.predict(self._inputs(history, known)))
        return found

    def _roll(self, knowns: list[Any]) -> list[Floats]:
        """The values of steps to come, each from those expected before it; nothing is changed."""
        history, learner, found = self._parts["history"].copy(), self._learner, []
        assert learner is not None
        with learner.aside():
            for known in knowns:
                z = learner.advance(self._inputs(history, known))
                found.append(history.last + self._parts["changes"].unscaled(z))
                history.push(found[-1])
        return found

    def _shown(self, row: Floats) -> Any:
        """Values in the form that they came in."""
        reader = self._parts["values"]
        if not reader.named:
            return float(row[0]) if len(row) == 1 else row
        return {name: float(row[reader.columns[key]]) for name, key in reader.names.items()}
