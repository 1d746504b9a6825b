"""A step as a caller gives it, as a row of numbers: features by name, or numbers in their order."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.data.series import LARGEST, is_absent, is_real
from treadle.errors import InputError, counted
from treadle.streaming.numbers import read_numbers
from treadle.tasks.online.remembered import Arrays, Facts

Floats = NDArray[np.float64]

WIDTH = 8
"""Features by name have columns in whole multiples of this number, so that a network seldom has to grow."""
MOST = 1024
"""Features by name at most: names without end would be memory without end."""

_NUMBER, _DATE = "a number up to 3.4e38", "a date (datetime.date or datetime.datetime)"
_CLOCK = ("time of day", "day of week", "day of year")


class Reader:
    """Turns steps into rows, and remembers which feature has which column.

    The first step decides the form. Numbers, a list or an array are columns in their order, and their count never
    changes. A mapping is features by name: one that a later step does not have is missing there, one that is new takes
    the next column, with its first value. A feature that is a date or a datetime becomes sine and cosine of the time of
    day, of the day of the week and of the day of the year.

    Args:
        what: What a row is, in the words of an error.
        dates: Whether a feature may be one.

    Attributes:
        columns: The column of every name; empty for numbers in their order.
        width: Columns; 0 before the first step.
    """

    def __init__(self, what: str = "step", *, dates: bool = True) -> None:
        self.what, self.dates = what, dates
        self.columns: dict[str, int] = {}
        self.names: dict[Any, str] = {}  # the names as they came, since not all of them are text
        self.width = 0
        self.named: bool | None = None

    def read(self, step: Any) -> tuple[Floats, list[Any]]:
        """A step's row, NaN where a value is missing, and its features that have no column yet; nothing is changed.

        Raises:
            InputError: It is no such step.
        """
        if isinstance(step, Mapping):
            return self._read_names(step)
        if self.named:
            raise InputError(f"a {self.what} is features by name, as the first was, found {step!r:.50}")
        if self.width <= 1 and is_absent(step):
            return np.array([np.nan]), []
        row = read_numbers(step, self.width or _size(step), missing=True)
        if len(row) != 1:
            raise InputError(f"one {self.what} is expected at a time, found {len(row)}")
        return row[0], []

    def register(self, step: Any, new: list[Any]) -> bool:
        """Settle the form by the first step, and give new features their columns.

        Returns:
            Whether rows are wider now.
        """
        if self.named is None:
            self.named = isinstance(step, Mapping)
        before = self.width
        if not self.named:
            self.width = self.width or _size(step)
            return self.width > before
        taken = len(self.columns)
        for name in sorted(new, key=repr):  # the order in which a mapping happens to hold them means nothing
            parts = [name] if not isinstance(step[name], date) else [(name, part) for part in _parts()]
            for part in parts:
                self.columns[_key(part)] = taken
                taken += 1
            self.names[_plain(name)] = _key(name)
        self.width = max(self.width, -(-max(taken, 1) // WIDTH) * WIDTH)
        return self.width > before

    def _read_names(self, step: Mapping[Any, Any]) -> tuple[Floats, list[Any]]:
        if self.named is False:
            raise InputError(
                f"a {self.what} is {counted(self.width, 'number')}, as the first was, found features by name"
            )
        row = np.full(self.width, np.nan)
        new = []
        for name, value in step.items():
            if name not in self.names:
                if is_absent(value):  # it is not known yet what it will be
                    continue
                _plain(name)
                new.append(name)
                if not (self.dates and isinstance(value, date)):
                    self._number(name, value, f"{_NUMBER} or {_DATE}" if self.dates else _NUMBER)
            elif (column := self.columns.get(self.names[name])) is not None:
                row[column] = self._number(name, value, _NUMBER)
            else:
                self._place_time(row, name, value)
        more = sum(2 * len(_CLOCK) if isinstance(step[name], date) else 1 for name in new)
        if len(self.columns) + more > MOST:
            raise InputError(f"more than {MOST} features have come by now, expected the same ones at every {self.what}")
        return row, new

    def _number(self, name: Any, value: Any, expected: str) -> float:
        """A feature's number, NaN where it is missing.

        Raises:
            InputError: It is something else.
        """
        if type(value) in (float, int) and -LARGEST <= value <= LARGEST:  # most often, and faster
            return float(value)
        if is_absent(value):
            return np.nan
        if not is_real(value) or abs(value) > LARGEST:
            raise InputError(f"the feature {name!r} of the {self.what} holds {value!r:.50}, expected {expected}")
        return float(value)

    def _place_time(self, row: Floats, name: Any, value: Any) -> None:
        """Put a date where its sines and cosines go."""
        if is_absent(value):
            return
        if not isinstance(value, date):
            raise InputError(f"the feature {name!r} of the {self.what} holds {value!r:.50}, expected {_DATE}")
        start = self.columns[_key((name, _parts()[0]))]
        row[start : start + 2 * len(_CLOCK)] = calendar(value)

    def facts(self) -> Facts:
        """Names and columns."""
        return {"columns": self.columns, "names": list(self.names.items()), "width": self.width, "named": self.named}

    def arrays(self) -> Arrays:
        """Nothing."""
        return {}

    def restore(self, facts: Facts, arrays: Arrays) -> None:  # noqa: ARG002  # the facts are all there is
        """Take up what `facts` gave."""
        self.columns, self.width, self.named = facts["columns"], facts["width"], facts["named"]
        self.names = {_tuples(name): key for name, key in facts["names"]}


def calendar(when: date) -> list[float]:
    """Sine and cosine of the time of day, of the day of the week and of the day of the year."""
    clock = (when.hour * 3600 + when.minute * 60 + when.second) / 86_400 if isinstance(when, datetime) else 0.0
    year = (when.timetuple().tm_yday - 1 + clock) / 365.25
    angles = 2 * np.pi * np.array([clock, (when.weekday() + clock) / 7, year])
    return np.stack([np.sin(angles), np.cos(angles)], 1).ravel().tolist()


def _size(step: Any) -> int:
    """Numbers of a step that is the first, 1 for one that is none."""
    try:
        return max(1, (np.shape(step) or (1,))[-1])
    except ValueError:  # lists of different lengths in a list
        return 1


def _parts() -> list[str]:
    return [f"{part} {wave}" for part in _CLOCK for wave in ("sine", "cosine")]


def _plain(name: Any) -> Any:
    """A feature's name as JSON can hold it, its tuples as lists, and give it back.

    Raises:
        InputError: It is something else.
    """
    if isinstance(name, tuple):
        return tuple(_plain(part) for part in name)
    name = name.item() if isinstance(name, np.generic) else name
    if not isinstance(name, str | int | float | None):
        raise InputError(f"a feature is called {name!r:.50}, expected a text, a number or a tuple of these")
    return name


def _tuples(name: Any) -> Any:
    """JSON has lists where a name is a tuple."""
    return tuple(map(_tuples, name)) if isinstance(name, list) else name


def _key(name: Any) -> str:
    """What the columns of a name are found by."""
    return repr(_plain(name))
