"""From a matplotlib figure to an SVG that lives inside a page and takes its colours from it.

Shapes are painted in stand-in colours; the finished text has them replaced by CSS variables (`var(--model,
#1f6feb)`), so one drawing follows light and dark mode, print, and whatever theme the page has. Letters stay
letters, in the page's font.
"""

import hashlib
import io
import math
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SMALLEST, _LARGEST = 1e-4, 1e6  # an axis up to these is marked with its numbers as they are, else with a factor
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

INK = "#010101"
MUTED = "#010102"
GRID = "#010103"
MODEL = "#010104"
BASELINE = "#010105"
FOR = "#010106"
AGAINST = "#010107"

# Stand-in -> (CSS variable of the page, the colour where a page defines none).
_VARIABLES = {
    INK: ("ink", "#222222"),
    MUTED: ("muted", "#666666"),
    GRID: ("grid", "#dddddd"),
    MODEL: ("model", "#2456a6"),
    BASELINE: ("baseline", "#b06a00"),
    FOR: ("for", "#d9822b"),
    AGAINST: ("against", "#3b82c4"),
}

_STYLE = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.major.width": 0.7,
    "ytick.color": MUTED,
    "ytick.major.size": 0,
}


def draw(paint: Callable[["Axes"], None], alt: str, width: float = 4.6, height: float = 2.7) -> str:
    """Let `paint` draw on one pair of axes; returns inline SVG.

    Args:
        paint: Draws; takes its colours from this module's constants.
        alt: What the picture shows, for those who do not see it.
        width: Inches; a page scales the picture to its column, letters with it.
        height: Inches.

    Returns:
        One `<svg>` element, the same text for the same drawing.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = {**_STYLE, "svg.hashsalt": "treadle"}  # matplotlib types the keys as a list of literals
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        paint(axes)
        _label_factors(axes)
        text = io.StringIO()
        with warnings.catch_warnings():  # letters that matplotlib's font lacks, the page's has
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
            FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": None})
    return _inline(text.getvalue(), alt)


def _label_factors(axes: "Axes") -> None:
    """Put the factor of very large or small numbers into the axis label: above the axis, it would lie in the legend.

    Factors are powers of 1000, as people count: 35 × 10⁶, not 3.5 × 10⁷.
    """
    from matplotlib.ticker import ScalarFormatter

    for axis in (axes.xaxis, axes.yaxis):
        formatter = axis.get_major_formatter()
        largest = max(map(abs, axis.get_view_interval()))
        if not isinstance(formatter, ScalarFormatter):
            continue
        if _SMALLEST <= largest < _LARGEST:
            formatter.set_scientific(False)
            continue
        power = 3 * math.floor(math.log10(largest) / 3)
        formatter.set_powerlimits((power, power))
        axis.get_offset_text().set_visible(False)
        factor = f"× 10{str(power).translate(_RAISED)}"
        label = axis.get_label_text()
        axis.set_label_text(f"{label} ({factor})" if label else factor)


def _inline(svg: str, alt: str) -> str:
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    found = re.search(r'viewBox="([^"]+)"[^>]*>(.*)</svg>', body, flags=re.DOTALL)
    if found is None:
        raise ValueError("matplotlib wrote no <svg> element with a viewBox")
    view_box, body = found.groups()
    body = _private_names(body)
    # The page chooses the font; matplotlib's own list of families would win over it.
    body = re.sub(r"font-family: [^;\"]+;? ?", "", body)
    for stand_in, (variable, colour) in _VARIABLES.items():
        body = body.replace(stand_in, f"var(--{variable}, {colour})")
    body = re.sub(r">\s+<", "><", body.strip())
    return f'<svg class="plot" viewBox="{view_box}" role="img" aria-label="{escape(alt)}">{body}</svg>'


def _private_names(body: str) -> str:
    """Keep ids only where something refers to them, and make them this picture's own: a page holds many pictures."""
    prefix = "p" + hashlib.sha256(body.encode()).hexdigest()[:8]
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", body)
    return re.sub(r'(href="#|url\(#)([^")]+)', rf"\g<1>{prefix}\g<2>", body)
