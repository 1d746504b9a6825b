"""Windows in C: what a forecaster remembers of a series, and what its layers read of it."""

from typing import Any, NamedTuple

import numpy as np

from treadle.export.c.program import Program
from treadle.tasks.forecast.features import FARTHEST, PanelFeatures, Standard
from treadle.tasks.forecast.scaling import FEW, QUIET


class Window(NamedTuple):
    """Fields of the state that an answer reads: the values of the window, and the covariates of the next step."""

    values: str
    ahead: str


def named_inputs(features: PanelFeatures) -> list[str]:
    """What each number of a step is."""
    return [
        "the value",
        *(f"{name} of this step" for name in features.past.names),
        *(f"{name}, which does not change and may be NAN after the first step" for name in features.static.names),
        *(f"{name} of the next step" for name in features.future.names),
        *(f"{name} at the next step" for name in features.calendar),
    ]


def add_window(made: Program, features: PanelFeatures, x: str) -> Window:
    """Take in a value, as `treadle.tasks.forecast.steps.SeriesSteps` does, and write what the layers read to `x`."""
    length, season, advance = features.lookback, features.season, made.advance
    window = made.remember("window", np.zeros(length), "the last values, the newest last", kind="double")
    sums = made.remember(
        "sums", np.zeros(3), "the first value, and sums of the distances from it and of their squares", kind="double"
    )
    count = made.remember("count", np.zeros(1), "values so far", kind="int32_t")
    made.remember("scale", np.zeros(1), "the spread of the window", kind="double")
    given = {"none": "input[0]", "log": "log(input[0])", "sqrt": "sqrt(input[0])"}[features.transform]
    advance += [
        "",
        f"double value = {given};",
        "const float observed = value == value ? 1.0f : 0.0f;",
        "if (value != value) { /* that of a season before, or the last one */",
        f"    value = {count}[0] >= {season} ? {window}[{length - season}] : {window}[{length - 1}];",
        "}",
        f"if ({count}[0] == 0) {{",
        f"    for (int i = 0; i < {length}; ++i) {{",
        f"        {window}[i] = value;",
        "    }",
        f"    {sums}[0] = value;",
        "}",
        f"memmove({window}, {window} + 1, {length - 1} * sizeof(double));",
        f"{window}[{length - 1}] = value;",
        f"{sums}[1] += value - {sums}[0];",
        f"{sums}[2] += (value - {sums}[0]) * (value - {sums}[0]);",
        f"{count}[0] += {count}[0] < INT32_MAX ? 1 : 0;",
    ]
    advance += _statistics(features, window)
    first = length - features.lags
    advance += [
        "",
        *_spread(features),
        f"for (int i = 0; i < {features.lags}; ++i) {{",
        f"    const double away = {window}[{f'{first} + ' if first else ''}i] - level;",
        f"    {x}[i] = scale > 0.0 ? (float)(away / scale) : 0.0f;",
        "}",
        f"{x}[{features.lags}] = observed;",
        f"{x}[{features.lags + 1}] = {count}[0] < {length} ? (float){count}[0] / {length}.0f : 1.0f;",
        f"{x}[{features.lags + 2}] = (float)place;",
        f"{x}[{features.lags + 3}] = (float)width;",
    ]
    return _covariates(made, features, x, window)


