"""Rows of a table, an array or a list, one step each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import narwhals.stable.v1 as nw

from treadle.errors import InputError, counted
from treadle.tasks.online.reading import Reader


def rows_of(X: Any) -> Sequence[Any]:
    """The steps of a data frame (features by name), an array `[steps, features]` or a list.

    Raises:
        InputError: It is one step, or none of these.
    """
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return list(frame.iter_rows(named=True))
    if isinstance(X, Mapping | str) or not hasattr(X, "__len__") or getattr(X, "shape", None) == ():
        raise InputError(f"steps come as a data frame, an array [steps, features] or a list, found {type(X).__name__}")
    return list(X)


def checked(reader: Reader | None, X: Any, *, absent: bool = False) -> Sequence[Any]:
    """The steps of `X`, after every one was found to be readable after those before it.

    Args:
        reader: The one that has read so far, which stays as it is; None where nothing was read.
        X: As `rows_of` takes it.
        absent: Whether None may stand for a step of which nothing is known.

    Raises:
        InputError: A step cannot be read; the sentence says which.
    """
    probe = Reader(dates=reader is None or reader.dates)
    if reader is not None:
        probe.restore(reader.facts(), {})
        probe.columns, probe.names = dict(probe.columns), dict(probe.names)
    rows = rows_of(X)
    for number, row in enumerate(rows, 1):
        if absent and row is None:
            continue
        try:
            _, new = probe.read(row)
        except InputError as error:
            raise InputError(f"row {number}: {error}") from None
        probe.register(row, new)
    return rows


def paired(rows: Sequence[Any], y: Any) -> Iterator[tuple[Any, Any]]:
    """Every step with its target.

    Raises:
        InputError: There are more of the one than of the other.
    """
    targets = list(y)
    if len(targets) != len(rows):
        steps, found = counted(len(rows), "step"), counted(len(targets), "target")
        raise InputError(f"there are {steps} and {found}, expected a target for each step")
    return zip(rows, targets, strict=True)
