"""CSV, TSV and the UCR archive's form of series: a row a line, fields between delimiters."""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import numpy as np

from treadle.data.encoding import read_text
from treadle.data.header import is_header
from treadle.data.table import Table
from treadle.data.values import is_comma_number, parse_series, trim_padding, typed, with_decimal_commas
from treadle.errors import InputError, counted

DELIMITERS = {",": "CSV", "\t": "TSV", ";": "CSV with ';'", "|": "CSV with '|'"}
_SNIFFED_ROWS = 100
_NAMED_COLUMNS = 3  # columns that a note names; more it counts
_UCR_FIELDS = 4  # a label and three steps: fewer is more likely a small table

_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])(?=\n)")

Rows = list[list[str]]


def read_delimited(
    path: Path,
    *,
    delimiter: str = ",",
    encoding: str | None = None,
    header: bool | None = None,
    texts: Collection[str] = (),
) -> Table:
    """A CSV or TSV file as a table.

    Fields may be quoted, hold line breaks and be of any size. A TSV whose quotes do not pair up is read with quotes as
    ordinary characters. A file of another delimiter than its name says is recognised when the first rows all split by
    it.

    The first line is a header when its names are no numbers, do not occur again in their own column, and are no dates,
    times or such above others of the same form; a column without a name, as of a saved row index, is called by its
    place. Numbers are names where they are a run 0, 1, 2, ... as data frames write it: of eight columns and more, of
    several beside names of which one is not among its column's values, or where a word stands above numbers or dates.
    Without a header the columns are called `column1`, `column2`, ...; a TSV of numbers only is the UCR archive's form,
    the label first, and gives the columns `label` and `series` (arrays `[T]`).

    Where the delimiter is no comma, a column of numbers with decimal commas is read as numbers if nothing else can be
    meant (`with_decimal_commas`), and the note says so.

    Args:
        path: The file, gzip allowed.
        delimiter: What the file's name lets expect: `","` or a tab.
        encoding: The text encoding, by default UTF-8 or what a byte order mark says.
        header: Whether line 1 holds the column names; None decides by the rule above.
        texts: Columns that are left as they are written.

    Raises:
        InputError: The file is not text, empty, or a header alone; a row is longer or shorter than the others; a quote
            is not closed; a column name occurs twice.

    Source:
        RFC 4180; UCR Time Series Classification Archive, 2018 (tab-separated, label first, NaN after shorter series).
    """
    return parse_delimited(read_text(path, encoding), path, delimiter=delimiter, header=header, texts=texts)


def parse_delimited(
    text: str, path: Path, *, delimiter: str = ",", header: bool | None = None, texts: Collection[str] = ()
) -> Table:
    """The table that CSV or TSV text holds, by the rules of `read_delimited`.

    Args:
        text: The text.
        path: What error sentences call it.
        delimiter: What is expected.
        header: Whether line 1 holds the column names; None decides.
        texts: Columns that are left as they are written.

    Raises:
        InputError: As in `read_delimited`.
    """
    named = _SEPARATOR_LINE.match(text)
    if named:  # a spreadsheet's own line, blanked so that later lines keep their numbers
        delimiter, text = named.group(1), text[named.end() :]
    else:
        delimiter = sniff_delimiter(text, delimiter) or delimiter
    rows, lines, literal = _split(text, delimiter, path)
    if not rows:
        raise InputError(f"{path}: the file is empty, expected rows of data")
    if header is None:
        header = is_header(rows)
    kind = DELIMITERS[delimiter] + (", quotes taken literally" if literal else "")
    if not header and delimiter == "\t" and len(rows[0]) >= _UCR_FIELDS:
        table = _read_ucr(path, rows, lines)
        if table is not None:
            return table
    names = [f"column{number}" for number in range(1, len(rows[0]) + 1)]
    if header:
        names = _header_names(rows[0], path, lines[0])
        rows, lines = rows[1:], lines[1:]
        if not rows:
            shown = ", ".join(repr(name) for name in names[:5])
            raise InputError(
                f"{path}, line 1: only a header was found ({shown}), expected rows below it; "
                "pass header=False if this line is data"
            )
    _check_widths(rows, lines, len(names), path)
    written = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns: dict[str, list[Any]] = {name: typed(cells) for name, cells in written.items()}
    commas = _read_decimal_commas(columns) if delimiter != "," else []
    columns |= {name: written[name] for name in texts if name in written}
    said = f", decimal commas in {_listed(commas)}" if commas else ""
    note = f"{kind}, {'header' if header else 'no header'}{said}, {counted(len(rows), 'row')}"
    return Table(columns, str(path), lines, note=note)


def _read_decimal_commas(columns: dict[str, list[Any]]) -> list[str]:
    """Put numbers in the place of columns that hold them with decimal commas; returns their names."""
    read = []
    for name, cells in columns.items():
        numbers = with_decimal_commas(cells) if isinstance(cells[0], str) else None
        if numbers is not None:
            columns[name] = numbers
            read.append(name)
    return read


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names)) if len(names) <= _NAMED_COLUMNS else f"{len(names):,} columns"


