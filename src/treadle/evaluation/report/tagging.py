"""The report about a tagger: sentences with true and predicted spans, results by type and by length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from treadle.evaluation.report.content import Report, SystemScores
from treadle.evaluation.tagging import Tagging, compare_taggings, tagging_scores


@dataclass(frozen=True)
class TaggedSplit:
    """A part of the data.

    Attributes:
        tokens: Of every sentence.
        true: What is true of them.
        places: Where each sentence stands.
    """

    tokens: Sequence[Sequence[str]]
    true: Tagging
    places: Sequence[str]


@dataclass(frozen=True)
class TaggingSystem:
    """A model or a baseline, with what it said about the sentences of every split.

    Attributes:
        name: A few words.
        answers: Split name to what it said.
        description: One phrase on what it is.
        seconds: How long its training took, or None.
    """

    name: str
    answers: Mapping[str, Tagging]
    description: str = ""
    seconds: float | None = None


def build_tagging_report(
    title: str,
    splits: Mapping[str, TaggedSplit],
    model: TaggingSystem,
    *,
    baseline: TaggingSystem | None = None,
    summary: str = "",
    history: Sequence[Mapping[str, float]] = (),
    data_notes: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    commands: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> Report:
    """Compute scores, verdict and what the page shows of single sentences.

    Args:
        title: Headline of the page.
        splits: The data, by split.
        model: The model.
        baseline: The baseline.
        summary: One sentence on the model.
        history: One dictionary an epoch.
        data_notes: Sentences on the data.
        config: Resolved options.
        commands: How to reproduce.
        facts: Versions, machine, date.
    """
    shown = "test" if "test" in splits else next(iter(splits))
    true = splits[shown].true
    comparison = None
    if baseline is not None and shown in baseline.answers:
        comparison = compare_taggings(true, model.answers[shown], baseline.answers[shown], baseline.name)
    return Report(
        title=title,
        kind="Spans of tokens" if true.spans is not None else "A tag for every token",
        metric=true.metric,
        model=_scores(splits, model),
        split=shown,
        baseline=_scores(splits, baseline) if baseline else None,
        comparison=comparison,
        summary=summary,
        history=history,
        unit="sentence",
        data_notes=data_notes,
        config=config or {},
        commands=commands,
        facts=facts or {},
    )


def _scores(splits: Mapping[str, TaggedSplit], system: TaggingSystem) -> SystemScores:
    scores = {split: tagging_scores(splits[split].true, said) for split, said in system.answers.items()}
    return SystemScores(system.name, scores, system.description, system.seconds)
