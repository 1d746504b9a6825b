"""One function that reads whatever the user has."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from treadle.data.delimited import read_delimited, sniff_delimiter
from treadle.data.encoding import decode, peek, read_bytes
from treadle.data.fasta import read_fasta
from treadle.data.folders import read_folder
from treadle.data.frames import from_object, read_parquet
from treadle.data.jsonl import read_jsonl
from treadle.data.labelled_lines import looks_labelled, read_labelled_lines, read_lines, read_plain_lines
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
_FOREIGN = {  # formats that are recognised and not read: what they are, and what to do instead
    b"PK\x03\x04": ("a zip archive or spreadsheet (.xlsx)", "unpack it or save it as CSV"),
    b"\x93NUMPY": ("a NumPy file", "load it in Python and pass the array"),
    b"\xfd7zXZ": ("an xz archive", "unpack it"),
    b"BZh": ("a bzip2 archive", "unpack it"),
    b"\x28\xb5\x2f\xfd": ("a zstd archive", "unpack it"),
    b"%PDF": ("a PDF", "extract its text"),
    b"SQLite format 3": ("a SQLite database", "export the table as CSV"),
    b"\x89HDF": ("an HDF5 file", "load it in Python and pass the array or frame"),
    b"ARROW1": ("an Arrow (Feather) file", "load it in Python and pass the table"),
    b"\x80\x04\x95": ("a pickle, which could run code and is never opened", "save the data as Parquet or CSV"),
}


def read(
    source: Any,
    *,
    format: str | None = None,  # noqa: A002 - the name that every data library gives it
    encoding: str | None = None,
    header: bool | None = None,
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
    path = _existing(os.fspath(source))
    if path.is_dir():
        if format not in (None, "folder"):
            raise InputError(f"{path}: found a folder, expected a file of format {format!r}")
        reader: Reader = read_folder
    elif format == "folder":
        raise InputError(f"{path}: found a file, expected a folder")
    else:
        reader = _reader(path, format, encoding)
    if reader in (_csv, _tsv):
        return reader(path, encoding=encoding, header=header)
    if header is not None:
        raise InputError(f"{path}: header= is for CSV and TSV, and this is neither; name its format if it is")
    if reader is read_parquet:
        if encoding is not None:
            raise InputError(f"{path}: encoding= is for text files, found Parquet")
        return read_parquet(path)
    return reader(path, encoding=encoding)


def _existing(name: str | bytes) -> Path:
    """The path, checked to be a file or folder."""
    path = Path(os.fsdecode(name))
    if not name:
        raise InputError("found an empty path, expected a file or folder")
    try:
        if path.is_file() or path.is_dir():
            return path
        if path.exists():
            raise InputError(f"{path}: found a device or pipe, expected a file or folder")
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: the path cannot be used ({getattr(error, 'strerror', None) or error})") from None
    if siblings is None:
        raise InputError(f"{path}: there is no such file or folder, nor a folder {path.parent}")
    help_ = nearest(path.name, siblings)
    if "did you mean" not in help_:  # a listing of everything in the folder would not help
        help_ = ""
    raise InputError(f"{path}: there is no such file or folder{help_}")


def _reader(path: Path, format_: str | None, encoding: str | None) -> Reader:
    if format_ is None:
        suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
        format_ = _SUFFIXES.get(suffixes[-1]) if suffixes else None
        if format_ != "parquet":
            _refuse_foreign(path)
        if format_ is None:
            return _by_content(path, encoding)
    if format_ in _TEXT_READERS:
        return _TEXT_READERS[format_]
    others: dict[str, Reader] = {"csv": _csv, "tsv": _tsv, "parquet": read_parquet}
    return others[format_]


def _csv(path: Path, *, encoding: str | None, header: bool | None) -> Table:
    return read_delimited(path, delimiter=",", encoding=encoding, header=header)


def _tsv(path: Path, *, encoding: str | None, header: bool | None) -> Table:
    return read_delimited(path, delimiter="\t", encoding=encoding, header=header)


def _refuse_foreign(path: Path) -> None:
    """Name formats that are recognised and not read, rather than call them text in a wrong encoding."""
    start = peek(path, 300)
    found = next((foreign for magic, foreign in _FOREIGN.items() if start.startswith(magic)), None)
    if found is None and start[257:262] == b"ustar":
        found = ("a tar archive", "unpack it and pass the file or folder")
    if found is not None:
        raise InputError(f"{path}: found {found[0]}, expected one of {', '.join(FORMATS)}; {found[1]}")


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
