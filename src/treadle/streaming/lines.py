"""Lines of text as steps of streams: JSON, or numbers, text or tokens as they are."""

import json
import re
from dataclasses import dataclass
from typing import Any

from treadle.data.encoding import HALF_PAIR
from treadle.data.values import is_missing, is_number
from treadle.errors import InputError, nearest
from treadle.streaming.keys import Key, as_key
from treadle.streaming.model import Reads

ALONE: Key = ""
"""The key of lines that name none."""

_FIELDS = ("key", "step", "close")
_BETWEEN = re.compile(r"\s*[,;]\s*|\s+")


@dataclass(frozen=True)
class Request:
    """What a line asks for.

    Attributes:
        key: Of which stream.
        named: Whether the line names it.
        step: As `StreamPool.step` takes it.
        close: Whether the stream ends, without a step.
    """

    key: Key
    named: bool
    step: Any = None
    close: bool = False


def read_line(line: str, reads: Reads) -> Request:
    """What a line asks for.

    - `{"key": ..., "step": ...}`, a step of the stream of that key; without `key`, of the one that has none;
    - `{"key": ..., "close": true}`: the stream ends;
    - anything else is a step of the stream without a key: for numbers, a JSON list or numbers between spaces, commas or
      semicolons; for text, a JSON string or the line itself; for tokens, a JSON list or what white space separates (of
      a tagger, one token).

    Args:
        line: Without its end.
        reads: What a step of the model is.

    Raises:
        InputError: It is none of these.

    Example:
        >>> read_line('{"key": "a", "step": [1, 2]}', "numbers").step, read_line("1, NA", "numbers").step
        ([1, 2], [1.0, None])
    """
    start = line.lstrip()[:1]
    if start == "{":
        return _request(_json(line))
    if start == '"' or (start == "[" and reads != "text"):
        return Request(ALONE, False, _json(line))
    if reads == "text":
        return Request(ALONE, False, line)
    parts = _BETWEEN.split(line.strip()) if line.strip() else []
    return Request(ALONE, False, parts if reads == "tokens" else [_number(part) for part in parts])


def _request(content: Any) -> Request:
    for name in content:
        if name not in _FIELDS:
            raise InputError(f"there is no field {name!r}{nearest(name, _FIELDS)}")
    key, named = as_key(content.get("key", ALONE)), "key" in content
    if isinstance(key, str) and HALF_PAIR.search(key):  # it could not be written in the answer
        raise InputError(f"the key {key!r} holds half of a surrogate pair, expected whole characters")
    if named and key == ALONE:
        raise InputError("the key is empty, expected a text or number; a line without one is of the stream without one")
    if content.get("close") is True and "step" not in content:
        return Request(key, named, close=True)
    if "step" not in content or content.get("close", False) is not False:
        raise InputError('expected {"key": ..., "step": ...} or {"key": ..., "close": true}')
    return Request(key, named, content["step"])


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise InputError(f"found {line.strip()!r:.50}, which is no JSON ({error})") from None


def _number(part: str) -> float | str | None:
    """A number, None for a missing one, and a text that is neither as it is: it is refused with its place."""
    if is_missing(part):
        return None
    return float(part) if is_number(part) else part
