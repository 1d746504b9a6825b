"""Times that order the rows of a sequence: numbers, dates, and times of day to a fraction of a second."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.stamps import parse_stamps
from treadle.data.values import is_missing, is_number, is_whole
from treadle.errors import InputError

_FRACTION = re.compile(r":[0-9]{2}[.,][0-9]+")


def order_of(
    cells: Sequence[Any], name: str, where: Callable[[int], str], written: str = ""
) -> tuple[NDArray[Any], str, list[str]]:
    """What rows are ordered by.

    Args:
        cells: Numbers; or dates and times, as `parse_stamps` reads them, or ISO 8601 with fractions of a second. With
            zones they are ordered by the clock of the world.
        name: Of the column.
        where: The place of a row.
        written: How the dates of training data were written, which this returned.

    Returns:
        What can be compared, `[rows]`; how dates were written; and what was found of them, a phrase a finding.

    Raises:
        InputError: A cell holds nothing, or no time; the place is named.

    Example:
        >>> order_of(["2024-01-31 10:00:00.25", "2024-01-31 10:00:00.2"], "at", str)[0].argsort().tolist()
        [1, 0]
    """
    for row, cell in enumerate(cells):
        if is_missing(cell):
            raise InputError(f"{where(row)}, column {name!r}: found nothing, expected a time")
    texts = all(isinstance(cell, str) for cell in cells)
    if texts and all(is_whole(cell.strip()) for cell in cells):
        cells = [int(cell) for cell in cells]
    elif texts and all(is_number(cell.strip()) for cell in cells):
        cells = [float(cell) for cell in cells]
    if all(isinstance(cell, int) for cell in cells):
        return np.array(cells, dtype=object), "", []  # of any size, and exact
    if all(isinstance(cell, int | float) for cell in cells):
        return np.array(cells, dtype=np.float64), "", []
    if all(isinstance(cell, datetime) for cell in cells) or (texts and any(map(_FRACTION.search, cells))):
        return _instants(cells, name, where), "", []
    parsed = parse_stamps(list(cells), name, where, utc=True, written=written)
    return parsed.stamps, parsed.written, parsed.notes


def _instants(cells: Sequence[Any], name: str, where: Callable[[int], str]) -> NDArray[np.int64]:
    """Microseconds since 1970, of times that all have a zone or all have none."""
    found = np.zeros(len(cells), np.int64)
    zoned: bool | None = None
    for row, cell in enumerate(cells):
        try:
            time = cell if isinstance(cell, datetime) else datetime.fromisoformat(cell.strip())
        except ValueError:
            raise InputError(
                f"{where(row)}, column {name!r}: found {cell!r:.40}, expected a time such as 2024-01-31 10:00:00.25"
            ) from None
        has_zone = time.tzinfo is not None
        zoned = has_zone if zoned is None else zoned
        if has_zone != zoned:
            raise InputError(f"{where(row)}, column {name!r}: found {cell!r:.40}, expected a zone in all rows or none")
        since = time - datetime(1970, 1, 1, tzinfo=UTC if has_zone else None)
        found[row] = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return found
