"""One function that reads whatever the user has."""

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from treadle.data.delimited import read_delimited, sniff_delimiter
from treadle.data.encoding import decode, read_bytes
from treadle.data.fasta import read_fasta
from treadle.data.folders import read_folder
from treadle.data.frames import from_object, read_parquet
from treadle.data.jsonl import read_jsonl
from treadle.data.labelled_lines import looks_labelled, read_labelled_lines, read_lines, read_plain_lines
from treadle.data.paths import existing, refuse_foreign, suffix_of
from treadle.data.series_files import read_ts
from treadle.data.table import Table
from treadle.errors import InputError, nearest

Reader = Callable[..., Table]
_TEXT_READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "ts": read_ts,
    "fasta": read_fasta,
    "lines": read_labelled_lines,
    "text": read_plain_lines,
    "folder": read_folder,
}
FORMATS = ("csv", "tsv", "parquet", *_TEXT_READERS)
"""The names that `read(format=...)` takes."""

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".ts": "ts",
    ".fasta": "fasta",
    ".fa": "fasta",
    ".fna": "fasta",
    ".faa": "fasta",
}


def read(
    source: Any,
    *,
    format: str | None = None,  # noqa: A002 - the name that every data library gives it
    encoding: str | None = None,
    header: bool | None = None,
    texts: Collection[str] = (),
) -> Table:
    """Read a file, a folder or an object in memory as a `Table`.

    Args:
        source: A path (str or PathLike), or an object that `frames.from_object` takes: a data frame, a dict of columns,
            a list of rows, an array.
        format: One of `FORMATS`; by default the path's suffix says it (`.gz` looked through), else the content does: a
            folder is a data set of classes, `>` opens FASTA, `{` JSON, an `@data` line `.ts`, rows of equally many
            fields CSV or TSV, and anything else is text a line, labelled (`LABEL text`) where the first words repeat
            like labels.
        encoding: A Python codec name for text files; by default a byte order mark decides, else UTF-8.
        header: For CSV and TSV, whether line 1 names the columns; by default its look decides.
        texts: Columns of CSV and TSV that are left as they are written, also where they look like numbers.

    Returns:
        The table; its `note` says how the source was understood.

    Raises:
        InputError: There is nothing at the path (the nearest existing name is given), or it cannot be read as what it
            is taken for; or an option does not apply to the format.

    Example:
        >>> read({"text": ["good", "bad"], "label": [1, 0]}).columns["label"]
        [1, 0]
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"the format {format!r} is not known{nearest(format, FORMATS)}")
    if not isinstance(source, str | os.PathLike):
        for name, value in (("format", format), ("encoding", encoding), ("header", header)):
            if value is not None:
                raise InputError(f"{name}= is for files, found {type(source).__name__}")
        return from_object(source)
    path = existing(source)
    if path.is_dir():
        if format not in (None, "folder"):
            raise InputError(f"{path}: found a folder, expected a file of format {format!r}")
        reader: Reader = read_folder
    elif format == "folder":
        raise InputError(f"{path}: found a file, expected a folder")
    else:
        reader = _reader(path, format, encoding)
    if reader in (_csv, _tsv):
        return reader(path, encoding=encoding, header=header, texts=texts)
    if header is not None:
        raise InputError(f"{path}: header= is for CSV and TSV, and this is neither; name its format if it is")
    if reader is read_parquet:
        if encoding is not None:
            raise InputError(f"{path}: encoding= is for text files, found Parquet")
        return read_parquet(path)
    return reader(path, encoding=encoding)


def _reader(path: Path, format_: str | None, encoding: str | None) -> Reader:
    if format_ is None:
        format_ = _SUFFIXES.get(suffix_of(path))
        if format_ != "parquet":
            refuse_foreign(path, f"one of {', '.join(FORMATS)}")
        if format_ is None:
            return _by_content(path, encoding)
    if format_ in _TEXT_READERS:
        return _TEXT_READERS[format_]
    others: dict[str, Reader] = {"csv": _csv, "tsv": _tsv, "parquet": read_parquet}
    return others[format_]


def _csv(path: Path, **options: Any) -> Table:
    return read_delimited(path, delimiter=",", **options)


def _tsv(path: Path, **options: Any) -> Table:
    return read_delimited(path, delimiter="\t", **options)


def _by_content(path: Path, encoding: str | None) -> Reader:
    """The reader of a file whose name says nothing."""
    data = read_bytes(path)
    if data.startswith(b"PAR1"):
        return read_parquet
    text = decode(data, str(path), encoding)
    start = text.lstrip()
    if start.startswith(">"):
        return read_fasta
    if start.startswith(("{", "[{")):
        return read_jsonl
    if start[:1] in ("@", "#") and any(line.strip().lower() == "@data" for line in text.split("\n")):
        return read_ts
    delimiter = None if "__label__" in start[:1000] else sniff_delimiter(text, "\t")
    if delimiter == "\t":
        return _tsv
    if delimiter is not None and not looks_labelled([line for line in text.split("\n") if line.strip()]):
        return _csv
    return read_lines
