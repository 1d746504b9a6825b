"""The files that word vectors come in: their form, and their words one after the other."""

import codecs
import gzip
import re
from collections.abc import Iterator
from io import BufferedIOBase
from itertools import count
from pathlib import Path
from typing import Final, Literal, NamedTuple

from treadle.errors import InputError, counted

Format = Literal["word2vec", "word2vec-binary", "glove"]
"""Text with a first line `WORDS SIZE`, the same with vectors as bytes, and text without that line."""

_LARGEST: Final = 100_000  # more numbers a word than any file has: a first line that says so is none
_LONGEST_WORD: Final = 10_000  # bytes
_LONGEST_LINE: Final = 1 << 22
_CHUNK: Final = 1 << 20
_CONTROL: Final = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")  # occurs in floats and not in text


class Header(NamedTuple):
    """The first line of word2vec's files."""

    words: int
    size: int


class Entry(NamedTuple):
    """A word in the file, its place there and its numbers, not yet read."""

    place: str
    word: bytes
    numbers: list[bytes] | bytes


def read_entries(path: Path, format_: Format | None) -> tuple[Format, int, Iterator[Entry]]:
    """The form of a file, the size of its vectors, and its words one after the other.

    Args:
        path: An existing file, gzip allowed.
        format_: Its form, if that is known.

    Raises:
        InputError: Here or while the words are read: the file is empty, cut short or not of the form.
    """
    form, header = _form_of(path, format_)
    if header is None:
        size = _first_size(path)
        return form, size, _text_entries(path, size, None)
    entries = _binary_entries(path, header) if form == "word2vec-binary" else _text_entries(path, header.size, header)
    return form, header.size, entries


def _form_of(path: Path, format_: Format | None) -> tuple[Format, Header | None]:
    """The form of a file by its first two lines, unless it was named."""
    with _opened(path) as file:
        first, second = file.readline(_LONGEST_LINE), file.readline(_LONGEST_LINE)
    if not first:
        raise InputError(f"{path}: the file is empty, expected words with their vectors")
    fields = first.removeprefix(codecs.BOM_UTF8).split()
    is_header = len(fields) == 2 and all(part.isdigit() and len(part) < 19 for part in fields)
    if format_ == "glove" or (format_ is None and not is_header):
        return "glove", None
    if not is_header:
        raise InputError(f"{path}, line 1: found {excerpt(first)}, expected the number of words and their size")
    header = Header(*map(int, fields))
    if header.words < 1 or not 1 <= header.size <= _LARGEST:
        raise InputError(
            f"{path}, line 1: found {header.words} words of size {header.size}, expected sizes from 1 to {_LARGEST:,}"
        )
    if format_ is not None:
        return format_, header
    return ("word2vec-binary" if _CONTROL.search(second[:4096]) else "word2vec"), header


def _first_size(path: Path) -> int:
    with _opened(path) as file:
        first = file.readline(_LONGEST_LINE)
    size = len(first.split()) - 1
    if not 1 <= size <= _LARGEST:
        raise InputError(f"{path}, line 1: found {excerpt(first)}, expected a word and its numbers")
    return size


def _text_entries(path: Path, size: int, header: Header | None) -> Iterator[Entry]:
    with _opened(path) as file:
        if header is not None:
            file.readline(_LONGEST_LINE)
        found = 0
        for number in count(1 if header is None else 2):
            line = file.readline(_LONGEST_LINE)
            if not line:
                break
            if len(line) == _LONGEST_LINE:
                raise InputError(f"{path}, line {number}: the line does not end, expected a word and {size} numbers")
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            line = line.rstrip(b" \t\r\n")
            if line:
                found += 1
                yield _text_entry(line, size, f"{path}, line {number}")
    if header is not None and found != header.words:
        raise InputError(
            f"{path}: found {counted(found, 'word')}, expected {header.words:,} as line 1 says; is the file cut short?"
        )


def _text_entry(line: bytes, size: int, place: str) -> Entry:
    if b"\t" in line:
        line = line.replace(b"\t", b" ")
    fields = line.split(b" ")
    if len(fields) <= size:
        raise InputError(f"{place}: found {counted(len(fields) - 1, 'number')} after the word, expected {size}")
    # GloVe's largest file has words with spaces in them.
    return Entry(place, b" ".join(fields[:-size]), fields[-size:])


def _binary_entries(path: Path, header: Header) -> Iterator[Entry]:
    width = 4 * header.size
    with _opened(path) as file:
        start = len(file.readline(_LONGEST_LINE))  # of `data`, in the file
        data, at = b"", 0
        for number in range(header.words):
            space = data.find(b" ", at)
            while space + 1 + width > len(data) or (space < 0 and len(data) - at <= _LONGEST_WORD):
                more = file.read(_CHUNK)
                if not more:
                    what = "within" if data[at:].strip(b"\n") else "before"
                    raise InputError(
                        f"{path}, byte {start + len(data):,}: the file ends {what} word {number + 1:,}, expected "
                        f"{header.words:,} as line 1 says"
                    )
                start, data, at = start + at, data[at:] + more, 0
                space = data.find(b" ")
            place = f"{path}, byte {start + at:,}"
            if not 0 <= space - at <= _LONGEST_WORD:
                raise InputError(f"{place}: found no space after the word, expected word2vec's binary form")
            end = space + 1 + width
            yield Entry(place, data[at:space].lstrip(b"\n"), data[space + 1 : end])
            at = end
        if (data[at:] + file.read(_CHUNK)).strip(b"\n"):
            raise InputError(f"{path}, byte {start + at:,}: found more than the {header.words:,} words of line 1")


def _opened(path: Path) -> BufferedIOBase:
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if compressed else path.open("rb")


def excerpt(found: bytes) -> str:
    """The beginning of what was found, for an error sentence."""
    return repr(found[:40].decode("utf-8", "replace").strip())
