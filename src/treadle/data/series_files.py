"""The `.ts` files of sktime, aeon and the UEA archive: series of any length, with one or more channels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from treadle.data.encoding import read_text
from treadle.data.table import Table
from treadle.data.values import Array, is_number, trim_padding, typed
from treadle.errors import InputError, counted


@dataclass
class _Header:
    """What the `@` lines above the data say."""

    dimensions: int | None = None
    classes: list[str] | None = None  # [] where labels are declared and not listed
    number: bool = False  # a number ends every row (regression)
    data_line: int = 0

    @property
    def labelled(self) -> bool:
        return self.number or self.classes is not None


def read_ts(path: Path, *, encoding: str | None = None) -> Table:
    """A `.ts` file as columns `series` (arrays `[T]`, or `[T, C]` with several channels) and `label`.

    Args:
        path: The file, gzip allowed.
        encoding: The text encoding, by default UTF-8 or what a byte order mark says.

    Returns:
        A table; a missing value (`?` or `NaN`) is NaN in its array, and missing steps that only fill shorter series
        up to the longest are left out. `label` is a class for `@classLabel true`, a number for `@targetLabel true`,
        and absent without either.

    Raises:
        InputError: The file is not text or empty, or ARFF; it has no `@data`; it has time stamps, which are not read; a
            row has another number of channels than declared or than the first row, channels of different lengths, a
            value that is no number, or a class that the header does not list.

    Source:
        "The .ts file format", sktime and aeon documentation; UEA multivariate archive (Bagnall et al. 2018).
    """
    rows = read_text(path, encoding).split("\n")
    header = _read_header(rows, path)
    series: list[Array] = []
    labels: list[str] = []
    lines: list[int] = []
    for number, row in enumerate(rows[header.data_line :], header.data_line + 1):
        row = row.strip()
        if not row or row.startswith("#"):
            continue
        parts = row.split(":")
        if header.labelled:
            labels.append(_label(parts.pop().strip(), header, f"{path}, line {number}"))
        series.append(_channels(parts, header.dimensions, f"{path}, line {number}"))
        header.dimensions = len(parts)
        lines.append(number)
    if not series:
        raise InputError(f"{path}: no row was found below '@data'")
    series = trim_padding(series)
    empty = next((row for row, one in enumerate(series) if len(one) == 0), None)
    if empty is not None:
        raise InputError(f"{path}, line {lines[empty]}: the series has no value, expected at least one number")
    columns: dict[str, list[Any]] = {"series": list(series)}
    if header.labelled:
        columns["label"] = typed(labels)
    lengths = [len(one) for one in series]
    steps = f"{min(lengths):,} to {max(lengths):,}" if min(lengths) < max(lengths) else f"{lengths[0]:,}"
    note = f".ts series, {counted(len(series), 'row')} of {steps} steps, channels: {header.dimensions}"
    return Table(columns, str(path), lines, note=note)


def _read_header(rows: list[str], path: Path) -> _Header:
    header = _Header()
    for number, row in enumerate(rows, 1):
        words = row.split()
        if not words or words[0].startswith("#"):
            continue
        if not words[0].startswith("@"):
            raise InputError(
                f"{path}, line {number}: found {words[0][:20]!r} before '@data', "
                "expected a line that starts with '@' or '#'"
            )
        name, values = words[0].lower(), words[1:]
        said_true = bool(values) and values[0].lower() == "true"
        if name == "@data":
            header.data_line = number
            return header
        if name == "@attribute":
            raise InputError(f"{path}, line {number}: the file is ARFF, which is not read; save it as CSV or .ts")
        if name == "@timestamps" and said_true:
            raise InputError(
                f"{path}, line {number}: series with time stamps are not read, expected '@timeStamps false'"
            )
        if name == "@univariate" and said_true:
            header.dimensions = 1
        elif name in ("@dimensions", "@dimension"):
            if len(values) != 1 or not (values[0].isascii() and values[0].isdigit()) or int(values[0][:9]) == 0:
                raise InputError(f"{path}, line {number}: found {' '.join(words)!r}, expected a number of channels")
            header.dimensions = int(values[0][:9])
        elif name == "@classlabel" and said_true:
            header.classes = values[1:]
        elif name == "@targetlabel" and said_true:
            header.number = True
    raise InputError(f"{path}: the line '@data' was not found, expected it before the rows of a .ts file")


def _label(text: str, header: _Header, where: str) -> str:
    if header.number:
        if not is_number(text) and text not in ("?", ""):
            raise InputError(f"{where}: the target is {text[:20]!r}, expected a number")
    elif header.classes and text not in header.classes and text not in ("?", ""):
        listed = ", ".join(header.classes[:10]) + (", ..." if len(header.classes) > 10 else "")
        raise InputError(f"{where}: the class is {text[:20]!r}, expected one of those that the header lists: {listed}")
    return text


def _channels(parts: list[str], expected: int | None, where: str) -> Array:
    """One row's series, `[T]` for a single channel, else `[T, C]`."""
    if not parts:
        raise InputError(f"{where}: found a class and no series, expected values, ':' and the class")
    if expected is not None and len(parts) != expected:
        raise InputError(f"{where}: found {len(parts)} channels, expected {expected}")
    channels = [_numbers(part, channel, where) for channel, part in enumerate(parts, 1)]
    for channel, values in enumerate(channels[1:], 2):
        if len(values) != len(channels[0]):
            raise InputError(
                f"{where}: channel {channel} has {len(values)} steps, expected {len(channels[0])} as in channel 1"
            )
    return channels[0] if len(channels) == 1 else np.stack(channels, axis=1)


def _numbers(text: str, channel: int, where: str) -> Array:
    cells = text.replace("?", "nan").split(",") if text.strip() else []
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        step, cell = next((step, cell.strip()) for step, cell in enumerate(cells, 1) if not _is_float(cell))
        raise InputError(f"{where}: channel {channel}, step {step} is {cell[:20]!r}, expected a number") from None


def _is_float(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
