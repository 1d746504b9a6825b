"""What an optimiser remembers of its parameters, as arrays."""

import torch
from torch import Tensor
from torch.optim import Optimizer

from treadle.tasks.online.remembered import Arrays, widened


def moments_of(optimizer: Optimizer) -> Arrays:
    """All it remembers, by the number of the parameter and the name: "0.exp_avg"."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{name}": torch.as_tensor(value).numpy().copy()
        for number, entries in state.items()
        for name, value in entries.items()
        if value is not None
    }


def set_moments(optimizer: Optimizer, moments: Arrays) -> None:
    """Put back what `moments_of` gave; of parameters that have grown since, the rest begins at zero."""
    shapes = [tuple(p.shape) for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        number, name = key.split(".")
        grown = widened(value, *shapes[int(number)]) if value.ndim else value.copy()
        state.setdefault(int(number), {})[name] = torch.from_numpy(grown)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
