"""What a forecaster's raw numbers mean: quantiles where these have a closed form, the numbers of the law elsewhere."""

from collections.abc import Sequence

import numpy as np
import torch

from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.pooling import DOUBLE
from treadle.nn.distributions import LEAST, Distribution, Gaussian, NegativeBinomial
from treadle.nn.quantiles import Quantiles
from treadle.tasks.forecast.network import ForecastNetwork

D = np.float64
LEAST_MEAN = 1e-6
"""Of counts, in scales."""


def outlook(distribution: Distribution) -> str:
    """How the outputs are read."""
    if isinstance(distribution, Quantiles | Gaussian):
        return "'quantiles' of each step ahead at 'levels', rising, and its 'median', in the unit of y"
    if isinstance(distribution, NegativeBinomial):
        return (
            "a step ahead is negative binomial: r failures, success with probability r / (r + mean); the quantile q is "
            "scipy.stats.nbinom.ppf(q, r, r / (r + mean))"
        )
    return (
        "a step ahead, transformed, is center + spread * t, with t of Student's law of so many degrees of freedom: the "
        "quantile q is center + spread * scipy.special.stdtrit(freedom, q); undo 'transform' after"
    )


def outlook_outputs(network: ForecastNetwork, levels: Sequence[float]) -> dict[str, tuple[int | str, ...]]:
    """The outputs and their shapes."""
    shape: tuple[int | str, ...] = ("batch", network.horizon)
    if isinstance(network.distribution, Quantiles | Gaussian):
        return {"quantiles": (*shape, len(levels)), "median": shape}
    if isinstance(network.distribution, NegativeBinomial):
        return dict.fromkeys(("mean", "r"), shape)
    return dict.fromkeys(("center", "spread", "freedom"), shape)


def write_outlook(
    graph: Graph, network: ForecastNetwork, levels: Sequence[float], raw: Value, location: Value, scale: Value
) -> dict[str, Value]:
    """The outputs, transformed still.

    Args:
        graph: Where.
        network: Whose distribution.
        levels: Of the quantiles.
        raw: `[batch, horizon, size]` float32.
        location: `[batch, horizon]` float64.
        scale: `[batch, 1]` float64.
    """
    law, size = network.distribution, network.distribution.size
    raw = graph("Cast", raw, to=DOUBLE, name="raw_float64")
    numbers = [graph("Gather", raw, place, axis=2, name=f"raw{place}") for place in range(min(size, 3))]
    if isinstance(law, NegativeBinomial):
        share = graph("Add", graph("Softplus", numbers[0]), D(LEAST_MEAN), name="share_of_scale")
        alpha = graph("Add", graph("Softplus", numbers[1]), D(LEAST), name="alpha")
        return {"mean": graph("Mul", scale, share, name="mean_count"), "r": graph("Reciprocal", alpha, name="failures")}
    if isinstance(law, Quantiles):
        own = _rising(graph, law, raw)
        asked = [law.levels.index(level) for level in levels]
        standard = graph("Gather", own, np.array(asked), axis=2, name="asked")
        middle = graph("Gather", own, law.levels.index(0.5), axis=2, name="standard_median")
        return _placed(graph, network, standard, middle, location, scale)
    width = graph("Add", graph("Softplus", numbers[1]), D(LEAST), name="spread_in_scales")
    if isinstance(law, Gaussian):
        at = torch.special.ndtri(torch.tensor(list(levels), dtype=torch.float64)).numpy()
        spread = graph("Mul", graph("Unsqueeze", width, [2]), at, name="from_mean")
        standard = graph("Add", graph("Unsqueeze", numbers[0], [2]), spread, name="asked")
        return _placed(graph, network, standard, numbers[0], location, scale)
    center = graph("Add", location, graph("Mul", scale, numbers[0]), name="center_of_law")
    freedom = graph("Add", graph("Softplus", numbers[2]), D(2), name="degrees_of_freedom")
    return {"center": center, "spread": graph("Mul", scale, width, name="spread_of_law"), "freedom": freedom}


def _rising(graph: Graph, law: Quantiles, raw: Value) -> Value:
    """Quantiles that cannot cross: the median, and steps away from it."""
    middle = law.levels.index(0.5)
    parts = [graph("Slice", raw, [middle], [middle + 1], [2], name="raw_median")]
    median = parts[0]
    if middle < law.size - 1:
        up = graph("Softplus", graph("Slice", raw, [middle + 1], [law.size], [2]), name="steps_up")
        parts.append(graph("Add", median, graph("CumSum", up, np.int64(2)), name="above"))
    if middle:
        down = graph("Softplus", graph("Slice", raw, [0], [middle], [2]), name="steps_down")
        parts.insert(0, graph("Sub", median, graph("CumSum", down, np.int64(2), reverse=1), name="below"))
    return graph("Concat", *parts, axis=2, name="standard_quantiles")


def _placed(
    graph: Graph, network: ForecastNetwork, standard: Value, middle: Value, location: Value, scale: Value
) -> dict[str, Value]:
    """Quantiles and median about the location, in the scale; calibration moves the quantiles."""
    offsets = network.offsets.detach().double()
    moved = graph("Add", standard, graph.weight("calibration", offsets), name="calibrated")
    wide = graph("Mul", moved, graph("Unsqueeze", scale, [2]), name="in_scale")
    table = graph("Add", graph("Unsqueeze", location, [2]), wide, name="table")
    return {"quantiles": table, "median": graph("Add", location, graph("Mul", scale, middle), name="middle_forecast")}
