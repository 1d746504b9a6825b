"""Metrics with intervals, baselines, and the report: plain arrays in, figures and one page out.

`treadle.evaluation.attribution` needs torch and is imported by its own name.
"""

from treadle.evaluation.baselines import Baseline, Columns, baseline, floor
from treadle.evaluation.comparison import Comparison, compare, compare_figures
from treadle.evaluation.intervals import Interval, bootstrap_interval, wilson_interval
from treadle.evaluation.language import language_difference, language_metrics
from treadle.evaluation.metrics import classification_metrics, multilabel_metrics, regression_metrics
from treadle.evaluation.report import (
    Report,
    Section,
    System,
    SystemScores,
    WorstError,
    build_report,
    render,
    worst_rows,
)
from treadle.evaluation.scores import PRIMARY_METRIC, Estimate, Predictions, Task, score

__all__ = [
    "PRIMARY_METRIC",
    "Baseline",
    "Columns",
    "Comparison",
    "Estimate",
    "Interval",
    "Predictions",
    "Report",
    "Section",
    "System",
    "SystemScores",
    "Task",
    "WorstError",
    "baseline",
    "bootstrap_interval",
    "build_report",
    "classification_metrics",
    "compare",
    "compare_figures",
    "floor",
    "language_difference",
    "language_metrics",
    "multilabel_metrics",
    "regression_metrics",
    "render",
    "score",
    "wilson_interval",
    "worst_rows",
]
