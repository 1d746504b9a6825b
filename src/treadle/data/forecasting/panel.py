"""One or many time series on their regular grids, with what is known beside them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.frequency import Frequency, Stamp, Stamps, show
from treadle.errors import InputError, counted

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Panel:
    """One or many series, each on a regular grid from its own first stamp, of its own length.

    Attributes:
        ids: The names of the series, all different.
        starts: The first stamp of each.
        values: `[time]` each; NaN: missing.
        frequency: The step of all grids.
        past: Covariates that are known up to now, `[time, P]` each; NaN: missing.
        future: Covariates that are known in advance, `[time + known, F]` each: `known` steps beyond the last value.
        static: Covariates that do not change over time, `[series, S]`.
        past_names: Their names, P.
        future_names: Their names, F.
        static_names: Their names, S.
        source: The file that was read, `"memory"` for Python objects.
        note: How the source was understood, a phrase a finding.
        id_columns: The source's columns that named the series; empty where none did.
        time_columns: Those that gave the stamps.
        target_columns: Those that gave the values: several for the wide form, a series a column.
        utc: Whether time stamps of several zones became UTC.
        written: How time stamps were written that can be read in several ways, as `read_panel` tells: numbers, or
            dates in which day or month comes first.
        continued: Of every series that was joined, the sources that followed, each with its first stamp.

    Raises:
        InputError: The parts do not fit together.

    Example:
        >>> panel = Panel(["a"], [np.datetime64("2024-01-01T00:00:00")], [np.arange(5.0)], Frequency("month"))
        >>> before, truth = panel.cut(2)
        >>> before.values[0], truth.values[0], truth.where(0, 0)
        (array([0., 1., 2.]), array([3., 4.]), "series 'a', 2024-04-01")
    """

    ids: list[str]
    starts: list[Stamp]
    values: list[Floats]
    frequency: Frequency
    past: list[Floats] = field(default_factory=list)
    future: list[Floats] = field(default_factory=list)
    static: Floats = field(default_factory=lambda: np.empty((0, 0)))
    past_names: tuple[str, ...] = ()
    future_names: tuple[str, ...] = ()
    static_names: tuple[str, ...] = ()
    source: str = "memory"
    note: str = ""
    id_columns: tuple[str, ...] = ()
    time_columns: tuple[str, ...] = ()
    target_columns: tuple[str, ...] = ()
    utc: bool = False
    written: str = ""
    continued: Mapping[str, tuple[tuple[Stamp, str], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("past", "future"):  # none given: none for every step
            if not getattr(self, name):
                object.__setattr__(self, name, [np.empty((len(one), 0)) for one in self.values])
        if not self.static.size:
            object.__setattr__(self, "static", np.empty((len(self.values), 0)))
        parts = (self.ids, self.starts, self.values, self.past, self.future, self.static)
        if len({len(part) for part in parts}) != 1:
            raise InputError(f"the parts of a panel have {', '.join(str(len(part)) for part in parts)} series")
        if len(set(self.ids)) < len(self.ids):
            twice = next(name for name in self.ids if self.ids.count(name) > 1)
            raise InputError(f"{self.source}: the series {twice!r} occurs twice, expected different names")
        if self.static.shape != (len(self), len(self.static_names)):
            raise InputError(
                f"static covariates have the shape {self.static.shape}, expected {(len(self), len(self.static_names))}"
            )
        for series, (one, past, future) in enumerate(zip(self.values, self.past, self.future, strict=True)):
            if past.shape != (len(one), len(self.past_names)):
                raise InputError(
                    f"{self.where(series)}: past covariates have the shape {past.shape}, "
                    f"expected {(len(one), len(self.past_names))}"
                )
            if future.ndim != 2 or future.shape[1] != len(self.future_names) or len(future) < len(one):
                raise InputError(
                    f"{self.where(series)}: future covariates have the shape {future.shape}, "
                    f"expected {(len(one), len(self.future_names))} or more steps"
                )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def steps(self) -> int:
        """The steps of all series together, missing ones included."""
        return sum(map(len, self.values))

    def where(self, series: int, step: int | None = None) -> str:
        """The place of a series or of one of its steps, as a sentence names it.

        Args:
            series: The index of the series.
            step: The index of the step; it may lie beyond the last.
        """
        source, parts = self.source, [f"series {self.ids[series]!r}"]
        if step is not None:
            stamp = self.frequency.after(self.starts[series], step)
            parts.append(show(stamp) if self.frequency.dated else f"step {stamp}")
            for first, later in self.continued.get(self.ids[series], ()):
                source = later if stamp >= first else source
        return ", ".join(parts if source == "memory" else [source, *parts])

    def stamps(self, series: int, more: int = 0) -> Stamps:
        """The stamps of a series, `[time + more]`.

        Args:
            series: Its index.
            more: How many stamps beyond the last value.
        """
        return self.frequency.range(self.starts[series], len(self.values[series]) + more)

    def known(self, series: int) -> int:
        """How many steps beyond the last value the future covariates of a series are known."""
        return len(self.future[series]) - len(self.values[series])

    def until(self, ends: Sequence[int]) -> "Panel":
        """Every series up to its own end. Future covariates stay known: they were in advance.

        Args:
            ends: The number of steps that each series keeps.

        Raises:
            InputError: A series has fewer steps.
        """
        for series, (one, end) in enumerate(zip(self.values, ends, strict=True)):
            if not 0 <= end <= len(one):
                raise InputError(f"{self.where(series)}: has {counted(len(one), 'step')}, expected at least {end:,}")
        return replace(
            self,
            values=[one[:end] for one, end in zip(self.values, ends, strict=True)],
            past=[one[:end] for one, end in zip(self.past, ends, strict=True)],
        )

    def cut(self, steps: int) -> tuple["Panel", "Panel"]:
        """The last steps of every series set apart.

        Args:
            steps: How many.

        Returns:
            What comes before, with the future covariates of the steps set apart, and those steps.

        Raises:
            InputError: A series does not have more steps.
        """
        if steps < 0:
            raise InputError(f"the last {steps} steps were to be set apart, expected a number from 0")
        for series, one in enumerate(self.values):
            if len(one) <= steps:
                raise InputError(
                    f"{self.where(series)}: has {counted(len(one), 'step')}, "
                    f"expected more than the {steps:,} to be set apart"
                )
        ends = [len(one) - steps for one in self.values]
        truth = replace(
            self,
            starts=[self.frequency.after(start, end) for start, end in zip(self.starts, ends, strict=True)],
            values=[one[end:] for one, end in zip(self.values, ends, strict=True)],
            past=[one[end:] for one, end in zip(self.past, ends, strict=True)],
            future=[one[end:] for one, end in zip(self.future, ends, strict=True)],
        )
        return self.until(ends), truth

    def take(self, series: Iterable[int]) -> "Panel":
        """Some of the series, in the given order.

        Args:
            series: Their indices.
        """
        picked = [int(index) for index in series]
        return replace(
            self,
            ids=[self.ids[index] for index in picked],
            starts=[self.starts[index] for index in picked],
            values=[self.values[index] for index in picked],
            past=[self.past[index] for index in picked],
            future=[self.future[index] for index in picked],
            static=self.static[picked],
        )

    def joined(self, other: "Panel") -> "Panel":
        """These series, continued by those of another panel: a test file after its training file.

        Series are matched by name, in whatever order; one that the other panel lacks stays as it is. Static covariates
        are those of this panel. A panel without values but with future covariates adds these.

        Args:
            other: What comes next.

        Raises:
            InputError: Frequency or covariates differ, the other panel has a series that this one lacks, or a series
                does not start one step after the end of this one's.
        """
        if other.frequency != self.frequency:
            raise InputError(
                f"{other.source}: a step is {counted(other.frequency.every, other.frequency.unit)}, expected "
                f"{counted(self.frequency.every, self.frequency.unit)} as in {self.source}"
            )
        for kind in ("past", "future"):
            names, expected = getattr(other, f"{kind}_names"), getattr(self, f"{kind}_names")
            if names != expected and not (kind == "past" and other.steps == 0):
                raise InputError(
                    f"{other.source}: found the {kind} covariates {', '.join(names) or 'none'}, "
                    f"expected {', '.join(expected) or 'none'} as in {self.source}"
                )
        index = {name: series for series, name in enumerate(self.ids)}
        values, past, future = list(self.values), list(self.past), list(self.future)
        ends = [self.frequency.after(start, len(one)) for start, one in zip(self.starts, self.values, strict=True)]
        for number, name in enumerate(other.ids):
            if name not in index:
                raise InputError(f"{other.where(number)}: there is no such series in {self.source} for it to continue")
            series = index[name]
            length = len(values[series])
            if other.starts[number] != ends[series]:
                raise InputError(
                    f"{other.where(number)}: starts at {show(other.starts[number])}, expected "
                    f"{show(ends[series])}, one step after the end in {self.source}"
                )
            values[series] = np.concatenate([values[series], other.values[number]])
            future[series] = np.concatenate([future[series][:length], other.future[number]])
            if len(other.values[number]):
                past[series] = np.concatenate([past[series], other.past[number]])
        continued = {
            name: (*self.continued.get(name, ()), (end, other.source)) for name, end in zip(self.ids, ends, strict=True)
        }
        return replace(self, values=values, past=past, future=future, continued=continued)
