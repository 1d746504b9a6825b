"""What names the streams of a pool."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from treadle.errors import InputError, counted

Key = str | int
"""What names a stream of a pool."""


def as_key(key: Any) -> Key:
    """A key as Python's own value, which NumPy's stand for.

    Raises:
        InputError: It is neither a text nor a whole number.
    """
    if isinstance(key, str):
        return str.__str__(key)
    if not isinstance(key, int | np.integer) or isinstance(key, bool):
        raise InputError(f"the key of a stream is a text or a whole number, found {key!r:.50}")
    return int(key)


def as_keys(keys: Any, steps: Any) -> Sequence[Key]:
    """The keys of a batch, each a Python value and there once.

    Args:
        keys: As a caller gives them.
        steps: A step for each.

    Raises:
        InputError: They are no lists of one length, or one is no key or stands twice.
    """
    found = _size("keys", keys), _size("steps", steps)
    if found[0] != found[1]:
        counts = f"{counted(found[0], 'key')} and {counted(found[1], 'step')}"
        raise InputError(f"there are {counts}, expected a step for each key")
    if not {type(key) for key in keys} <= {str, int}:
        keys = [as_key(key) for key in keys]
    if len(set(keys)) != len(keys):
        twice = next(key for place, key in enumerate(keys) if key in keys[:place])
        raise InputError(f"the key {twice!r} stands twice in one batch, expected one step a stream")
    given: Sequence[Key] = keys
    return given


def _size(name: str, given: Any) -> int:
    """How many keys or steps a batch has.

    Raises:
        InputError: They are no list.
    """
    if not isinstance(given, str | Set | Mapping):
        try:
            return len(given)
        except TypeError:
            pass
    raise InputError(f"the {name} of a batch come as a list, one for each stream, found {given!r:.50}")
