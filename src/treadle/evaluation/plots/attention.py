"""Where a model looked: a field for every symbol that it wrote and every one that it read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from treadle.evaluation.plots.canvas import INK, MODEL, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEAST_SHOWN = 0.02
_SQUARE, _WIDTH = 0.24, 8.6  # inches


def attention_map(
    source: Sequence[str], target: Sequence[str], weights: npt.ArrayLike, alt: str = "", what: str = "read"
) -> str:
    """Draw attention as squares whose strength is their weight: a row a symbol written, a column one read.

    Args:
        source: What was read.
        target: What was written.
        weights: `[target, source]`, each row adds up to one.
        alt: What the picture shows; a default tells the likeliest partner of every symbol.
        what: What happened to the columns.

    Returns:
        Inline SVG.
    """
    shown = np.asarray(weights, dtype=np.float64).reshape(len(target), len(source))

    def paint(axes: "Axes") -> None:
        from matplotlib.patches import Rectangle

        for row, column in zip(*np.nonzero(shown >= _LEAST_SHOWN), strict=True):
            field = Rectangle(
                (column - 0.5, row - 0.5), 1, 1, color=MODEL, alpha=float(shown[row, column]), linewidth=0
            )
            axes.add_patch(field)
        axes.set_xlim(-0.5, len(source) - 0.5)
        axes.set_ylim(len(target) - 0.5, -0.5)
        axes.set_xticks(range(len(source)), [_label(one) for one in source], rotation=90 if _wide(source) else 0)
        axes.set_yticks(range(len(target)), [_label(one) for one in target])
        axes.tick_params(axis="x", labelbottom=False, labeltop=True, length=0, labelcolor=INK)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(visible=True, alpha=0.5)
        axes.set_xlabel(what)
        axes.set_aspect("equal", anchor="W")

    # A page scales every picture to its column, so all are of one width, and squares of one size.
    square = min(_SQUARE, (_WIDTH - 1.4) / max(1, len(source)))
    heads = 0.08 * max((len(_label(one)) for one in source), default=0) if _wide(source) else 0.2
    height = 0.4 + heads + square * len(target)
    return draw(paint, alt or _spoken(source, target, shown), width=_WIDTH, height=height)


def _label(symbol: str) -> str:
    """A symbol that can be seen: a space and the like by a mark."""
    return "␣" if symbol.isspace() else symbol.replace("▁", "")[:14] or "▁"


def _wide(symbols: Sequence[str]) -> bool:
    return max(map(len, symbols), default=0) > 1


def _spoken(source: Sequence[str], target: Sequence[str], weights: npt.NDArray[np.float64]) -> str:
    if not weights.size:
        return "Attention of an empty text."
    partners = (f"{one} at {source[place]}" for one, place in zip(target, weights.argmax(1), strict=True))
    return f"Where the model looked for each symbol: {', '.join(partners)}."
