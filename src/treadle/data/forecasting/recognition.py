"""Whether a file holds series in long form, told by the names of its columns before it is read."""

import json
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import ArrowException

from treadle.data.encoding import first_line
from treadle.data.header import names_columns
from treadle.data.paths import suffix_of
from treadle.errors import InputError

COLUMNS = frozenset({"ds", "y"})
"""The customary names of the time stamp and of the value; `unique_id` may be absent for a single series."""


def has_series_columns(path: Path) -> bool:
    """Whether a CSV, TSV, JSONL or Parquet file has the columns `ds` and `y`; False for what cannot be opened.

    Args:
        path: It may be compressed by gzip; Parquet may not.
    """
    suffix = suffix_of(path)
    try:
        if not path.is_file():
            return False
        if suffix in (".parquet", ".pq"):
            return set(pq.read_schema(path).names) >= COLUMNS
        line = first_line(path)
    except (InputError, ArrowException, OSError, ValueError):  # the reader will say what is wrong with it
        return False
    if suffix in (".jsonl", ".ndjson", ".json"):
        return _keys(line) >= COLUMNS
    if suffix in (".csv", ".tsv", ".tab"):
        return names_columns(line, COLUMNS)
    return False


def _keys(line: str) -> set[str]:
    try:
        row = json.loads(line)
    except ValueError:
        return set()
    return set(row) if isinstance(row, dict) else set()
