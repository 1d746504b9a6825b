"""Text files with a row a line: `LABEL text`, fastText's `__label__LABEL text`, or text alone."""

from pathlib import Path
from typing import Any

from treadle.data.encoding import read_text
from treadle.data.table import Table
from treadle.data.values import is_number, typed
from treadle.errors import InputError, counted

_MARK = "__label__"
_MOST_LABELS = 100


def read_lines(path: Path, *, encoding: str | None = None) -> Table:
    """A file of lines, labelled or not by its look (see `looks_labelled`)."""
    texts, lines = _lines(path, encoding)
    return _labelled(path, texts, lines) if looks_labelled(texts) else _plain(path, texts, lines)


def read_labelled_lines(path: Path, *, encoding: str | None = None) -> Table:
    """A file in which every line is a label, white space and a text: columns `label` and `text`.

    In fastText's form a line starts with one or more `__label__x`; when any line has several, `label` holds lists
    (several labels a row). Empty lines are skipped.

    Args:
        path: The file, gzip allowed.
        encoding: The text encoding, by default UTF-8 or what a byte order mark says.

    Raises:
        InputError: The file is not text or empty; a line has a label and no text, or no label where others have one.

    Source:
        fastText's supervised format, fasttext.cc/docs/en/supervised-tutorial.html.
    """
    return _labelled(path, *_lines(path, encoding))


def read_plain_lines(path: Path, *, encoding: str | None = None) -> Table:
    """A file in which every line is a text: the column `text`. Empty lines are skipped.

    Raises:
        InputError: The file is not text or empty.
    """
    return _plain(path, *_lines(path, encoding))


def looks_labelled(lines: list[str]) -> bool:
    """Whether lines start with a label rather than with their first word.

    They do when every line has a second word and the first words are numbers, carry fastText's mark, or repeat so much
    that at most 100 different ones occur, each in four lines or more on average (first words of prose differ far more).

    Example:
        >>> looks_labelled(["1 good film", "0 bad film"]), looks_labelled(["good film", "a bad film"])
        (True, False)
    """
    words = [line.split(maxsplit=1) for line in lines]
    first = {word[0] for word in words if word}
    if any(word.startswith(_MARK) for word in first):
        return True
    if not first or any(len(word) < 2 for word in words):
        return False
    if all(is_number(word) for word in first):
        return True
    return len(first) <= min(_MOST_LABELS, len(lines) / 4)


def _lines(path: Path, encoding: str | None) -> tuple[list[str], list[int]]:
    text = read_text(path, encoding)
    kept = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not kept:
        raise InputError(f"{path}: the file is empty, expected a text a line")
    return [line for _, line in kept], [number for number, _ in kept]


def _plain(path: Path, texts: list[str], lines: list[int]) -> Table:
    return Table({"text": texts}, str(path), lines, note=f"lines of text without labels, {counted(len(texts), 'row')}")


def _labelled(path: Path, texts: list[str], lines: list[int]) -> Table:
    if any(text.lstrip().startswith(_MARK) for text in texts):
        return _fasttext(path, texts, lines)
    labels, rest = [], []
    for text, line in zip(texts, lines, strict=True):
        words = text.split(maxsplit=1)
        if len(words) < 2:
            raise InputError(f"{path}, line {line}: found only {words[0]!r}, expected a label, a space and a text")
        labels.append(words[0])
        rest.append(words[1].strip())
    return Table(
        {"label": typed(labels), "text": rest},
        str(path),
        lines,
        note=f"lines of LABEL text, {counted(len(texts), 'row')}",
    )


def _fasttext(path: Path, texts: list[str], lines: list[int]) -> Table:
    labels: list[list[str]] = []
    rest = []
    for text, line in zip(texts, lines, strict=True):
        words = text.split()
        count = next((index for index, word in enumerate(words) if not word.startswith(_MARK)), len(words))
        if count == 0:
            raise InputError(f"{path}, line {line}: found {words[0]!r}, expected {_MARK}LABEL before the text")
        if count == len(words):
            raise InputError(f"{path}, line {line}: found no text after {words[-1]!r}")
        labels.append([word.removeprefix(_MARK) for word in words[:count]])
        rest.append(text.split(maxsplit=count)[count].strip())
    several = any(len(row) > 1 for row in labels)
    cells: list[Any] = list(labels) if several else typed([row[0] for row in labels])
    note = f"fastText lines, {counted(len(texts), 'row')}{', several labels a row' if several else ''}"
    return Table({"label": cells, "text": rest}, str(path), lines, note=note)
