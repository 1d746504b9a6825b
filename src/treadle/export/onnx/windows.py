"""Series in a graph: values become scaled windows a step at a time, as `treadle.tasks.forecast.steps` makes them."""

from typing import Any, NamedTuple

import numpy as np

from treadle.export.onnx.graph import Graph, Port, Value
from treadle.export.onnx.pooling import DOUBLE
from treadle.export.onnx.sequences import Lengths
from treadle.export.onnx.states import StateField
from treadle.tasks.forecast.features import FARTHEST, PanelFeatures, Standard
from treadle.tasks.forecast.scaling import FEW, QUIET
from treadle.tasks.forecast.transform import LARGEST

D = np.float64


class Window(NamedTuple):
    """What a series remembers: its last values, how many it had, three sums, and its last past covariates if any."""

    values: Value
    number: Value
    sums: Value
    past: Value | None = None


class Statistics(NamedTuple):
    """Level and scale of a window, `[batch, 1]` each, and how it lies in its series, `[batch, 2]`."""

    level: Value
    scale: Value
    anchor: Value


def window_fields(features: PanelFeatures) -> list[StateField]:
    """Before the first value there is none; the count says so."""
    sizes = {"window": features.lookback, "count": 1, "sums": 3, "past": len(features.past.names)}
    return [StateField(f"series_{name}", np.zeros(size)) for name, size in sizes.items() if size]


def transformed(graph: Graph, features: PanelFeatures, y: Value) -> Value:
    """Values as windows hold them; NaN stays."""
    match features.transform:
        case "log":
            return graph("Log", y, name="logarithm")
        case "sqrt":
            return graph("Sqrt", y, name="square_root")
    return y


def undone(graph: Graph, features: PanelFeatures, z: Value) -> Value:
    """The values again."""
    match features.transform:
        case "log":
            return graph("Exp", graph("Min", z, D(LARGEST)), name="in_the_unit_of_y")
        case "sqrt":
            root = graph("Max", z, D(0), name="root")
            return graph("Mul", root, root, name="in_the_unit_of_y")
    return z


def standardised(graph: Graph, part: Standard, values: Value) -> Value:
    """Covariates in deviations from their mean; NaN stays."""
    away = graph("Sub", values, np.array(part.mean), name="from_mean")
    scaled = graph("Div", away, np.array(part.deviation), name="in_deviations")
    held = graph("Max", graph("Min", scaled, D(FARTHEST)), D(-FARTHEST), name="held")
    return graph("Where", graph("IsNaN", scaled), scaled, held, name="standardised")  # Min and Max may lose a NaN


def known_or_zero(graph: Graph, values: Value) -> Value:
    """Zero, the mean, in the place of what is missing; float32."""
    return graph("Cast", graph("Where", graph("IsNaN", values), D(0), values), to=1, name="known_or_mean")


def write_windows(
    graph: Graph, features: PanelFeatures, y: Value, past: Value | None, lengths: Lengths, before: Window
) -> tuple[Value, Window]:
    """A Scan over the values of series.

    Args:
        graph: Where.
        features: Fitted.
        y: `[batch, time, 1]` float64, transformed; NaN where missing, which the first of a series cannot be.
        past: `[batch, time, P]`, standardised; None where there are no such covariates.
        lengths: Of them.
        before: What the series remember.

    Returns:
        `[batch, time, lags + 4 + P]` float32: the scaled window's last values, what is seen, and past covariates; and
        what the series remember then.
    """
    body = graph.body("series")
    with body.within("series"):
        names = [field.name for field in window_fields(features)]
        state = Window(*(_port(body, f"{name}_before") for name in names))
        now = _port(body, "value_now")
        past_now = None if past is None else _port(body, "past_now")
        real = _port(body, "real_now", "bool")
        read, after = write_window_step(body, features, now, past_now, state)
        pairs = zip(_present(after), _present(state), strict=True)
        kept = [body("Where", real, new, old, name="kept") for new, old in pairs]
    body.outputs = [*(Port(name, "float64", (None, None)) for name in kept), Port(read, "float32", (None, None))]
    scans = [y, *([] if past is None else [past]), lengths.real]
    *ends, found = graph.several(
        "Scan",
        *_present(before),
        *scans,
        names=[*(f"{name}_at_end" for name in names), "windows"],
        body=body.to_onnx(),
        num_scan_inputs=len(scans),
        scan_input_axes=[1] * len(scans),
        scan_output_axes=[1],
    )
    return found, Window(*ends)


def write_window_step(
    graph: Graph, features: PanelFeatures, value: Value, past: Value | None, before: Window
) -> tuple[Value, Window]:
    """One value `[batch, 1]` and its past covariates; results as in `write_windows`, of one step."""
    with graph.within("window"):
        return _step(graph, features, value, past, before)


