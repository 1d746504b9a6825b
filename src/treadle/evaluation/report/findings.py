"""What the predictions show: training, confusion, calibration, results by class and by length."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from treadle.errors import counted
from treadle.evaluation.plots import by_length, gradient_norm, learning_curve, predicted_against_true, reliability
from treadle.evaluation.report.content import Report
from treadle.evaluation.report.html import Html, details, element, figure, join, table
from treadle.evaluation.wording import METRIC_LABELS, readable

Counts = npt.NDArray[np.int64]

_SHOWN_CLASSES = 12
_SHOWN_PAIRS = 15
_SHOWN_CLASS_ROWS = 30


def training(report: Report) -> list[Html]:
    """Learning curves, the gradient's norm, and the figures of every epoch."""
    if not report.history:
        return []
    pictures = []
    losses = [(name, _column(report, key)) for name, key in (("training", "train_loss"), ("dev", "dev_loss"))]
    losses = [(name, values) for name, values in losses if not np.isnan(values).all()]
    epochs = _epochs(report)
    if losses:
        caption = "Dev loss that rises while training loss falls is over-fitting."
        pictures.append(figure(learning_curve(epochs, losses, "loss"), caption, "Loss"))
    for key in _dev_metrics(report)[:1]:
        name = METRIC_LABELS.get(key.removeprefix("dev_"), key.removeprefix("dev_"))
        svg = learning_curve(epochs, [("dev", _column(report, key))], name)
        pictures.append(
            figure(svg, f"Measured on dev {report.unit}s after every epoch.", f"{name} on dev {report.unit}s")
        )
    norms = _column(report, "gradient_norm")
    if not np.isnan(norms).all():
        caption = "Before clipping. A norm that grows without end, or sinks towards zero, means trouble."
        pictures.append(figure(gradient_norm(epochs, norms), caption, "Gradient norm"))
    rates = _column(report, "learning_rate")
    if not np.isnan(rates).any() and max(rates) > min(rates):
        caption = "The schedule, at the end of every epoch."
        pictures.append(figure(learning_curve(epochs, [("rate", rates)], "learning rate"), caption, "Learning rate"))
    return [element("div", join(pictures), class_="pictures"), _epoch_table(report)]


def confusion(report: Report) -> list[Html]:
    """Truth against answer. Of many classes, those most often confused, and the commonest confusions as a list."""
    if report.confusion is None:
        return []
    counts: Counts = np.asarray(report.confusion.counts, dtype=np.int64)
    names = report.confusion.classes
    chosen = _most_confused(counts)
    parts = [_matrix(names, counts, chosen)]
    if len(names) > len(chosen):
        parts.append(_commonest(names, counts))
    return parts


def answers_by_class(report: Report) -> list[Html]:
    """Precision, recall and F1 of every class; of very many, the weakest in sight and all on demand."""
    if not report.class_scores:
        return []
    rows = [
        [one.name, f"{one.rows:,}", readable(one.precision), readable(one.recall), readable(one.f1)]
        for one in report.class_scores
    ]
    head = ["Class", f"{report.unit.capitalize()}s", "Precision", "Recall", "F1"]
    if len(rows) <= _SHOWN_CLASS_ROWS:
        return [table("Results by class", head, rows)]
    order = np.argsort([one.f1 for one in report.class_scores], kind="stable")[:_SHOWN_CLASSES]
    weakest = table(f"The {_SHOWN_CLASSES} weakest of {len(rows)} classes", head, [rows[place] for place in order])
    return [weakest, details(f"All {len(rows)} classes", table("Results by class", head, rows))]


def calibration(report: Report) -> list[Html]:
    """The reliability diagram."""
    if not report.calibration:
        return []
    svg = reliability(report.calibration)
    error = report.model.scores[report.split].get("calibration_error")
    caption = "Below the diagonal it is too sure of itself, above it not sure enough."
    if error is not None:
        caption += f" Mean gap (calibration error): {readable(error.value)}."
    return [figure(svg, caption, "Calibration")]


def lengths(report: Report) -> list[Html]:
    """Results by length."""
    bins = report.lengths
    if bins is None:
        return []
    svg = by_length(bins.labels, bins.model, bins.baseline, bins.measure)
    fewest, most = min(bins.rows), max(bins.rows)
    count = counted(most, report.unit) if fewest == most else f"{fewest:,} to {counted(most, report.unit)}"
    return [figure(svg, f"Each point stands for {count}; lines are 95 % intervals.", "Result by length")]


