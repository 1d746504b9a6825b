"""Answers as JSON: what is no number there becomes null."""

import json
import math
from typing import Any

import numpy as np
from starlette.responses import Response


def plain(value: Any) -> Any:
    """A value as JSON can hold it: NumPy's numbers and arrays as plain ones, NaN and infinities as None.

    Example:
        >>> plain({"a": np.float32(0.5), "b": [float("nan"), np.arange(2)]})
        {'a': 0.5, 'b': [None, [0, 1]]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    return value


def as_text(value: Any) -> str:
    """One line of JSON."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def as_answer(value: Any, status: int = 200) -> Response:
    """An answer of the server."""
    return Response(as_text(value).encode("utf-8", "replace"), status, media_type="application/json")
