"""Drawings of the report: inline SVG that follows the page's colours. matplotlib is imported on first use."""

from treadle.evaluation.plots.drawings import (
    by_length,
    estimates_strip,
    gradient_norm,
    learning_curve,
    predicted_against_true,
    reliability,
)
from treadle.evaluation.plots.saliency import series_with_saliency

__all__ = [
    "by_length",
    "estimates_strip",
    "gradient_norm",
    "learning_curve",
    "predicted_against_true",
    "reliability",
    "series_with_saliency",
]