def sniff_delimiter(text: str, first: str = ",") -> str | None:
    """The delimiter that splits all of the first rows into the same number of fields, two or more.

    Args:
        text: The file's text.
        first: The delimiter tried first.

    Returns:
        A key of `DELIMITERS`, or None when no delimiter does.
    """
    head = text[: 1 << 20]
    for delimiter in [first, *(other for other in DELIMITERS if other != first)]:
        rows = _even_rows(head, delimiter)
        if rows:
            others = [mark for mark in DELIMITERS if delimiter == "," and _has_decimal_commas(rows, head, mark)]
            return others[0] if others else delimiter
    return None


def _even_rows(text: str, delimiter: str) -> Rows:
    """The first rows, if a delimiter splits all of them into the same number of fields, two or more; else none."""
    rows: Rows = []
    try:
        _allow_long_fields(text)
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == _SNIFFED_ROWS:
                break
    except csv.Error:
        return []
    return rows if len({*map(len, rows)}) == 1 and len(rows[0]) > 1 else []


def _has_decimal_commas(by_comma: Rows, text: str, delimiter: str) -> bool:
    """Whether rows that commas split evenly are split by another delimiter, as `2024-01-31;51,52` is."""
    fields = [cell.strip() for row in _even_rows(text, delimiter)[1:] for cell in row if "," in cell]
    if not fields or not all(map(is_comma_number, fields)):
        return False
    series = [parse_series(cell) for row in by_comma[1:] for cell in row if delimiter in cell]
    return all(one is None or len(one) == 2 for one in series)  # longer ones are series in one cell, with a label


def _allow_long_fields(text: str) -> None:
    """Raise csv's limit on a field's size, which is one for the process and never lowered here, to the whole text."""
    if csv.field_size_limit() <= len(text):
        csv.field_size_limit(len(text) + 1)


def _split(text: str, delimiter: str, path: Path) -> tuple[Rows, list[int], bool]:
    """Rows, the line each starts on, and whether quotes were taken literally."""
    if delimiter != "\t":
        return *_parse(text, delimiter, path, csv.QUOTE_MINIMAL), False
    # A TSV has no agreed quoting: quotes count when they pair up and leave every row one line long and equally wide.
    try:
        rows, lines = _parse(text, delimiter, path, csv.QUOTE_MINIMAL)
        if len({len(row) for row in rows}) == 1 and not any("\n" in cell for row in rows for cell in row):
            return rows, lines, False
    except InputError:
        rows, lines = [], []
    plain_rows, plain_lines = _parse(text, delimiter, path, csv.QUOTE_NONE)
    if rows and len({len(row) for row in plain_rows}) > 1:
        return rows, lines, False
    return plain_rows, plain_lines, True


def _parse(text: str, delimiter: str, path: Path, quoting: Literal[0, 3]) -> tuple[Rows, list[int]]:
    _allow_long_fields(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    rows: Rows = []
    lines: list[int] = []
    start = 1
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):  # a blank line is no row
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise InputError(f"{path}, line {start}: a quoted field opens here and is never closed") from None
        raise InputError(
            f"{path}, line {reader.line_num}: found text after a closing quote, expected {delimiter!r} or the line's "
            'end (a quote inside a quoted field is written "")'
        ) from None
    while rows and not any(cell.strip() for cell in rows[-1]):  # spreadsheets end in rows of bare delimiters
        rows.pop()
        lines.pop()
    return rows, lines


def _header_names(row: list[str], path: Path, line: int) -> list[str]:
    """The names of a header; a column without one (a saved row index) is called by its place."""
    names = [name.strip() or f"column{index}" for index, name in enumerate(row, 1)]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise InputError(
            f"{path}, line {line}: the column name {twice!r} occurs twice, expected different names; "
            "pass header=False if this line is data"
        )
    return names


def _check_widths(rows: Rows, lines: list[int], width: int, path: Path) -> None:
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            raise InputError(
                f"{path}, line {line}: found {len(row)} field{'s' * (len(row) != 1)}, "
                f"expected {width} as in the first line"
            )


def _read_ucr(path: Path, rows: Rows, lines: list[int]) -> Table | None:
    """Rows of numbers as `label` and `series`; None when many cells are none: a plain table."""
    if not all(_is_value(cell) for cell in rows[0]):
        return None
    _check_widths(rows, lines, len(rows[0]), path)
    try:
        numbers = np.array(rows, dtype=np.float64)
    except ValueError:
        wrong = [(row, cell.strip()) for row, cells in enumerate(rows) for cell in cells if not _is_value(cell)]
        if len(wrong) > 0.1 * len(rows):
            return None
        raise InputError(
            f"{path}, line {lines[wrong[0][0]]}: found {wrong[0][1][:20]!r}, expected a number as in the other rows"
        ) from None
    series = trim_padding(list(numbers[:, 1:]))
    empty = next((row for row, one in enumerate(series) if len(one) == 0), None)
    if empty is not None:
        raise InputError(f"{path}, line {lines[empty]}: the series has no value, expected at least one number")
    lengths = {len(one) for one in series}
    span = f"{min(lengths):,} to {max(lengths):,} steps" if len(lengths) > 1 else f"{lengths.pop():,} steps"
    note = f"UCR series (TSV of numbers, label first), {counted(len(rows), 'row')} of {span}"
    return Table({"label": typed([row[0] for row in rows]), "series": list(series)}, str(path), lines, note=note)


def _is_value(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
