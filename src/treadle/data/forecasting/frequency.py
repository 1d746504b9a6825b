"""The step of a time series: what lies between a stamp and the next."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError, counted, nearest

Stamp = np.datetime64 | int
"""A place in time: `np.datetime64` in seconds (a date at midnight), or the number of a step."""

Stamps = NDArray[Any]
"""Stamps `[time]`, `datetime64[s]` or `int64`."""

Unit = Literal["step", "second", "minute", "hour", "day", "weekday", "week", "month", "quarter", "year"]

_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_MONDAY: Final = 4 * 86_400  # 1970-01-05, in seconds since 1970
_CYCLES: Final[dict[str, tuple[int, ...]]] = {  # the minute to the year that contain a unit, counted in it
    "second": (60, 3600, 86_400),
    "minute": (60, 1440, 10_080),
    "hour": (24, 168),
    "day": (7, 365),
    "weekday": (5, 260),
    "week": (52,),
    "month": (12,),
    "quarter": (4,),
}
_COARSER: Final = (("second", 60, "minute"), ("minute", 60, "hour"), ("hour", 24, "day"), ("day", 7, "week"))
_CASED: Final[dict[str, Unit]] = {"M": "month", "m": "minute", "T": "minute"}
_WORDS: Final[dict[Unit, str]] = {  # in lower case; a plural s may follow
    "step": "step",
    "second": "second sec s",
    "minute": "minute min",
    "hour": "hour hourly h",
    "day": "day daily d",
    "weekday": "weekday b",
    "week": "week weekly w",
    "month": "month monthly mo ms me",
    "quarter": "quarter quarterly q qs qe",
    "year": "year yearly annual y ys ye a as",
}
_ALIASES: Final = {
    name: unit for unit, words in _WORDS.items() for word in words.split() for name in (word, f"{word}s")
}
_WRITTEN: Final = re.compile(r"\s*(\d{1,9})?\s*([A-Za-z]+)(-[A-Za-z]{3})?\s*")


@dataclass(frozen=True)
class Frequency:
    """The step of a regular grid: so many units of time, or whole numbers.

    A month is one of the calendar: a grid that starts on the last day of a month stays on last days. Weekdays are
    Monday to Friday. Quarters and years are 3 and 12 months from wherever the grid starts.

    Args:
        unit: The unit; `"step"` counts in whole numbers, without a calendar.
        every: How many units a step is.

    Raises:
        InputError: The unit is not known, or `every` is no whole number above 0.

    Example:
        >>> month = Frequency("month")
        >>> month.after(np.datetime64("2024-01-31"), 1)
        np.datetime64('2024-02-29T00:00:00')
        >>> month.between(np.datetime64("1949-01-01"), np.datetime64("1960-12-01"))
        143
        >>> str(Frequency("minute", 15)), Frequency("minute", 15).seasons
        ('15 minutes', (4, 96, 672))
    """

    unit: Unit
    every: int = 1

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            raise InputError(f"the unit of time {self.unit!r} is not known{nearest(str(self.unit), get_args(Unit))}")
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise InputError(f"a frequency of {self.every!r} {self.unit}s was given, expected a whole number above 0")

    @classmethod
    def parse(cls, text: str) -> "Frequency":
        """A frequency as people and data libraries write it: `"month"`, `"15 minutes"`, `"15min"`, `"W-SUN"`, `"MS"`.

        Args:
            text: A number, which may be left out, and a unit or pandas' alias for one. It is the inverse of `str`.

        Raises:
            InputError: It is anything else.

        Example:
            >>> Frequency.parse("60 minutes"), Frequency.parse("QS")
            (Frequency(unit='hour', every=1), Frequency(unit='quarter', every=1))
        """
        found = _WRITTEN.fullmatch(text)
        name = found.group(2) if found else text
        unit = _CASED.get(name, _ALIASES.get(name.lower()))
        if found is None or unit is None:
            raise InputError(f"the frequency {text!r} is not known{nearest(name.lower(), get_args(Unit))}")
        return cls(unit, int(found.group(1) or 1)).simplest()

    def simplest(self) -> "Frequency":
        """The same step in the largest unit that it is a multiple of: 60 minutes are an hour, 12 months a year."""
        unit, every = self.unit, self.every
        for finer, count, coarser in _COARSER:
            if unit == finer and every % count == 0:
                unit, every = coarser, every // count  # type: ignore[assignment]  # the table holds units only
        if unit in _MONTHS:
            months = every * _MONTHS[unit]
            if months % 12 == 0:
                return Frequency("year", months // 12)
            return Frequency("quarter") if months == 3 else Frequency("month", months)
        return Frequency(unit, every)

    def __str__(self) -> str:
        return self.unit if self.every == 1 else f"{self.every} {self.unit}s"

    @property
    def dated(self) -> bool:
        """Whether stamps are moments in time rather than whole numbers."""
        return self.unit != "step"

    @property
    def seasons(self) -> tuple[int, ...]:
        """The customary lengths of a season in steps, shortest first: 12 for months, 24 and 168 for hours."""
        cycles = _CYCLES.get(self.unit, ())
        return tuple(length // self.every for length in cycles if length % self.every == 0 and length > self.every)

    def after(self, start: Stamp, steps: int) -> Stamp:
        """The stamp that lies so many steps after another.

        Args:
            start: The other.
            steps: How many; negative ones go back.

        Raises:
            InputError: `start` is a number and the unit one of the calendar, or the reverse; it is a Saturday or Sunday
                and the unit weekdays.
        """
        return self._one(self.shift(self.array([start]), np.array([steps], np.int64)))

    def range(self, start: Stamp, steps: int) -> Stamps:
        """So many stamps from `start` on, `[steps]`.

        Args:
            start: The first.
            steps: How many.

        Raises:
            InputError: As in `after`.
        """
        return self.shift(self.array([start]), np.arange(max(steps, 0), dtype=np.int64))

    def between(self, first: Stamp, last: Stamp) -> int:
        """How many steps lead from one stamp to another: the inverse of `after`.

        Args:
            first: Where the grid starts.
            last: A stamp on the grid, before or after.

        Raises:
            InputError: `last` is not on the grid that starts at `first`; or as in `after`.
        """
        start, stamp = self.array([first]), self.array([last])
        steps = self.count(start, stamp)
        if self.shift(start, steps)[0] != stamp[0]:
            low, high = (show(self._one(self.shift(start, steps + more))) for more in (0, 1))
            raise InputError(
                f"{show(last)} does not lie a whole number of steps of {counted(self.every, self.unit)} "
                f"from {show(first)}, expected {low} or {high}"
            )
        return int(steps[0])

    def array(self, stamps: Any) -> Stamps:
        """Stamps in the type of this frequency, `datetime64[s]` or `int64`.

        Raises:
            InputError: They are of the other kind.
        """
        array = np.asarray(stamps)
        if array.size and (array.dtype.kind == "M") != self.dated:
            found = show(array.ravel()[0])
            wanted = "dates or times" if self.dated else "whole numbers"
            raise InputError(
                f"found the stamp {found} for steps of {counted(self.every, self.unit)}, expected {wanted}"
            )
        return array.astype("datetime64[s]" if self.dated else np.int64)

    def shift(self, starts: Stamps, steps: NDArray[np.int64]) -> Stamps:
        """`after` for many: `starts` and `steps` broadcast against each other."""
        if self.unit == "step":
            return np.asarray(starts + steps * self.every, np.int64)
        if self.unit in _SECONDS:
            return np.asarray(starts + (steps * (self.every * _SECONDS[self.unit])).astype("timedelta64[s]"))
        days = starts.astype("datetime64[D]")
        clock = starts - days
        if self.unit == "weekday":
            try:
                return np.asarray(np.busday_offset(days, steps * self.every) + clock)
            except ValueError:
                weekend = show(np.atleast_1d(starts)[~np.is_busday(np.atleast_1d(days))][0])
                raise InputError(
                    f"{weekend} is a Saturday or Sunday, expected Monday to Friday for steps of weekdays"
                ) from None
        months = starts.astype("datetime64[M]")
        day = (days - months.astype("datetime64[D]")).astype(np.int64)
        last = day == _days_of(months) - 1
        moved = months + (steps * (self.every * _MONTHS[self.unit])).astype("timedelta64[M]")
        end = _days_of(moved) - 1
        day = np.where(last, end, np.minimum(day, end))
        return np.asarray(moved.astype("datetime64[D]") + day.astype("timedelta64[D]") + clock)

    def count(self, starts: Stamps, stamps: Stamps) -> NDArray[np.int64]:
        """The whole steps from `starts` to `stamps`, rounded down within the unit; the two broadcast.

        A stamp is on the grid if `shift(starts, count(starts, stamps))` gives it back.
        """
        if self.unit == "step":
            units = stamps - starts
        elif self.unit in _SECONDS:
            units = (stamps - starts).astype("timedelta64[s]").astype(np.int64) // _SECONDS[self.unit]
        elif self.unit == "weekday":
            units = np.busday_count(starts.astype("datetime64[D]"), stamps.astype("datetime64[D]"))
        else:
            months = stamps.astype("datetime64[M]") - starts.astype("datetime64[M]")
            units = months.astype(np.int64) // _MONTHS[self.unit]
        return np.asarray(units // self.every, np.int64)

    def floor(self, stamps: Stamps) -> Stamps:
        """The start of the step that every stamp lies in, on the grid of the calendar.

        That is the first of its month, its full hour, or a quarter of it for 15 minutes, the Monday of its week.
        Weekends belong to the Friday before.
        """
        if self.unit == "step":
            return stamps
        if self.unit in _MONTHS:
            months = stamps.astype("datetime64[M]").astype(np.int64)
            size = self.every * _MONTHS[self.unit]
            return np.asarray((months // size * size).astype("datetime64[M]").astype("datetime64[s]"))
        if self.unit == "weekday":
            days = stamps.astype("datetime64[D]")
            return np.asarray(np.busday_offset(days, 0, roll="backward").astype("datetime64[s]"))
        size = self.every * _SECONDS[self.unit]
        origin = _MONDAY if self.unit == "week" else 0
        seconds = stamps.astype("datetime64[s]").astype(np.int64) - origin
        return np.asarray((seconds // size * size + origin).astype("datetime64[s]"))

    def written(self, stamps: Stamps | Sequence[Stamp]) -> list[str] | list[int]:
        """Stamps as a column holds them, all in one form: numbers, dates, or dates with their times.

        Dates stand alone where a step is a day or longer and all stamps are at midnight.

        Args:
            stamps: `[time]`.

        Example:
            >>> Frequency("hour").written(np.array(["2024-01-31T00", "2024-01-31T01"], "datetime64[s]"))
            ['2024-01-31 00:00:00', '2024-01-31 01:00:00']
            >>> Frequency("day").written(np.array(["2024-01-31"], "datetime64[s]"))
            ['2024-01-31']
        """
        if not self.dated:
            return [int(stamp) for stamp in stamps]
        moments = np.asarray(stamps, "datetime64[s]")
        days = moments.astype("datetime64[D]")
        timed = self.unit in ("second", "minute", "hour") or bool((moments != days).any())
        return [str(moment).replace("T", " ") for moment in (moments if timed else days)]

    def _one(self, stamps: Stamps) -> Stamp:
        return stamps[0] if self.dated else int(stamps[0])


def show(stamp: Stamp) -> str:
    """A stamp as a sentence names it: `"2024-01-31"`, `"2024-01-31 13:00:00"`, `"17"`.

    Args:
        stamp: The stamp.

    Example:
        >>> show(np.datetime64("2024-01-31T00:00:00")), show(17)
        ('2024-01-31', '17')
    """
    text = str(stamp).replace("T", " ")
    return text.removesuffix(" 00:00:00")


def _days_of(months: Stamps) -> NDArray[np.int64]:
    """The number of days of every month."""
    return np.asarray((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]"), np.int64)
