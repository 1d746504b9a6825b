"""From raw predictions to everything the report says about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from treadle.evaluation.comparison import Comparison, compare
from treadle.evaluation.intervals import bootstrap_interval, wilson_interval
from treadle.evaluation.metrics import calibration_bins, class_indices, indicator
from treadle.evaluation.report.content import (
    ClassScore,
    Confusion,
    LengthBins,
    Report,
    SystemScores,
    WorstError,
)
from treadle.evaluation.scores import PRIMARY_METRIC, Estimate, Predictions, Task, right_answers, score

_LENGTH_BINS = 6
_SCATTER_ROWS = 1500
_CALIBRATION_ROWS = 30  # fewer cannot fill three bins
UNSEEN = "(not in training)"

_KINDS: dict[Task, str] = {
    "classify": "Sequence classification",
    "multilabel": "Sequence classification, several labels",
    "regress": "Sequence regression",
}


@dataclass(frozen=True)
class System:
    """A model or a baseline, with what it said about the rows of every split.

    Attributes:
        name: A few words: "bidirectional GRU", "TF-IDF + logistic regression".
        predictions: Split name ("train", "dev", "test") to predictions.
        description: One phrase on what it is.
        seconds: How long its training took, or None.
    """

    name: str
    predictions: Mapping[str, Predictions]
    description: str = ""
    seconds: float | None = None


def build_report(
    title: str,
    task: Task,
    model: System,
    *,
    baseline: System | None = None,
    floor: System | None = None,
    summary: str = "",
    history: Sequence[Mapping[str, float]] = (),
    errors: Sequence[WorstError] = (),
    data_notes: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    commands: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> Report:
    """Compute scores, verdict, confusion, calibration and results by length.

    The headline split is "test" where the model has it, else "dev", else its first.

    Args:
        title: Headline of the page.
        task: What is predicted.
        model: The model.
        baseline: The strong baseline, with predictions of the same rows.
        floor: The weakest baseline.
        summary: One sentence on the model.
        history: One dictionary an epoch; see `Report.history`.
        errors: The worst rows (`worst_rows` finds them), with attributions where there are any.
        data_notes: Sentences on the data.
        config: Resolved options.
        commands: How to reproduce.
        facts: Versions, machine, date.

    Returns:
        The report, ready for `render`.

    Raises:
        ValueError: No split has predictions, or shapes do not agree.
    """
    if not model.predictions:
        raise ValueError("the model has no predictions for any split: expected at least one")
    split = next((name for name in ("test", "dev") if name in model.predictions), next(iter(model.predictions)))
    shown = model.predictions[split]
    beside = baseline.predictions.get(split) if baseline else None
    comparison: Comparison | None = None
    if baseline is not None and beside is not None:
        comparison = compare(task, shown, beside, baseline.name)
    return Report(
        title=title,
        kind=_KINDS[task],
        metric=PRIMARY_METRIC[task],
        model=_scores(task, model),
        split=split,
        baseline=_scores(task, baseline) if baseline else None,
        floor=_scores(task, floor) if floor else None,
        comparison=comparison,
        summary=summary,
        history=history,
        confusion=_confusion(shown) if task == "classify" else None,
        class_scores=_class_scores(task, shown) if task != "regress" else (),
        calibration=_calibration(shown) if task == "classify" else (),
        lengths=_length_bins(task, shown, beside),
        scatter=_scatter(shown) if task == "regress" else None,
        errors=errors,
        influence=("raised the number", "lowered it") if task == "regress" else Report.influence,
        data_notes=data_notes,
        config=config or {},
        commands=commands,
        facts=facts or {},
    )


def worst_rows(task: Task, predictions: Predictions, count: int = 10) -> list[int]:
    """The rows on which the model went furthest wrong, the worst first; right answers are not among them.

    classify: least probability for the truth. multilabel: largest log loss over the row's labels. regress:
        largest error.

    Args:
        task: What is predicted.
        predictions: Of one split.
        count: How many rows at most.

    Returns:
        Row numbers, from 0.
    """
    output = np.asarray(predictions.output, dtype=np.float64)
    if task == "regress":
        badness = np.abs(output - np.asarray(predictions.y_true, dtype=np.float64))
        wrong = badness > 0
    else:
        wrong = ~right_answers(task, predictions)
        if task == "classify":
            true = class_indices(predictions.y_true, predictions.classes)
            of_truth = np.where(true >= 0, output[np.arange(len(output)), true], 0.0)
            # Of labels training never saw, all have probability 0: the surest answer is then the worst.
            badness = 1 - of_truth + 1e-3 * output.max(1)
        else:
            truth = indicator(predictions.y_true, predictions.classes)
            badness = -np.log(np.maximum(np.where(truth, output, 1 - output), 1e-15)).sum(1)
    order = np.argsort(-badness, kind="stable")
    return [int(row) for row in order if wrong[row]][:count]


def _scores(task: Task, system: System) -> SystemScores:
    scores = {split: score(task, predictions) for split, predictions in system.predictions.items()}
    return SystemScores(system.name, scores, system.description, system.seconds)


def _confusion(predictions: Predictions) -> Confusion:
    true = class_indices(predictions.y_true, predictions.classes)
    predicted = np.asarray(predictions.output).argmax(1)
    names = [str(label) for label in predictions.classes]
    if (true < 0).any():
        names.append(UNSEEN)
        true = np.where(true < 0, len(names) - 1, true)
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    return Confusion(names, counts.tolist())


def _class_scores(task: Task, predictions: Predictions) -> list[ClassScore]:
    if task == "multilabel":
        true = indicator(predictions.y_true, predictions.classes)
        given = np.asarray(predictions.output) >= predictions.threshold
    else:
        every = np.arange(len(predictions.classes))
        true = class_indices(predictions.y_true, predictions.classes)[:, None] == every
        given = np.asarray(predictions.output).argmax(1)[:, None] == every
    hits, occurs, said = (true & given).sum(0), true.sum(0), given.sum(0)
    return [
        ClassScore(
            name=str(label),
            rows=int(occurs[k]),
            precision=float(hits[k] / said[k]) if said[k] else float("nan"),
            recall=float(hits[k] / occurs[k]) if occurs[k] else float("nan"),
            f1=float(2 * hits[k] / (occurs[k] + said[k])) if occurs[k] + said[k] else float("nan"),
        )
        for k, label in enumerate(predictions.classes)
    ]


def _calibration(predictions: Predictions) -> list[tuple[float, Estimate]]:
    if len(predictions.y_true) < _CALIBRATION_ROWS:
        return []
    right = right_answers("classify", predictions)
    bins = min(10, len(right) // 10)
    parts = calibration_bins(np.asarray(predictions.output).max(1), right, bins)
    return [
        (confidence, Estimate(accuracy, *wilson_interval(round(accuracy * rows), rows)))
        for confidence, accuracy, rows in parts
    ]


def _length_bins(task: Task, model: Predictions, baseline: Predictions | None) -> LengthBins | None:
    """Bins of about equally many rows; None where all rows are equally long or there are too few."""
    if model.lengths is None or len(model.y_true) < 2 * _LENGTH_BINS:
        return None
    lengths = np.asarray(model.lengths, dtype=np.int64)
    upper = np.unique(np.quantile(lengths, np.linspace(0, 1, _LENGTH_BINS + 1)[1:], method="inverted_cdf"))
    bin_of = np.searchsorted(
        upper, lengths, side="left"
    )  # a bin ends at its border, so a very common length is one bin
    if len(np.unique(bin_of)) < 2:
        return None
    ours, theirs = _row_results(task, model), _row_results(task, baseline) if baseline else None
    labels, rows, values, beside = [], [], [], []
    for number in np.unique(bin_of):
        chosen = bin_of == number
        low, high = int(lengths[chosen].min()), int(lengths[chosen].max())
        labels.append(str(low) if low == high else f"{low}–{high}")
        rows.append(int(chosen.sum()))
        values.append(_mean_result(task, ours[chosen]))
        if theirs is not None:
            beside.append(float(theirs[chosen].mean()))
    measure = {"classify": "accuracy", "multilabel": "all labels right", "regress": "mean absolute error"}[task]
    return LengthBins(measure, labels, rows, values, beside if theirs is not None else None)


def _row_results(task: Task, predictions: Predictions) -> npt.NDArray[np.float64]:
    if task == "regress":
        errors = np.asarray(predictions.output, dtype=np.float64) - np.asarray(predictions.y_true, dtype=np.float64)
        return np.asarray(np.abs(errors))
    return right_answers(task, predictions).astype(np.float64)


def _mean_result(task: Task, results: npt.NDArray[np.float64]) -> Estimate:
    if task == "regress":
        return Estimate(float(results.mean()), *bootstrap_interval(lambda some: float(some.mean()), results))
    return Estimate(float(results.mean()), *wilson_interval(int(results.sum()), len(results)))


def _scatter(predictions: Predictions) -> tuple[list[float], list[float]]:
    true = np.asarray(predictions.y_true, dtype=np.float64)
    guess = np.asarray(predictions.output, dtype=np.float64)
    if len(true) > _SCATTER_ROWS:
        some = np.sort(np.random.default_rng(0).choice(len(true), _SCATTER_ROWS, replace=False))
        true, guess = true[some], guess[some]
    return true.tolist(), guess.tolist()
