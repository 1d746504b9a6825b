"""What a smaller model costs: a measure over the size that is left."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from treadle.evaluation.plots.canvas import BASELINE, INK, MODEL, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def size_curve(points: Sequence[tuple[str, float, float]], whole: tuple[float, float], measure: str) -> str:
    """Draw a measure over the size of the weights, with the uncompressed model as a diamond.

    Args:
        points: Label, bytes and measure of each compressed model.
        whole: Bytes and measure of the model as it was.
        measure: What is measured, on dev.
    """
    unit, name = (1e6, "MB") if whole[0] >= 1e6 else (1e3, "kB")
    order = sorted(points, key=lambda point: point[1])

    def paint(axes: "Axes") -> None:
        axes.axhline(whole[1], color=BASELINE, linewidth=0.8, linestyle=(0, (4, 2)))
        axes.plot(whole[0] / unit, whole[1], "D", color=BASELINE, markersize=6)
        axes.plot([size / unit for _, size, _ in order], [value for _, _, value in order], "o-", color=MODEL)
        for label, size, value in order:
            at = (size / unit, value)
            axes.annotate(label, at, (0, 7), textcoords="offset points", ha="center", color=INK, fontsize=8)
        axes.margins(x=0.08, y=0.2)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"size of the weights, {name}")
        axes.set_ylabel(measure)

    said = "; ".join(f"{label}: {value:.3g} at {size / unit:.3g} {name}" for label, size, value in order)
    alt = f"{measure} by size. As it was: {whole[1]:.3g} at {whole[0] / unit:.3g} {name}. {said}."
    return draw(paint, alt, width=6.4, height=3.4)
