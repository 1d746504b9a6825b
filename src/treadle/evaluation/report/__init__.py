"""One self-contained page about one trained model, to show to a colleague: `render(build_report(...))`."""

from treadle.evaluation.report.build import System, build_report, worst_rows
from treadle.evaluation.report.content import (
    ClassScore,
    Confusion,
    LengthBins,
    Report,
    Section,
    SystemScores,
    WorstError,
)
from treadle.evaluation.report.page import render

__all__ = [
    "ClassScore",
    "Confusion",
    "LengthBins",
    "Report",
    "Section",
    "System",
    "SystemScores",
    "WorstError",
    "build_report",
    "render",
    "worst_rows",
]
