"""What is written for a model: its graphs, what has to be done before and after them, and how they are proved."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from treadle.errors import counted
from treadle.export.onnx.graph import Graph
from treadle.export.onnx.proof import Difference, Runner
from treadle.export.onnx.states import AFTER, StateField

PREPROCESSING = "preprocessing.json"


def nothing_to_prove(_runners: dict[str, Runner], _difference: Difference) -> None:
    """Where a model has not said yet what it is held to."""


@dataclass
class Written:
    """The graphs of a model.

    Attributes:
        description: All that has to be done before and after the graphs run.
        fields: The states of a causal model.
        graphs: By the name of their file.
        prove: Holds the files, opened in ONNX Runtime, to the model.
        no_step: Why there is no graph of a single step; empty where there is one, or none is expected.
    """

    description: dict[str, Any]
    fields: Sequence[StateField] = ()
    graphs: dict[str, Graph] = field(default_factory=dict)
    prove: Callable[[dict[str, Runner], Difference], None] = nothing_to_prove
    no_step: str = ""

    def save(self, folder: Path) -> list[str]:
        """Write all files, prove them, and say what was written.

        Raises:
            InputError: ONNX Runtime answers differently.
        """
        lines = []
        for name, graph in self.graphs.items():
            content = graph.model()
            (folder / name).write_bytes(content)
            lines.append(f"{name}: {counted(len(content), 'byte')}; {self._ports(graph)}")
        difference = Difference()
        self.prove({name: Runner(folder / name) for name in self.graphs}, difference)
        (folder / PREPROCESSING).write_text(
            json.dumps(self.to_json(), ensure_ascii=False, indent=1, allow_nan=False), encoding="utf-8"
        )
        if self.no_step:
            lines.append(f"no step.onnx: {self.no_step}")
        return [*lines, f"{PREPROCESSING}: what is done before and after", str(difference)]

    def _ports(self, graph: Graph) -> str:
        """Inputs and outputs of a graph, the states as their number."""
        states = {one.name for one in self.fields} | {one.name + AFTER for one in self.fields}
        inputs, outputs = (
            ", ".join(port.name for port in side if port.name not in states) for side in (graph.inputs, graph.outputs)
        )
        return f"{inputs} to {outputs}" + (f", with {counted(len(states) // 2, 'state')}" if states else "")

    def to_json(self) -> dict[str, Any]:
        """`preprocessing.json`: the graphs' inputs and outputs, the states, and the description."""
        graphs = {
            name: {side: [port.to_json() for port in getattr(graph, side)] for side in ("inputs", "outputs")}
            for name, graph in self.graphs.items()
        }
        return {"graphs": graphs, "states": [one.to_json() for one in self.fields], **self.description}
