"""Layers that learn at rates of their own and thaw one after the other, as fine-tuning asks."""

from collections.abc import Sequence

from torch import nn
from torch.nn import Parameter

Layers = Sequence[Sequence[nn.Module]]
"""Modules in groups, from the output down to the input."""


def layer_parameters(model: nn.Module, layers: Layers) -> list[list[Parameter]]:
    """The parameters of every group, each once, in the first group that has it; without groups, those of the model.

    Raises:
        ValueError: A parameter of the model is in no group.
    """
    found: list[list[Parameter]] = []
    seen: set[int] = set()
    for modules in layers or [[model]]:
        own = {id(p): p for module in modules for p in module.parameters() if id(p) not in seen}
        seen |= set(own)
        found.append(list(own.values()))
    forgotten = [name for name, p in model.named_parameters() if id(p) not in seen]
    if forgotten:
        raise ValueError(f"no group of layers has the parameter {forgotten[0]!r}")
    return found


class Thaw:
    """Lets group k of the layers learn from epoch `k * wait` on, and none before; what never learns stays so.

    Args:
        model: Whose layers they are.
        layers: The groups.
        wait: Epochs that a group waits longer than the one above it; 0 for none.
    """

    def __init__(self, model: nn.Module, layers: Layers, wait: int) -> None:
        groups = layer_parameters(model, layers) if wait else []
        self.groups = [[p for p in parameters if p.requires_grad] for parameters in groups]
        self.wait = wait

    def before(self, epoch: int) -> None:
        """Freeze and thaw for an epoch, counted from 0."""
        for depth, parameters in enumerate(self.groups):
            for parameter in parameters:
                parameter.requires_grad_(epoch >= depth * self.wait)
                if not parameter.requires_grad:
                    parameter.grad = None

    def end(self) -> None:
        """Thaw everything."""
        self.before(len(self.groups) * self.wait)
