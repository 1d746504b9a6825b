"""Which frequency the stamps of a panel have, told from the differences between them."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.frequency import Frequency, Stamps, show
from treadle.errors import InputError, counted

Ints = NDArray[np.int64]
Place = Callable[[int], str]
"""The place of a row, counted in the order of series and time, as an error sentence names it."""

_DAY: Final = 86_400
_LONGEST_RUN: Final = 8  # so many equal differences of several steps in a row are no gaps any more
_SHARE_OF_RUN: Final = 0.1


def infer_frequency(codes: Ints, stamps: Stamps, where: Place, source: str) -> Frequency:
    """The frequency on whose grid all series lie, each from its own first stamp.

    It is the most common difference between neighbouring stamps, if all others are multiples of it: months, where a
    series keeps its day of the month or stays on last days; weekdays, where days miss out all weekends; else the
    largest unit from the second to the week.

    Args:
        codes: The series of every row, ascending.
        stamps: Its stamp, ascending within a series; repeated ones do not count.
        where: The place of a row.
        source: What is read, for error sentences.

    Raises:
        InputError: No series has two stamps; differences are no multiples of the most common one; or one series, or
            part of one, has steps of several such units where others have steps of one (mixed frequencies).

    Example:
        >>> days = np.array(["2024-01-01", "2024-01-03", "2024-01-04"], "datetime64[s]")
        >>> infer_frequency(np.zeros(3, int), days, str, "memory")
        Frequency(unit='day', every=1)
    """
    later = np.flatnonzero((codes[1:] == codes[:-1]) & (stamps[1:] != stamps[:-1])) + 1
    if not len(later):
        if stamps.dtype.kind != "M":
            return Frequency("step")
        raise InputError(
            f"{source}: no series has two time stamps that tell the frequency, expected one such as frequency='day'"
        )
    base = _base(codes, stamps, later)
    units = base.count(stamps[later - 1], stamps[later])
    different, counts = np.unique(units, return_counts=True)
    common = int(different[np.argmax(counts)])
    odd = np.flatnonzero(units % common)
    frequency = Frequency(base.unit, base.every * common).simplest()
    if len(odd):
        row = int(later[odd[0]])
        raise InputError(
            f"{where(row)}: found {show(stamps[row])} after {show(stamps[row - 1])}, expected steps of "
            f"{counted(frequency.every, frequency.unit)} as most are; frequency='{frequency}' moves every stamp to the "
            f"start of its step, frequency='step' counts rows instead"
        )
    check_mixed(codes[later], units // common, later, frequency, where)
    return frequency


def _base(codes: Ints, stamps: Stamps, later: Ints) -> Frequency:
    """The unit in which differences are whole numbers."""
    if stamps.dtype.kind != "M":
        return Frequency("step")
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    days = stamps.astype("datetime64[D]")
    clock = (stamps - days).astype(np.int64)
    months = days.astype("datetime64[M]")
    day = (days - months.astype("datetime64[D]")).astype(np.int64)
    last = (days + 1).astype("datetime64[M]") > months
    same_clock = (np.maximum.reduceat(clock, starts) == np.minimum.reduceat(clock, starts)).all()
    same_day = np.maximum.reduceat(day, starts) == np.minimum.reduceat(day, starts)
    if same_clock and (same_day | np.logical_and.reduceat(last, starts)).all():
        return Frequency("month")
    seconds = (stamps[later] - stamps[later - 1]).astype(np.int64)
    size = int(np.gcd.reduce(seconds))
    if size == _DAY and np.is_busday(days).all():
        over_weekend = np.busday_count(days[later - 1], days[later]) < seconds // _DAY
        if over_weekend.any():
            return Frequency("weekday")
    return Frequency("second", size)


def check_mixed(
    codes: Ints, steps: Ints, rows: Ints, frequency: Frequency, where: Place, *, trained: bool = False
) -> None:
    """Refuse a series, or a long part of one, whose steps are several of the common ones.

    Args:
        codes: The series of every row but its first, ascending.
        steps: How many steps each row lies after the one before.
        rows: Their numbers.
        frequency: The step.
        where: The place of a row.
        trained: Whether the frequency is that of training, rather than the most common one of these rows.

    Raises:
        InputError: There is one; the sentence names the row where it begins.
    """
    if not len(rows):
        return
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    lengths = np.diff(starts, append=len(codes))
    own = np.gcd.reduceat(steps, starts)
    other = np.flatnonzero((own > 1) & (lengths >= 3))
    if len(other):
        first, step = int(starts[other[0]]), int(own[other[0]])
    else:
        begins = np.flatnonzero((np.diff(codes, prepend=-1) != 0) | (np.diff(steps, prepend=-1) != 0))
        runs = np.diff(begins, append=len(codes))
        total = np.add.reduceat(steps, starts)[np.searchsorted(starts, begins, side="right") - 1]
        long = (steps[begins] > 1) & (runs >= _LONGEST_RUN) & (runs * steps[begins] >= _SHARE_OF_RUN * total)
        if not long.any():
            return
        first = int(begins[np.argmax(long)])
        step = int(steps[first])
    found = Frequency(frequency.unit, frequency.every * step).simplest()
    why = "in training" if trained else f"most are; frequency='{frequency}' fills what lies between"
    raise InputError(
        f"{where(int(rows[first]))}: steps of {counted(found.every, found.unit)} begin here, expected "
        f"{counted(frequency.every, frequency.unit)} as {why}"
    )
