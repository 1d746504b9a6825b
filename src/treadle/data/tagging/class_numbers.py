"""Tags as class numbers, as Hugging Face's data sets have them, and the names that Parquet brings along."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from treadle.data.encoding import read_bytes
from treadle.data.table import Table
from treadle.errors import InputError

_METADATA: Final = b"huggingface"


def class_names(path: Path) -> dict[str, list[str]]:
    """The names of the classes of every column of a Parquet file whose lists hold class numbers.

    The library `datasets` writes them into the file's metadata, under `huggingface`, as JSON: `{"info": {"features":
    {column: {"feature": {"_type": "ClassLabel", "names": [...]}}}}}`. Other files have none.

    Args:
        path: A file that is Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = pq.read_schema(pa.BufferReader(read_bytes(path))).metadata or {}
    try:
        features = json.loads(metadata.get(_METADATA, b"{}"))["info"]["features"]
        inner = {str(column): feature.get("feature") for column, feature in features.items()}
    except (ValueError, KeyError, TypeError, AttributeError):  # there are none, or somebody else's
        return {}
    names = {column: one.get("names") for column, one in inner.items() if isinstance(one, dict)}
    return {column: some for column, some in names.items() if some and all(isinstance(one, str) for one in some)}


def with_class_names(table: Table, names: Mapping[str, Sequence[str]]) -> Table:
    """A table with the names of classes in the place of their numbers.

    Raises:
        InputError: A number has no name.

    Example:
        >>> with_class_names(Table({"ner_tags": [[0, 1]]}), {"ner_tags": ["O", "B-PER"]}).columns
        {'ner_tags': [['O', 'B-PER']]}
    """
    known = [column for column in names if column in table.columns]
    return replace(table, columns=table.columns | {column: _named(table, column, names[column]) for column in known})


def class_numbers(tags: Sequence[Any]) -> list[str] | None:
    """Class numbers as tags, or None where something in a list is none.

    Example:
        >>> class_numbers([0, 12]), class_numbers([0, "O"]), class_numbers([-100])
        (['0', '12'], None, None)
    """
    whole = all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in tags)
    return [str(one) for one in tags] if whole else None


def _named(table: Table, column: str, names: Sequence[str]) -> list[Any]:
    cells = []
    for row, cell in enumerate(table.columns[column]):
        numbers = None if cell is None else class_numbers(list(map(_plain, cell)))
        if numbers is None:  # a missing cell, or one that is refused, with its place, where all cells are looked at
            cells.append(cell)
            continue
        unnamed = next((number for number in numbers if int(number) >= len(names)), None)
        if unnamed is not None:
            raise InputError(
                f"{table.where(row)}: found the class {unnamed} in {column!r}, expected numbers below {len(names):,}, "
                "the names that the file has"
            )
        cells.append([names[int(number)] for number in numbers])
    return cells


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
