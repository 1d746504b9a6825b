"""Rows with stamps, in any order, laid onto the regular grids of their series."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.frequency import Frequency, Stamps, show
from treadle.data.forecasting.inference import Ints, check_mixed, infer_frequency
from treadle.errors import InputError, counted

Duplicates = Literal["error", "first", "last", "mean", "sum"]
Floats = NDArray[np.float64]

_ROOM: Final = 1_000_000  # steps that gaps may add to a small table
_MOST_GAPS: Final = 20  # and times the rows, to a large one
_REGULAR: Final = 8  # so many differences are not multiples of several steps by chance


@dataclass(frozen=True)
class Grid:
    """Where every row of a table belongs.

    Attributes:
        order: The rows by series and time.
        codes: The series of every row, in that order.
        steps: The step of its series that a row belongs to, in that order; several rows may share one.
        starts: The first stamp of every series.
        lengths: The steps of every series, from its first row to its last.
        frequency: The step.
        notes: What was found, a phrase a finding.
    """

    order: Ints
    codes: Ints
    steps: Ints
    starts: Stamps
    lengths: Ints
    frequency: Frequency
    notes: list[str]

    @property
    def cells(self) -> Ints:
        """The place of every row among the steps of all series, end to end."""
        return (np.cumsum(self.lengths) - self.lengths)[self.codes] + self.steps

    def place(self, column: Floats, duplicates: Duplicates) -> Floats:
        """A column of the table on the grids.

        Args:
            column: `[rows]` in the table's order.
            duplicates: Which of several rows of one step counts, or how they are put together; missing values are left
                out of sums and means.

        Returns:
            `[steps of all series, end to end]`, NaN where there is no row.
        """
        column, cells = column[self.order], self.cells
        total = int(self.lengths.sum())
        result = np.full(total, np.nan)
        if duplicates in ("mean", "sum"):
            there = ~np.isnan(column)
            sums = np.bincount(cells[there], column[there], minlength=total)
            counts = np.bincount(cells[there], minlength=total)
            known = counts > 0
            result[known] = sums[known] / (counts[known] if duplicates == "mean" else 1)
        elif duplicates == "first":
            result[cells[::-1]] = column[::-1]
        else:
            result[cells] = column
        return result


def lay(
    codes: Ints,
    stamps: Stamps,
    frequency: Frequency | None,
    duplicates: Duplicates,
    where: Callable[[int], str],
    source: str,
    *,
    strict: bool = False,
    advice: Callable[[], str] = str,
) -> Grid:
    """Find the grid of every series, and the place of every row on it.

    Args:
        codes: The series of every row, from 0 without a gap.
        stamps: The stamp of every row.
        frequency: The step, by default found by `infer_frequency`. Where it is given and stamps do not lie on its grid,
            all are moved to the start of their unit; steps of no calendar (`"step"`) take dates as an order alone.
        duplicates: What to do with several rows of one step; `"error"` refuses them.
        where: The place of a row of the table.
        source: What is read, for error sentences.
        strict: Whether the given frequency is that of a model's training series: stamps off its grid and other
            frequencies are refused, as they are where it is found.
        advice: What may tell rows of one time apart, as the end of a sentence.

    Raises:
        InputError: Stamps are duplicate, of mixed frequencies, irregular, of the wrong kind, or so far apart that gaps
            would fill the memory.
    """
    notes: list[str] = []
    order = np.lexsort((stamps, codes))
    codes, stamps = codes[order], stamps[order]
    firsts = np.flatnonzero(np.diff(codes, prepend=-1))
    if (np.diff(order)[np.diff(codes) == 0] < 0).any():
        notes.append("rows sorted by time")

    def place(row: int) -> str:
        return where(int(order[row]))

    given = frequency is not None
    if frequency is None:
        frequency = infer_frequency(codes, stamps, place, source)
    elif not frequency.dated and stamps.dtype.kind == "M":
        return _counted_rows(order, codes, firsts, [*notes, "time stamps order the rows and count no steps"])
    elif frequency.dated and stamps.dtype.kind != "M":
        raise InputError(
            f"{place(0)}: found {show(int(stamps[0]))} as time stamp, expected dates or times for a frequency of "
            f"{counted(frequency.every, frequency.unit)}"
        )
    written, starts = stamps, stamps[firsts]
    steps, on = _steps(frequency, starts[codes], stamps)
    if strict and not on.all():
        raise InputError(_off_grid(frequency, codes, stamps, steps, int(np.argmin(on)), place))
    if not on.all():
        moved = frequency.floor(stamps)
        notes.append(f"{counted(int((moved != stamps).sum()), 'stamp')} moved to the start of their step")
        stamps, starts = moved, moved[firsts]
        steps, on = _steps(frequency, starts[codes], stamps)
        if not on.all():
            row = int(np.argmin(on))
            raise InputError(f"{place(row)}: {show(stamps[row])} does not lie on a grid of {frequency}")
    if strict:
        later = np.flatnonzero((np.diff(codes) == 0) & (np.diff(steps) != 0)) + 1
        check_mixed(codes[later], np.diff(steps)[later - 1], later, frequency, place, trained=True)
    elif given:
        _check_fineness(frequency, codes, steps, place)
    _check_month_days(frequency, starts, firsts, place)
    lengths = steps[np.append(firsts[1:], len(codes)) - 1] + 1
    _check_room(steps, codes, lengths, frequency, place)
    same = np.flatnonzero((np.diff(codes) == 0) & (np.diff(steps) == 0))
    if len(same):
        if duplicates == "error":
            row = int(same[0]) + 1
            found = _again(frequency, written, row, place)
            raise InputError(f"{found}{advice()}; duplicates='first', 'last', 'mean' or 'sum' puts such rows together")
        notes.append(f"{counted(len(same), 'duplicate time stamp')}, handled by duplicates={duplicates!r}")
    gaps = lengths - (np.bincount(codes) - np.bincount(codes[same], minlength=len(firsts)))
    if gaps.any():
        notes.append(
            f"{counted(int(gaps.sum()), 'time stamp')} absent in {int((gaps > 0).sum()):,} series, filled in as missing"
        )
    return Grid(order, codes, steps, starts, lengths, frequency, notes)


def _steps(frequency: Frequency, starts: Stamps, stamps: Stamps) -> tuple[Ints, NDArray[np.bool_]]:
    """The step of every stamp from its start, and whether it lies on the grid."""
    if frequency.unit == "weekday":
        working = np.is_busday(stamps.astype("datetime64[D]")) & np.is_busday(starts.astype("datetime64[D]"))
        if not working.all():
            return np.zeros(len(stamps), np.int64), working
    steps = frequency.count(starts, stamps)
    return steps, frequency.shift(starts, steps) == stamps


def _again(frequency: Frequency, stamps: Stamps, row: int, place: Callable[[int], str]) -> str:
    """What is wrong with a row that belongs to the same step of its series as the row before."""
    now, before = show(stamps[row]), show(stamps[row - 1])
    if now == before:
        return (
            f"{place(row)}: the time stamp {now} occurs again in the same series, first at {place(row - 1)}, expected "
            "once"
        )
    step = counted(frequency.every, frequency.unit)
    return f"{place(row)}: {now} falls into one step of {step} with {before} at {place(row - 1)}, expected a row a step"


def _off_grid(
    frequency: Frequency, codes: Ints, stamps: Stamps, steps: Ints, row: int, place: Callable[[int], str]
) -> str:
    """What is wrong with a row that lies on no step of its series."""
    after = ""
    if row and codes[row] == codes[row - 1]:
        if frequency.unit != "weekday" and steps[row] == steps[row - 1]:
            return _again(frequency, stamps, row, place)
        after = f" after {show(stamps[row - 1])}"
    step = counted(frequency.every, frequency.unit)
    return f"{place(row)}: found {show(stamps[row])}{after}, expected steps of {step} as in training"


def _counted_rows(order: Ints, codes: Ints, firsts: Ints, notes: list[str]) -> Grid:
    """Rows as steps, in the order of time."""
    steps = np.arange(len(codes)) - firsts[codes]
    lengths = np.diff(firsts, append=len(codes))
    return Grid(order, codes, steps, np.zeros(len(firsts), np.int64), lengths, Frequency("step"), notes)


def _check_month_days(frequency: Frequency, starts: Stamps, firsts: Ints, place: Callable[[int], str]) -> None:
    """Refuse months from the 28th to the 30th, which the next February could not tell from last days."""
    if frequency.unit not in ("month", "quarter"):
        return
    days = starts.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    wrong = (day >= 28) & ((days + 1).astype("datetime64[M]") == months)
    if wrong.any():
        series = int(np.argmax(wrong))
        raise InputError(
            f"{place(int(firsts[series]))}: steps of {counted(frequency.every, frequency.unit)} start on "
            f"{show(starts[series])}, expected a day up to the 27th, or the last of its month"
        )


def _check_fineness(frequency: Frequency, codes: Ints, steps: Ints, place: Callable[[int], str]) -> None:
    """Refuse rows that are all several steps apart: days that were taken for hours."""
    between = np.diff(steps)[(np.diff(codes) == 0) & (np.diff(steps) > 0)]
    common = int(np.gcd.reduce(between)) if len(between) >= _REGULAR else 1
    if common > 1:
        found = Frequency(frequency.unit, frequency.every * common).simplest()
        raise InputError(
            f"{place(0)}: rows are {counted(found.every, found.unit)} apart from here on, expected steps of "
            f"{counted(frequency.every, frequency.unit)}"
        )


def _check_room(steps: Ints, codes: Ints, lengths: Ints, frequency: Frequency, place: Callable[[int], str]) -> None:
    total = float(lengths.astype(np.float64).sum())
    if total <= _ROOM + _MOST_GAPS * len(codes):
        return
    jumps = np.where(np.diff(codes) == 0, np.diff(steps), 0)
    row = int(np.argmax(jumps)) + 1
    raise InputError(
        f"{place(row)}: {jumps[row - 1]:,} steps of {counted(frequency.every, frequency.unit)} lie before this row, "
        f"expected fewer gaps: {len(codes):,} rows would fill {total:,.0f} steps"
    )
