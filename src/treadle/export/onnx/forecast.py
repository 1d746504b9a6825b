"""Forecasters: values in their own unit in, quantiles of the steps to come out; scaling and base are in the graph."""

from typing import Any

import numpy as np
import torch

from treadle.data.forecasting import Panel
from treadle.export.onnx.graph import Graph, Value
from treadle.export.onnx.layers import linear, unrounded, write_stack, write_stack_step
from treadle.export.onnx.outlook import outlook, outlook_outputs, write_outlook
from treadle.export.onnx.proof import Arrays, Difference, Runner, prove_steps
from treadle.export.onnx.sequences import at_least_one_step, last_real, read_lengths
from treadle.export.onnx.states import Fields, StateField, by_layer, by_name, enter, layer_fields, leave
from treadle.export.onnx.windows import (
    Window,
    known_or_zero,
    standardised,
    transformed,
    undone,
    window_fields,
    write_spread,
    write_window_step,
    write_windows,
)
from treadle.export.onnx.written import Written
from treadle.tasks.forecast import Forecaster
from treadle.tasks.forecast.features import PanelFeatures, Standard
from treadle.tasks.forecast.network import ForecastNetwork
from treadle.tasks.forecast.objective import answer_at

FEATURES = "output_features"
"""The state that answers are made of: the last layer's output at the last value."""

HOW = [
    "'y': values in their own unit, NaN where one is missing; the first of a series is a number",
    "'calendar': of the step after each value, sin and cos of 2 pi times the share of a cycle, in the order of "
    "'calendar': seconds of the hour or of the day, over all of them; days, from 0, of the week from Monday, of the "
    "month or of the year, over all of them; month / 12, from 0; quarter / 4, from 0",
    "'future': covariates known in advance, of the step after each value; 'ahead': of all steps ahead of the last one. "
    "'past': covariates of the value's own step, NaN where missing; 'static': those that do not change. All in their "
    "own units",
]


