"""Text of C: comments, strings, tables of numbers."""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.compiler.c99.text import constant

WIDTH = 100
"""Characters of a line."""


def comment(lines: Iterable[str]) -> list[str]:
    """A block of prose as a comment; what would end it is taken apart.

    Example:
        >>> comment(["Two", "lines"])
        ['/*', ' * Two', ' * lines', ' */']
    """
    return ["/*", *(f" * {plain(line)}".rstrip() for line in lines), " */"]


def plain(text: str) -> str:
    """Text that may stand in a comment: on one line, with nothing in it that begins or ends one, and no trigraph."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    for mark in ("*/", "/*", "??"):
        while mark in shown:
            shown = shown.replace(mark, f"{mark[0]} {mark[1]}")
    return shown.rstrip("\\")


def paragraph(text: str, indent: str = "") -> list[str]:
    """A long sentence in lines that fit a comment."""
    return wrap(text, WIDTH - 3, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False) or [""]


def string(text: str) -> str:
    r"""A string of C: what is not ASCII is its UTF-8, a byte an escape.

    Example:
        >>> print(string('say "hé?"\n'))
        "say \"h\303\251\?\"\012"
    """
    return f'"{"".join(map(_character, text.encode("utf-8", "surrogatepass")))}"'


def _character(byte: int) -> str:
    if byte in b'"\\?':  # two question marks begin a trigraph
        return f"\\{chr(byte)}"
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def table(kind: str, name: str, values: NDArray[Any], *, note: str = "", stored: str = "static const ") -> list[str]:
    """An array of numbers, filled: `[size]`, or `[rows, size]` with a row to a line or more.

    Args:
        kind: "float", "double", "int8_t" or "int32_t".
        name: Of the array.
        values: What it holds.
        note: A comment before it.
        stored: Where.
    """
    shown = values.reshape(1, -1) if values.ndim == 1 else values
    show = _SHOWN[kind]
    lines = [] if not note else [f"/* {plain(note)} */"]
    lines.append(f"{stored}{kind} {name}[{values.size}] = {{")
    for row in shown.tolist():
        lines += _filled(map(show, row))
    return [*lines, "};"]


def _filled(numbers: Iterable[str]) -> list[str]:
    """Numbers with commas in as few lines as they fill."""
    lines, line = [], "   "
    for number in numbers:
        if len(line) + len(number) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {number},"
    return [*lines, line]


def strings(name: str, values: Sequence[str], note: str) -> list[str]:
    """An array of strings, one a line."""
    entries = [f"    {string(value)}," for value in values]
    return [f"/* {plain(note)} */", f"const char *const {name}[{len(values)}] = {{", *entries, "};"]


def double(value: float) -> str:
    """A number as float64 reads it back to the last bit."""
    if not np.isfinite(value):
        return constant(value)
    text = repr(float(value))
    return text if any(mark in text for mark in ".e") else f"{text}.0"


_SHOWN: dict[str, Any] = {"float": constant, "double": double, "int8_t": str, "int32_t": str}
