"""Where in the day, week and year a stamp lies, as numbers that meet at the ends of each cycle."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.frequency import Frequency, Stamps
from treadle.errors import InputError

Floats = NDArray[np.float64]

_DAY: Final = 86_400.0


def calendar_features(
    stamps: Stamps, frequency: Frequency, names: Sequence[str] | None = None
) -> tuple[Floats, tuple[str, ...]]:
    r"""The calendar of a series: $\sin 2\pi\phi$ and $\cos 2\pi\phi$ for the share $\phi \in [0, 1)$ of every cycle.

    The cycles are the minute of the hour, the hour of the day, the day of the week, the day of the month (for steps of
    a day), the day of the year, the month and the quarter of the year: those longer than a step that the stamps span
    at least once.

    Args:
        stamps: `[time]`, in any order; whole numbers have no calendar.
        frequency: The step of the grid.
        names: Those wanted, as an earlier call returned them, whatever these stamps span: so a model's inputs stay the
            same from its training data to the next step.

    Returns:
        Features `[time, C]` in [-1, 1], and their names.

    Raises:
        InputError: A name is not known.

    Example:
        >>> stamps = Frequency("month").range(np.datetime64("2024-01-01"), 24)
        >>> features, names = calendar_features(stamps, Frequency("month"))
        >>> names, features[:4].round(2).tolist()
        (('sin month of year', 'cos month of year'), [[0.0, 1.0], [0.5, 0.87], [0.87, 0.5], [1.0, 0.0]])
        >>> calendar_features(stamps[:1], Frequency("month"), names)[0].shape
        (1, 2)
    """
    if names is None:
        chosen = [name for name in _suitable(frequency) if _spanned(stamps, name)]
        names = [f"{wave} {name}" for name in chosen for wave in ("sin", "cos")]
    columns = []
    for name in names:
        wave, _, cycle = name.partition(" ")
        if cycle not in _PHASES or wave not in ("sin", "cos"):
            known = ", ".join(_PHASES)
            raise InputError(f"the calendar feature {name!r} is not known, expected sin or cos of one of {known}")
        phase = 2 * np.pi * _PHASES[cycle](stamps)
        columns.append(np.sin(phase) if wave == "sin" else np.cos(phase))
    return np.stack(columns, axis=1) if columns else np.empty((len(stamps), 0)), tuple(names)


def _suitable(frequency: Frequency) -> list[str]:
    """The cycles that a step is a part of."""
    unit, every = frequency.unit, frequency.every
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "weekday": 86_400, "week": 604_800}
    if unit in seconds:
        size = seconds[unit] * every
        return [name for name, length in _LENGTHS.items() if size < length and (name != "day of month" or size == _DAY)]
    if unit == "month" and every < 12:
        return ["month of year"]
    return ["quarter of year"] if unit == "quarter" and every < 4 else []


def _spanned(stamps: Stamps, name: str) -> bool:
    """Whether the stamps reach over one cycle, less a step that may close it."""
    if len(stamps) < 2:
        return False
    return bool((stamps.max() - stamps.min()).astype(np.int64) >= 0.9 * _SPANS[name])


def _share_of_hour(stamps: Stamps) -> Floats:
    return np.asarray(stamps.astype(np.int64) % 3600 / 3600)


def _share_of_day(stamps: Stamps) -> Floats:
    return np.asarray(stamps.astype(np.int64) % _DAY / _DAY)


def _share_of_week(stamps: Stamps) -> Floats:
    """From Monday; 1970 began on a Thursday."""
    return np.asarray((stamps.astype("datetime64[D]").astype(np.int64) + 3) % 7 / 7)


def _share_of_month(stamps: Stamps) -> Floats:
    months = stamps.astype("datetime64[M]")
    days = stamps.astype("datetime64[D]") - months.astype("datetime64[D]")
    length = (months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")
    return np.asarray(days.astype(np.int64) / length.astype(np.int64))


def _share_of_year(stamps: Stamps) -> Floats:
    years = stamps.astype("datetime64[Y]")
    days = stamps.astype("datetime64[D]") - years.astype("datetime64[D]")
    length = (years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")
    return np.asarray(days.astype(np.int64) / length.astype(np.int64))


def _month_of_year(stamps: Stamps) -> Floats:
    return np.asarray(stamps.astype("datetime64[M]").astype(np.int64) % 12 / 12)


def _quarter_of_year(stamps: Stamps) -> Floats:
    return np.asarray(stamps.astype("datetime64[M]").astype(np.int64) % 12 // 3 / 4)


_PHASES: Final[dict[str, Callable[[Stamps], Floats]]] = {
    "minute of hour": _share_of_hour,
    "hour of day": _share_of_day,
    "day of week": _share_of_week,
    "day of month": _share_of_month,
    "day of year": _share_of_year,
    "month of year": _month_of_year,
    "quarter of year": _quarter_of_year,
}
_LENGTHS: Final = {  # in seconds
    "minute of hour": 3600.0,
    "hour of day": _DAY,
    "day of week": 7 * _DAY,
    "day of month": 28 * _DAY,
    "day of year": 365 * _DAY,
}
_SPANS: Final = {**_LENGTHS, "month of year": 365 * _DAY, "quarter of year": 365 * _DAY}
