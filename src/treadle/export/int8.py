"""int8: a model folder with weights in 8 bits, a quarter of the size and, where batches are small, faster.

Every matrix, of recurrent and dense layers, of embeddings and convolutions, is kept in whole numbers with a scale a
channel (`treadle.compiler.quantisation`), and the engine "int8" multiplies with these numbers.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from torch import nn

from treadle.errors import InputError
from treadle.nn import Recurrent
from treadle.tasks.config import load_config, save_config
from treadle.tasks.diagnosis import evaluated, prepared
from treadle.tasks.estimator import Estimator
from treadle.tasks.folder import WEIGHTS, load_model, save_model
from treadle.tasks.weights import from_bytes, to_bytes
from treadle.training import Objective

Scores = Mapping[str, float]


def write(model: Any, folder: Path, origin: Path | None = None) -> list[str]:
    """Write the folder, and measure what the rounding costs.

    Args:
        model: A fitted estimator.
        folder: An empty folder.
        origin: The run folder that the model is from; the dev data of the run is what it is measured on.

    Returns:
        The sizes, and the figures on dev before and after, a line each.

    Raises:
        InputError: The model has no layers that run in 8 bits.
    """
    if not isinstance(model, Estimator):
        raise InputError(f"{type(model).__name__} has no form in 8 bits: it goes on learning while it answers")
    if model.get_params()["engine"] == "int8":
        raise InputError("the model is in 8 bits already")
    small = deepcopy(model).set_params(engine="int8")
    weights = from_bytes(to_bytes(model.network_.state_dict(), int8=True))
    small.shaped_network().load_state_dict(weights)
    roles = None if origin is None else load_model(origin)[1]
    data = None if origin is None else load_config(origin)[1]
    save_config(folder, small, data)
    save_model(folder, small, roles)
    before, after = len(to_bytes(model.network_.state_dict())), (folder / WEIGHTS).stat().st_size
    lines = [f"{WEIGHTS}: {_size(before)} before, {_size(after)} in 8 bits, {after / before:.2f} of it"]
    if data is None or "train" not in data:
        return [*lines, "dev: not measured, the model does not say on which data it was trained"]
    assert origin is not None
    try:
        return lines + _compared(origin, small.network_)
    except InputError as error:
        return [*lines, f"dev: not measured, {error}"]


def in_8_bits(network: nn.Module) -> None:
    """Let every recurrent layer of a network run by the engine "int8"."""
    for module in network.modules():
        if isinstance(module, Recurrent):
            module.engine = "int8"


def _compared(origin: Path, small: nn.Module) -> list[str]:
    """What the model of a run does on its dev data, and what it does in 8 bits."""
    found: list[Scores] = []

    def measure(objective: Objective, *_: Any, **__: Any) -> list[dict[str, Any]]:
        found.append(evaluated(objective))
        objective.model.load_state_dict(small.state_dict())
        in_8_bits(objective.model)
        found.append(evaluated(objective))
        return []

    prepared(origin, measure)
    whole, rounded = found
    return [f"dev {name}: {value:.4f} before, {rounded[name]:.4f} in 8 bits" for name, value in whole.items()]


def _size(size: int) -> str:
    return f"{size / 1e6:,.2f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"
