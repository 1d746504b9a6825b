"""`config.toml` of a run folder: the task, the estimator's arguments, and where the data came from.

It is all that is needed to start the run again, and the first file that is read of a folder.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomli_w

import treadle
from treadle.errors import InputError, nearest
from treadle.tasks.untrusted import MOST_CONFIG, read_at_most
from treadle.training import write_atomically

if TYPE_CHECKING:
    from treadle.tasks.folder import SavedInFolder

CONFIG = "config.toml"
FORMAT = 1
"""The version of this layout; a folder with a higher one was made by a newer Treadle."""

ESTIMATORS: dict[str, type["SavedInFolder"]] = {}
"""The estimator of every task, entered when its class is made."""


def save_config(
    folder: Path,
    estimator: "SavedInFolder",
    data: Mapping[str, Any] | None = None,
    *,
    conduct: Mapping[str, Any] | None = None,
) -> None:
    """Write `config.toml`: all that is needed to start the run again.

    Args:
        folder: The run folder.
        estimator: Whose arguments are written; None is left out, since TOML has no such value.
        data: Where the data came from.
        conduct: What else the run has to find again when it goes on; see `load_conduct`.
    """
    content = {
        "format": FORMAT,
        "treadle": treadle.__version__,
        "task": estimator.task,
        **_without_none(conduct or {}),
        "data": _without_none(data or {}),
        "arguments": _without_none(estimator.get_params()),
    }
    write_atomically(folder / CONFIG, tomli_w.dumps(content).encode())


def load_config(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The estimator of a run folder, of its task's class and not fitted, and where its data came from.

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


def load_conduct(folder: Path, checkpoint_seconds: float) -> tuple[float, str]:
    """How the run of a folder was begun.

    Args:
        folder: The run folder.
        checkpoint_seconds: What holds where the folder does not say.

    Returns:
        The time between two checkpoints, and the checksum of the data; "" where none was taken.

    Raises:
        InputError: The folder or file is missing or damaged.
    """
    content = _read_config(folder)
    seconds, checksum = content.get("checkpoint_seconds", checkpoint_seconds), content.get("data_checksum", "")
    if not isinstance(seconds, int | float):
        raise InputError(f"{folder / CONFIG}: checkpoint_seconds is {seconds!r}, expected a number")
    return seconds, str(checksum)


def _read_config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise InputError(f"{folder}: found {found}, expected a model folder as `treadle train` writes it")
    if not (folder / CONFIG).is_file():
        raise InputError(f"{folder}: holds no {CONFIG}, expected a model folder as `treadle train` writes it")
    try:
        content = tomllib.loads(read_at_most(folder / CONFIG, MOST_CONFIG).decode())
    except (ValueError, RecursionError) as error:
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
