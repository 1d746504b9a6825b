"""Texts for language models: from files, folders and tables to a list of documents."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from treadle.data.encoding import peek, read_bytes, read_text
from treadle.data.paths import existing, refuse_foreign, suffix_of
from treadle.data.readers import read
from treadle.data.table import Table
from treadle.data.values import is_missing
from treadle.errors import InputError, counted, nearest

Documents = Literal["file", "lines", "paragraphs"]
"""What of a text file is a document."""

CORPUS_FORMATS: Final = ("text", "csv", "tsv", "jsonl", "parquet")
"""The names that `read_corpus(format=...)` takes."""

_TABLES: Final = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")
_NOUNS: Final[dict[Documents, str]] = {"file": "file", "lines": "line", "paragraphs": "paragraph"}


@dataclass(frozen=True)
class Corpus:
    """Documents and where they come from. Nothing in one document says anything about the next.

    Attributes:
        texts: The documents, at least one; none is blank.
        places: Of every document, as an error sentence names it: `"notes.txt, line 12"`.
        source: The file or folder that was read, `"memory"` for Python objects.
        note: How the source was understood, in one phrase.

    Raises:
        InputError: There is no document.

    Example:
        >>> corpus = Corpus(["To be, or not to be."], ["hamlet.txt, line 1"])
        >>> len(corpus), corpus.characters, corpus.where(0)
        (1, 20, 'hamlet.txt, line 1')
    """

    texts: list[str]
    places: list[str]
    source: str = "memory"
    note: str = ""

    def __post_init__(self) -> None:
        if not self.texts:
            raise InputError(f"{self.source}: found no text, expected a document or more")
        if len(self.places) != len(self.texts):
            raise ValueError(f"{len(self.places)} places of {len(self.texts)} documents: expected one each")

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def characters(self) -> int:
        """How many characters all documents have."""
        return sum(map(len, self.texts))

    def where(self, document: int) -> str:
        """The place of a document.

        Args:
            document: Its number, from 0.
        """
        return self.places[document]


def read_corpus(
    path: str | os.PathLike[str],
    *,
    documents: Documents | None = None,
    column: str | None = None,
    format: str | None = None,  # noqa: A002 - the name that `read` gives it
    encoding: str | None = None,
    header: bool | None = None,
    raw: bool = False,
) -> Corpus:
    r"""The documents of a file or folder.

    A text file is one document, or one a line, or one a paragraph (lines up to a blank one). A folder is all of its
    `.txt` and `.txt.gz` files, in sub-folders too, in the order of their names. A table (CSV, TSV, JSON, Parquet) is
    one document a row. Which it is, the suffix says; a file without one that says it is text. Gzip is looked through.
    Line ends come as `\n`, and all else in a document is kept as it is. Blank documents are left out.

    Args:
        path: Of the file or folder.
        documents: What of a text file is a document, `"file"` by default.
        column: Of a table: the column of texts. By default the one called `text`, or the only one with texts.
        format: One of `CORPUS_FORMATS`, in place of the suffix.
        encoding: A Python codec name for text; by default a byte order mark decides, else UTF-8.
        header: For CSV and TSV, whether line 1 names the columns; by default its look decides.
        raw: Take a file of any kind for its bytes, and of a folder all files: what is not UTF-8 comes as the lone
            surrogates of Python's `surrogateescape`, line ends and marks as they are. For models of bytes.

    Raises:
        InputError: There is nothing at the path, it cannot be read as what it is taken for, an option does not apply
            to it, the column cannot be told, or there is no text in it.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "poem.txt")
        >>> _ = file.write_text("one\ntwo\n\nthree\n")
        >>> read_corpus(file, documents="paragraphs").texts
        ['one\ntwo', 'three']
    """
    _check(documents, format)
    source = existing(path)
    if raw:
        _refuse(
            source,
            "bytes as they are",
            documents=documents not in (None, "file"),
            format=format is not None,
            encoding=encoding is not None,
        )
    if source.is_dir() or raw or not is_table(source, format):
        _refuse(source, "text", column=column is not None, header=header is not None)
        return _read_text(source, documents or "file", encoding, raw, format)
    _refuse(source, "a table", documents=documents is not None)
    return corpus_of_table(read(source, format=format, encoding=encoding, header=header), column)


def corpus_of_table(table: Table, column: str | None = None) -> Corpus:
    """A document for every row of a table, as of a built-in data set.

    Args:
        table: The rows.
        column: That of texts; None for the one called `text`, or the only one with texts.

    Raises:
        InputError: There is no such column, or none or several could be meant; a cell is no text; there is no text.

    Example:
        >>> corpus_of_table(Table({"id": [1, 2], "review": ["good", "bad"]})).texts
        ['good', 'bad']
    """
    name = column if column is not None else _text_column(table)
    texts: list[str] = []
    places: list[str] = []
    for row, cell in enumerate(table.column(name, "text")):
        if _is_absent(cell):
            continue
        if not isinstance(cell, str):
            raise InputError(
                f"{table.where(row)}: column {name!r} holds {type(cell).__name__} {str(cell)[:20]!r}, expected a text"
            )
        if cell.strip():
            texts.append(cell)
            places.append(table.where(row))
    blank = len(table) - len(texts)
    note = f"{table.note or counted(len(table), 'row')}; texts from column {name!r}{_left_out(blank, 'blank row')}"
    return Corpus(texts, places, table.source, note)


def is_table(path: Path, format: str | None = None) -> bool:  # noqa: A002 - the name that `read` gives it
    """Whether a file is read as a table: its format says so, or without one its suffix or, of Parquet, its beginning.

    Args:
        path: An existing file.
        format: One of `CORPUS_FORMATS`, or None.
    """
    if format is not None:
        return format != "text"
    return suffix_of(path) in _TABLES or peek(path, 4) == b"PAR1"


def _check(documents: str | None, format_: str | None) -> None:
    for name, value, valid in (("documents", documents, get_args(Documents)), ("format", format_, CORPUS_FORMATS)):
        if value is not None and value not in valid:
            raise InputError(f"{name} is {value!r}{nearest(value, valid)}")


def _refuse(source: Path, found: str, **given: bool) -> None:
    """Options that do not apply are named, not ignored."""
    for name, present in given.items():
        if present:
            raise InputError(f"{source}: {name}= does not apply here, where {found} is read; leave it out")


def _read_text(source: Path, documents: Documents, encoding: str | None, raw: bool, format_: str | None) -> Corpus:
    if source.is_dir() and format_ not in (None, "text"):
        raise InputError(f"{source}: found a folder, expected a file of format {format_!r}")
    files = list(_files(source, raw)) if source.is_dir() else [source]
    if not files:
        raise InputError(f"{source}: found no {'file' if raw else '.txt file'} in the folder, expected one or more")
    texts: list[str] = []
    places: list[str] = []
    blank = 0
    for file in files:
        if raw:
            parts = [(1, read_bytes(file).decode("utf-8", "surrogateescape"))]
        else:
            refuse_foreign(file, "a text file")
            parts = _parts(read_text(file, encoding), documents)
        for line, text in parts:
            if text.strip() or (raw and text):
                texts.append(text)
                places.append(str(file) if documents == "file" else f"{file}, line {line}")
            else:
                blank += 1
    kind = f"{'bytes' if raw else 'text'}, a document a {_NOUNS[documents]}"
    size = f"{counted(len(texts), 'document')} in {counted(len(files), 'file')}"
    return Corpus(texts, places, str(source), f"{kind}, {size}{_left_out(blank, f'blank {_NOUNS[documents]}')}")


def _parts(text: str, documents: Documents) -> list[tuple[int, str]]:
    """The documents of a text and the lines where they start."""
    if documents == "file":
        return [(1, text)]
    lines = text.split("\n")
    if documents == "lines":
        return list(enumerate(lines[:-1] if lines[-1] == "" else lines, 1))
    found: list[tuple[int, str]] = []
    paragraph: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            found.append((number - len(paragraph), "\n".join(paragraph)))
            paragraph = []
    return found


def _files(folder: Path, raw: bool) -> Iterator[Path]:
    """The files of a folder and its sub-folders in the order of their names, without hidden ones."""

    def unreadable(error: OSError) -> None:
        raise InputError(f"{error.filename}: the folder cannot be read ({error.strerror or error})") from None

    for where, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and (raw or name.endswith((".txt", ".txt.gz"))):
                yield Path(where, name)


def _text_column(table: Table) -> str:
    if "text" in table.columns:
        return "text"
    found = [name for name, cells in table.columns.items() if _holds_texts(cells)]
    if len(found) == 1:
        return found[0]
    several = f"columns {', '.join(map(repr, found))} with texts" if found else "no column with texts"
    help_ = "" if found else nearest("text", table.columns)
    raise InputError(f"{table.source}: found {several}, expected one, or its name{help_}")


def _holds_texts(cells: list[Any]) -> bool:
    present = [cell for cell in cells if not _is_absent(cell)]
    return bool(present) and all(isinstance(cell, str) for cell in present)


def _is_absent(cell: Any) -> bool:
    """Whether a row has no text; a text may well read `None` or `?`."""
    return not isinstance(cell, str) and is_missing(cell)


def _left_out(number: int, noun: str) -> str:
    return f"; {counted(number, noun)} left out" if number else ""
