"""What comes of a run: figures for programs, a page for people, and the command that makes it again."""

import json
import math
import platform
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import treadle
from treadle.errors import counted
from treadle.evaluation import Comparison, Estimate, Report, render
from treadle.tasks.folder import RESULT, SavedInFolder
from treadle.tasks.source import DataSource
from treadle.training import write_atomically

Say = Callable[[str], None]

REPORT = "report.html"
"""The page's name in a run folder."""


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


def write_result(folder: Path, task: str, report: Report) -> Result:
    """Write `result.json` and `report.html` of a run whose page has a baseline and a verdict."""
    shown = report.split
    assert report.baseline is not None
    assert report.comparison is not None
    beside = report.baseline.name, dict(report.baseline.scores[shown])
    content: dict[str, Any] = {"task": task}
    content |= {name: plain_figures(scores) for name, scores in report.model.scores.items()}
    content["baseline"] = {"name": beside[0], shown: plain_figures(beside[1])}
    write_atomically(folder / RESULT, (json.dumps(content, indent=2) + "\n").encode())
    page = write_page(folder / REPORT, report)
    return Result(folder, shown, dict(report.model.scores[shown]), beside, report.comparison, page)


def write_page(path: Path, report: Report) -> Path:
    """Write a report, and say where it is."""
    write_atomically(path, render(report).encode())
    return path


def plain_figures(scores: Mapping[str, Estimate]) -> dict[str, float | None]:
    """The values alone, None where one is not defined (R2 of a single row), since JSON knows no NaN."""
    return {name: estimate.value if math.isfinite(estimate.value) else None for name, estimate in scores.items()}


def commands(source: DataSource, estimator: SavedInFolder, folder: Path) -> list[str]:
    """The command that makes the same run, and the one that measures it on other data."""
    words = ["treadle", "train", *source.options()]
    defaults = estimator.parameters()
    for name, value in estimator.get_params().items():
        if value != defaults[name] and name != "verbose":
            words += ["--set", f"{name}={value}"]
    return [shlex.join([*words, "--out", str(folder)]), f"treadle evaluate {shlex.quote(str(folder))} DATA"]


def facts() -> dict[str, str]:
    """What a page says of how it was made: versions, machine and date."""
    return {
        "Treadle": treadle.__version__,
        "PyTorch": torch.__version__,
        "Machine": f"{platform.machine()}, {counted(torch.get_num_threads(), 'thread')}",
        "Date": time.strftime("%Y-%m-%d"),
    }
