"""The run folder: what a model is saved as, and how it is opened again. Nothing in it is ever executed.

| file | holds |
|---|---|
| `config.toml` | the task, the estimator's arguments and, of a command-line run, where the data came from |
| `features.json` | vocabularies, scalers, classes, and the roles of the columns |
| `model.safetensors` | the weights |
| `metrics.jsonl` | a line an epoch |
| `result.json` | metrics of the model and of the baseline |
| `report.html` | the page to show |
| `checkpoints/last.safetensors` | the state of training |
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

import treadle
from treadle.data import Roles
from treadle.errors import InputError, nearest
from treadle.tasks.classify import SequenceClassifier
from treadle.tasks.estimator import SequenceEstimator
from treadle.tasks.features import Feature
from treadle.tasks.regress import SequenceRegressor
from treadle.tasks.targets import load_target
from treadle.training import write_atomically

FORMAT = 1
"""The version of this layout; a folder with a higher one was made by a newer Treadle."""

ESTIMATORS: dict[str, type[SequenceEstimator]] = {
    "classify": SequenceClassifier,
    "regress": SequenceRegressor,
}
"""The estimator of every task."""

CONFIG, FEATURES, WEIGHTS = "config.toml", "features.json", "model.safetensors"
METRICS, RESULT = "metrics.jsonl", "result.json"
CHECKPOINT = "checkpoints/last.safetensors"


def save_config(folder: Path, estimator: SequenceEstimator, data: Mapping[str, Any] | None = None) -> None:
    """Write `config.toml`: all that is needed to start the run again.

    Args:
        folder: The run folder.
        estimator: Whose arguments are written; None is left out, since TOML has no such value.
        data: Where the data came from.
    """
    content = {
        "format": FORMAT,
        "treadle": treadle.__version__,
        "task": estimator.task,
        "data": _without_none(data or {}),
        "arguments": _without_none(estimator.get_params()),
    }
    write_atomically(folder / CONFIG, tomli_w.dumps(content).encode())


def load_config(folder: Path) -> tuple[SequenceEstimator, dict[str, Any]]:
    """The estimator of a run folder, not fitted, and where its data came from.

    Raises:
        InputError: The folder or file is missing, damaged or made by a newer version.
    """
    content = _read_config(folder)
    for name, form in {"task": str, "arguments": dict, "data": dict}.items():
        if not isinstance(content.get(name), form):
            raise InputError(f"{folder / CONFIG}: damaged, expected an entry {name!r}")
    task, arguments, data = content["task"], content["arguments"], content["data"]
    if task not in ESTIMATORS:
        raise InputError(f"{folder / CONFIG}: the task {task!r} is not known{nearest(task, ESTIMATORS)}")
    try:
        if isinstance(arguments.get("class_weight"), list):
            arguments["class_weight"] = {pair["class"]: pair["weight"] for pair in arguments["class_weight"]}
        estimator = ESTIMATORS[task](**arguments)
        estimator.check_arguments()
    except (InputError, KeyError, TypeError) as error:
        raise InputError(f"{folder / CONFIG}: {error}") from None
    return estimator, data


def save_model(folder: Path, estimator: SequenceEstimator, roles: Roles | None = None) -> None:
    """Write `features.json` and `model.safetensors` of a fitted estimator."""
    content = {
        "features": {name: feature.to_json() for name, feature in estimator.features_.items()},
        "target": estimator.target_.to_json(),
        "steps_a_row": getattr(estimator, "n_features_in_", None),
        "roles": None if roles is None else roles.to_json(),
    }
    write_atomically(folder / FEATURES, json.dumps(content, ensure_ascii=False).encode())
    weights = {name: value.detach().contiguous().cpu() for name, value in estimator.network_.state_dict().items()}
    write_atomically(folder / WEIGHTS, save_tensors(weights))


def load_model(folder: str | Path) -> tuple[SequenceEstimator, Roles | None]:
    """Open a model folder; safe for a folder from a stranger.

    Returns:
        The fitted estimator, and the roles of the columns if it was trained on a table.

    Raises:
        InputError: The folder is missing, damaged, truncated, or was made by a newer version.
    """
    folder = Path(folder)
    estimator, _ = load_config(folder)
    saved = _read_json(folder / FEATURES)
    try:
        estimator.features_ = {name: Feature.from_json(feature) for name, feature in saved["features"].items()}
        if not estimator.features_:
            raise InputError("expected at least one feature")
        estimator.target_ = load_target(saved["target"])
        roles = None if saved["roles"] is None else Roles.from_json(saved["roles"])
        if saved["steps_a_row"] is not None:
            estimator.n_features_in_ = int(saved["steps_a_row"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{folder / FEATURES}: damaged ({error})") from None
    estimator.history_ = []
    try:
        weights = load_tensors(_read_bytes(folder / WEIGHTS))
        estimator.build_network().load_state_dict(weights)
    except SafetensorError as error:
        raise InputError(f"{folder / WEIGHTS}: damaged or cut short ({error})") from None
    except RuntimeError:
        raise InputError(f"{folder / WEIGHTS}: the weights do not fit {CONFIG} and {FEATURES} beside it") from None
    estimator.network_.eval()
    return estimator, roles


def load(folder: str | Path) -> SequenceEstimator:
    """A fitted estimator from a folder that `save` or `treadle train` wrote; safe for a folder from a stranger.

    Raises:
        InputError: The folder is missing, damaged, truncated, or was made by a newer version.
    """
    return load_model(folder)[0]


def _read_config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise InputError(f"{folder}: found {found}, expected a model folder as `treadle train` writes it")
    if not (folder / CONFIG).is_file():
        raise InputError(f"{folder}: holds no {CONFIG}, expected a model folder as `treadle train` writes it")
    try:
        content = tomllib.loads(_read_bytes(folder / CONFIG).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{folder / CONFIG}: damaged ({error})") from None
    version = content.get("format")
    if not isinstance(version, int):
        raise InputError(f"{folder / CONFIG}: damaged, expected an entry 'format'")
    if version > FORMAT:
        raise InputError(
            f"{folder}: was made by Treadle {content.get('treadle', '?')} in format {version}; this is Treadle "
            f"{treadle.__version__}, which reads formats up to {FORMAT}; upgrade with pip install --upgrade treadle"
        )
    return content


def _read_json(path: Path) -> dict[str, Any]:
    encoded = _read_bytes(path)
    try:
        content = json.loads(encoded)
    except ValueError as error:
        raise InputError(f"{path}: damaged or cut short ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: damaged, expected a JSON object")
    return content


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path.parent}: holds no {path.name}; training did not come to its end there") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that TOML can hold."""
    plain: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            plain[name] = [{"class": _plain(key), "weight": float(weight)} for key, weight in value.items()]
        elif value is not None:
            plain[name] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
