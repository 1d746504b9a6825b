"""How far the recurrent layers of a model folder remember, on the data of its run or on other data."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from treadle.errors import InputError
from treadle.evaluation.diagnosis import LayerDiagnosis
from treadle.tasks.config import load_config
from treadle.tasks.estimator import Estimator, trained_by
from treadle.tasks.folder import CHECKPOINT, kept_open, load
from treadle.tasks.run import open_work
from treadle.tasks.source import DataSource
from treadle.tasks.work import WORKS, Work
from treadle.training import Conduct, Objective, Progress, Silent
from treadle.training.diagnosis import diagnose

ANSWERS = 64
"""Answers that are asked for on data that is named; the longest sequences among them are looked at."""


@dataclass(frozen=True)
class Diagnosed:
    """What was found in a model.

    Attributes:
        model: It, in a few words.
        size: Its size and what it reads.
        data: What it was given to read.
        layers: What was found in each recurrent layer.
    """

    model: str
    size: str
    data: str
    layers: list[LayerDiagnosis]


def diagnose_folder(folder: Path, data: str | None = None) -> Diagnosed:
    """Look into the model of a run.

    Args:
        folder: The run folder.
        data: A file or folder like the one it was trained on, or builtin:NAME; None for the dev data of its run.

    Raises:
        InputError: The folder or the data cannot be used, or the folder does not say on what it was trained.
    """
    estimator, place = load_config(folder)
    if estimator.task not in WORKS or not isinstance(estimator, Estimator):
        raise InputError(f"{folder}: a model of the task {estimator.task!r} has no data to be looked at with")
    if data is not None:
        layers, model = _on_other_data(folder, data)
        return Diagnosed(model.describe(), model.describe_size(), data, layers)
    if "train" not in place:
        raise InputError(f"{folder}: does not say on which data it was trained; name some by --data")
    layers = []

    def look(objective: Objective, *_: Any, **__: Any) -> list[dict[str, Any]]:
        layers.extend(diagnose(objective.model, lambda: evaluated(objective)))
        return []

    model = prepared(folder, look)
    source = DataSource(**place)
    dev = source.others().get("dev")
    said = "dev rows that its run set aside" if dev is None else "dev rows of its run"
    said += ", which it learnt in the end" if model.learns_dev(given=dev is not None) else ""
    return Diagnosed(model.describe(), model.describe_size(), f"{dev or source.train}: {said}", layers)


def prepared(folder: Path, training: Callable[..., list[dict[str, Any]]]) -> Any:
    """Make all ready as the run of a folder did, and call `training` for the model as it is saved.

    Args:
        folder: The run folder.
        training: Takes the place of `treadle.training.fit`; the objective's model has the saved weights.

    Returns:
        The fitted estimator.

    Raises:
        InputError: The data of the run cannot be read any more, or is no longer what the model was trained on.
    """
    return prepared_work(folder, training)[0]


def prepared_work(
    folder: Path, training: Callable[..., list[dict[str, Any]]], progress: Progress | None = None
) -> tuple[Any, Work]:
    """The same, with the work of the run, which can save what it fitted; `training` tells `progress` of every step."""
    estimator, place = load_config(folder)
    if "train" not in place:
        raise InputError(f"{folder}: does not say on which data it was trained")
    saved = load(folder)

    def begin(objective: Objective, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
        take_up(objective.model, saved, folder)
        return training(objective, *arguments, **options)

    work = open_work(DataSource(**place))
    work.understand(estimator)
    estimator.compression_ = saved.compression_
    with trained_by(estimator, begin):
        work.fit(
            estimator, Conduct(checkpoint=folder / CHECKPOINT, checkpoint_seconds=1e9, progress=progress or Silent())
        )
    return estimator, work


def take_up(network: nn.Module, saved: Any, folder: Path) -> None:
    """Give a network that was made anew the factors and weights of a saved estimator's.

    Raises:
        InputError: The two are not of the same shape: the data has changed.
    """
    try:
        saved.compression_.shape(network).load_state_dict(saved.network_.state_dict())
    except RuntimeError:
        raise InputError(f"{folder}: the data of its run has changed, the model no longer fits it") from None


def evaluated(objective: Objective) -> dict[str, float]:
    """What the objective's model does on dev, without dropout."""
    objective.model.eval()
    with torch.no_grad():
        return objective.evaluate(objective.model)


def _on_other_data(folder: Path, data: str) -> tuple[list[LayerDiagnosis], Any]:
    with kept_open(folder) as estimator:
        work = WORKS[estimator.task]

        def read() -> None:
            for _ in islice(work.predict(folder, DataSource(data), None, {}), ANSWERS):
                pass

        return diagnose(estimator.network_, read), estimator