def _statistics(features: PanelFeatures, window: str) -> list[str]:
    """Level and scale of a window, and how it lies in its series, as `tasks.forecast.scaling.Scaler` has them."""
    length, scaling = features.lookback, features.scaling
    lines = ["", "double level = 0.0, scale = 1.0, place = 0.0, width = 0.0;"]
    if scaling == "none":
        return lines
    lines += [
        "const double so_far = (double)state->count[0];",
        "const double distance = state->sums[1] / so_far, mean = state->sums[0] + distance;",
    ]
    mean_of_window = [
        f"const int values = state->count[0] < {length} ? state->count[0] : {length};",
        "double near = 0.0;",
        f"for (int i = {length} - values; i < {length}; ++i) {{",
        f"    near += {window}[i];",
        "}",
        "near /= values;",
    ]
    if features.counts:
        lines += mean_of_window if scaling == "window" else ["const double near = mean;"]
        return [*lines, "scale = near > 0.0 ? 1.0 + near : 1.0;"]
    lines += [
        "double variance = state->sums[2] / so_far - distance * distance;",
        "variance = variance > 0.0 ? variance : 0.0;",
    ]
    if scaling == "series":
        return [*lines, "level = mean;", "scale = sqrt(variance);"]
    return [
        *lines,
        *mean_of_window,
        "level = near;",
        "double around = 0.0;",
        f"for (int i = {length} - values; i < {length}; ++i) {{",
        f"    around += ({window}[i] - level) * ({window}[i] - level);",
        "}",
        f"scale = sqrt(around / values + {QUIET} * variance);",
        "if (variance > 0.0) { /* what a scaled window does not tell: where it lies in the series, how wide it is */",
        "    const double deviation = sqrt(variance);",
        "    place = (level - mean) / deviation;",
        "    place = place < -5.0 ? -5.0 : (place > 5.0 ? 5.0 : place);",
        "    width = log(scale / deviation);",
        "}",
    ]


def _spread(features: PanelFeatures) -> list[str]:
    """What answers are scaled by: the scale, mixed with the usual one where there are few values."""
    if features.counts or features.scaling == "none" or not features.usual:
        return ["state->scale[0] = scale;"]
    size = f"{features.usual!r} * fabs(level)" if features.relative else f"{features.usual!r}"
    return [
        f"const double few = state->count[0] < {FEW} ? (double)({FEW} - state->count[0]) : 0.0, usual = {size};",
        f"const double mixed = sqrt((({FEW}.0 - few) * scale * scale + few * usual * usual) / {FEW}.0);",
        "state->scale[0] = few > 0.0 ? mixed : scale;",
    ]


def _covariates(made: Program, features: PanelFeatures, x: str, window: str) -> Window:
    """Calendar, covariates of the next step, of this one, and those that do not change, behind the window."""
    past, static, future = features.past, features.static, features.future
    at_static = 1 + len(past.names)
    at_future = at_static + len(static.names)
    at_calendar = at_future + len(future.names)
    column = features.lags + 4
    for number in range(len(features.calendar)):
        made.advance.append(f"{x}[{column + number}] = input[{at_calendar + number}];")
    column += len(features.calendar)
    ahead = ""
    kinds: list[tuple[str, Standard, int, str, Any]] = [
        ("ahead", future, at_future, "known of the next step, standardised", 0.0),
        ("past", past, 1, "known up to now, standardised", 0.0),
        ("fixed", static, at_static, "what does not change, standardised", 0.0),
    ]
    for name, standard, first, meaning, begin in kinds:
        size = len(standard.names)
        if not size:
            continue
        kept = made.remember(name, np.full(size, begin), meaning)
        mean, deviation = (
            made.tables.vector(f"{name}_{part}", np.array(getattr(standard, part)), kind="double")
            for part in ("mean", "deviation")
        )
        made.advance += [
            "",
            f"/* {meaning[0].upper()}{meaning[1:]}; NAN for what it was. */",
            f"for (int i = 0; i < {size}; ++i) {{",
            f"    const double given = (input[{first} + i] - {mean}[i]) / {deviation}[i];",
            "    if (given == given) {",
            f"        const double most = given > {FARTHEST} ? {FARTHEST} : given;",
            f"        {kept}[i] = (float)(most < -{FARTHEST} ? -{FARTHEST} : most);",
            "    }",
            f"    {x}[{column} + i] = {kept}[i];",
            "}",
        ]
        column += size
        ahead = kept if name == "ahead" else ahead
    return Window(window, ahead)
