"""The page of `treadle compress --curve`: sizes and figures on dev of one model by several recipes."""

from collections.abc import Mapping, Sequence

from treadle.evaluation.plots.compression import size_curve
from treadle.evaluation.report.html import element, figure, table
from treadle.evaluation.report.page import assemble


def render_compression(
    title: str,
    summary: str,
    rows: Sequence[tuple[str, int, int, Mapping[str, float]]],
    metric: str,
    *,
    facts: Mapping[str, str],
) -> str:
    """The page.

    Args:
        title: Headline.
        summary: One sentence on the model.
        rows: Name, bytes, numbers that are not zero, and metrics on dev; the first is the model as it was.
        metric: The one of them that is drawn.
        facts: Versions, machine, date.
    """
    whole, *smaller = rows
    points = [(name, float(size), dev[metric]) for name, size, _, dev in smaller]
    label = f"{metric.replace('_', ' ')} on dev"
    picture = size_curve(points, (float(whole[1]), whole[3][metric]), label)
    caption = "The diamond and the dashed line are the model as it was."
    head = ["Model", "Bytes", "Share", "Numbers", *(name.replace("_", " ") for name in whole[3])]
    body = [
        [name, f"{size:,}", f"{size / whole[1]:.2f}", f"{count:,}", *(f"{value:.4f}" for value in dev.values())]
        for name, size, count, dev in rows
    ]
    parts = [
        element("div", figure(picture, caption, f"{label} by size"), class_="pictures"),
        table("Each trained on from the same model", head, body),
    ]
    made = [table("Made with", ["What", "Value"], facts.items(), class_="plain", numeric_from=9)]
    return assemble(title, "Compression", summary, [("curve", "Size and accuracy", parts), ("again", "How", made)])
