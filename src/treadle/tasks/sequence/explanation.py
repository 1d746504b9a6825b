"""Why a model answered as it did: how much every step of a sequence spoke for the answer."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from treadle.data import Ragged
from treadle.evaluation import Predictions, WorstError, worst_rows
from treadle.evaluation.attribution import complete_gradients, integrated_gradients
from treadle.evaluation.saliency import Saliency, SaliencyPart
from treadle.tasks.sequence.features import Feature
from treadle.tasks.sequence.inputs import Columns
from treadle.tasks.sequence.network import SequenceNetwork
from treadle.tasks.sequence.split import Split
from treadle.tasks.sequence.targets import Target

EXPLAINED_ERRORS = 12
"""Rows whose decisions are explained in a report."""
LONGEST_EXPLAINED = 600
"""Steps of a sequence that are explained; what follows is shown without colours."""


class Explained(Protocol):
    """The parts of a fitted estimator that explain an answer."""

    features_: dict[str, Feature]
    target_: Target
    network_: SequenceNetwork

    def encode(self, columns: Columns) -> list[Ragged]:
        """The numbers of every column."""


def attribute(estimator: Explained, columns: Columns, row: int, output: int) -> dict[str, list[float]]:
    """How much every step of every column spoke for one number of the answer: integrated gradients.

    Args:
        estimator: The fitted model.
        columns: Cells in the form of their kinds.
        row: Which row.
        output: Which number of the answer.

    Returns:
        A weight for every step, by column; steps past `LONGEST_EXPLAINED` are left out.
    """
    score, embedded = _scorer(estimator, columns, row, output)
    return {
        name: integrated_gradients(partial(score, place), embedded[place]).tolist() if len(embedded[place]) else []
        for place, name in enumerate(estimator.features_)
    }


def saliency(estimator: Explained, columns: Columns, output: int, answer: str, steps: int | None) -> Saliency:
    """What moved one number of the answer to the first row of `columns`; see `SequenceClassifier.saliency`."""
    score, embedded = _scorer(estimator, columns, 0, output)
    parts, reached = [], 0.0
    for place, (name, feature) in enumerate(estimator.features_.items()):
        given, reached, neutral = complete_gradients(partial(score, place), embedded[place], steps)
        tokens = None if feature.is_numeric else feature.tokens(columns[name][0])[:LONGEST_EXPLAINED]
        joiner = "" if not feature.is_numeric and feature.joins_without_space else " "
        parts.append(SaliencyPart(name, given.sum(1).tolist(), neutral, tokens, joiner))
    unit = "prediction" if estimator.target_.measured == "regress" else "logit"
    return Saliency(answer, reached, unit, tuple(parts))


def _scorer(
    estimator: Explained, columns: Columns, row: int, output: int
) -> tuple[Callable[[int, Tensor], Tensor], list[Tensor]]:
    """One number of the answer for points on a path of one column, the others as they are; and all as they are."""
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
        vectors = []
        for other, (encoder, fixed) in enumerate(zip(encoders, embedded, strict=True)):
            steps = path if other == place else fixed.expand(len(path), *fixed.shape)
            vectors.append(encoder.encode(steps, torch.full((len(path),), steps.shape[1], device=device)))
        return network.answer(vectors)[:, output]

    return score, embedded


def worst_errors(estimator: Explained, split: Split, said: Predictions) -> list[WorstError]:
    """The worst errors of a split, each with the steps that moved the decision."""
    return [
        _explain(estimator, split, said, row) for row in worst_rows(estimator.target_.measured, said, EXPLAINED_ERRORS)
    ]


def _explain(estimator: Explained, split: Split, said: Predictions, row: int) -> WorstError:
    task = estimator.target_.measured
    answer = np.asarray(said.output)[row]
    gold, place = split.y[row], "" if split.where is None else split.where(row)
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
        if feature.is_numeric and "series" not in error:
            error |= {"series": feature.curve(cell)[:LONGEST_EXPLAINED], "step_weights": weights[name]}
        elif not feature.is_numeric and "tokens" not in error:
            tokens = feature.tokens(cell)[:LONGEST_EXPLAINED]
            joiner = "" if feature.joins_without_space else " "
            error |= {"tokens": tokens, "token_weights": weights[name], "joiner": joiner}
    return WorstError(**error)
