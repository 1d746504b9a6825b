"""The page of `treadle compress --curve`: sizes and figures on dev of one model by several recipes."""

from collections.abc import Mapping, Sequence

from treadle.evaluation.plots.compression import size_curve
from treadle.evaluation.report.html import element, figure, table
from treadle.evaluation.report.page import assemble


def render_compression(
    title: str,
    summary: str,
    rows: Sequence[tuple[str, str, int, int, Mapping[str, float]]],
    metric: str,
    *,
    facts: Mapping[str, str],
) -> str:
    """The page.

    Args:
        title: Headline.
        summary: One sentence on the model.
        rows: Way of compressing ("zeros", "factors"), name, bytes, numbers that are not zero, and metrics on dev; the
            first is the model as it was.
        metric: The one of them that is drawn.
        facts: Versions, machine, date.
    """
    (_, _, bytes_, _, before), *smaller = rows
    kinds = dict.fromkeys(kind for kind, *_ in smaller)
    series = [(kind, [(name, size, dev[metric]) for of, name, size, _, dev in smaller if of == kind]) for kind in kinds]
    label = f"{metric.replace('_', ' ')} on dev"
    picture = size_curve(series, (bytes_, before[metric]), label)
    caption = "The diamond and the dashed line are the model as it was."
    head = ["Model", "Bytes", "Share", "Numbers", *(name.replace("_", " ") for name in before)]
    body = [
        [name, f"{size:,}", f"{size / bytes_:.2f}", f"{count:,}", *(f"{value:.4f}" for value in dev.values())]
        for _, name, size, count, dev in rows
    ]
    parts = [
        element("div", figure(picture, caption, f"{label} by size"), class_="pictures"),
        table("Each trained on from the same model", head, body),
    ]
    made = [table("Made with", ["What", "Value"], facts.items(), class_="plain", numeric_from=9)]
    return assemble(title, "Compression", summary, [("curve", "Size and accuracy", parts), ("again", "How", made)])
