"""A folder of exported graphs, used as someone without Treadle uses it: by ONNX Runtime, NumPy and the JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from treadle.export import export

Arrays = dict[str, Any]


class Exported:
    """What `treadle export` wrote.

    Args:
        model: Fitted.
        folder: A new one.
    """

    def __init__(self, model: Any, folder: Path) -> None:
        self.lines = export(model, "onnx", folder)
        self.folder = folder
        self.said = json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))
        self.run = {path.name: _runner(path) for path in folder.glob("*.onnx")}

    @property
    def difference(self) -> float:
        """The largest one that the user was told."""
        (line,) = [line for line in self.lines if line.startswith("largest difference")]
        return float(line.split()[4].rstrip(","))

    def begin(self, rows: int) -> Arrays:
        """The states of rows that begin, from the JSON alone."""
        found = {}
        for state in self.said["states"]:
            initial = np.broadcast_to(np.array(state["initial"], state["type"]), state["size"])
            found[state["input"]] = np.repeat(initial[None], rows, 0)
        return found

    def after(self, found: Arrays) -> Arrays:
        """The states that a run gave out, as the next one takes them."""
        return {state["input"]: found[state["output"]] for state in self.said["states"]}

    def steps(self, inputs: Arrays) -> list[Arrays]:
        """The step model over inputs `[batch, time, ...]`, one after the other."""
        rows, steps = next(iter(inputs.values())).shape[:2]
        state, told = self.begin(rows), []
        for place in range(steps):
            told.append(self.run["step.onnx"]({**{name: one[:, place] for name, one in inputs.items()}, **state}))
            state = self.after(told[-1])
        return told


def _runner(path: Path) -> Callable[[Arrays], Arrays]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(None, inputs), strict=True))


def padded(rows: list[Any]) -> tuple[Any, Any]:
    """Rows of any lengths as one array, and their lengths."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    longest = max(lengths, default=0)
    found = [np.pad(row, [(0, longest - len(row)), *[(0, 0)] * (np.ndim(row) - 1)]) for row in map(np.asarray, rows)]
    return np.stack(found), lengths


def numbers(vocabulary: dict[str, Any], tokens: list[str]) -> list[int]:
    """Tokens by a vocabulary as the JSON describes it."""
    known = {token: number for number, token in enumerate(vocabulary["tokens"], 2)}
    return [known.get(token, vocabulary["unknown"]) for token in tokens]
