"""The page of `treadle diagnose`: each layer's findings and pictures; and cells beside each other on one task."""

from collections.abc import Mapping, Sequence

from treadle.evaluation.diagnosis import SHARE, LayerDiagnosis
from treadle.evaluation.plots.memory import gate_shares, gradient_by_distance, recall_curves
from treadle.evaluation.report.html import Html, element, figure, join, table
from treadle.evaluation.report.page import assemble

_OVERVIEW = "How it remembers"
_DISTANCE = "Share of the gradient that is left so many steps back, beside one step back; the dashed line is 1 %."


def render_diagnosis(
    title: str,
    summary: str,
    layers: Sequence[LayerDiagnosis],
    *,
    notes: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> str:
    """The page about a model.

    Args:
        title: Headline.
        summary: One sentence on the model.
        layers: Its recurrent layers.
        notes: On what data they were looked at.
        facts: Versions, machine, date.
    """
    overview = [_overview(layers)]
    if len(layers) > 1:
        shown = [(layer.name, layer.gradient) for layer in layers]
        svg = gradient_by_distance(shown, height=2.6 + 0.17 * len(layers))
        overview.insert(0, element("div", figure(svg, _DISTANCE, "Gradient over distance"), class_="pictures"))
    sections = [("overview", _OVERVIEW, overview)]
    sections += [(f"layer-{number}", layer.name, _layer(layer)) for number, layer in enumerate(layers, 1)]
    return assemble(title, "Diagnosis", summary, [*sections, *_made(notes, facts or {})])


def render_comparison(
    title: str,
    summary: str,
    cells: Sequence[tuple[str, LayerDiagnosis, Sequence[int], Sequence[float]]],
    *,
    chance: float,
    notes: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> str:
    """The page about cells that were trained on the same task.

    Args:
        title: Headline.
        summary: One sentence on the task.
        cells: Name, diagnosis after training, steps of training, and the share of right answers after each.
        chance: The share that guessing gets.
        notes: How they were trained.
        facts: Versions, machine, date.
    """
    after = gradient_by_distance([(name, layer.gradient) for name, layer, _, _ in cells])
    learnt = recall_curves([(name, steps, shares) for name, _, steps, shares in cells], chance)
    caption = "On sequences that were drawn anew for each step; the dashed line is what guessing gets."
    pictures = [figure(after, _DISTANCE, "Gradient over distance"), figure(learnt, caption, "Learning")]
    rows = [
        [name, f"{shares[-1]:.2f}", _reach(layer), f"{layer.gradient[-1]:.1e}", f"{layer.decay:.3f}"]
        for name, layer, _, shares in cells
    ]
    head = ["Cell", "Right answers", "Memory, steps", f"Gradient {cells[0][1].steps} steps back", "Factor a step"]
    overview = [element("div", join(pictures), class_="pictures"), table("After training", head, rows)]
    sections: list[tuple[str, str, Sequence[Html]]] = [("overview", _OVERVIEW, overview)]
    sections += [(f"cell-{number}", name, _layer(layer)) for number, (name, layer, _, _) in enumerate(cells, 1)]
    return assemble(title, "Comparison of cells", summary, [*sections, *_made(notes, facts or {})])


def _overview(layers: Sequence[LayerDiagnosis]) -> Html:
    rows = [
        [
            layer.name,
            layer.cell,
            f"{layer.units:,}",
            _reach(layer),
            f"{layer.decay:.3f}",
            f"{layer.step_radius:.3f}",
            f"{len(layer.dead):,}",
        ]
        for layer in layers
    ]
    head = ["Layer", "Cell", "Units", "Memory, steps", "Factor a step", "Spectral radius", "Dead units"]
    return table("Recurrent layers", head, rows, numeric_from=2)


def _reach(layer: LayerDiagnosis) -> str:
    return f"over {layer.steps:,}" if layer.memory is None else f"{layer.memory:,} of {layer.steps:,}"


def _layer(layer: LayerDiagnosis) -> list[Html]:
    said = [
        element(
            "li",
            join(
                [
                    element("b", found.topic, class_=None if found.good else "attend"),
                    f": {found.text}; " if found.good else f": {found.text}. ",
                    found.advice if found.good else element("b", f"{found.advice[0].upper()}{found.advice[1:]}."),
                ]
            ),
        )
        for found in layer.findings()
    ]
    pictures = [figure(gradient_by_distance([(layer.name, layer.gradient)]), _DISTANCE, "Gradient over distance")]
    if layer.gates:
        caption = "Blue: closed (a tanh near -1); orange: open (near 1); between them it decides."
        pictures.append(figure(gate_shares(layer.gates), caption, "Gates"))
    parts = [element("ul", join(said), class_="notes"), element("div", join(pictures), class_="pictures")]
    if layer.weights:
        rows = [[one.name, f"{one.radius:.3f}", f"{one.norm:.3f}"] for one in layer.weights]
        parts.append(table("Recurrent weights", ["Weight", "Spectral radius", "Largest singular value"], rows))
    return parts


def _made(notes: Sequence[str], facts: Mapping[str, str]) -> list[tuple[str, str, list[Html]]]:
    what = (
        "The gradient at a distance of k steps is the norm of a random direction of the layer's last output, taken "
        "back through k steps: the root of its mean square over sequences and directions. Memory is the distance from "
        f"which on it stays below {SHARE:.0%} of that one step back. The spectral radius is that of one step's "
        "Jacobian on the data."
    ).replace("%", " %")
    items = [element("li", note) for note in [*notes, what]]
    parts = [element("ul", join(items), class_="notes")]
    if facts:
        parts.append(table("Made with", ["What", "Value"], facts.items(), class_="plain", numeric_from=9))
    return [("how", "How this was measured", parts)]
