"""A sentence a row: lists of tokens and of tags, as JSON lines, Parquet or Python objects have them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from treadle.data.jsonl import read_jsonl
from treadle.data.table import Table
from treadle.data.tagging.class_numbers import class_numbers
from treadle.data.tagging.sentences import Illegal, TaggedSentences
from treadle.errors import InputError, counted

_TOKENS: Final = ("tokens", "words", "token", "word")
_TAGS: Final = ("tags", "labels", "ner_tags", "slots", "pos_tags", "upos", "tag")
_LABELS: Final = ("intent", "label", "category")


def read_records(
    path: Path,
    *,
    encoding: str | None = None,
    tokens: str | None = None,
    tags: str | None = None,
    label: str | None = None,
    illegal: Illegal = "repair",
    tagged: bool = True,
    chosen: Sequence[str] = (),
) -> TaggedSentences:
    """JSON with a sentence an object; see `from_table`.

    Raises:
        InputError: The file is no such JSON, or its rows are no such sentences.
    """
    table = read_jsonl(path, encoding=encoding)
    if table.lines is None and all(isinstance(cell, str) for cells in table.columns.values() for cell in cells):
        # One sentence alone looks like columns of strings.
        columns: dict[str, list[Any]] = {name: [cells] for name, cells in table.columns.items()}
        table = Table(columns, table.source, [1], note="JSON object")
    return from_table(table, tokens=tokens, tags=tags, label=label, illegal=illegal, tagged=tagged, chosen=chosen)


def from_table(
    table: Table,
    *,
    tokens: str | None = None,
    tags: str | None = None,
    label: str | None = None,
    illegal: Illegal = "repair",
    tagged: bool = True,
    chosen: Sequence[str] = (),
) -> TaggedSentences:
    """Tagged sentences from a table whose cells are lists.

    Args:
        table: A sentence a row.
        tokens: The column of the tokens; by default `tokens` or `words`.
        tags: The column of the tags; by default `tags`, `labels`, `ner_tags`, `slots`, `pos_tags` or `upos`, the first
            whose cells are lists. Empty in every row, there are no tags. Class numbers in every row are tags as they
            are: "0", "1".
        label: The column of a label a sentence; by default `intent`, `label` or `category`, if its cells are strings.
        illegal: `"repair"` or `"error"`, for tag sequences that break the rules of their scheme.
        tagged: False reads tokens alone.
        chosen: The columns of tokens and tags that a model's training data had, which go before the usual names.

    Raises:
        InputError: A column does not exist or cannot be told; a cell is no list of strings, or an empty one; a row has
            not a tag for each token, or no label where others have one; what `TaggedSentences.settled` finds.

    Example:
        >>> table = Table({"words": [["in", "Rome"]], "tags": [["O", "B-LOC"]], "intent": ["where"]})
        >>> data = from_table(table)
        >>> data.tokens, data.tags, data.labels
        ([['in', 'Rome']], [['O', 'B-LOC']], ['where'])
    """
    earlier = {role: name for role, name in zip(("tokens", "tags"), chosen, strict=False) if name in table.columns}
    tokens = tokens or earlier.get("tokens")
    if tokens is None:
        tokens = next((name for name in _TOKENS if _has(table.columns.get(name, []), list)), None)
        if tokens is None:
            raise InputError(
                f"{table.source}: found no list of tokens under {' or '.join(map(repr, _TOKENS[:2]))}; "
                f"columns: {', '.join(table.columns)}"
            )
    if not tagged:
        tags = label = None
    elif tags is None:
        usual = (name for name in _TAGS if _has(table.columns.get(name, []), (list, np.ndarray)))
        tags = earlier.get("tags") or next(usual, None)
    if label is None and tagged:
        label = next((name for name in _LABELS if _has(table.columns.get(name, []), str)), None)
    words = _strings(table, tokens, "tokens")
    has_tags = tags is not None and any(cell is not None for cell in table.column(tags, "tags"))
    marks = _strings(table, tags, "tags") if tags is not None and has_tags else None
    for row, (some, others) in enumerate(zip(words, marks or [], strict=False)):
        if len(some) != len(others):
            raise InputError(
                f"{table.where(row)}: found {counted(len(others), 'tag')} in {tags!r}, expected {len(some)}, one for "
                f"each token in {tokens!r}"
            )
    parts = [f"tokens in {tokens!r}"]
    parts += [f"tags in {tags!r}"] if marks is not None else []
    parts += [f"sentence labels in {label!r}"] if label is not None else []
    data = TaggedSentences(
        words,
        marks,
        None if label is None else _labels(table, label),
        table.source,
        table.lines,
        ", ".join([table.note.split(",")[0] or "rows", *parts]),
        columns=tuple(map(str, table.columns)),
        chosen=(tokens,) if marks is None or tags is None else (tokens, tags),
    )
    return data.settled(illegal)


def _has(cells: Sequence[Any], kind: type | tuple[type, ...]) -> bool:
    """Whether the first cell that is not missing is of a kind."""
    return isinstance(next((cell for cell in cells if cell is not None), None), kind)


def _strings(table: Table, name: str, role: str) -> list[list[str]]:
    """The cells of a column, checked to be lists of strings that say something."""
    # A reader takes a list of numbers for a series.
    cells = [cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in table.column(name, role)]
    lists = [class_numbers(cell) for cell in cells if isinstance(cell, list)]
    numbered = role == "tags" and None not in lists
    found: list[list[str]] = []
    for row, cell in enumerate(cells):
        if not isinstance(cell, list):
            given = "nothing" if cell is None else repr(cell)[:40]
            raise InputError(f"{table.where(row)}: found {given} in {name!r}, expected a list of {role}")
        if not cell:
            raise InputError(f"{table.where(row)}: the list in {name!r} is empty, expected {role}")
        for index, one in enumerate(cell):
            if numbered or (isinstance(one, str) and one):
                continue
            expected = "a name such as 'B-PER'" if role == "tags" else "a string that is not empty"
            raise InputError(
                f"{table.where(row)}: found {repr(one)[:40]} as entry {index + 1} of {name!r}, expected {expected}"
            )
        found.append([str(one) for one in cell])
    return found


def _labels(table: Table, name: str) -> list[str]:
    cells = table.column(name, "label of the sentence")
    for row, cell in enumerate(cells):
        if not isinstance(cell, str) or not cell.strip():
            raise InputError(f"{table.where(row)}: found {cell!r:.40} in {name!r}, expected a label of the sentence")
    return list(cells)
