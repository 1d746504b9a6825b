"""A numeric series with the steps shaded that moved a decision."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from treadle.evaluation.plots.canvas import AGAINST, FOR, INK, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BANDS = 240  # more shaded bands than the picture has pixels to show would only make the page heavy
_MOST_POINTS = 1000
_STRONGEST = 0.7  # opacity of the step with the largest weight: the line stays visible on it


def series_with_saliency(
    series: npt.ArrayLike, weights: npt.ArrayLike | None = None, alt: str = "", height: float = 1.7
) -> str:
    """Draw a series `[time, channels]` over bands whose strength is the weight of their step.

    Args:
        series: `[time]` or `[time, channels]`; NaN leaves a gap.
        weights: `[time]`: positive spoke for the decision (`--for`), negative against it (`--against`); None
            shades nothing.
        alt: What the picture shows; a default tells length and channels.
        height: Inches.

    Returns:
        Inline SVG.
    """
    values = np.asarray(series, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    steps, channels = values.shape

    def paint(axes: "Axes") -> None:
        if weights is not None and steps:
            _shade(axes, np.asarray(weights, dtype=np.float64))
        shown = np.unique(np.linspace(0, max(steps - 1, 0), min(steps, _MOST_POINTS)).astype(int))
        opacity = max(0.35, 1 / channels**0.4)
        for channel in range(channels):
            marker = "o" if steps == 1 else None
            axes.plot(shown, values[shown, channel], marker=marker, color=INK, linewidth=1.1, alpha=opacity)
        axes.set_xlim(-0.5, max(steps - 0.5, 0.5))
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("step")

    plural = "s" if channels > 1 else ""
    return draw(paint, alt or f"Series of {steps} steps, {channels} channel{plural}.", width=8.6, height=height)


def _shade(axes: "Axes", weights: npt.NDArray[np.float64]) -> None:
    edges = np.unique(np.linspace(0, len(weights), min(len(weights), _MOST_BANDS) + 1).astype(int))
    bands = np.add.reduceat(weights, edges[:-1]) / np.diff(edges)
    largest = float(np.abs(bands).max())
    if largest == 0:
        return
    for start, end, weight in zip(edges[:-1], edges[1:], bands / largest, strict=True):
        if abs(weight) >= 0.03:
            colour = FOR if weight > 0 else AGAINST
            axes.axvspan(start - 0.5, end - 0.5, color=colour, alpha=_STRONGEST * abs(weight), linewidth=0)
