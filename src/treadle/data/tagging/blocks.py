"""Files with a token a line: their sentences as rows of fields, and which column is which."""

import re
from pathlib import Path
from typing import NamedTuple

from treadle.data.encoding import read_text
from treadle.errors import InputError, counted, nearest

_HEADER = re.compile(r"#\s*global\.columns\s*=\s*(.*)")
_BLANKS = re.compile("[ \t]+")  # other white space, such as a no-break space, can be a token


class Row(NamedTuple):
    """The fields of one line, and its number in the file."""

    line: int
    fields: list[str]


class Blocks(NamedTuple):
    """A file of columns.

    `names` are the columns' names in lower case, where the file says them; every row has `width` fields.
    """

    sentences: list[list[Row]]
    names: list[str] | None
    width: int
    separator: str


def read_blocks(path: Path, encoding: str | None, names: list[str] | None = None) -> Blocks:
    """The rows of a file, sentence by sentence.

    Lines of white space separate sentences, and so do `-DOCSTART-` lines, which are dropped. Fields are separated by
    tabs if most rows have one, else by any spaces and tabs. Comments stand before a sentence's first token and start
    with `#`. So may a token, unless the format fixes the columns: without an equals sign after `# `, a line of a file
    separated by tabs is a comment if it has no tab, and one of another file is none.

    Args:
        path: The file, gzip allowed.
        encoding: Of the text.
        names: Of the columns, by a format that fixes them; None looks for a line `# global.columns = ...`.

    Raises:
        InputError: The file is empty, not text or without a token; a row has another number of fields than the first.
    """
    text = read_text(path, encoding)
    if not text.strip():
        raise InputError(f"{path}: the file is empty, expected a token and its tag a line")
    tabs = names is not None or _by_tabs(text)
    found, comments = _sentences(text, tabs, fixed=names is not None)
    if names is None:
        named = (_HEADER.match(comment) for comment in comments)
        names = next((match[1].lower().split() for match in named if match), None)
    if not found:
        raise InputError(f"{path}: found no sentence, expected a token and its tag a line")
    sentences = [[Row(number, _fields(line, tabs)) for number, line in sentence] for sentence in found]
    first = sentences[0][0]
    width = len(first.fields) if names is None else len(names)
    for row in (row for sentence in sentences for row in sentence):
        if len(row.fields) != width:
            reason = f"as in line {first.line}" if names is None else f"for {' '.join(names).upper()}"
            raise InputError(
                f"{path}, line {row.line}: found {counted(len(row.fields), 'column')}, expected {width} {reason}"
            )
    return Blocks(sentences, names, width, "tabs" if tabs else "white space")


def choose_column(chosen: str | int, blocks: Blocks, path: Path) -> int:
    """The index of a column that was named, or numbered from 1.

    Raises:
        InputError: There is no such column.
    """
    if isinstance(chosen, int) or chosen.isdecimal():
        if not 1 <= int(chosen) <= blocks.width:
            raise InputError(f"{path}: there is no column {chosen}, found {counted(blocks.width, 'column')}")
        return int(chosen) - 1
    if blocks.names is None:
        raise InputError(
            f"{path}: there is no column {chosen!r}, for the file names none (# global.columns = ...); "
            f"expected a number from 1 to {blocks.width}"
        )
    if chosen.lower() not in blocks.names:
        raise InputError(f"{path}: there is no column {chosen!r}{nearest(chosen.lower(), blocks.names)}")
    return blocks.names.index(chosen.lower())


def column(sentences: list[list[Row]], index: int, path: Path) -> list[list[str]]:
    """The fields of one column.

    Raises:
        InputError: One is empty.
    """
    for sentence in sentences:
        for row in sentence:
            if not row.fields[index]:
                raise InputError(f"{path}, line {row.line}: column {index + 1} is empty, expected a token or tag")
    return [[row.fields[index] for row in sentence] for sentence in sentences]


def _sentences(text: str, tabs: bool, *, fixed: bool) -> tuple[list[list[tuple[int, str]]], list[str]]:
    """Numbered lines of every sentence, and the comments; with `fixed` columns no token is taken for one."""
    sentences: list[list[tuple[int, str]]] = []
    comments: list[str] = []
    current: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("-DOCSTART-"):
            if current:
                sentences.append(current)
                current = []
        elif not current and line.startswith("#") and (fixed or _is_comment(line, tabs)):
            comments.append(line)
        else:
            current.append((number, line))
    return ([*sentences, current] if current else sentences), comments


def _by_tabs(text: str) -> bool:
    """Whether tabs separate columns: most lines that are no comments have one."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith(("# ", "-DOCSTART-"))]
    return 2 * sum("\t" in line for line in lines) > len(lines)


def _is_comment(line: str, tabs: bool) -> bool:
    if tabs and "\t" not in line:
        return True
    return (line.startswith("# ") and "=" in line) or _HEADER.match(line) is not None


def _fields(line: str, tabs: bool) -> list[str]:
    if not tabs:
        return _BLANKS.split(line.strip(" \t"))
    return [field.strip(" ") for field in line.split("\t")]
