"""From a fitted estimator and its data to metrics, a comparison with the baseline, and the report."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from treadle.data import Kind, Ragged
from treadle.evaluation import (
    Estimate,
    Predictions,
    Report,
    System,
    baseline,
    build_report,
    floor,
    score,
)
from treadle.evaluation.baselines.steps import step_baseline, step_floor
from treadle.tasks.outcome import REPORT, facts, write_page
from treadle.tasks.sequence.explanation import worst_errors
from treadle.tasks.sequence.features import Feature, Where
from treadle.tasks.sequence.inputs import Columns, row_name
from treadle.tasks.sequence.network import SequenceNetwork
from treadle.tasks.sequence.per_step import check_targets
from treadle.tasks.sequence.split import Split
from treadle.tasks.sequence.targets import Target


class Reported(ABC):
    """An estimator of one answer a sequence, as far as a report looks at it.

    Attributes:
        features_: The fitted feature of every input column, by name.
        target_: The fitted target.
        network_: The trained network.
        history_: One record an epoch.
    """

    features_: dict[str, Feature]
    target_: Target
    network_: SequenceNetwork
    history_: list[dict[str, Any]]

    @abstractmethod
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every argument."""

    @abstractmethod
    def encode(self, columns: Columns, where: Where = row_name) -> list[Ragged]:
        """The numbers of every column, in the order of `features_`."""

    @abstractmethod
    def answer_columns(self, columns: Columns, where: Where = row_name) -> Tensor:
        """What the network says of every row, or step, of columns in the form of their kinds, `[rows, output_size]`."""

    @abstractmethod
    def by_row(self, steps: NDArray[Any], columns: Columns) -> list[NDArray[Any]]:
        """What belongs to the steps of all rows of a series, an array a row."""

    @abstractmethod
    def measured(self, split: str) -> Self:
        """Which of two trainings is measured on a part of the data."""

    @abstractmethod
    def remark(self) -> str:
        """What is to be said of two trainings."""

    @abstractmethod
    def training_seconds(self) -> float:
        """How long training took."""

    @abstractmethod
    def describe(self) -> str:
        """The model in a few words."""

    @abstractmethod
    def describe_size(self) -> str:
        """The size of the model and what it reads."""

    @abstractmethod
    def split(self, X: Any, y: Any) -> Split:
        """Rows in any form that `fit` takes, and their targets."""

    def report(self, folder: str | Path, X: Any, y: Any, *, title: str | None = None) -> Path:
        """Write `report.html` about rows the model has not seen.

        Args:
            folder: Where to.
            X: Rows, in any form that `fit` takes.
            y: Their targets.
            title: Headline of the page.

        Returns:
            The page.
        """
        page = make_report(self, title or self.describe(), {"test": self.split(X, y)})
        return write_page(Path(folder) / REPORT, page)


def answers(estimator: Reported, columns: Columns, where: Where = row_name) -> list[dict[str, Any]]:
    """The answer for every row: `prediction`, and for a classifier `confidence` and the `probabilities` by class.

    Args:
        estimator: The fitted model.
        columns: Cells in the form of their kinds.
        where: The place of a row, for error sentences.

    Raises:
        InputError: A cell does not fit what the model was trained on.
    """
    target = estimator.target_
    output = target.output(estimator.answer_columns(columns, where))
    if target.per_step:
        return [{"prediction": one.tolist()} for one in estimator.by_row(output, columns)]
    return [target.answer(row) for row in output]


def predictions(estimator: Reported, split: Split) -> Predictions:
    """What the model says of a split, beside the truth; of targets a step, the steps of all rows one after the other.

    Raises:
        InputError: A cell does not fit what the model was trained on, or a row has not a target for each step.
    """
    answer = estimator.answer_columns(split.columns, split.place)
    return _beside(estimator, split, estimator.target_.output(answer))


def _beside(estimator: Reported, split: Split, output: Any) -> Predictions:
    """What was said of a split, beside the truth."""
    target, inputs = estimator.target_, estimator.encode(split.columns)
    if target.measured == "regress":
        check_targets(target, inputs, split.y, split.place)
    if not target.per_step:
        lengths = np.max([ragged.lengths.numpy() for ragged in inputs], axis=0)
        return Predictions(split.y, output, target.classes.tolist(), lengths)
    groups = np.repeat(np.arange(len(split)), inputs[0].lengths.numpy())
    return Predictions(np.concatenate(split.y), output, groups=groups)


def metrics(estimator: Reported, predicted: Predictions) -> dict[str, Estimate]:
    """Every metric of the task, with its interval."""
    return score(estimator.target_.measured, predicted)


def fit_baselines(estimator: Reported, train: Split, others: Mapping[str, Split]) -> tuple[System, System]:
    """The baseline and the floor, trained on `train` and applied to `others`.

    Returns:
        Two systems with predictions of every split in `others`.
    """
    task, features = estimator.target_.measured, estimator.features_
    systems = []
    for make in (step_baseline, step_floor) if estimator.target_.per_step else (baseline, floor):
        model = make(task)
        since = time.monotonic()
        model.fit(_with_kinds(train.columns, features), train.y, estimator.target_.classes.tolist())
        seconds = time.monotonic() - since
        said = {
            name: _beside(estimator, split, model.predict(_with_kinds(split.columns, features)))
            for name, split in others.items()
        }
        systems.append(System(model.name, said, model.description, seconds))
    return systems[0], systems[1]


def make_report(
    estimator: Reported,
    title: str,
    splits: Mapping[str, Split],
    baselines: tuple[System, System] | None = None,
    *,
    data_notes: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    commands: Sequence[str] = (),
) -> Report:
    """Everything that the page says; the worst errors are those of "test", or of "dev" without one.

    Args:
        estimator: The fitted model.
        title: Headline.
        splits: "dev", "test" or both.
        baselines: What `fit_baselines` gave.
        data_notes: Sentences on the data.
        config: Resolved options.
        commands: How to get the model again.
    """
    task = estimator.target_.measured
    said = {name: predictions(estimator.measured(name), split) for name, split in splits.items()}
    shown = "test" if "test" in splits else next(iter(splits))
    errors = [] if estimator.target_.per_step else worst_errors(estimator.measured(shown), splits[shown], said[shown])
    seconds = estimator.training_seconds()
    return build_report(
        title,
        task,
        System(estimator.describe(), said, estimator.describe_size(), seconds or None),
        baseline=None if baselines is None else baselines[0],
        floor=None if baselines is None else baselines[1],
        summary=f"{estimator.describe()}: {estimator.describe_size()}.{estimator.remark()}",
        history=estimator.history_,
        errors=errors,
        data_notes=data_notes,
        config=estimator.get_params() if config is None else config,
        commands=commands,
        facts=facts(),
    )


def _with_kinds(columns: Columns, features: Mapping[str, Feature]) -> dict[str, tuple[str, Sequence[Any]]]:
    """Columns as baselines take them; sound is the series of its frames."""
    found: dict[str, tuple[str, Sequence[Any]]] = {}
    for name, feature in features.items():
        heard = feature.kind is Kind.AUDIO
        frames = [row.numpy() for row in feature.encode(columns[name])] if heard else columns[name]
        found[name] = (Kind.SERIES if heard else feature.kind).value, frames
    return found
