"""What a smaller model costs: a measure over the size that is left."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from treadle.evaluation.plots.canvas import BASELINE, INK, MODEL, MUTED, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[str, float, float]
"""Label, bytes and measure of one model."""

_STYLES = ((MODEL, "o-", 7), (INK, "s:", -13))
"""Colour, marker and line, and where labels stand, in points."""


def size_curve(series: Sequence[tuple[str, Sequence[Point]]], whole: tuple[float, float], measure: str) -> str:
    """Draw a measure over the size of the weights, with the uncompressed model as a diamond.

    Args:
        series: A name for each way of compressing, two at most, and its models.
        whole: Bytes and measure of the model as it was.
        measure: What is measured, on dev.
    """
    unit, name = (1e6, "MB") if whole[0] >= 1e6 else (1e3, "kB")

    def paint(axes: "Axes") -> None:
        axes.axhline(whole[1], color=BASELINE, linewidth=0.8, linestyle=(0, (4, 2)))
        axes.plot(whole[0] / unit, whole[1], "D", color=BASELINE, markersize=6)
        for (kind, points), (colour, style, shift) in zip(series, _STYLES, strict=False):
            order = sorted(points, key=lambda point: point[1])
            sizes, values = [size / unit for _, size, _ in order], [value for _, _, value in order]
            axes.plot(sizes, values, style, color=colour, markersize=4.5, label=kind)
            for (label, _, _), at in zip(order, zip(sizes, values, strict=True), strict=True):
                axes.annotate(label, at, (0, shift), textcoords="offset points", ha="center", color=MUTED, fontsize=8)
        axes.margins(x=0.08, y=0.16)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"size of the weights, {name}")
        axes.set_ylabel(measure)
        axes.legend(loc="lower right")

    said = "; ".join(
        f"{one}: {value:.3g} at {size / unit:.3g} {name}" for _, some in series for one, size, value in some
    )
    alt = f"{measure} by size. As it was: {whole[1]:.3g} at {whole[0] / unit:.3g} {name}. {said}."
    return draw(paint, alt, width=5.6, height=3.4)
