"""What a report says, as plain data. `build_report` fills it from raw predictions; `render` turns it into a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from treadle.evaluation.comparison import Comparison
from treadle.evaluation.report.html import Html
from treadle.evaluation.scores import Estimate


@dataclass(frozen=True)
class SystemScores:
    """A model or baseline and how well it did.

    Attributes:
        name: A few words.
        scores: Split name ("test", "dev", ...) to metric name to estimate.
        description: One phrase on what it is.
        seconds: How long its training took, or None.
    """

    name: str
    scores: Mapping[str, Mapping[str, Estimate]]
    description: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Confusion:
    """How often a true class was given as which.

    Attributes:
        classes: Names.
        counts: `[true][predicted]` rows.
    """

    classes: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True)
class ClassScore:
    """Precision, recall and F1 of one class, and in how many rows it is true."""

    name: str
    rows: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class LengthBins:
    """Results by length of the sequence.

    Attributes:
        measure: What is measured: "accuracy", "mean absolute error", ...
        labels: Lengths of every bin: "10–19".
        rows: How many rows each holds.
        model: The model's figure in each.
        baseline: The baseline's, or None.
    """

    measure: str
    labels: Sequence[str]
    rows: Sequence[int]
    model: Sequence[Estimate]
    baseline: Sequence[float] | None = None


@dataclass(frozen=True)
class WorstError:
    """One row on which the model went far wrong. Text, series, or both, as the row has them.

    Attributes:
        gold: What was true.
        predicted: What the model said.
        confidence: Probability of what it said.
        gold_probability: Probability it gave to what was true.
        where: Where the row stands: "reviews.csv, line 12".
        tokens: The text in tokens.
        token_weights: One a token: positive spoke for what the model said, negative against it.
        joiner: What stands between tokens: " " for words, "" for characters.
        series: `[time, channels]`.
        step_weights: One a step, signs as above.
    """

    gold: str
    predicted: str
    confidence: float | None = None
    gold_probability: float | None = None
    where: str = ""
    tokens: Sequence[str] = ()
    token_weights: Sequence[float] | None = None
    joiner: str = " "
    series: npt.ArrayLike | None = None
    step_weights: Sequence[float] | None = None


@dataclass(frozen=True)
class Section:
    """A part of the page that only some kinds of model have.

    Attributes:
        name: One word, for the link to it.
        heading: What stands above it.
        parts: What it holds.
    """

    name: str
    heading: str
    parts: Sequence[Html]


@dataclass(frozen=True)
class Report:
    """Everything on the page. Parts that are empty or None are left out of it.

    Attributes:
        title: Headline of the page.
        kind: What the model does, in a few words: "Sequence classification".
        metric: The one by which model and baseline are compared.
        model: The model's scores.
        baseline: The strong baseline's.
        floor: The weakest baseline's.
        comparison: Model against baseline on `split`.
        split: Where the headline figure, confusion, calibration, lengths and errors were measured.
        summary: One sentence on the model: cell, layers, size.
        history: One dictionary an epoch: `epoch`, `train_loss`, `dev_loss`, `dev_<metric>`, `learning_rate`,
            `gradient_norm`, `seconds`; any of them may be missing.
        confusion: Classifiers with one label a row.
        class_scores: Classifiers.
        calibration: Confidence and share of right answers in bins of equally many rows.
        lengths: Results by length.
        scatter: Regressors: true and predicted numbers of (some) rows.
        errors: The worst first.
        influence: What tokens and steps of positive and of negative weight did in those errors.
        unit: What one of the measured things is called: "row", "sentence".
        sections: What else this kind of model has to show, between the errors and the data.
        data_notes: Sentences: which columns, which split, inferred why, from which files.
        config: Resolved options; may be nested.
        commands: How to get this model and this page again.
        facts: Name and value: versions, machine, date, parameters.
        language: Of the page's own words (`lang`).
    """

    title: str
    kind: str
    metric: str
    model: SystemScores
    split: str
    baseline: SystemScores | None = None
    floor: SystemScores | None = None
    comparison: Comparison | None = None
    summary: str = ""
    history: Sequence[Mapping[str, float]] = ()
    confusion: Confusion | None = None
    class_scores: Sequence[ClassScore] = ()
    calibration: Sequence[tuple[float, Estimate]] = ()
    lengths: LengthBins | None = None
    scatter: tuple[Sequence[float], Sequence[float]] | None = None
    errors: Sequence[WorstError] = ()
    influence: tuple[str, str] = ("spoke for the answer given", "spoke against it")
    unit: str = "row"
    sections: Sequence[Section] = ()
    data_notes: Sequence[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    commands: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
