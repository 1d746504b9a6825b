"""The run folder: what a model is saved as, and how it is opened again. Nothing in it is ever executed.

| file | holds |
|---|---|
| `config.toml` | the task, the estimator's arguments and, of a command-line run, where the data came from |
| `features.json` | vocabularies, scalers, classes, and the roles of the columns |
| `model.safetensors` | the weights |
| `metrics.jsonl` | a line an epoch |
| `result.json` | metrics of the model and of the baseline |
| `report.html` | the page to show |
| `checkpoints/last.safetensors` | the state of training; `last-refit.safetensors`, of the second one |
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from safetensors import SafetensorError
from sklearn.utils.validation import check_is_fitted
from torch import nn

from treadle.data import Roles
from treadle.errors import InputError
from treadle.tasks.arguments import Arguments
from treadle.tasks.compression import Compression
from treadle.tasks.config import CONFIG, ESTIMATORS, load_config, save_config
from treadle.tasks.untrusted import MOST_FEATURES, check_shapes, read_at_most
from treadle.tasks.weights import from_bytes, to_bytes
from treadle.training import write_atomically

FEATURES, WEIGHTS = "features.json", "model.safetensors"
METRICS, RESULT = "metrics.jsonl", "result.json"
CHECKPOINT = "checkpoints/last.safetensors"


class SavedInFolder(Arguments, ABC):
    """An estimator that a folder holds: its arguments, what it fitted, and the weights of its network.

    A subclass that names its `task` is the estimator that a folder of this task is opened with.

    Attributes:
        network_: The trained network.
        history_: One record an epoch; empty where the model was loaded.
        compression_: What made the network smaller after training.
    """

    task: ClassVar[str]
    network_: nn.Module
    history_: list[dict[str, Any]]
    compression_: Compression = Compression()

    def __init_subclass__(cls, **options: Any) -> None:
        """Enter the class under the task it names."""
        super().__init_subclass__(**options)
        if "task" in vars(cls):
            ESTIMATORS[cls.task] = cls

    @abstractmethod
    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """

    @abstractmethod
    def build_network(self) -> nn.Module:
        """A fresh network for what is fitted, drawn by `seed`; it takes the place of `network_`.

        Raises:
            InputError: An argument lies outside its range.
        """

    def shaped_network(self) -> nn.Module:
        """A fresh network like the fitted one, with the factors that compression brought it to; else as above."""
        return self.compression_.shape(self.build_network())

    @abstractmethod
    def fitted_to_json(self) -> dict[str, Any]:
        """All that was fitted but the weights, as JSON can hold it."""

    @abstractmethod
    def restore_fitted(self, saved: dict[str, Any]) -> None:
        """Take up what `fitted_to_json` gave.

        Raises:
            KeyError, TypeError, AttributeError, ValueError: It is damaged.
        """

    def save(self, folder: str | Path) -> None:
        """Write the fitted model into a folder: TOML, JSON and safetensors, nothing that is executed on opening.

        Args:
            folder: Made if it is not there.
        """
        check_is_fitted(self, "network_")
        save_config(Path(folder), self)
        save_model(Path(folder), self)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Open a folder that `save` or `treadle train` wrote; safe for a folder from a stranger.

        Raises:
            InputError: The folder is missing, damaged, made by a newer version, or holds another kind of model.
        """
        found = load(folder)
        if not isinstance(found, cls):
            raise InputError(f"{folder}: holds a {type(found).__name__}, expected a {cls.__name__}")
        return found


def save_model(folder: Path, estimator: SavedInFolder, roles: Roles | None = None) -> None:
    """Write `features.json` and `model.safetensors` of a fitted estimator."""
    content = estimator.fitted_to_json() | {"roles": None if roles is None else roles.to_json()}
    done = estimator.compression_
    if done != Compression():
        content["compression"] = done.to_json()
    write_atomically(folder / FEATURES, json.dumps(content, ensure_ascii=False).encode())
    in_8_bits = estimator.get_params().get("engine") == "int8"
    write_atomically(
        folder / WEIGHTS, to_bytes(estimator.network_.state_dict(), int8=in_8_bits, sparse=done.sparsity > 0)
    )


def load_model(folder: str | Path) -> tuple[Any, Roles | None]:
    """Open a model folder; safe for a folder from a stranger.

    Returns:
        The fitted estimator, of the class that belongs to the folder's task; and the roles of the columns if it was
        trained on a table.

    Raises:
        InputError: The folder is missing, damaged, truncated, or was made by a newer version.
    """
    folder = Path(folder)
    if folder.resolve() in _kept:
        return _kept[folder.resolve()]
    estimator, _ = load_config(folder)
    saved = _read_json(folder / FEATURES)
    try:
        estimator.restore_fitted(saved)
        estimator.compression_ = Compression.from_json(saved.get("compression"))
        roles = None if saved["roles"] is None else Roles.from_json(saved["roles"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{folder / FEATURES}: damaged ({error})") from None
    estimator.history_ = []
    check_shapes(folder / WEIGHTS, estimator.shaped_network)
    try:
        weights = from_bytes((folder / WEIGHTS).read_bytes())
        estimator.shaped_network().load_state_dict(weights)
    except SafetensorError as error:
        raise InputError(f"{folder / WEIGHTS}: damaged or cut short ({error})") from None
    except (KeyError, RuntimeError, ValueError):
        raise InputError(f"{folder / WEIGHTS}: the weights do not fit {CONFIG} and {FEATURES} beside it") from None
    estimator.network_.eval()
    return estimator, roles


def load(folder: str | Path) -> Any:
    """A fitted estimator from a folder that `save` or `treadle train` wrote; safe for a folder from a stranger.

    Raises:
        InputError: The folder is missing, damaged, truncated, or was made by a newer version.
    """
    return load_model(folder)[0]


_kept: dict[Path, tuple[Any, Roles | None]] = {}


@contextmanager
def kept_open(folder: str | Path) -> Iterator[Any]:
    """Within the block, whoever opens the folder gets this one estimator, so that its network can be watched at work.

    Raises:
        InputError: As `load`.
    """
    place = Path(folder).resolve()
    _kept[place] = load_model(folder)
    try:
        yield _kept[place][0]
    finally:
        del _kept[place]


def _read_json(path: Path) -> dict[str, Any]:
    encoded = read_at_most(path, MOST_FEATURES)
    try:
        content = json.loads(encoded)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged or cut short ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: damaged, expected a JSON object")
    return content
