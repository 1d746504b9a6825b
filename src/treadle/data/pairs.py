"""Pairs of texts, one to be turned into the other: from a table, or from two files with a line each."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from treadle.data.encoding import read_text
from treadle.data.paths import existing
from treadle.data.readers import read
from treadle.data.table import Table
from treadle.errors import InputError, counted, nearest

SOURCES: Final = ("source", "src", "input", "text", "sentence", "question", "document")
TARGETS: Final = ("target", "tgt", "trg", "output", "translation", "summary", "answer")
"""Names by which a column is taken for one side, the first that occurs."""
_NUMBERED = re.compile(r"column[0-9]+")
"""The name of a column that has none."""


@dataclass(frozen=True)
class Pairs:
    """Texts and what they are to become.

    Attributes:
        sources: What is read; at least one, none blank.
        targets: What is to be written, one for each and none blank; None where it is not known.
        places: Where each stands, as an error sentence names it: `"train.tsv, line 3"`.
        source: The file that was read, `"memory"` for Python objects.
        note: How it was understood, in one phrase.
        columns: The names of both sides, where they are columns that have names.
    """

    sources: list[str]
    targets: list[str] | None
    places: list[str]
    source: str = "memory"
    note: str = ""
    columns: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, rows: Iterable[int]) -> "Pairs":
        """Some of them, in this order."""
        picked = [int(row) for row in rows]
        targets = None if self.targets is None else [self.targets[row] for row in picked]
        return replace(
            self,
            sources=[self.sources[row] for row in picked],
            targets=targets,
            places=[self.places[row] for row in picked],
        )


def pairs_of_lists(sources: Any, targets: Any = None) -> Pairs:
    """Pairs of Python objects: two lists of texts, or columns of a frame.

    Raises:
        InputError: They are no lists of strings, differ in length, or hold an empty text.

    Example:
        >>> pairs_of_lists(["one"], ["eins"]).targets
        ['eins']
    """
    given = _texts(sources, "sources")
    wanted = None if targets is None else _texts(targets, "targets")
    if wanted is not None and len(wanted) != len(given):
        found = f"{counted(len(given), 'source')} and {counted(len(wanted), 'target')}"
        raise InputError(f"there are {found}, expected equally many")
    places = [f"row {row} (counted from 0)" for row in range(len(given))]
    return _checked(Pairs(given, wanted, places))


def read_parallel(source: str | Path, target: str | Path, *, encoding: str | None = None) -> Pairs:
    """Two files whose lines belong together (gzip looked through).

    Args:
        source: What is read.
        target: What is to be written.
        encoding: A Python codec name; by default a byte order mark decides, else UTF-8.

    Raises:
        InputError: A file cannot be read, they differ in lines, or a line is empty.
    """
    paths = existing(source), existing(target)
    given, wanted = (read_text(path, encoding).removesuffix("\n").split("\n") for path in paths)
    if len(given) != len(wanted):
        raise InputError(
            f"{paths[0]} has {counted(len(given), 'line')} and {paths[1]} {len(wanted):,}, expected equally many: "
            "line n of one belongs to line n of the other"
        )
    for path, lines in zip(paths, (given, wanted), strict=True):
        blank = next((number for number, line in enumerate(lines, 1) if not line.strip()), None)
        if blank is not None:
            raise InputError(f"{path}, line {blank}: empty, expected a text; leave the line out of both files")
    places = [f"{paths[0]}, line {number}" for number in range(1, len(given) + 1)]
    note = f"two parallel files, {counted(len(given), 'pair')}"
    return Pairs(given, wanted, places, f"{paths[0]}", note)


def find_parallel(stem: str | Path, source: str | None, target: str | None) -> tuple[Path, Path | None] | None:
    """The files `STEM.SOURCE` and `STEM.TARGET`, gzipped or not, or None where the first is not there.

    Example:
        >>> find_parallel("nowhere/train", "en", "de") is None
        True
    """
    found = [_with_suffix(stem, suffix) for suffix in (source, target)]
    return None if found[0] is None else (found[0], found[1])


def _with_suffix(stem: str | Path, suffix: str | None) -> Path | None:
    if suffix is None:
        return None
    places = (Path(f"{stem}.{suffix}"), Path(f"{stem}.{suffix}.gz"))
    return next((path for path in places if path.is_file()), None)


def read_pairs(
    path: str | Path,
    *,
    source: str | None = None,
    target: str | None = None,
    format: str | None = None,  # noqa: A002 - the name that `read` gives it
    encoding: str | None = None,
    header: bool | None = None,
    paired: bool = True,
    chosen: Sequence[str] | None = None,
) -> Pairs:
    """Pairs of a table: CSV, TSV, JSON lines, Parquet.

    Args:
        path: Of the file.
        source: The column that is read; by default one called like it, else the first of texts.
        target: The column that is to be written, likewise the second.
        format: As in `read`.
        encoding: Likewise.
        header: Likewise.
        paired: False reads sources alone.
        chosen: The columns of training data that were found for both sides: where this table names its columns, they
            are those that are not given here. Sources alone may be the only column of texts.

    Raises:
        InputError: The file cannot be read, a column cannot be told, or a cell is no text or empty.
    """
    table = read(path, format=format, encoding=encoding, header=header)
    return pairs_of_table(table, source=source, target=target, paired=paired, chosen=chosen)


def pairs_of_table(
    table: Table,
    *,
    source: str | None = None,
    target: str | None = None,
    paired: bool = True,
    chosen: Sequence[str] | None = None,
) -> Pairs:
    """Pairs of a table's rows; arguments as in `read_pairs`.

    Raises:
        InputError: A column cannot be told, or a cell is no text or empty.

    Example:
        >>> pairs_of_table(Table({"en": ["one"], "de": ["eins"]})).note
        "'en' to 'de', 1 pair"
    """
    texts = [name for name, cells in table.columns.items() if all(isinstance(cell, str) for cell in cells)]
    has_names = not all(map(_NUMBERED.fullmatch, table.columns))
    if chosen and has_names:
        alone = texts[0] if len(texts) == 1 and not paired else None
        source = source or alone or _as_chosen(table, chosen[0], "--input")
        target = target or (_as_chosen(table, chosen[1], "--target") if paired else None)
    source = source or _named(SOURCES, texts, besides=target) or next((one for one in texts if one != target), None)
    if source is None:
        raise InputError(f"{table.source}: no column holds texts only, expected one to read; name it with --input")
    columns = [source]
    if paired:
        target = target or _named(TARGETS, texts, besides=source) or next((one for one in texts if one != source), None)
        if target is None:
            raise InputError(f"{table.source}: no column holds texts beside {source!r}, expected one to be written")
        if target == source:
            raise InputError(f"{table.source}: column {source!r} is given as input and target, expected two columns")
        columns.append(target)
    cells = [_cells(table, name, blank=not paired) for name in columns]
    places = [table.where(row) for row in range(len(table))]
    noun = counted(len(table), "pair" if paired else "text")
    note = f"{table.note + ', ' if table.note else ''}{' to '.join(map(repr, columns))}, {noun}"
    names = tuple(columns) if has_names else ()
    return _checked(Pairs(cells[0], cells[1] if paired else None, places, table.source, note, names))


def _as_chosen(table: Table, name: str, option: str) -> str:
    """A column that training data was found to have.

    Raises:
        InputError: It is not here.
    """
    if name not in table.columns:
        found = f"there is no column {name!r}, as in training; another is named by {option}"
        raise InputError(f"{table.source}: {found}{nearest(name, table.columns)}")
    return name


def _named(usual: Sequence[str], names: Sequence[str], besides: str | None) -> str | None:
    by_name = {name.strip().lower(): name for name in reversed(names) if name != besides}
    return next((by_name[one] for one in usual if one in by_name), None)


def _cells(table: Table, name: str, *, blank: bool) -> list[str]:
    cells = table.column(name, "a side of pairs")
    for row, cell in enumerate(cells):
        if not isinstance(cell, str):
            raise InputError(f"{table.where(row)}, column {name!r}: found {cell!r:.40}, expected a text")
        if not blank and not cell.strip():
            raise InputError(f"{table.where(row)}, column {name!r}: empty, expected a text; leave the row out")
    return list(cells)


def _checked(pairs: Pairs) -> Pairs:
    if not len(pairs):
        raise InputError(f"{pairs.source}: found no pair, expected one or more")
    for side, texts in (("source", pairs.sources), ("target", pairs.targets or [])):
        for row, text in enumerate(texts):
            if not text.strip() and (side == "target" or pairs.targets is not None):
                raise InputError(f"{pairs.places[row]}: the {side} is empty, expected a text; leave the pair out")
    return pairs


def _texts(values: Any, what: str) -> list[str]:
    if hasattr(values, "to_list"):  # a pandas or polars column
        values = values.to_list()
    elif hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str) or not isinstance(values, list | tuple):
        raise InputError(f"the {what} are a {type(values).__name__}, expected a list of texts")
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise InputError(f"row {row} (counted from 0) of the {what}: found {value!r:.40}, expected a text")
    return list(values)
