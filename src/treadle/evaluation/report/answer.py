"""The top of the page: how good, how sure, and better than what."""

import math

from treadle.evaluation.metrics import LOWER_IS_BETTER
from treadle.evaluation.plots import estimates_strip
from treadle.evaluation.report.content import Report, SystemScores
from treadle.evaluation.report.html import Html, element, join, table
from treadle.evaluation.scores import Estimate
from treadle.evaluation.wording import METRIC_LABELS, readable, readable_interval

_SPLIT_WORDS = {"train": "training"}


def answer(report: Report) -> Html:
    """The headline figure beside the baseline's, the verdict in words, and both intervals drawn on one axis."""
    metric = report.metric
    ours = report.model.scores[report.split][metric]
    parts = [_figures(report, metric, ours), _verdict(report)]
    rows = [("this model", ours)]
    rows += [(_short(system.name), estimate) for system, estimate in _beside(report, metric)[:1]]
    if len(rows) > 1 and not any(math.isnan(estimate.value) for _, estimate in rows):
        direction = ", lower is better" if metric in LOWER_IS_BETTER else ""
        strip = estimates_strip(rows, f"{METRIC_LABELS[metric]}{direction}")
        caption = "Lines: 95 % intervals, how far a figure could move with other data from the same source."
        drawn = any(estimate.low is not None for _, estimate in rows)
        below = [element("figcaption", caption)] if drawn else []
        parts.append(element("figure", join([Html(strip), *below]), class_="strip"))
    return element("div", join(parts), class_=f"answer {_verdict_class(report)}")


def scores_table(report: Report) -> Html:
    """Every metric for every system and split, the headline split first."""
    systems = [system for system in (report.model, report.baseline, report.floor) if system is not None]
    splits = sorted(report.model.scores, key=lambda split: (split != report.split, split))
    columns = [(system, split) for split in splits for system in systems if split in system.scores]
    metrics = sorted(report.model.scores[report.split], key=lambda metric: metric != report.metric)
    head: list[object] = ["Metric"]
    for system, split in columns:
        name = "this model" if system is report.model else system.name
        head.append(join([name, element("small", split)]))
    rows = [
        [_metric_name(metric), *(_cell(metric, system.scores[split].get(metric)) for system, split in columns)]
        for metric in metrics
    ]
    content = [table("All figures, with 95 % intervals where they are computed", head, rows, class_="scores")]
    described = [system for system in systems if system.description or system.seconds is not None]
    if described:
        content.append(
            element("ul", join(element("li", _described(report, system)) for system in described), class_="notes")
        )
    return join(content)


def _figures(report: Report, metric: str, ours: Estimate) -> Html:
    label = f"{METRIC_LABELS[metric]} on {_SPLIT_WORDS.get(report.split, report.split)} {report.unit}s"
    if metric in LOWER_IS_BETTER:
        label += ", lower is better"
    figures = [_figure(label, metric, ours, "headline")]
    figures += [_figure(system.name, metric, estimate, "beside") for system, estimate in _beside(report, metric)]
    return element("div", join(figures), class_="figures")


def _beside(report: Report, metric: str) -> list[tuple[SystemScores, Estimate]]:
    """Baseline and floor with their figure on the headline split, where they have one."""
    systems = [system for system in (report.baseline, report.floor) if system is not None]
    return [
        (system, system.scores[report.split][metric])
        for system in systems
        if metric in system.scores.get(report.split, {})
    ]


def _figure(label: str, metric: str, estimate: Estimate, class_: str) -> Html:
    parts = [element("span", label, class_="label"), element("span", readable(estimate.value, metric), class_="value")]
    if estimate.low is not None:
        interval = f"95 % {readable_interval(estimate, metric)}"
        parts.append(element("span", interval, class_="interval"))
    return element("p", join(parts), class_=class_)


def _verdict(report: Report) -> Html:
    if report.comparison is None:
        claim, evidence = (
            "No baseline beside it.",
            "Without one, the figure does not tell whether a simpler model would do.",
        )
    else:
        claim, evidence = f"{report.comparison.claim}.", report.comparison.evidence
    parts: list[object] = [element("strong", claim), " ", evidence]
    if report.split == "dev":
        parts.append(" Measured on the dev split, which also chose the epoch: expect slightly worse on new data.")
    elif report.split == "train":
        parts.append(" Measured on what it learned from: this says nothing about new data.")
    return element("p", join(parts), class_="verdict")


def _verdict_class(report: Report) -> str:
    return report.comparison.verdict.replace(" ", "-") if report.comparison else "alone"


def _metric_name(metric: str) -> Html:
    name = METRIC_LABELS.get(metric, metric)
    return join([name, element("small", "lower is better")]) if metric in LOWER_IS_BETTER else join([name])


def _cell(metric: str, estimate: Estimate | None) -> Html:
    if estimate is None:
        return Html("–")
    value = element("span", readable(estimate.value, metric))
    if estimate.low is None:
        return value
    return join([value, element("small", readable_interval(estimate, metric))])


def _described(report: Report, system: SystemScores) -> Html:
    name = "This model" if system is report.model else system.name
    time = "" if system.seconds is None else f" Trained in {duration(system.seconds)}."
    return join([element("b", name), f": {system.description}." if system.description else ".", time])


def duration(seconds: float) -> str:
    """Seconds as a person says them: "41 s", "12 min 5 s", "2 h 10 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"
