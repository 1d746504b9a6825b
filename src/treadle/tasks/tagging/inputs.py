"""Sentences as callers give them, in one form; strings are cut into tokens that know their place."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from treadle.data.tagging import TaggedSentences, Token, tokenize
from treadle.errors import InputError, counted

_LISTS = (list, tuple, np.ndarray)


@dataclass(frozen=True)
class Given:
    """Sentences that are to be tagged.

    Attributes:
        tokens: Of every sentence; none where a string has none.
        texts: The string that each came as, or None where it came as tokens.
        places: Its tokens with their places in that string.
    """

    tokens: list[list[str]]
    texts: list[str | None]
    places: list[list[Token] | None]


def to_given(X: Any) -> Given:
    """Strings and token lists, mixed as they may be.

    Raises:
        InputError: A row is neither, or a token is no string.
    """
    tokens: list[list[str]] = []
    texts: list[str | None] = []
    places: list[list[Token] | None] = []
    for row, value in enumerate(_rows(X, "sentences")):
        if isinstance(value, str):
            cut = tokenize(value)
            tokens.append([token.text for token in cut])
            texts.append(value)
            places.append(cut)
        else:
            tokens.append(_strings(value, row, "a text or a list of tokens"))
            texts.append(None)
            places.append(None)
    return Given(tokens, texts, places)


def to_tagged(X: Any, y: Any, labels: Any = None) -> TaggedSentences:
    """Token lists with a tag for each token, and perhaps a label a sentence, checked and with their scheme.

    Raises:
        InputError: The three differ in number, a row is no list of strings or empty, or a tag does not fit the others.
    """
    tokens = [_strings(value, row, "a list of tokens") for row, value in enumerate(_rows(X, "sentences"))]
    tags = [_strings(value, row, "a list of tags") for row, value in enumerate(_rows(y, "tags"))]
    if len(tokens) != len(tags):
        found = f"{counted(len(tokens), 'sentence')} and {counted(len(tags), 'list')} of tags"
        raise InputError(f"there are {found}, expected equally many")
    for row, (some, others) in enumerate(zip(tokens, tags, strict=True)):
        if not some:
            raise InputError(f"row {row} (counted from 0): the sentence is empty, expected tokens")
        if len(some) != len(others):
            found = f"{counted(len(some), 'token')} and {counted(len(others), 'tag')}"
            raise InputError(f"row {row} (counted from 0): found {found}, expected a tag for each token")
    return TaggedSentences(tokens, tags, None if labels is None else _labels(labels, len(tokens))).settled()


def _labels(labels: Any, rows: int) -> list[str]:
    given = _rows(labels, "labels")
    if len(given) != rows:
        raise InputError(
            f"there are {counted(rows, 'sentence')} and {counted(len(given), 'label')}, expected equally many"
        )
    for row, label in enumerate(given):
        if not isinstance(label, str):
            raise InputError(f"the label of row {row} is {label!r}, expected a string")
    return list(given)


def _rows(values: Any, what: str) -> list[Any]:
    if hasattr(values, "to_list"):  # a pandas or polars column
        values = values.to_list()
    if isinstance(values, str) or not isinstance(values, _LISTS):
        raise InputError(f"the {what} are a {type(values).__name__}, expected a list of them")
    return list(values)


def _strings(value: Any, row: int, expected: str) -> list[str]:
    if isinstance(value, str) or not isinstance(value, _LISTS):
        raise InputError(f"row {row} (counted from 0): found {value!r:.40}, expected {expected}")
    for one in value:
        if not isinstance(one, str):
            raise InputError(f"row {row} (counted from 0): found {one!r:.40} in the list, expected strings")
    return [str(one) for one in value]
