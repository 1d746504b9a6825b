"""Forecasters in C: a value of a series in, the median and the quantiles of the next one out."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from treadle.data.forecasting import Frequency
from treadle.errors import InputError
from treadle.export.c.layers import add_stack
from treadle.export.c.pooling import add_linear
from treadle.export.c.program import Input, Program
from treadle.export.c.proof import Sample
from treadle.export.c.tables import Tables
from treadle.export.c.windows import add_window, named_inputs
from treadle.nn.distributions import Gaussian
from treadle.nn.quantiles import Quantiles
from treadle.streaming.layers import settled
from treadle.tasks.forecast.features import PanelFeatures
from treadle.tasks.forecast.frames import column_names
from treadle.tasks.forecast.network import ForecastNetwork

Array = NDArray[Any]

LENGTHS = [5, 1, 14]
"""Steps of the series that a model is held to; one more has a whole window and some steps."""


def program(estimator: Any, name: str, *, int8: bool) -> Program:
    """The model of a fitted `Forecaster`.

    Raises:
        InputError: Its answer needs functions that the library of C has not; the sentence says what to train instead.
    """
    features: PanelFeatures = estimator.features_
    network: ForecastNetwork = settled(estimator.network_)
    levels = estimator.settings_.levels
    if not isinstance(network.distribution, Quantiles | Gaussian):
        raise InputError(
            f"output={estimator.settings_.output!r} needs the inverse of a distribution that the library of C does not "
            "have; train with output='quantiles' or 'gaussian'"
        )
    names = named_inputs(features)
    made = Program(
        name,
        f"{estimator.describe()}, a forecaster of the next {features.frequency}",
        [f"{estimator.describe_size()}."],
        _input(features, names),
        ["the median", *column_names(levels)],
        [
            "the median of the next value, in the unit of the series, and its quantiles by their level in per cent: "
            "with a probability of 10 % the value is below y_10."
        ],
        Tables(int8=int8),
    )
    x = made.local(made.advance, "advance", "x", network.stack.input_size)
    window = add_window(made, features, x)
    y = add_stack(made, network.stack, x, made.advance, "advance")
    size = network.stack.output_size
    hidden = made.remember("features", np.zeros(size), "the last layer's output")
    made.advance.append(f"memcpy({hidden}, {y}, sizeof {hidden});")
    raw = made.local(made.answer, "answer", "raw", network.distribution.size)
    head = slice(0, network.distribution.size)
    add_linear(made, made.answer, raw, "head", hidden, network.head.weight[head], network.head.bias[head])
    if network.mix is not None and network.ahead is not None:
        _mix(made, network.mix, network.ahead, hidden, size, window.ahead, raw)
    _quantiles(made, features, network, levels, window.values)
    return made


def sample(estimator: Any, random: np.random.Generator) -> Sample:
    """Series at random, with gaps, and what the model's stream says after each value."""
    features: PanelFeatures = estimator.features_
    model = estimator.stream_model()
    lengths = [*LENGTHS, features.lookback + 5]
    inputs, found = [], []
    for length in lengths:
        for name, field in model.state.items():
            field[0] = model.initial[name]
        stamps = _stamps(features.frequency, length + 1)
        calendar = features.calendar_of(stamps[1:])
        for t, value in enumerate(_series(features, random, length)):
            row = {name: float(np.float32(random.normal())) for name in features.past.names}
            row |= {name: float(np.float32(random.normal())) for name in features.static.names}
            ahead = {name: float(np.float32(random.normal())) for name in features.future.names}
            step = {"y": None if np.isnan(value) else float(value), **row, "next": ahead}
            dated = {"ds": stamps[t]} if features.calendar and t == 0 else {}
            model.advance(model.read(step | dated))
            inputs.append([value, *row.values(), *ahead.values(), *calendar[t].tolist()])
            found.append([*model.answers(1)[0].values()])
    expected, arrays = np.array(found), np.array(inputs, dtype=np.float32)
    return Sample(
        lengths, {"input": arrays}, f"input + t * {arrays.shape[1]}", expected, float(np.ptp(expected)) or 1.0
    )


def _series(features: PanelFeatures, random: np.random.Generator, steps: int) -> Array:
    values = 20 + 5 * np.sin(2 * np.pi * np.arange(steps) / max(features.season, 4)) + random.normal(size=steps)
    if features.counts:
        values = np.round(values)
    values[random.random(steps) < 0.1] = np.nan
    values[0] = 20
    found: Array = values.astype(np.float32)
    return found


def _stamps(frequency: Frequency, steps: int) -> Any:
    begin: Any = np.datetime64("2024-02-26T00:00:00") if frequency.dated else 0
    return frequency.range(begin, steps)


