"""Metrics and figures as a person writes them."""

import numpy as np

from treadle.evaluation.scores import Estimate

METRIC_LABELS = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
    "subset_accuracy": "All labels right",
    "label_accuracy": "Label accuracy",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "span_f1": "Span F1",
    "span_precision": "Span precision",
    "span_recall": "Span recall",
    "span_macro_f1": "Span F1, mean over types",
    "token_accuracy": "Token accuracy",
    "sentence_accuracy": "Sentence label accuracy",
    "wer": "Word error rate",
    "cer": "Character error rate",
    "exact": "Recordings without a mistake",
    "bleu": "BLEU",
    "chrf": "chrF",
    "exact_match": "Right to the letter",
    "rouge_1": "ROUGE-1",
    "rouge_2": "ROUGE-2",
    "rouge_l": "ROUGE-L",
    "perplexity": "Perplexity",
    "bits_per_character": "Bits per character",
    "bits_per_token": "Bits per token",
    "nats_per_token": "Nats per token",
    "mase": "MASE",
    "smape": "sMAPE",
    "owa": "OWA",
    "crps": "CRPS",
    "coverage": "Coverage",
    "scaled_error": "Scaled error",
}
"""How a person writes a metric's name."""


def readable(value: float | None, metric: str = "") -> str:
    """A figure for people: three decimals, or four significant digits of what has a unit; a dash for nothing.

    Args:
        value: The figure; None and NaN are nothing.
        metric: Its name: RMSE and MAE have the unit of what is predicted, and may be tiny.

    Returns:
        Text with a true minus sign.

    Example:
        >>> readable(0.91237), readable(1234.5), readable(0.000021, "rmse"), readable(None)
        ('0.912', '1,234', '2.1e-05', '–')
    """
    if value is None or np.isnan(value):
        return "–"
    size = abs(value)
    if size < 0.1 and metric in ("rmse", "mae"):
        return f"{value:.4g}"
    if size < 1:
        return f"{value:.3f}".replace("-0.000", "0.000").replace("-", "−")
    if size < 1000:
        return f"{value:.{3 - int(np.log10(size))}f}".replace("-", "−")
    return (f"{value:,.0f}" if size < 1e7 else f"{value:.3g}").replace("-", "−", 1)


def readable_interval(estimate: Estimate, metric: str = "") -> str:
    """Lower and upper end: "0.905–0.918", or "−0.02 to 0.31" where a minus sign would run into the dash."""
    low, high = readable(estimate.low, metric), readable(estimate.high, metric)
    return f"{low} to {high}" if "−" in low + high or "e-" in low + high else f"{low}–{high}"