def _step(
    graph: Graph, features: PanelFeatures, value: Value, past: Value | None, before: Window
) -> tuple[Value, Window]:
    size, season = features.lookback, features.season
    observed = graph("Not", graph("IsNaN", value), name="observed")
    enough = graph("GreaterOrEqual", before.number, D(season), name="has_a_season")
    a_season_ago = graph("Slice", before.values, [size - season], [size - season + 1], [1], name="a_season_ago")
    last = graph("Slice", before.values, [size - 1], [size], [1], name="last_value")
    filled = graph("Where", observed, value, graph("Where", enough, a_season_ago, last), name="filled")
    fresh = graph("Equal", before.number, D(0), name="is_first")
    window = graph("Where", fresh, filled, before.values, name="window_before")
    window = graph("Concat", graph("Slice", window, [1], [size], [1]), filled, axis=1, name="window")
    first, distances, squares = graph.several(
        "Split", before.sums, names=["first_before", "distances", "squares"], axis=1, num_outputs=3
    )
    first = graph("Where", fresh, filled, first, name="first_value")
    away = graph("Sub", filled, first, name="from_first")
    distances = graph("Add", distances, away, name="distances_after")
    squares = graph("Add", squares, graph("Mul", away, away), name="squares_after")
    sums = graph("Concat", first, distances, squares, axis=1, name="sums")
    count = graph("Add", before.number, D(1), name="count")
    known = None
    if past is not None:
        known = graph("Where", graph("IsNaN", past), before.past, past, name="past_known")
    after = Window(window, count, sums, known)
    found = write_statistics(graph, features, after)
    scaled = _scaled(graph, features, window, found)
    share = graph("Min", graph("Div", count, D(size)), D(1), name="share_of_window")
    seen = graph("Cast", observed, to=DOUBLE, name="is_observed")
    parts = [graph("Concat", seen, share, found.anchor, axis=1, name="seen")]
    beside = parts[0] if known is None else graph("Concat", *parts, known, axis=1)
    rest = graph("Cast", beside, to=1, name="beside")
    return graph("Concat", scaled, rest, axis=1, name="read"), after


def _scaled(graph: Graph, features: PanelFeatures, window: Value, found: Statistics) -> Value:
    """The window's last values less the level and in its scale; zeros where a series stands still."""
    size, lags = features.lookback, features.lags
    tail = graph("Slice", window, [size - lags], [size], [1], name="last_values")
    moves = graph("Greater", found.scale, D(0), name="moves")
    divisor = graph("Where", moves, found.scale, D(1), name="divisor")
    inverse = graph("Where", moves, graph("Reciprocal", divisor), D(0), name="inverse")
    away = graph("Sub", tail, found.level, name="from_level")
    return graph("Cast", graph("Mul", away, inverse), to=1, name="scaled_window")


def write_statistics(graph: Graph, features: PanelFeatures, window: Window) -> Statistics:
    """Level, scale and anchor of a window, as `treadle.tasks.forecast.scaling`."""
    with graph.within("statistics"):
        return _statistics(graph, features, window)


def _statistics(graph: Graph, features: PanelFeatures, window: Window) -> Statistics:
    size, scaling, counts = features.lookback, features.scaling, features.counts
    first, distances, squares = graph.several(
        "Split", window.sums, names=["first", "sum_of_distances", "sum_of_squares"], axis=1, num_outputs=3
    )
    distance = graph("Div", distances, window.number, name="mean_distance")
    mean = graph("Add", first, distance, name="mean_so_far")
    square = graph("Div", squares, window.number, name="mean_square")
    variance = graph("Max", graph("Sub", square, graph("Mul", distance, distance)), D(0), name="variance_so_far")
    nothing = graph("Mul", mean, D(0), name="zero")
    no_anchor = graph("Concat", nothing, nothing, axis=1, name="no_anchor")
    one = graph("Add", nothing, D(1), name="one")
    if scaling == "none":
        return Statistics(nothing, one, no_anchor)
    if scaling == "series":
        if counts:
            return Statistics(nothing, graph("Add", one, graph("Max", mean, D(0)), name="scale"), no_anchor)
        return Statistics(mean, graph("Sqrt", variance, name="scale"), no_anchor)
    begin = graph("Sub", D(size), window.number, name="begin")
    valid = graph("GreaterOrEqual", np.arange(size, dtype=D), begin, name="valid")
    number = graph("Min", window.number, D(size), name="valid_values")
    total = graph("ReduceSum", graph("Where", valid, window.values, D(0)), [1], name="total")
    level = graph("Div", total, number, name="level")
    if counts:
        return Statistics(nothing, graph("Add", one, graph("Max", level, D(0)), name="scale"), no_anchor)
    around = graph("Where", valid, graph("Sub", window.values, level), D(0), name="around")
    spread = graph("Div", graph("ReduceSum", graph("Mul", around, around), [1]), number, name="spread")
    scale = graph("Sqrt", graph("Add", spread, graph("Mul", variance, D(QUIET))), name="scale")
    moving = graph("Greater", variance, D(0), name="moving")
    deviation = graph("Sqrt", graph("Where", moving, variance, D(1)), name="deviation")
    place = graph("Div", graph("Sub", level, mean), deviation)
    place = graph("Max", graph("Min", place, D(5)), D(-5), name="place")
    width = graph("Log", graph("Div", graph("Where", moving, scale, D(1)), deviation), name="width")
    anchor = graph("Where", moving, graph("Concat", place, width, axis=1), D(0), name="anchor")
    return Statistics(level, scale, anchor)


def write_spread(graph: Graph, features: PanelFeatures, window: Window) -> Value:
    """What answers are scaled by: the scale, mixed with the usual one where there are few values."""
    found = write_statistics(graph, features, window)
    if features.counts or features.scaling == "none" or not features.usual:
        return found.scale
    with graph.within("spread"):
        few = graph("Max", graph("Sub", D(FEW), window.number), D(0), name="few")
        size: Any = D(features.usual)
        if features.relative:
            size = graph("Mul", graph("Abs", found.level), size)
        own = graph("Mul", graph("Sub", D(FEW), few), graph("Mul", found.scale, found.scale), name="own")
        usual = graph("Mul", few, graph("Mul", size, size), name="usual")
        mixed = graph("Sqrt", graph("Div", graph("Add", own, usual), D(FEW)), name="mixed")
        return graph("Where", graph("Greater", few, D(0)), mixed, found.scale, name="spread")


def _present(window: Window) -> list[Value]:
    return [one for one in window if one is not None]


def _port(body: Graph, name: str, dtype: str = "float64") -> Value:
    value = body.fresh(name)
    body.inputs.append(Port(value, dtype, (None, None)))
    return value