def _input(features: PanelFeatures, names: list[str]) -> Input:
    meaning = [f"[{place}] {name}" for place, name in enumerate(names)]
    meaning.insert(
        0, f"{len(names)} numbers a step ({features.frequency}). The value may be missing (NAN) after the first."
    )
    if features.calendar:
        meaning.append(
            "Of a cycle, sin and cos of 2 pi times the share of it that has passed at the stamp of the next step: of "
            "the hour, of the day from midnight, of the week from Monday, of the month and of the year from their "
            "first day."
        )
    return Input(f"const float input[{len(names)}]", meaning, [("INPUTS", len(names), "numbers of a step")])


def _mix(made: Program, mix: nn.Linear, ahead: nn.Linear, hidden: str, beside: int, known: str, raw: str) -> None:
    """What the covariates of the next step, met by the state, add to the raw numbers."""
    both, met = (
        made.local(made.answer, "answer", name, size)
        for name, size in (("both", mix.in_features), ("met", mix.out_features))
    )
    more = made.local(made.answer, "answer", "more", ahead.out_features)
    made.answer += [
        f"memcpy({both}, {hidden}, sizeof {hidden});",
        f"memcpy({both} + {beside}, {known}, sizeof {known});",
    ]
    add_linear(made, made.answer, met, "mix", both, mix.weight, mix.bias)
    made.answer += [f"for (int i = 0; i < {mix.out_features}; ++i) {{", f"    {met}[i] = tanhf({met}[i]);", "}"]
    add_linear(made, made.answer, more, "ahead", met, ahead.weight, None)
    made.answer += [f"for (int i = 0; i < {ahead.out_features}; ++i) {{", f"    {raw}[i] += {more}[i];", "}"]


def _quantiles(
    made: Program, features: PanelFeatures, network: ForecastNetwork, levels: tuple[float, ...], window: str
) -> None:
    """From raw numbers to quantiles, about the base forecast and in the scale of the window, in the series' unit."""
    count, answer, tables = len(levels), made.answer, made.tables
    made.helpers.add("softplus")
    answer.append("")
    asked = made.local(answer, "answer", "quantile", count + 1, kind="double")
    if isinstance(network.distribution, Quantiles):
        own = network.distribution.levels
        middle = own.index(0.5)
        standard = made.local(answer, "answer", "standard", len(own), kind="double")
        answer.append(f"{standard}[{middle}] = raw[{middle}];")
        if middle:
            answer += [
                f"for (int i = {middle - 1}; i >= 0; --i) {{",
                f"    {standard}[i] = {standard}[i + 1] - softplus(raw[i]);",
                "}",
            ]
        if middle < len(own) - 1:
            answer += [
                f"for (int i = {middle + 1}; i < {len(own)}; ++i) {{",
                f"    {standard}[i] = {standard}[i - 1] + softplus(raw[i]);",
                "}",
            ]
        answer += [f"{asked}[{place}] = {standard}[{own.index(level)}];" for place, level in enumerate([*levels, 0.5])]
    else:
        at = torch.special.ndtri(torch.tensor([*levels, 0.5], dtype=torch.float64)).numpy()
        normal = tables.vector("normal_quantile", at, kind="double")
        answer += [
            "const double spread = softplus(raw[1]) + 1e-4f;",
            f"for (int i = 0; i <= {count}; ++i) {{",
            f"    {asked}[i] = raw[0] + spread * {normal}[i];",
            "}",
        ]
    base = tables.vector("base", features.weights[0], note="The base forecast: the next value by those of the window.")
    about = "0.0" if features.counts else f"{window}[{features.lookback - 1}]"  # numbers near 0 add up exactly
    answer += [
        f"const double about = {about};",
        "double location = about;",
        f"for (int i = 0; i < {features.lookback}; ++i) {{",
        f"    location += ({window}[i] - about) * {base}[i];",
        "}",
    ]
    offsets = network.offsets[0].double().numpy()
    if offsets.any():
        offset = tables.vector("offset", offsets, kind="double", note="By which quantiles are moved, in scales.")
        answer += [f"for (int i = 0; i < {count}; ++i) {{", f"    {asked}[i] += {offset}[i];", "}"]
    undone = {"none": "value", "log": "exp(value < 700.0 ? value : 700.0)", "sqrt": "value > 0.0 ? value * value : 0.0"}
    answer += [
        f"for (int i = 0; i <= {count}; ++i) {{",
        f"    const double value = location + state->scale[0] * {asked}[i];",
        f"    {asked}[i] = {undone[features.transform]};",
        "}",
        f"for (int i = 1; i < {count}; ++i) {{ /* in order, whatever they were moved by */",
        f"    const double value = {asked}[i];",
        "    int k = i;",
        f"    for (; k > 0 && {asked}[k - 1] > value; --k) {{",
        f"        {asked}[k] = {asked}[k - 1];",
        "    }",
        f"    {asked}[k] = value;",
        "}",
        f"output[0] = (float){asked}[{levels.index(0.5) if 0.5 in levels else count}];",
        f"for (int i = 0; i < {count}; ++i) {{",
        f"    output[1 + i] = (float){asked}[i];",
        "}",
    ]
