"""One function a picture: plain numbers in, inline SVG out. Series differ in shape or dash, not in colour alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from treadle.errors import counted
from treadle.evaluation.plots.canvas import BASELINE, INK, MODEL, MUTED, draw
from treadle.evaluation.scores import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = ((MODEL, "-"), (BASELINE, (0, (4, 2))), (MUTED, ":"))


def estimates_strip(rows: Sequence[tuple[str, Estimate]], axis: str) -> str:
    """Dots with their intervals on one axis: the model first, then what it is compared with.

    Args:
        rows: Name and estimate, from top to bottom.
        axis: What the axis measures.
    """

    def paint(axes: "Axes") -> None:
        for place, (_, point) in enumerate(rows):
            colour, marker = ((MODEL, "o"), (BASELINE, "D"), (MUTED, "s"))[min(place, 2)]
            if point.low is not None and point.high is not None:
                axes.plot([point.low, point.high], [place, place], color=colour, linewidth=2.4)
            axes.plot(point.value, place, marker, color=colour, markersize=6.5)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(rows) - 0.5, -0.6)
        axes.margins(x=0.06)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(axis)

    spoken = "; ".join(f"{name} {_spoken(point)}" for name, point in rows)
    return draw(paint, f"{axis}: {spoken}.", width=8.6, height=0.62 + 0.27 * len(rows))


def learning_curve(epochs: Sequence[float], series: Sequence[tuple[str, Sequence[float]]], label: str) -> str:
    """Lines over epochs, such as the loss on training and dev rows.

    Args:
        epochs: Epoch numbers.
        series: Name and values of every line (NaN where an epoch has none); at most three.
        label: What the values are.
    """

    def paint(axes: "Axes") -> None:
        marker = "o" if len(epochs) <= 40 else None
        for (name, values), (colour, dash) in zip(series, _LINES, strict=False):
            axes.plot(epochs, values, color=colour, linestyle=dash, marker=marker, markersize=3, label=name)
        _over_epochs(axes, label)
        if len(series) > 1:
            _legend(axes, len(series))

    ends = "; ".join(f"{name} from {values[0]:.3g} to {values[-1]:.3g}" for name, values in series)
    return draw(paint, f"{label} over {counted(len(epochs), 'epoch')}: {ends}.")


def gradient_norm(epochs: Sequence[float], norms: Sequence[float]) -> str:
    """Mean norm of the gradient in every epoch, on a logarithmic axis: growth or decay shows as a slope.

    Args:
        epochs: Epoch numbers.
        norms: Norm before clipping.
    """

    def paint(axes: "Axes") -> None:
        axes.plot(epochs, norms, color=MODEL, marker="o" if len(epochs) <= 40 else None, markersize=3)
        positive = [norm for norm in norms if norm > 0]
        if positive and max(positive) > 20 * min(positive):
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.minorticks_off()
        else:
            axes.set_ylim(bottom=0)
        _over_epochs(axes, "gradient norm")

    return draw(paint, f"Gradient norm over {counted(len(epochs), 'epoch')}: from {norms[0]:.3g} to {norms[-1]:.3g}.")


def reliability(points: Sequence[tuple[float, Estimate]]) -> str:
    """Share of right answers against confidence; on the diagonal, confidence can be taken at its word.

    Args:
        points: Mean confidence of a bin, and its accuracy with interval.
    """

    def paint(axes: "Axes") -> None:
        lowest = min(min(x, point.value) for x, point in points)
        start = max(0.0, np.floor(lowest * 10) / 10 - 0.05)
        axes.plot([start, 1], [start, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        _dots(axes, [x for x, _ in points], [point for _, point in points], MODEL, "o")
        axes.plot([x for x, _ in points], [point.value for _, point in points], color=MODEL, linewidth=1)
        axes.set_xlim(start, 1.01)
        axes.set_ylim(start, 1.01)
        axes.set_xlabel("confidence of the answer")
        axes.set_ylabel("share of right answers")

    gap = max(points, key=lambda one: abs(one[0] - one[1].value))
    worst = f"at confidence {gap[0]:.2f}, where {gap[1].value:.2f} are right"
    alt = f"Calibration in {len(points)} bins; the largest gap is {worst}."
    return draw(paint, alt, height=3.2)


def by_length(labels: Sequence[str], model: Sequence[Estimate], baseline: Sequence[float] | None, measure: str) -> str:
    """The measure for rows of similar length, model with interval, baseline beside it.

    Args:
        labels: Lengths of every bin, such as "10-19".
        model: The model's figure in every bin.
        baseline: The baseline's, or None.
        measure: What is measured.
    """

    def paint(axes: "Axes") -> None:
        places = np.arange(len(labels), dtype=float)
        shift = 0.0 if baseline is None else 0.09
        _dots(axes, (places - shift).tolist(), model, MODEL, "o", "this model")
        if baseline is not None:
            axes.plot(places + shift, baseline, "D", color=BASELINE, markersize=4.5, label="baseline")
            _legend(axes, 2)
        axes.set_xticks(places, labels)
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("length")
        axes.set_ylabel(measure)

    values = ", ".join(f"{label}: {point.value:.3g}" for label, point in zip(labels, model, strict=True))
    return draw(paint, f"{measure} by length. {values}.", height=3.2)


def predicted_against_true(true: Sequence[float], predicted: Sequence[float]) -> str:
    """Predicted against true numbers; perfect predictions lie on the diagonal.

    Args:
        true: True numbers.
        predicted: Predicted numbers.
    """

    def paint(axes: "Axes") -> None:
        lowest, highest = min(*true, *predicted), max(*true, *predicted)
        room = 0.04 * (highest - lowest) or 1.0
        ends = [lowest - room, highest + room]
        axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        axes.plot(true, predicted, "o", color=MODEL, markersize=3.2, alpha=0.45, markeredgewidth=0)
        axes.set_xlim(*ends)
        axes.set_ylim(*ends)
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")

    return draw(paint, f"Predicted against true numbers of {counted(len(true), 'row')}.", height=3.4)


def _dots(
    axes: "Axes", x: Sequence[float], points: Sequence[Estimate], colour: str, marker: str, name: str | None = None
) -> None:
    for at, point in zip(x, points, strict=True):
        if point.low is not None and point.high is not None:
            axes.plot([at, at], [point.low, point.high], color=colour, linewidth=1.8, alpha=0.55)
    axes.plot(x, [point.value for point in points], marker, color=colour, markersize=5, label=name)


def _over_epochs(axes: "Axes", label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    first, last = axes.dataLim.intervalx
    axes.set_xlim(first - 0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)


def _legend(axes: "Axes", columns: int) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.2, handlelength=2.2)


def _spoken(point: Estimate) -> str:
    if point.low is None or point.high is None:
        return f"{point.value:.3g}"
    return f"{point.value:.3g}, 95 % interval {point.low:.3g} to {point.high:.3g}"
