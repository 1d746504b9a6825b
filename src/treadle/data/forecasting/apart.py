"""Which column may tell rows of one series and one time apart, for the sentence that refuses them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.data.forecasting.frequency import Stamps
from treadle.data.forecasting.roles import Roles
from treadle.data.table import Table

_CLOCKS: Final = ("hour", "minute", "second", "time", "clock")


def apart(table: Table, roles: Roles, codes: NDArray[np.int64], stamps: Stamps) -> str:
    """What to give for the rows of every series to have times of their own, as the end of a sentence; or nothing.

    Args:
        table: The data.
        roles: Which columns are what.
        codes: The series of every row.
        stamps: The stamp of every row.
    """
    rows = list(zip(codes.tolist(), stamps.tolist(), strict=True))
    for name in (*roles.rest, *roles.past, *roles.future, *roles.static):
        cells = table.columns.get(name)
        if cells is None or not all(isinstance(cell, int | str) for cell in cells):
            continue
        if len(set(zip(rows, cells, strict=True))) == len(rows):
            if name.lower() in _CLOCKS and roles.times:
                return f"; time={[*roles.times, name]} gives each a time of its own"
            return f"; id={[*roles.ids, name] if roles.ids else name!r} makes each a series of its own"
    return ""
