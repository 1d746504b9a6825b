"""What stands at a path: checks that every reader makes before it opens a file."""

import os
from pathlib import Path

from treadle.data.encoding import peek
from treadle.errors import InputError, nearest

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


def existing(name: str | os.PathLike[str]) -> Path:
    """The path, checked to be a file or folder.

    Args:
        name: Of the file or folder.

    Raises:
        InputError: There is nothing at the path (the nearest existing name is given), or neither a file nor a folder.
    """
    path = Path(os.fsdecode(name))
    if not os.fspath(name):
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


def suffix_of(path: str | os.PathLike[str]) -> str:
    """The suffix by which a file says what it is, in lower case and without that of gzip; empty where it says nothing.

    Example:
        >>> suffix_of("runs/train.CSV.gz"), suffix_of("README")
        ('.csv', '')
    """
    suffixes = [suffix.lower() for suffix in Path(path).suffixes if suffix.lower() != ".gz"]
    return suffixes[-1] if suffixes else ""


def refuse_foreign(path: Path, expected: str) -> None:
    """Name formats that are recognised and not read, rather than call them text in a wrong encoding.

    Args:
        path: An existing file.
        expected: What may stand there, for the error sentence: `"one of csv, jsonl"`.

    Raises:
        InputError: The file is of such a format; the sentence says what to do with it.
    """
    start = peek(path, 300)
    found = next((foreign for magic, foreign in _FOREIGN.items() if start.startswith(magic)), None)
    if found is not None and suffix_of(path) == ".npz":
        found = _FOREIGN[b"\x93NUMPY"]
    if found is None and start[257:262] == b"ustar":
        found = ("a tar archive", "unpack it and pass the file or folder")
    if found is not None:
        raise InputError(f"{path}: found {found[0]}, expected {expected}; {found[1]}")
