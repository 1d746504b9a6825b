"""How far a recurrent layer remembers: its gradient over distance, its gates, and learning at a given distance."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from treadle.evaluation.diagnosis import SHARE, Gate
from treadle.evaluation.plots.canvas import AGAINST, BASELINE, FOR, GRID, INK, MODEL, MUTED, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOOR = 1e-12
"""Below this nothing is drawn: what is left is less than a float32 can add to a number of size 1, by far."""

_LETTERS = 48
"""Of names that a legend holds side by side."""

_STYLES = ((MODEL, "-"), (BASELINE, (0, (4, 2))), (INK, ":"), (AGAINST, (0, (6, 1, 1, 1))), (FOR, (0, (2, 1))))


def gradient_by_distance(series: Sequence[tuple[str, npt.ArrayLike]], height: float = 2.9) -> str:
    """Draw what is left of the gradient so many steps back, on a logarithmic axis: an exponential is a line.

    Args:
        series: Name, and the share at distance 1, 2, ... of every line; dashes beyond the first.
        height: Inches.
    """

    def paint(axes: "Axes") -> None:
        for place, (name, values) in enumerate(series):
            shown = np.asarray(values, dtype=np.float64)
            colour, dash = _STYLES[place % len(_STYLES)]
            distance = np.arange(1, len(shown) + 1)
            # A line that leaves the picture goes to its lower edge.
            axes.plot(distance, np.maximum(shown, FLOOR / 10), color=colour, linestyle=dash, label=name)
        axes.axhline(SHARE, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, FLOOR), max(high, 2.0))
        axes.set_xlim(left=0)
        axes.yaxis.set_major_formatter("{x:.0e}")
        axes.minorticks_off()
        axes.set_xlabel("steps back")
        axes.set_ylabel("share of the gradient")
        if len(series) > 1:
            _legend(axes, [name for name, _ in series])

    return draw(paint, f"Gradient over distance. {'; '.join(_ends(*one) for one in series)}.", height=height)


def gate_shares(gates: Sequence[Gate]) -> str:
    """Draw how often each squashing function is at its lower end, in between, and at its upper end.

    Args:
        gates: From top to bottom.
    """

    def paint(axes: "Axes") -> None:
        for place, gate in enumerate(gates):
            axes.barh(place, gate.low, color=AGAINST, height=0.6)
            axes.barh(place, 1 - gate.low - gate.high, left=gate.low, color=GRID, height=0.6)
            axes.barh(place, gate.high, left=1 - gate.high, color=FOR, height=0.6)
        axes.set_yticks(range(len(gates)), [gate.name[:34] for gate in gates])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(gates) - 0.5, -0.5)
        axes.set_xlim(0, 1)
        axes.grid(visible=False)
        axes.set_xlabel("share of values")

    said = "; ".join(f"{gate.name} low {gate.low:.2f}, high {gate.high:.2f}" for gate in gates)
    return draw(paint, f"How often gates are stuck. {said}.", height=0.75 + 0.28 * len(gates))


def recall_curves(series: Sequence[tuple[str, Sequence[int], Sequence[float]]], chance: float) -> str:
    """Draw the share of right answers over the steps of training.

    Args:
        series: Name, steps and shares of every line.
        chance: The share that guessing gets.
    """

    def paint(axes: "Axes") -> None:
        for place, (name, steps, shares) in enumerate(series):
            colour, dash = _STYLES[place % len(_STYLES)]
            axes.plot(steps, shares, color=colour, linestyle=dash, label=name)
        axes.axhline(chance, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set_ylim(0, 1.03)
        axes.set_xlim(left=0)
        axes.set_xlabel("steps of training")
        axes.set_ylabel("share of right answers")
        _legend(axes, [name for name, _, _ in series])

    said = "; ".join(f"{name} ends at {shares[-1]:.2f}" for name, _, shares in series)
    return draw(paint, f"Right answers over training, chance {chance:.3g}. {said}.", height=2.9)


def _legend(axes: "Axes", names: Sequence[str]) -> None:
    columns = 4 if sum(map(len, names)) + 6 * len(names) <= _LETTERS else 1
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.2, handlelength=2.4)


def _ends(name: str, values: npt.ArrayLike) -> str:
    shown = np.asarray(values, dtype=np.float64)
    return f"{name}: {shown[-1]:.1e} at {len(shown)} steps back"
