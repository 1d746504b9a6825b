"""ONNX: the whole model and its single step as graphs for ONNX Runtime, with a JSON of all before and after them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from treadle.errors import InputError

WRITERS: dict[type, Callable[[Any, Path], list[str]]] = {}
"""What writes and proves the graphs of an estimator."""


def write(estimator: Any, folder: Path) -> list[str]:
    """Write the graphs and `preprocessing.json`, and hold them to the model in ONNX Runtime.

    Args:
        estimator: A fitted estimator.
        folder: An empty folder.

    Returns:
        What was written and the largest difference, a line each.

    Raises:
        InputError: The model has no such form, or ONNX Runtime answers differently.
    """
    for kind, writer in WRITERS.items():
        if isinstance(estimator, kind):
            return writer(estimator, folder)
    raise InputError(f"a {type(estimator).__name__} has no form in ONNX yet")
