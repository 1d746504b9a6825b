"""What comes of a run: model and baseline measured on the same rows, figures for programs, a page for people."""

import json
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treadle.evaluation import Comparison, Estimate, Report, System, render
from treadle.tasks.folder import RESULT
from treadle.tasks.reporting import REPORT, describe, fit_baselines, make_report, metrics
from treadle.tasks.sequence import SequenceEstimator
from treadle.tasks.source import DataSource
from treadle.tasks.split import Split
from treadle.training import write_atomically

Say = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What came of a run.

    Attributes:
        folder: The run folder.
        split: Where the headline figures were measured: "test", or "dev" without one.
        model: Its metrics there.
        baseline: The baseline's name and metrics there.
        comparison: The verdict.
        report: The page.
    """

    folder: Path
    split: str
    model: dict[str, Estimate]
    baseline: tuple[str, dict[str, Estimate]]
    comparison: Comparison
    report: Path


def conclude(
    estimator: SequenceEstimator,
    source: DataSource,
    train: Split,
    others: dict[str, Split],
    folder: Path,
    notes: list[str],
    say: Say,
) -> Result:
    """Measure the model and the baseline, and write result and report.

    With a test split the baseline learns from every row that the model saw, those set aside for dev included. Without
    one, dev is where the two are compared, so the baseline must not have seen it.
    """
    baseline_rows = train
    if "dev" not in others:
        assert estimator.dev_rows_ is not None
        others = {"dev": train.take(estimator.dev_rows_), **others}
        if "test" not in others:
            baseline_rows = train.take(estimator.train_rows_)
    shown = "test" if "test" in others else "dev"
    say("the baseline learns from the same rows ...")
    baselines = fit_baselines(estimator, baseline_rows, {shown: others[shown]})
    command = _command(source, estimator, folder)
    report = make_report(
        estimator,
        f"{describe(estimator)} on {Path(source.train).name or source.train}",
        others,
        baselines,
        data_notes=notes,
        commands=[command, f"treadle evaluate {shlex.quote(str(folder))} DATA"],
    )
    _write_result(folder, estimator, report, baselines[0], shown)
    write_atomically(folder / REPORT, render(report).encode())
    assert report.comparison is not None
    said = report.model.scores[shown]
    beside = (baselines[0].name, metrics(estimator, baselines[0].predictions[shown]))
    return Result(folder, shown, dict(said), beside, report.comparison, folder / REPORT)


def _write_result(folder: Path, estimator: SequenceEstimator, report: Report, baseline: System, shown: str) -> None:
    """`result.json`: figures only, for programs."""
    content: dict[str, Any] = {"task": estimator.task}
    content |= {name: plain_figures(scores) for name, scores in report.model.scores.items()}
    content["baseline"] = {"name": baseline.name, shown: plain_figures(metrics(estimator, baseline.predictions[shown]))}
    write_atomically(folder / RESULT, (json.dumps(content, indent=2) + "\n").encode())


def plain_figures(scores: Mapping[str, Estimate]) -> dict[str, float | None]:
    """The values alone, None where one is not defined (R2 of a single row), since JSON knows no NaN."""
    return {name: estimate.value if math.isfinite(estimate.value) else None for name, estimate in scores.items()}


def _command(source: DataSource, estimator: SequenceEstimator, folder: Path) -> str:
    """The command that makes the same run."""
    words = ["treadle", "train", *source.options()]
    defaults = estimator.parameters()
    for name, value in estimator.get_params().items():
        if value != defaults[name] and name != "verbose":
            words += ["--set", f"{name}={value}"]
    return shlex.join([*words, "--out", str(folder)])
