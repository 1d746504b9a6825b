"""Pictures of forecasts: the fan beside what happened, the error step by step, and how far the levels hold."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from treadle.evaluation.forecasting import Floats
from treadle.evaluation.plots.canvas import BASELINE, GRID, INK, MODEL, MUTED, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKED = 60  # steps up to which each is marked by a dot
_OPACITY = 0.17  # of one band; where several lie upon each other they add up


class Band(NamedTuple):
    """A central interval of a forecast.

    Attributes:
        share: Of probability: 0.8.
        lower: `[horizon]`.
        upper: `[horizon]`.
    """

    share: float
    lower: Floats
    upper: Floats


def forecast_fan(
    stamps: npt.NDArray[Any],
    history: Floats,
    truth: Floats,
    point: Floats,
    bands: Sequence[Band] = (),
    baseline: Floats | None = None,
    alt: str = "",
) -> str:
    """The end of a series, what was expected to follow with its intervals, and what did.

    Args:
        stamps: `[history + horizon]`, dates or numbers of steps.
        history: `[history]`; NaN leaves a gap.
        truth: `[horizon]`; NaN likewise.
        point: `[horizon]`.
        bands: The widest first.
        baseline: `[horizon]`, another forecast, or None.
        alt: What the picture shows.
    """
    known, ahead = stamps[: len(history)], stamps[len(history) :]

    def paint(axes: "Axes") -> None:
        # The fan opens at the last known value, where nothing was unsure.
        seen = np.flatnonzero(~np.isnan(history))
        start, times = (history[seen[-1:]], np.concatenate([known[seen[-1:]], ahead])) if len(seen) else ([], ahead)
        for number, band in enumerate(bands):
            lower, upper = (np.concatenate([start, end]) for end in (band.lower, band.upper))
            label = _shares(bands) if number == len(bands) - 1 else None
            opacity = _OPACITY if len(bands) > 1 else 2 * _OPACITY
            axes.fill_between(times, lower, upper, color=MODEL, alpha=opacity, linewidth=0, label=label)
        axes.plot(known, history, color=INK, linewidth=1.1, alpha=0.6)
        if baseline is not None:
            values = np.concatenate([start, baseline])
            axes.plot(times, values, color=BASELINE, linewidth=1.3, linestyle=(0, (4, 2)), label="baseline")
        axes.plot(times, np.concatenate([start, point]), color=MODEL, linewidth=1.9, label="forecast")
        dots = {"marker": "o", "markersize": 2.6} if len(truth) <= _MARKED else {}
        joined = np.concatenate([start, truth])
        axes.plot(times, joined, color=INK, linewidth=1.1, label="what happened", **dots)  # type: ignore[arg-type]  # matplotlib types every keyword by itself
        axes.axvline(times[0], color=MUTED, linewidth=0.8, linestyle=(0, (1, 3)))
        _over_time(axes, stamps)
        _legend_above(axes)

    return draw(paint, alt or f"Forecast of {len(point)} steps beside what happened.", width=8.6, height=2.9)


def error_by_step(model: Floats, baseline: Floats | None, measure: str, name: str = "baseline") -> str:
    """The mean error at every step of the horizon.

    Args:
        model: `[horizon]`; NaN where no step is known.
        baseline: The same of the baseline, or None.
        measure: What is measured.
        name: The baseline's.
    """
    steps = np.arange(1, len(model) + 1)

    def paint(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        marker = "o" if len(model) <= _MARKED else None
        axes.plot(steps, model, color=MODEL, marker=marker, markersize=3, label="this model")
        if baseline is not None:
            small = "D" if len(model) <= _MARKED else None
            axes.plot(steps, baseline, color=BASELINE, marker=small, markersize=2.6, linestyle=(0, (4, 2)), label=name)
            _legend_above(axes)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("step ahead")
        axes.set_ylabel(measure)

    ends = f"{model[0]:.3g} at step 1, {model[-1]:.3g} at step {len(model)}"
    return draw(paint, f"{measure} by step ahead: {ends}.", height=3.2)


def levels_held(levels: Sequence[float], model: Floats, baseline: Floats | None = None, name: str = "baseline") -> str:
    """The share of values that fell below each quantile; on the diagonal, quantiles can be taken at their word.

    Args:
        levels: What each promises.
        model: `[levels]`, what came.
        baseline: The same of the baseline, or None.
        name: The baseline's.
    """

    def paint(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        if baseline is not None:
            axes.plot(levels, baseline, color=BASELINE, marker="D", markersize=3.6, linestyle=(0, (4, 2)), label=name)
        axes.plot(levels, model, color=MODEL, marker="o", markersize=4.5, label="this model")
        if baseline is not None:
            _legend_above(axes)
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("level of the quantile")
        axes.set_ylabel("share of values below it")

    pairs = ", ".join(f"{level:.2g}: {share:.2f}" for level, share in zip(levels, model, strict=True))
    return draw(paint, f"Share of values below each quantile. {pairs}.", height=3.2)


def _shares(bands: Sequence[Band]) -> str:
    """In words: "20 to 80 % intervals"."""
    if len(bands) == 1:
        return f"{bands[0].share:.0%} interval".replace("%", " %")
    return f"{100 * bands[-1].share:.0f} to {100 * bands[0].share:.0f} % intervals"


def _over_time(axes: "Axes", stamps: npt.NDArray[Any]) -> None:
    if stamps.dtype.kind == "M":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(minticks=4, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        axes.set_xlabel("step")
    axes.margins(x=0.01)
    axes.grid(visible=True, axis="y", color=GRID)
    axes.grid(visible=False, axis="x")


def _legend_above(axes: "Axes") -> None:
    handles, labels = axes.get_legend_handles_labels()
    first = ("what happened", "forecast", "this model")
    order = sorted(range(len(labels)), key=lambda one: first.index(labels[one]) if labels[one] in first else len(first))
    axes.legend(
        [handles[one] for one in order],
        [labels[one] for one in order],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(labels),
        borderaxespad=0.2,
        handlelength=2.2,
    )
