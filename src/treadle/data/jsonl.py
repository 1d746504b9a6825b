"""JSON: an object a line (JSONL), a list of objects, or one object of columns."""

import json
from pathlib import Path
from typing import Any

from treadle.data.encoding import HALF_PAIR, read_text
from treadle.data.table import Table
from treadle.errors import InputError, counted


class _NotJsonError(InputError):
    """A text is no JSON value, though it may begin one."""


def read_jsonl(path: Path, *, encoding: str | None = None) -> Table:
    r"""A file with one JSON object a line, or one JSON document: a list of objects or an object of equally long lists.

    The columns are all names that occur, in order of first appearance; a row without one of them has None there. NaN
    and Infinity are accepted as numbers, as Python and pandas write them.

    Args:
        path: The file, gzip allowed.
        encoding: The text encoding, by default UTF-8 or what a byte order mark says.

    Raises:
        InputError: The file is not text or empty; a line is no JSON object (line and column are named); a name occurs
            twice in an object; a string holds half of a surrogate pair.

    Source:
        RFC 8259; jsonlines.org.
    """
    text = read_text(path, encoding)
    if not text.strip():
        raise InputError(f"{path}: the file is empty, expected JSON objects")
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = _load(line, path, number)
        except _NotJsonError:
            # One document over several lines fails in its first line: read as a whole, it may be well.
            if rows or text.lstrip()[0] not in "[{":
                raise
            return _read_document(path, text)
        if not isinstance(row, dict):
            if not rows and isinstance(row, list):
                return _read_document(path, text)
            raise InputError(f'{path}, line {number}: found {_kind(row)}, expected an object such as {{"text": ...}}')
        rows.append(row)
        lines.append(number)
    if len(rows) == 1 and _is_columns(rows[0]):
        return _from_columns(path, rows[0])
    return Table(_columns(rows, path), str(path), lines, note=f"JSONL, {counted(len(rows), 'row')}")


def from_records(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns from rows: all names in order of first appearance, None where a row lacks one."""
    names = dict.fromkeys(name for record in records for name in record)
    return {str(name): [record.get(name) for record in records] for name in names}


def _read_document(path: Path, text: str) -> Table:
    document = _load(text, path, 1)
    if isinstance(document, dict):
        if _is_columns(document):
            return _from_columns(path, document)
        return Table(_columns([document], path), str(path), note="JSON object, 1 row")
    if not isinstance(document, list) or not document:
        raise InputError(f"{path}: found {_kind(document)}, expected a list of objects")
    for index, row in enumerate(document):
        if not isinstance(row, dict):
            raise InputError(f"{path}, row {index} (counted from 0): found {_kind(row)}, expected an object")
    return Table(_columns(document, path), str(path), note=f"JSON list of objects, {counted(len(document), 'row')}")


def _is_columns(document: dict[str, Any]) -> bool:
    """Whether an object holds columns rather than a row: several lists of one length, which is above one."""
    lengths = {len(cells) if isinstance(cells, list) else -1 for cells in document.values()}
    return len(document) > 1 and len(lengths) == 1 and min(lengths) > 1


def _from_columns(path: Path, document: dict[str, Any]) -> Table:
    table = Table(document, str(path))
    return Table(document, str(path), note=f"JSON columns, {counted(len(table), 'row')}")


def _columns(rows: list[dict[str, Any]], path: Path) -> dict[str, list[Any]]:
    columns = from_records(rows)
    if not columns:
        raise InputError(f'{path}: the objects are empty, expected columns such as {{"text": ...}}')
    return columns


def _load(text: str, path: Path, line: int) -> Any:
    """A JSON value; `line` is where `text` starts in the file."""
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise _NotJsonError(
            f"{path}, line {line + error.lineno - 1}, column {error.colno}: not JSON ({error.msg}), "
            "expected an object a line"
        ) from None
    except RecursionError:
        raise InputError(f"{path}, line {line}: the JSON is nested too deeply") from None
    except ValueError as error:  # a name twice, or an integer of thousands of digits
        raise InputError(f"{path}, line {line}: not usable JSON ({error})") from None
    if "\\ud" in text.lower() and HALF_PAIR.search(json.dumps(value, ensure_ascii=False)):
        raise InputError(f"{path}, line {line}: a \\u escape names half of a surrogate pair, expected whole characters")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} occurs twice in one object")
    return row


def _kind(value: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    if value == []:
        return "an empty list"
    return names.get(type(value), "null")
