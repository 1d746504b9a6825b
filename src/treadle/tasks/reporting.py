"""From a fitted estimator and its data to metrics, a comparison with the baseline, and the report."""

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import treadle
from treadle.data import Kind
from treadle.evaluation import (
    Estimate,
    Predictions,
    Report,
    System,
    Task,
    WorstError,
    baseline,
    build_report,
    floor,
    render,
    score,
    worst_rows,
)
from treadle.evaluation.attribution import integrated_gradients
from treadle.tasks.classify import SequenceClassifier
from treadle.tasks.estimator import SequenceEstimator
from treadle.tasks.features import Where
from treadle.tasks.inputs import Columns, row_name
from treadle.tasks.targets import LabelsTarget, NumberTarget
from treadle.training import write_atomically

REPORT = "report.html"
"""The page's name in a run folder."""
EXPLAINED_ERRORS = 12
"""Rows whose decisions are explained in a report."""
LONGEST_EXPLAINED = 600
"""Steps of a sequence that are explained; what follows is shown without colours."""


@dataclass(frozen=True)
class Split:
    """Rows of one part of the data.

    Attributes:
        columns: Cells in the form of their kinds.
        y: Their targets.
        places: Where each row stands, for the list of errors.
    """

    columns: Columns
    y: Sequence[Any]
    places: Sequence[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.y)


def answers(estimator: SequenceEstimator, columns: Columns, where: Where = row_name) -> list[dict[str, Any]]:
    """The answer for every row: `prediction`, and for a classifier `confidence` and the `probabilities` by class.

    Args:
        estimator: The fitted model.
        columns: Cells in the form of their kinds.
        where: The place of a row, for error sentences.

    Raises:
        InputError: A cell does not fit what the model was trained on.
    """
    output = _output(estimator, estimator.answer_columns(columns, where))
    if not isinstance(estimator, SequenceClassifier):
        return [{"prediction": float(value)} for value in output]
    classes = _classes(estimator)
    found = []
    for row in output:
        probabilities = dict(zip(map(str, classes), row.tolist(), strict=True))
        if estimator.is_multilabel_:
            chosen: Any = [name for name, p in zip(classes, row, strict=True) if p >= 0.5]
            found.append({"prediction": chosen, "probabilities": probabilities})
        else:
            best = int(row.argmax())
            found.append({"prediction": classes[best], "confidence": float(row[best]), "probabilities": probabilities})
    return found


def measured_task(estimator: SequenceEstimator) -> Task:
    """The task by its metrics: "classify", "multilabel" or "regress"."""
    if isinstance(estimator.target_, NumberTarget):
        return "regress"
    return "multilabel" if isinstance(estimator.target_, LabelsTarget) else "classify"


def predictions(estimator: SequenceEstimator, split: Split) -> Predictions:
    """What the model says of a split, beside the truth."""
    answer = estimator.answer_columns(split.columns, split.places.__getitem__ if split.places else row_name)
    return Predictions(split.y, _output(estimator, answer), _classes(estimator), _lengths(estimator, split))


def metrics(estimator: SequenceEstimator, predicted: Predictions) -> dict[str, Estimate]:
    """Every metric of the task, with its interval."""
    return score(measured_task(estimator), predicted)


def fit_baselines(estimator: SequenceEstimator, train: Split, others: Mapping[str, Split]) -> tuple[System, System]:
    """The baseline and the floor, trained on `train` and applied to `others`.

    Returns:
        Two systems with predictions of every split in `others`.
    """
    task, kinds = measured_task(estimator), {name: f.kind for name, f in estimator.features_.items()}
    systems = []
    for make in (baseline, floor):
        model = make(task)
        since = time.monotonic()
        model.fit(_with_kinds(train.columns, kinds), train.y, _classes(estimator))
        seconds = time.monotonic() - since
        said = {
            name: Predictions(
                split.y,
                model.predict(_with_kinds(split.columns, kinds)),
                _classes(estimator),
                _lengths(estimator, split),
            )
            for name, split in others.items()
        }
        systems.append(System(model.name, said, model.description, seconds))
    return systems[0], systems[1]


