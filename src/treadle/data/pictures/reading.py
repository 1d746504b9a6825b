"""Pictures and frames with their captions from disk: a table, a folder, or one file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from treadle.data.encoding import first_line
from treadle.data.header import names_columns
from treadle.data.paths import existing, suffix_of
from treadle.data.pictures.captioned import FRAMES, Captioned, Cell, as_cell, checked
from treadle.data.pictures.picture import PICTURE_SUFFIXES, is_picture_file
from treadle.data.readers import read
from treadle.data.table import Table
from treadle.errors import InputError, counted

# In order of preference, in lower case.
_IMAGE = ("image", "picture", "photo", "file", "filename", "file_name", "path", "frames", "video", "series")
_CAPTION = ("caption", "sentence", "text", "description", "raw", "title")


def read_captioned(
    place: str | Path,
    *,
    image: str | None = None,
    caption: str | None = None,
    captions: bool = True,
    **reading: Any,
) -> Captioned:
    """Read pictures or frames, and what is said of each.

    - a table (CSV, TSV, JSONL, Parquet): a column of pictures, of files of frames (`.npy`) or of numbers, names of
      files relative to the table's folder, and one of captions;
    - without captions also a folder, looked through in all its depth, or one file.

    Args:
        place: What is read.
        image: The column that is looked at, by default one that is called so.
        caption: The column of captions, likewise.
        captions: Whether they are needed; if not they are not looked at.
        **reading: `format`, `encoding` and `header`, as in `treadle.data.read`.

    Raises:
        InputError: It cannot be read, a column cannot be told, a cell is neither picture nor frames, or a caption is
            empty. Files are not opened yet.
    """
    path = existing(place)
    if path.is_dir() or is_picture_file(path) or str(path).lower().endswith(FRAMES):
        if captions:
            raise InputError(f"{path}: found no captions there, expected a table of pictures or frames with captions")
        return _files(path)
    return captioned_of_table(read(path, **reading), path.parent, image=image, caption=caption, captions=captions)


def captioned_of_table(
    table: Table,
    folder: Path | None = None,
    *,
    image: str | None = None,
    caption: str | None = None,
    captions: bool = True,
) -> Captioned:
    """What the rows of a table hold; arguments as in `read_captioned`, names of files relative to `folder`.

    Raises:
        InputError: As there.
    """
    image = _column(table, image, _IMAGE, "pictures", "input")
    inputs = [_cell(cell, table, row, image, folder) for row, cell in enumerate(table.column(image, "input"))]
    places = [table.where(row) for row in range(len(table))]
    note = f"{table.note + '; ' if table.note else ''}{image!r} is looked at"
    if not captions:
        return checked(Captioned(inputs, None, places, table.source, note))
    caption = _column(table, caption, [name for name in _CAPTION if name != image], "captions", "target")
    if caption == image:
        raise InputError(f"{table.source}: column {image!r} is given as input and target, expected two columns")
    said = []
    for row, cell in enumerate(table.column(caption, "target")):
        where = f"{table.where(row)}, column {caption!r}"
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            raise InputError(f"{where}: the caption is empty, expected a sentence; leave the row out")
        if not isinstance(cell, str):
            raise InputError(f"{where}: found {cell!r:.40}, expected a sentence")
        said.append(cell)
    return checked(Captioned(inputs, said, places, table.source, f"{note}, {caption!r} is said"))


def has_caption_columns(path: Path) -> bool:
    """Whether a CSV, TSV or JSONL file has the columns `image` and `caption`; False for what cannot be opened."""
    suffix = suffix_of(path)
    try:
        line = first_line(path)
        if suffix in (".jsonl", ".ndjson"):
            row = json.loads(line)
            return isinstance(row, dict) and {"image", "caption"} <= set(row)
    except (InputError, OSError, ValueError):  # the reader will say what is wrong with it
        return False
    if suffix not in (".csv", ".tsv", ".tab"):
        return False
    return names_columns(line, {"image", "caption"})


def _cell(cell: Any, table: Table, row: int, name: str, folder: Path | None) -> Cell:
    place = f"{table.where(row)}, column {name!r}"
    if isinstance(cell, str):
        return as_cell(cell, place, folder)
    if isinstance(cell, np.ndarray):
        return np.array(cell.tolist()) if cell.dtype == object else cell
    if isinstance(cell, list):
        try:
            return np.array(cell)
        except ValueError:
            raise InputError(f"{place}: found lists of unequal lengths, expected [time, features]") from None
    found = "nothing" if cell is None else f"{cell!r:.40}"
    raise InputError(f"{place}: found {found}, expected a picture, a file of frames ({FRAMES}) or numbers")


def _column(table: Table, name: str | None, usual: Sequence[str], what: str, option: str) -> str:
    if name is not None:
        table.column(name, option)
        return name
    by_name = {column.strip().lower(): column for column in reversed(table.columns)}
    found = next((by_name[one] for one in usual if one in by_name), None)
    if found is None:
        columns = ", ".join(map(repr, list(table.columns)[:10]))
        raise InputError(
            f"{table.source}: the column of the {what} cannot be told among {columns}; name it with --{option}"
        )
    return found


def _files(path: Path) -> Captioned:
    """One file, or those of a folder."""
    if not path.is_dir():
        return Captioned([str(path)], None, [str(path)], str(path), "one file")
    files = sorted(
        str(found)
        for found in path.rglob("*")
        if (is_picture_file(found) or found.suffix.lower() == FRAMES)
        and found.is_file()
        and not any(part.startswith(".") for part in found.relative_to(path).parts)
    )
    if not files:
        some = ", ".join(PICTURE_SUFFIXES[:3])
        raise InputError(f"{path}: holds no picture and no frames, expected some that end in {some} or {FRAMES}")
    return checked(Captioned(files, None, files, str(path), f"a folder, {counted(len(files), 'file')}"))
