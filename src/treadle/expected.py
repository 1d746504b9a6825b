"""What was expected of a value that pydantic refused, in the words of an error sentence."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from treadle.errors import counted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "string": "a text",
    "tuple": "a list in brackets",
}


def expected(errors: "Iterable[ErrorDetails]") -> str:
    """What one value should have been.

    Args:
        errors: Pydantic's on this value: one for every kind of value that it might have been.

    Example:
        >>> from typing import Literal
        >>> from pydantic import TypeAdapter, ValidationError
        >>> try:
        ...     TypeAdapter(int | Literal["mean", "last"]).validate_python("men")
        ... except ValidationError as error:
        ...     expected(error.errors())
        "a whole number, 'mean' or 'last'"
    """
    ways = list(dict.fromkeys(way for error in errors for way in _ways(error)))
    return f"{', '.join(ways[:-1])} or {ways[-1]}" if len(ways) > 1 else ways[0]


def _ways(error: "ErrorDetails") -> list[str]:
    """What one kind of value is; of a choice, each."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        return re.split(", | or ", context["expected"])
    if kind in ("too_short", "string_too_short"):
        return [f"at least {counted(context['min_length'], 'value' if kind == 'too_short' else 'character')}"]
    if kind.endswith(("_type", "_parsing", "_from_float")) and (family := kind.partition("_")[0]) in _KINDS:
        return [_KINDS[family]]
    return [error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")]