def make_report(
    estimator: SequenceEstimator,
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
    task = measured_task(estimator)
    said = {name: predictions(estimator, split) for name, split in splits.items()}
    shown = "test" if "test" in splits else next(iter(splits))
    seconds = sum(record["seconds"] for record in estimator.history_)
    return build_report(
        title,
        task,
        System(describe(estimator), said, describe_size(estimator), seconds or None),
        baseline=None if baselines is None else baselines[0],
        floor=None if baselines is None else baselines[1],
        summary=f"{describe(estimator)}: {describe_size(estimator)}.",
        history=estimator.history_,
        errors=_worst_errors(estimator, splits[shown], said[shown]),
        data_notes=data_notes,
        config=estimator.get_params() if config is None else config,
        commands=commands,
        facts={
            "Treadle": treadle.__version__,
            "PyTorch": torch.__version__,
            "Machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
            "Date": time.strftime("%Y-%m-%d"),
        },
    )


def write_report(estimator: SequenceEstimator, folder: Path, test: Split, title: str | None = None) -> Path:
    """Write `report.html` about one split, without a baseline; return its path."""
    page = make_report(estimator, title or describe(estimator), {"test": test})
    write_atomically(folder / REPORT, render(page).encode())
    return folder / REPORT


def describe(estimator: SequenceEstimator) -> str:
    """The model in a few words: "2-layer bidirectional LSTM"."""
    depth = f"{estimator.layers}-layer " if estimator.layers > 1 else ""
    cell = estimator.cell.upper() if estimator.cell in ("lstm", "gru") else estimator.cell.capitalize()
    words = f"{depth}{'bidirectional ' if estimator.bidirectional else ''}{cell}"
    return words if words.startswith(cell) else words[0].upper() + words[1:]


def describe_size(estimator: SequenceEstimator) -> str:
    """The size of the model and what it reads."""
    count = sum(parameter.numel() for parameter in estimator.network_.parameters())
    inputs = "; ".join(f"{name!r}: {feature.describe()}" for name, feature in estimator.features_.items())
    return f"{count:,} parameters, {estimator.hidden_size} units, {estimator.pooling} pooling; {inputs}"


def attribute(estimator: SequenceEstimator, columns: Columns, row: int, output: int) -> dict[str, list[float]]:
    """How much every step of every column spoke for one number of the answer: integrated gradients.

    Args:
        estimator: The fitted model.
        columns: Cells in the form of their kinds.
        row: Which row.
        output: Which number of the answer.

    Returns:
        A weight for every step, by column; steps past `LONGEST_EXPLAINED` are left out.
    """
    network = estimator.network_
    device = next(network.parameters()).device
    encoded = estimator.encode({name: [cells[row]] for name, cells in columns.items()})
    encoders = [network.encoder(place) for place in range(len(encoded))]
    with torch.no_grad():
        embedded = [
            encoder.embed(ragged[0][:LONGEST_EXPLAINED][None].to(device))[0]
            for encoder, ragged in zip(encoders, encoded, strict=True)
        ]

    def score(place: int, path: Tensor) -> Tensor:
        """The answer's number for points on a path of one column, the others as they are."""
        vectors = []
        for other, (encoder, fixed) in enumerate(zip(encoders, embedded, strict=True)):
            steps = path if other == place else fixed.expand(len(path), *fixed.shape)
            vectors.append(encoder.encode(steps, torch.full((len(path),), steps.shape[1], device=device)))
        return network.answer(vectors)[:, output]

    return {
        name: integrated_gradients(partial(score, place), embedded[place]).tolist() if len(embedded[place]) else []
        for place, name in enumerate(estimator.features_)
    }


def _worst_errors(estimator: SequenceEstimator, split: Split, said: Predictions) -> list[WorstError]:
    return [
        _explain(estimator, split, said, row) for row in worst_rows(measured_task(estimator), said, EXPLAINED_ERRORS)
    ]


def _explain(estimator: SequenceEstimator, split: Split, said: Predictions, row: int) -> WorstError:
    task = measured_task(estimator)
    answer = np.asarray(said.output)[row]
    gold, place = split.y[row], split.places[row] if split.places else ""
    confidence = gold_probability = None
    chosen = 0
    if task == "classify":
        classes = [str(name) for name in said.classes]
        chosen = int(answer.argmax())
        predicted, confidence = classes[chosen], float(answer[chosen])
        gold_probability = float(answer[classes.index(str(gold))]) if str(gold) in classes else None
    elif task == "multilabel":
        predicted = ", ".join(str(name) for name, p in zip(said.classes, answer, strict=True) if p >= said.threshold)
        gold = ", ".join(map(str, gold))
        chosen = int(answer.argmax())
    else:
        predicted, gold = f"{answer:.4g}", f"{gold:.4g}"
    weights = attribute(estimator, split.columns, row, chosen)
    error: dict[str, Any] = {
        "gold": str(gold) or "(none)",
        "predicted": predicted or "(none)",
        "confidence": confidence,
    }
    error |= {"gold_probability": gold_probability, "where": place}
    for name, feature in estimator.features_.items():
        cell = split.columns[name][row]
        if feature.kind is Kind.SERIES and "series" not in error:
            error |= {"series": cell[:LONGEST_EXPLAINED], "step_weights": weights[name]}
        elif feature.kind is not Kind.SERIES and "tokens" not in error:
            tokens = feature.tokens(cell)[:LONGEST_EXPLAINED]
            joiner = "" if feature.joins_without_space else " "
            error |= {"tokens": tokens, "token_weights": weights[name], "joiner": joiner}
    return WorstError(**error)


def _output(estimator: SequenceEstimator, answer: Tensor) -> Any:
    if isinstance(estimator, SequenceClassifier):
        return estimator.probabilities(answer)
    return estimator.target_.predict(answer)


def _classes(estimator: SequenceEstimator) -> list[Any]:
    return estimator.classes_.tolist() if isinstance(estimator, SequenceClassifier) else []


def _lengths(estimator: SequenceEstimator, split: Split) -> Any:
    return np.max([ragged.lengths.numpy() for ragged in estimator.encode(split.columns)], axis=0)


def _with_kinds(columns: Columns, kinds: Mapping[str, Kind]) -> dict[str, tuple[str, Sequence[Any]]]:
    return {name: (kind.value, columns[name]) for name, kind in kinds.items()}
