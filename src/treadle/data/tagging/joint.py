"""A folder of parallel files, as the slot-filling data sets come: `seq.in`, `seq.out` and `label`."""

from pathlib import Path

from treadle.data.encoding import read_text
from treadle.data.tagging.sentences import TaggedSentences
from treadle.errors import InputError, counted

_TOKENS, _TAGS, _LABEL = "seq.in", "seq.out", "label"


def read_joint(path: Path, *, encoding: str | None = None, tagged: bool = True) -> TaggedSentences:
    """The sentences of `seq.in`, a line each, with their tags in the same line of `seq.out` and their label in `label`.

    Args:
        path: The folder; `label` may be missing.
        encoding: Of the texts, by default UTF-8 or what a byte order mark says.
        tagged: False reads `seq.in` alone.

    Raises:
        InputError: A file is missing or empty; the files differ in lines; a line is empty, or has not a tag for each
            token.

    Source:
        C.-W. Goo et al., "Slot-gated modeling for joint slot filling and intent prediction", NAACL 2018 (its data).
    """
    for name in (_TOKENS, _TAGS) if tagged else (_TOKENS,):
        if not (path / name).is_file():
            inner = sorted(folder.name for folder in path.iterdir() if (folder / _TOKENS).is_file())
            hint = f"; give {path / inner[0]}" if inner else ""
            raise InputError(f"{path}: found no file {name}, expected {_TOKENS} and {_TAGS}, a sentence a line{hint}")
    tokens = [line.split() for line in _lines(path / _TOKENS, encoding)]
    lines = list(range(1, len(tokens) + 1))
    if not tagged:
        return TaggedSentences(tokens, source=str(path / _TOKENS), lines=lines, note=f"lines of tokens in {_TOKENS}")
    tags = [line.split() for line in _lines(path / _TAGS, encoding)]
    _same_length(path / _TAGS, len(tags), path / _TOKENS, len(tokens))
    for number, (words, marks) in enumerate(zip(tokens, tags, strict=True), 1):
        if len(words) != len(marks):
            raise InputError(
                f"{path / _TAGS}, line {number}: found {counted(len(marks), 'tag')}, expected {len(words)}, one for "
                f"each token of {_TOKENS}"
            )
    labels = None
    if (path / _LABEL).is_file():
        labels = [line.strip() for line in _lines(path / _LABEL, encoding)]
        _same_length(path / _LABEL, len(labels), path / _TOKENS, len(tokens))
    note = f"parallel files {_TOKENS}, {_TAGS}" + f" and {_LABEL}" * (labels is not None)
    return TaggedSentences(tokens, tags, labels, str(path / _TOKENS), lines, note)


def _lines(file: Path, encoding: str | None) -> list[str]:
    """The lines of a file, none of them empty."""
    text = read_text(file, encoding).rstrip()
    if not text:
        raise InputError(f"{file}: the file is empty, expected a sentence a line")
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise InputError(f"{file}, line {number}: the line is empty, expected a sentence a line in each file")
    return lines


def _same_length(file: Path, found: int, other: Path, expected: int) -> None:
    if found != expected:
        raise InputError(f"{file}: found {counted(found, 'line')}, expected {expected:,} as in {other.name}")
