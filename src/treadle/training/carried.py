"""The state of a network between two windows of the same sequences, which a checkpoint keeps."""

from typing import Any

from treadle.cells import State
from treadle.nn import Stack

States = tuple[State, ...]
"""The state of every layer, from the lowest."""


class CarriedStates:
    """What the layers of a stack remember from window to window, without the graph that led to it.

    Args:
        stack: The layers.

    Attributes:
        states: None before the first window.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.states: States | None = None

    def keep(self, states: States) -> None:
        """What the next window begins with; no gradient goes back beyond it."""
        self.states = tuple(type(layer)(*(field.detach() for field in layer)) for layer in states)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"states": self.states}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint, which holds lists where there were tuples."""
        saved = state["states"]
        device = next(self.stack.parameters()).device
        kinds = (layer[0].cell.state_type for layer in self.stack.layers)
        self.states = (
            None
            if saved is None
            else tuple(kind(*(t.to(device) for t in fields)) for kind, fields in zip(kinds, saved, strict=True))
        )
