"""What moved a forecast: the weight of every past step of a series."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from treadle.data.forecasting import Panel
from treadle.errors import InputError, nearest
from treadle.evaluation.attribution import complete_gradients
from treadle.evaluation.saliency import Saliency, SaliencyPart
from treadle.tasks.forecast.windows import Floats, Windows

if TYPE_CHECKING:
    from treadle.tasks.forecast.predictions import Predicting

LONGEST_EXPLAINED = 400
"""Last steps of a series that are read and explained."""


def saliency(model: "Predicting", panel: Panel, series: str | None, step: int, steps: int | None) -> Saliency:
    r"""What moved the median of one step ahead; see `Forecaster.saliency`.

    A value is read in several windows: what the network makes of it in all of them is summed up at its own step, and
    with it its part in the base forecast, which is linear, \(w_j (v_j - l) / s\).
    """
    features, network = model.features_, model.network_.eval()
    names = [str(one) for one in panel.ids]
    if series is not None and series not in names:
        raise InputError(f"there is no series {series!r}{nearest(series, names)}")
    if not 1 <= step <= network.horizon:
        raise InputError(f"step is {step}, expected a number from 1 to {network.horizon}, the steps ahead")
    number = 0 if series is None else names.index(series)
    windows = features.encode(panel, beyond=network.horizon)
    length = int(windows.lengths[number])
    begin = max(0, length - LONGEST_EXPLAINED)
    chosen, start, count = (np.array([value], dtype=np.int64) for value in (number, begin, length - begin))
    device = next(network.parameters()).device
    x = windows.inputs(chosen, start, count)[0][0].to(device)
    ahead = windows.ahead(chosen, np.array([length - 1]))
    known = ahead.known.to(device)
    rows = torch.tensor([0.5], device=device)

    def score(path: Tensor) -> Tensor:
        y, _ = network.stack(path)
        raw = network.raw(y[:, -1], known.expand(len(path), -1, -1))[:, step - 1]
        one = torch.ones(len(path), device=device)
        if network.distribution.counts:
            return network.distribution.mean(raw, 0 * one, one)
        return network.distribution.quantiles(raw, rows, 0 * one, one)[:, 0]

    given, reached, neutral = complete_gradients(score, x, steps)
    by_input = given.double().cpu().numpy()
    weights = np.zeros(len(x))
    at = np.arange(len(x))
    for place in range(windows.lags):
        np.add.at(weights, np.maximum(at + place + 1 - windows.lags, 0), by_input[:, place])
    weights += by_input[:, windows.lags :].sum(1)
    if not network.distribution.counts:
        base = _base(windows, number, length, step)
        np.add.at(weights, np.maximum(len(x) - windows.lookback + np.arange(windows.lookback), 0), base)
        reached += float(base.sum())
    part = SaliencyPart(names[number], weights.tolist(), neutral, first=begin + int(windows.skipped[number]))
    return Saliency(f"{names[number]}, {step} ahead", reached, "prediction", (part,))


def _base(windows: Windows, number: int, length: int, step: int) -> Floats:
    """What every value of the last window adds to the base forecast, less the level and in scales."""
    at = int(windows.first[number]) + length - 1
    values = windows.filled[at + 1 - windows.lookback : at + 1].numpy()
    level, scale = float(windows.level[at]), float(windows.scale[at])
    weights = windows.base[step - 1].numpy()
    if scale == 0:
        return np.zeros(windows.lookback)
    return np.asarray(weights * (values - level) / scale)
