"""CoNLL-U, the files of Universal Dependencies: ten columns, with tokens of several words and words of no token."""

import re
from pathlib import Path
from typing import Final

from treadle.data.tagging.blocks import Row, choose_column, column, read_blocks
from treadle.data.tagging.sentences import TaggedSentences
from treadle.errors import InputError

FIELDS: Final = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
"""The columns of CoNLL-U."""

_NONE: Final = "_"
_WORD: Final = re.compile(r"[0-9]+", re.ASCII)
_NOT_A_WORD: Final = re.compile(r"[0-9]+[-.][0-9]+", re.ASCII)


def read_universal(
    path: Path,
    *,
    encoding: str | None = None,
    tokens: str | int | None = None,
    tags: str | int | None = None,
    tagged: bool = True,
) -> TaggedSentences:
    """A CoNLL-U file: the words of its sentences and one of their annotations.

    A range (`1-2  don't`) only says how the words below it, which have the tags, are written together; an empty node
    (`8.1`) is no word of the sentence. Both are left out.

    Args:
        path: The file, gzip allowed.
        encoding: Of the text, by default UTF-8 or what a byte order mark says.
        tokens: The column of the tokens by name (see `FIELDS`) or number, by default form.
        tags: The column of the tags, by default upos; where it is `_` throughout, there are no tags.
        tagged: False reads tokens alone.

    Raises:
        InputError: The file has no word; a row has not ten columns; words are not numbered from 1; some words only
            have no part of speech; a column does not exist, or was named and is empty throughout.

    Source:
        universaldependencies.org/format.html; J. Nivre et al., "Universal Dependencies v2", LREC 2020.
    """
    blocks = read_blocks(path, encoding, list(FIELDS))
    token_column = choose_column("form" if tokens is None else tokens, blocks, path)
    tag_column = choose_column("upos" if tags is None or not tagged else tags, blocks, path)
    if tagged and tag_column == token_column:
        raise InputError(f"{path}: the column {FIELDS[tag_column]!r} was chosen for the tokens and for the tags")
    sentences = words_only(blocks.sentences, 0, path)
    has_tags = tagged and _has_tags(sentences, tag_column, path, named=tags is not None)
    return TaggedSentences(
        tokens=column(sentences, token_column, path),
        tags=column(sentences, tag_column, path) if has_tags else None,
        source=str(path),
        lines=[sentence[0].line for sentence in sentences],
        note=f"CoNLL-U, tokens in {FIELDS[token_column]!r}" + f" and tags in {FIELDS[tag_column]!r}" * has_tags,
        token_lines=[[row.line for row in sentence] for sentence in sentences],
    )


def _has_tags(sentences: list[list[Row]], tag_column: int, path: Path, *, named: bool) -> bool:
    """Whether a column says something of the words; a part of speech of every one, if that is what it holds."""
    words = [row for sentence in sentences for row in sentence]
    bare = next((row for row in words if row.fields[tag_column] == _NONE), None)
    has_tags = any(row.fields[tag_column] != _NONE for row in words)
    if not has_tags and named:
        raise InputError(f"{path}: the column {FIELDS[tag_column]!r} is empty ('_') in every line, expected tags")
    if has_tags and bare is not None and FIELDS[tag_column] == "upos":  # in the others, `_` says that there is nothing
        raise InputError(f"{path}, line {bare.line}: found '_', expected a part of speech in the column 'upos'")
    return has_tags


def looks_universal(text: str) -> bool:
    """Whether the first row of a text is one of CoNLL-U: ten columns between tabs, the first one a number."""
    lines = (line for line in text.split("\n") if line.strip() and not line.startswith("#"))
    fields = next(lines, "").split("\t")
    return len(fields) == len(FIELDS) and fields[0][:1] == "1"


def words_only(sentences: list[list[Row]], index: int, path: Path) -> list[list[Row]]:
    """The rows that are words, without ranges and empty nodes; sentences without a word are left out.

    Args:
        sentences: All rows.
        index: Column in which the words' numbers stand.
        path: For error sentences.

    Raises:
        InputError: A number is none, or not the next; no sentence has a word.
    """
    kept: list[list[Row]] = []
    for sentence in sentences:
        words: list[Row] = []
        for row in sentence:
            number = row.fields[index]
            if _NOT_A_WORD.fullmatch(number):
                continue
            expected = len(words) + 1
            if _WORD.fullmatch(number) is None:
                raise InputError(
                    f"{path}, line {row.line}: found {number!r} as a word's number, expected {expected}, "
                    f"a range such as {expected}-{expected + 1} or an empty node such as {expected - 1}.1"
                )
            if number.lstrip("0") != str(expected):
                missing = " (a blank line separates sentences)" if number == "1" else ""
                raise InputError(f"{path}, line {row.line}: found word {number}, expected word {expected}{missing}")
            words.append(row)
        if words:
            kept.append(words)
    if not kept:
        raise InputError(f"{path}: found no sentence with a word")
    return kept