class ForecastWriter:
    """Writes the graphs of a forecaster.

    Args:
        estimator: Fitted.
    """

    def __init__(self, estimator: Forecaster) -> None:
        self.estimator = estimator
        self.features: PanelFeatures = estimator.features_
        self.network: ForecastNetwork = unrounded(estimator.network_)
        self.levels = estimator.settings_.levels
        size = self.network.stack.output_size
        kept = StateField(FEATURES, np.zeros(size, np.float32))
        self.window = window_fields(self.features)
        self.fields: Fields = [*layer_fields(self.network.stack), *self.window, kept]

    def write(self) -> Written:
        """Graphs, description and proof."""
        features = self.features
        said: dict[str, Any] = {
            "inputs": {
                "how": HOW,
                "frequency": str(features.frequency),
                "calendar": list(features.calendar),
                **{name: list(getattr(features, name).names) for name in ("past", "future", "static")},
            },
            "answer": {
                "horizon": self.network.horizon,
                "levels": list(self.levels),
                "output": self.estimator.settings_.output,
                "mode": self.estimator.settings_.mode,
                "how": outlook(self.network.distribution),
            },
        }
        graphs = {"model.onnx": self._sequence(), "step.onnx": self._step()}
        return Written(said, self.fields, graphs, self._prove)

    def _parts(self) -> dict[str, int]:
        """The covariates that the model reads at every value, and their numbers."""
        features = self.features
        sizes = {"calendar": len(features.calendar)}
        sizes |= {name: len(getattr(features, name).names) for name in ("past", "future")}
        return {name: size for name, size in sizes.items() if size}

    def _enter(self, graph: Graph, time: tuple[str, ...]) -> dict[str, Value]:
        found = {"y": graph.input("y", "float64", ("batch", *time))}
        for name, size in self._parts().items():
            found[name] = graph.input(name, "float64", ("batch", *time, size))
        return found

    def _enter_once(self, graph: Graph) -> dict[str, Value]:
        """What is given once for a row."""
        found = {}
        if self.features.static.names:
            found["static"] = graph.input("static", "float64", ("batch", len(self.features.static.names)))
        if self.network.known:
            shape = ("batch", self.network.horizon, self.network.known)
            found["ahead"] = graph.input("ahead", "float64", shape)
        return found

    def _sequence(self) -> Graph:
        graph, network = Graph("forecaster"), self.network
        ports = self._enter(graph, ("time",))
        given = graph.input("lengths", "int64", ("batch",))
        ports |= self._enter_once(graph)
        states = enter(graph, self.fields)
        padded = {name: at_least_one_step(graph, ports[name], 3)[0] for name in self._parts()}
        y, steps = at_least_one_step(graph, ports["y"], 2)
        lengths = read_lengths(graph, given, y, steps)
        y = graph("Unsqueeze", transformed(graph, self.features, y), [2], name="values")
        past = self._standard(graph, "past", padded) if "past" in padded else None
        before = Window(*(states[field.name] for field in self.window))
        windows, window = write_windows(graph, self.features, y, past, lengths, before)
        x = self._joined(graph, windows, padded, ports, 2)
        h, ends = write_stack(graph, network.stack, x, lengths, by_layer(network.stack, states))
        last = graph("Where", lengths.some, last_real(graph, h, lengths), states[FEATURES], name="last_output")
        self._answer(graph, last, window, ports, by_name(network.stack, ends))
        return graph

    def _step(self) -> Graph:
        graph, network = Graph("step"), self.network
        ports = self._enter(graph, ())
        ports |= self._enter_once(graph)
        states = enter(graph, self.fields)
        y = graph("Unsqueeze", transformed(graph, self.features, ports["y"]), [1], name="value")
        past = self._standard(graph, "past", ports) if "past" in ports else None
        before = Window(*(states[field.name] for field in self.window))
        read, window = write_window_step(graph, self.features, y, past, before)
        x = self._joined(graph, read, ports, ports, 1)
        h, ends = write_stack_step(graph, network.stack, x, by_layer(network.stack, states))
        self._answer(graph, h, window, ports, by_name(network.stack, ends))
        return graph

    def _standard(self, graph: Graph, name: str, ports: dict[str, Value]) -> Value:
        part: Standard = getattr(self.features, name)
        with graph.within(name):
            return standardised(graph, part, ports[name])

    def _joined(self, graph: Graph, windows: Value, each: dict[str, Value], once: dict[str, Value], axis: int) -> Value:
        """What the layers read: windows and what is seen, calendar and future, past, static."""
        lags, past = self.features.lags, len(self.features.past.names)
        parts = [graph("Slice", windows, [0], [lags + 4], [-1], name="windows_and_seen")]
        if "calendar" in each:
            parts.append(known_or_zero(graph, each["calendar"]))
        if "future" in each:
            parts.append(known_or_zero(graph, self._standard(graph, "future", each)))
        if past:
            parts.append(graph("Slice", windows, [lags + 4], [lags + 4 + past], [-1], name="past_read"))
        if "static" in once:
            static = known_or_zero(graph, self._standard(graph, "static", once))
            if axis == 2:
                steps = graph("Shape", windows, start=1, end=2)
                shape = graph("Concat", [1], steps, [len(self.features.static.names)], axis=0)
                static = graph("Expand", graph("Unsqueeze", static, [1]), shape, name="static_of_steps")
            parts.append(static)
        return graph("Concat", *parts, axis=axis, name="read_by_layers")

    def _answer(self, graph: Graph, h: Value, window: Window, ports: dict[str, Value], after: dict[str, Value]) -> None:
        """The distribution of every step ahead, in the unit of y."""
        network, features = self.network, self.features
        size = network.distribution.size
        with graph.within("answer"):
            raw = graph("Reshape", linear(graph, h, network.head, "head"), [0, network.horizon, size], name="raw")
            if network.mix is not None and network.ahead is not None:
                known = known_or_zero(graph, standardised(graph, features.future, ports["ahead"]))
                beside = graph("Expand", graph("Unsqueeze", h, [1]), [1, network.horizon, 1], name="beside")
                mixed = linear(graph, graph("Concat", beside, known, axis=2), network.mix, "mix")
                raw = graph("Add", raw, linear(graph, graph("Tanh", mixed), network.ahead, "ahead"), name="raw_ahead")
            scale = write_spread(graph, features, window)
            weights = graph.weight("base.weight", features.base_weights.T)
            location = graph("MatMul", window.values, weights, name="base_forecast")
            found = write_outlook(graph, network, self.levels, raw, location, scale)
            if "quantiles" in found:
                table = undone(graph, features, found["quantiles"])
                largest = np.array([len(self.levels)])
                order = graph.several("TopK", table, largest, names=["quantiles", "order"], largest=0)
                median = undone(graph, features, found["median"])
                if 0.5 in self.levels:
                    median = graph("Gather", order[0], self.levels.index(0.5), axis=2, name="middle")
                found = {"quantiles": order[0], "median": median}
        for name, shape in outlook_outputs(network, self.levels).items():
            graph.output(name, found[name], "float64", shape)
        kept = {field.name: value for field, value in zip(self.window, window, strict=False) if value is not None}
        leave(graph, self.fields, {**after, **kept, FEATURES: h})

    def _panel(self, random: np.random.Generator, lengths: Any) -> Panel:
        """Series like none in particular, with gaps and covariates."""
        features = self.features
        dated, horizon = features.frequency.dated, self.network.horizon
        values = []
        for length in lengths:
            y = np.abs(random.normal(size=length)).cumsum() + 1
            y = np.round(y) if features.counts else y
            values.append(np.where((random.random(length) < 0.2) & (np.arange(length) > 0), np.nan, y))
        past, future, static = (getattr(features, name) for name in ("past", "future", "static"))

        def drawn(part: Standard, steps: int) -> Any:
            return random.normal(part.mean, part.deviation, (steps, len(part.names)))

        start: Any = np.datetime64("2024-01-31T00:00:00") if dated else 0
        return Panel(
            [str(number) for number in range(len(values))],
            [start] * len(values),
            values,
            features.frequency,
            [drawn(past, len(one)) for one in values],
            [drawn(future, len(one) + horizon) for one in values],
            np.concatenate([drawn(static, 1) for _ in values]),
            past.names,
            future.names,
            static.names,
        )

    def _inputs(self, panel: Panel) -> Arrays:
        """What the sequence model reads of series, padded."""
        steps, parts = max(map(len, panel.values)), self._parts()
        horizon = self.network.horizon
        rows: dict[str, list[Any]] = {name: [] for name in ("y", *parts)}
        for number, values in enumerate(panel.values):
            length = len(values)
            own = {"y": values, "past": panel.past[number], "future": panel.future[number][1 : length + 1]}
            own["calendar"] = self.features.calendar_of(panel.stamps(number, 1)[1:])
            for name, row in rows.items():
                row.append(np.pad(own[name], [(0, steps - length), *[(0, 0)] * (own[name].ndim - 1)]))
        found = {name: np.stack(row).astype(np.float64) for name, row in rows.items()}
        found["lengths"] = np.array([len(one) for one in panel.values], dtype=np.int64)
        if self.features.static.names:
            found["static"] = panel.static.astype(np.float64)
        if self.network.known:
            ahead = [one[len(y) : len(y) + horizon] for one, y in zip(panel.future, panel.values, strict=True)]
            found["ahead"] = np.stack(ahead)
        return found

    def _prove(self, runners: dict[str, Runner], difference: Difference) -> None:
        random = np.random.default_rng(0)
        for lengths in ([1], [7, 1, 2, 40], [3, 60]):
            panel = self._panel(random, lengths)
            inputs = self._inputs(panel)
            begin = {field.name: field.begin(len(lengths)) for field in self.fields}
            found = runners["model.onnx"]({**inputs, **begin})
            difference.take_all(f"series of {max(lengths)} values", found, self._expected(panel))
        self._prove_steps(random, runners, difference)

    def _expected(self, panel: Panel) -> dict[str, Any]:
        """What Treadle says of what comes after the last values."""
        windows = self.features.encode(panel, beyond=self.network.horizon)
        raw, series, origin = answer_at(self.network, windows, [np.array([n - 1]) for n in windows.lengths])
        ahead = windows.ahead(series, origin)
        if "median" in outlook_outputs(self.network, self.levels):
            median, quantiles = self.estimator._quantiles(raw, ahead)
            return {"median": median, "quantiles": quantiles}
        scale = ahead.scale[:, None].expand(ahead.location.shape)
        return {name: one.numpy() for name, one in _law(self.network, raw.double(), ahead.location, scale).items()}

    def _prove_steps(self, random: np.random.Generator, runners: dict[str, Runner], difference: Difference) -> None:
        """Covariates that are given once are the same at every step here."""
        once: Arrays = {}

        def draw(rows: int, steps: int) -> Arrays:
            panel = self._panel(random, [steps] * rows)
            inputs = self._inputs(panel)
            once.update({name: inputs[name] for name in ("static", "ahead") if name in inputs})
            return {name: inputs[name] for name in ("y", *self._parts())}

        def with_once(run: Runner) -> Any:
            return lambda inputs: run({**inputs, **once})

        both = {name: with_once(run) for name, run in runners.items()}
        last = list(outlook_outputs(self.network, self.levels))
        prove_steps(difference, both, draw, self.fields, last=last)


def _law(network: ForecastNetwork, raw: Any, location: Any, scale: Any) -> dict[str, Any]:
    """The numbers of a law that has no quantiles in the graph."""
    with torch.no_grad():
        if network.distribution.counts:
            mean, r = network.distribution._parameters(raw, scale)  # type: ignore[attr-defined]  # of counts alone
            return {"mean": mean, "r": r}
        spread = network.distribution._spread(raw)  # type: ignore[attr-defined]  # of Student's t
        freedom = network.distribution._freedom(raw)  # type: ignore[attr-defined]  # likewise
        return {"center": location + scale * raw[..., 0], "spread": scale * spread, "freedom": freedom}


def write_forecaster(estimator: Forecaster) -> Written:
    """`model.onnx` over whole series and `step.onnx`, one value at a time.

    Raises:
        InputError: A cell's step is nothing that the compiler knows.
    """
    return ForecastWriter(estimator).write()
