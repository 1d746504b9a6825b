"""One function that reads whatever tagged sentences a user has."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from treadle.data.encoding import read_text
from treadle.data.frames import read_parquet
from treadle.data.paths import existing, refuse_foreign, suffix_of
from treadle.data.tagging.class_numbers import class_names, with_class_names
from treadle.data.tagging.columns import read_columns
from treadle.data.tagging.joint import read_joint
from treadle.data.tagging.records import from_table, read_records
from treadle.data.tagging.sentences import Illegal, TaggedSentences
from treadle.data.tagging.universal import looks_universal, read_universal
from treadle.errors import InputError, nearest

TAGGED_FORMATS: Final = ("conll", "conllu", "jsonl", "parquet", "joint")
"""The names that `read_tagged(format=...)` takes."""

COLUMN_SUFFIXES: Final = (".conll", ".conllu", ".bio", ".iob")
"""By these a file says that it has a token a line."""

_SUFFIXES: Final = {
    ".conllu": "conllu",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def read_tagged(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - the name that every data library gives it
    encoding: str | None = None,
    tokens: str | int | None = None,
    tags: str | int | None = None,
    label: str | None = None,
    illegal: Illegal = "repair",
    tagged: bool = True,
    chosen: Sequence[str] = (),
) -> TaggedSentences:
    r"""Read tagged sentences from a file, or from a folder of parallel files.

    Args:
        path: The file (gzip looked through) or folder.
        format: One of `TAGGED_FORMATS`; by default the suffix says it, else the content does: `{` opens JSON, a
            first row of ten columns with a number is CoNLL-U, anything else CoNLL columns.
        encoding: A Python codec name for text files; by default a byte order mark decides, else UTF-8.
        tokens: The column of the tokens: its number from 1 or its name (CoNLL), its name (others).
        tags: The column of the tags, likewise.
        label: The column of the sentences' labels, for JSON and Parquet.
        illegal: `"repair"` or `"error"`, for tag sequences that break the rules of their scheme; see
            `TaggedSentences.settled`.
        tagged: False reads tokens alone: tags and labels are not looked at, whatever is wrong with them.
        chosen: The names of the columns of tokens and tags of a model's training data: where they occur, they are taken
            before the usual ones.

    Returns:
        The sentences, each with the line it came from; `note` says how the source was understood and what was repaired,
        `scheme` how its tags mark spans.

    Raises:
        InputError: There is nothing at the path, or it cannot be read as what it is taken for; the sentence names file
            and line, what was found and what was expected.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "train.conll"
        ...     _ = path.write_text("Ada B-PER\nsmiled O\n\nin O\nRome B-LOC\n")
        ...     data = read_tagged(path)
        >>> data.tokens, data.scheme, data.where(1, 1).endswith("train.conll, line 5")
        ([['Ada', 'smiled'], ['in', 'Rome']], 'iob2', True)
    """
    if format is not None and format not in TAGGED_FORMATS:
        raise InputError(f"the format {format!r} is not known{nearest(format, TAGGED_FORMATS)}")
    source = existing(path)
    if source.is_dir():
        if format not in (None, "joint"):
            raise InputError(f"{source}: found a folder, expected a file of format {format!r}")
        _refuse(source, "joint", tokens=tokens, tags=tags, label=label)
        return read_joint(source, encoding=encoding, tagged=tagged).settled(illegal)
    if format == "joint":
        raise InputError(f"{source}: found a file, expected a folder of parallel files")
    kind = format or tagged_format(source, encoding)
    if kind in ("conll", "conllu"):
        _refuse(source, kind, label=label)
        columns: Any = {"encoding": encoding, "tokens": tokens, "tags": tags, "tagged": tagged}
        if kind == "conllu":
            return read_universal(source, **columns).settled(illegal)
        return read_columns(source, **columns, chosen=chosen).settled(illegal)
    token_name, tag_name = _name(source, kind, tokens), _name(source, kind, tags)
    options: Any = {"tokens": token_name, "tags": tag_name, "label": label, "illegal": illegal, "tagged": tagged}
    options["chosen"] = chosen
    if kind == "jsonl":
        return read_records(source, encoding=encoding, **options)
    _refuse(source, kind, encoding=encoding)
    return from_table(with_class_names(read_parquet(source), class_names(source)), **options)


def tagged_format(path: Path, encoding: str | None = None) -> str:
    """What an existing file is taken for: one of `TAGGED_FORMATS`, see `read_tagged`.

    Raises:
        InputError: It is of a format that holds no tagged sentences, or no text.
    """
    by_suffix = _SUFFIXES.get(suffix_of(path))
    if by_suffix == "parquet":
        return by_suffix
    refuse_foreign(path, f"one of {', '.join(TAGGED_FORMATS)}")
    if by_suffix is not None:
        return by_suffix
    text = read_text(path, encoding)
    if text.lstrip().startswith(("{", "[{")):
        return "jsonl"
    return "conllu" if looks_universal(text) else "conll"


def _refuse(path: Path, kind: str, **options: str | int | None) -> None:
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{path}: {name}= does not apply to the format {kind!r}")


def _name(path: Path, kind: str, column: str | int | None) -> str | None:
    if isinstance(column, int):
        raise InputError(f"{path}: found column {column}, expected a column's name for the format {kind!r}")
    return column