def scatter(report: Report) -> list[Html]:
    """Predicted against true numbers."""
    if report.scatter is None:
        return []
    true, predicted = report.scatter
    caption = f"{counted(len(true), 'row')}. On the dashed line, prediction and truth agree."
    return [figure(predicted_against_true(true, predicted), caption, "Predicted against true")]


def _epochs(report: Report) -> list[float]:
    return [float(line.get("epoch", number)) for number, line in enumerate(report.history, start=1)]


def _column(report: Report, key: str) -> list[float]:
    return [float(line.get(key, float("nan"))) for line in report.history]


def _dev_metrics(report: Report) -> list[str]:
    keys = dict.fromkeys(key for line in report.history for key in line)
    return [key for key in keys if key.startswith("dev_") and key != "dev_loss"]


def _epoch_table(report: Report) -> Html:
    keys = list(dict.fromkeys(key for line in report.history for key in line if key != "epoch"))
    head = ["Epoch", *(key.replace("_", " ") for key in keys)]
    rows = [
        [f"{epoch:g}", *(_epoch_figure(line.get(key)) for key in keys)]
        for epoch, line in zip(_epochs(report), report.history, strict=True)
    ]
    return details(
        "Figures of the only epoch" if len(rows) == 1 else f"Figures of all {len(rows)} epochs",
        table("Every epoch", head, rows),
    )


def _epoch_figure(value: float | None) -> str:
    if value is not None and 0 < abs(value) < 0.0995:
        return f"{value:.3g}"
    return readable(value)


def _most_confused(counts: Counts) -> list[int]:
    """Up to twelve classes, in their own order: all, or those of the commonest confusions."""
    if len(counts) <= _SHOWN_CLASSES:
        return list(range(len(counts)))
    chosen: dict[int, None] = {}
    for true, given, _ in _confusions(counts):
        for one in (true, given):
            if len(chosen) < _SHOWN_CLASSES:
                chosen[one] = None
    return sorted(chosen)


def _confusions(counts: Counts) -> list[tuple[int, int, int]]:
    """(true, given, rows) of every confusion that happened, the commonest first."""
    wrong = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    places = np.argsort(-wrong, axis=None, kind="stable")[: int((wrong > 0).sum())]
    return [(int(p // len(counts)), int(p % len(counts)), int(wrong.flat[p])) for p in places]


def _matrix(names: Sequence[str], counts: Counts, chosen: Sequence[int]) -> Html:
    totals = counts.sum(1)
    part = len(chosen) < len(names)
    longest = max((len(names[one]) for one in chosen), default=0)
    long = longest > 6 or (longest > 3 and len(chosen) > 8)
    upright = "vertical" if long else None
    head = join(
        element("th", element("span", names[one]), scope="col", class_=upright, title=names[one]) for one in chosen
    )
    if part:
        head = join([head, element("th", element("span", "others"), scope="col", class_=upright)])
    rows = []
    for true in chosen:
        cells = [_cell(int(counts[true, given]), int(totals[true]), given == true) for given in chosen]
        if part:
            others = int(totals[true] - counts[true, list(chosen)].sum())
            cells.append(_cell(others, int(totals[true]), right=False))
        rows.append(element("tr", join([element("th", names[true], scope="row", title=names[true]), *cells])))
    caption = "Confusion: rows are the truth, columns the answer"
    if part:
        caption = f"The {len(chosen)} most confused of {len(names)} classes: rows are the truth, columns the answer"
    corner = element("td", "truth ↓ answer →", class_="corner")
    content = join(
        [
            element("caption", caption),
            element("thead", element("tr", join([corner, head]))),
            element("tbody", join(rows)),
        ]
    )
    note = element("p", "Blue: right. Red: wrong; the stronger, the larger its share of the row.", class_="note")
    return element("div", join([element("table", content, class_="confusion"), note]), class_="scroll")


def _cell(count: int, total: int, right: bool) -> Html:
    share = count / total if total else 0.0
    if count == 0:
        return element("td", "·", class_="none")
    kind = "right" if right else "wrong"
    return element("td", f"{count:,}", class_=kind, style=f"--share:{share:.3f}", title=f"{share:.1%} of this row")


def _commonest(names: Sequence[str], counts: Counts) -> Html:
    totals = counts.sum(1)
    rows = [
        [names[true], names[given], f"{rows:,}", f"{rows / totals[true]:.0%}"]
        for true, given, rows in _confusions(counts)[:_SHOWN_PAIRS]
    ]
    head = ["Truth", "Answer", "Times", "Of the truth"]
    return table("The commonest confusions", head, rows, numeric_from=2)
