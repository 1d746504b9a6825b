"""Snapshots: the state of streams as bytes; arrays and JSON, nothing that is executed on reading.

The bytes are a safetensors file. Arrays are kept as they are, to the last bit; the rest is JSON in its header, and a
checksum tells a copy that has lost or changed something.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from treadle.errors import InputError

FORMAT = 1
"""The version of this layout; a snapshot of a higher one was made by a newer Treadle."""

_HEADER = "treadle"
"""One entry, since safetensors writes several in an order that changes, and equal states give equal bytes."""

Arrays = Mapping[str, NDArray[Any]]


def pack(kind: str, model: str, facts: Mapping[str, Any], arrays: Arrays) -> bytes:
    """A snapshot.

    Args:
        kind: Of what: "stream" or "pool".
        model: The identity of the model that it belongs to.
        facts: What JSON can hold.
        arrays: The rest.
    """
    text = json.dumps({"format": FORMAT, "kind": kind, "model": model, **facts})
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    content: bytes = save(whole, {_HEADER: f"{_checksum(text, whole)} {text}"})
    return content


def unpack(content: bytes, kind: str, model: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The facts and arrays of a snapshot.

    Args:
        content: What `pack` gave.
        kind: Of what it should be.
        model: The identity of the model that it should belong to.

    Raises:
        InputError: It is damaged, of a newer version, of another kind, or belongs to another model.
    """
    try:
        arrays: dict[str, NDArray[Any]] = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        checksum, _, text = header[_HEADER].partition(" ")
        if checksum != _checksum(text, arrays):
            raise ValueError("its checksum is wrong")
        facts = json.loads(text)
        version, found, owner = facts["format"], facts["kind"], facts["model"]
    except (SafetensorError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"the snapshot is damaged or was not made by Treadle ({error})") from None
    if version > FORMAT:
        raise InputError(f"the snapshot has format {version}, this Treadle reads formats up to {FORMAT}; upgrade it")
    if found != kind:
        raise InputError(f"the snapshot is of a {found}, expected one of a {kind}")
    if owner != model:
        raise InputError("the snapshot belongs to another model, expected the one that it was taken with")
    return facts, arrays


def check_state(found: Arrays, expected: Arrays) -> None:
    """Hold the arrays of a state to those of a model: names, shapes and types of number.

    Raises:
        InputError: They differ, or there are none; the first difference is named.
    """
    if not isinstance(found, Mapping):
        raise InputError(f"the state is {found!r:.50}, expected arrays by name: {sorted(expected)}")
    if set(found) != set(expected):
        raise InputError(f"the state has the fields {sorted(found)}, expected {sorted(expected)}")
    for name, array in expected.items():
        given = found[name]
        if not isinstance(given, np.ndarray) or given.shape != array.shape or given.dtype != array.dtype:
            told = f"{given.dtype} {list(given.shape)}" if isinstance(given, np.ndarray) else f"{given!r:.50}"
            raise InputError(
                f"the field {name!r} of the state is {told}, expected an array {array.dtype} {list(array.shape)}"
            )


def _checksum(text: str, arrays: Arrays) -> str:
    """CRC-32 of all that is saved."""
    crc = zlib.crc32(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        crc = zlib.crc32(f"{name} {array.dtype} {list(array.shape)}".encode(), crc)
        crc = zlib.crc32(array.tobytes(), crc)
    return f"{crc:08x}"
