"""A stream of a forecaster says after every value what the forecaster says of all values so far."""

from typing import Any

import numpy as np
import pytest

from treadle.cells import cell_names
from treadle.data.forecasting import Frequency, Panel
from treadle.errors import InputError
from treadle.tasks.forecast import Forecaster

SMALL: dict[str, Any] = {
    "horizon": 3, "season": 4, "lookback": 8, "hidden_size": 6, "epochs": 1, "learning_rate": 0.01, "seed": 3,
    "transform": "none", "device": "cpu", "batch_size": 4,
}  # fmt: skip
NOON = np.datetime64("2024-02-27T12:00:00")


def panel(n: int = 40, holes: bool = False, covariates: bool = False, unit: str = "step") -> Panel:
    random = np.random.default_rng(2)
    y = 30 + 5 * np.sin(np.arange(n) * np.pi / 2) + random.normal(size=n)
    if holes:
        y[[2, 3, 11, 30, 31, 32, 33, 34]] = np.nan
    start: Any = NOON if unit != "step" else 0
    if not covariates:
        return Panel(["a"], [start], [y], Frequency(unit))
    past = random.normal(size=(n, 1))
    past[5] = np.nan
    return Panel(
        ["a"], [start], [y], Frequency(unit), past=[past], future=[random.normal(size=(n + 3, 1))],
        static=np.array([[2.0]]), past_names=("p",), future_names=("f",), static_names=("s",),
    )  # fmt: skip


def expected(model: Forecaster, data: Panel, known: int) -> list[float]:
    found = model.predict_panel(data.until([known]))
    return [found.point[0][0], *found.quantiles[0][0]]


def steps(data: Panel) -> list[Any]:
    values = [None if np.isnan(v) else float(v) for v in data.values[0]]
    if not data.past_names:
        return values
    found = []
    for t, value in enumerate(values):
        noise = data.past[0][t, 0]
        step = {"y": value, "p": None if np.isnan(noise) else noise, "next": {"f": data.future[0][t + 1, 0]}}
        found.append(step | ({"s": 2.0} if t == 0 else {}))
    return found


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ({}, {}),
        ({"output": "gaussian", "mode": "autoregressive", "layers": 2, "residual": True}, {"holes": True}),
        ({"conformal": True, "scaling": "series"}, {"holes": True}),
        ({"transform": "log"}, {"unit": "hour"}),
        ({"cell": "gru"}, {"covariates": True, "unit": "hour"}),
        ({"mode": "autoregressive", "calendar": False}, {"covariates": True, "unit": "hour"}),
    ],
    ids=str,
)
def test_every_step_says_what_predict_says_of_all_before(options: dict[str, Any], data: dict[str, Any]) -> None:
    series = panel(**data)
    model = Forecaster(**(SMALL | options)).fit_panel(series)
    stream = model.stream()
    for t, step in enumerate(steps(series)):
        if t == 0 and model.features_.calendar:
            step = (step if isinstance(step, dict) else {"y": step}) | {"ds": str(NOON)}
        answer = stream.step(step)
        np.testing.assert_allclose(list(answer.values()), expected(model, series, t + 1), rtol=1e-5, atol=1e-5)
    assert list(answer) == ["y", *(f"y_{k}0" for k in range(1, 10))]


@pytest.mark.parametrize("cell", list(cell_names()))
def test_with_every_cell(cell: str) -> None:
    series = panel(25)
    model = Forecaster(**(SMALL | {"cell": cell})).fit_panel(series)
    stream = model.stream()
    for value in series.values[0]:
        answer = stream.step(value)
    np.testing.assert_allclose(list(answer.values()), expected(model, series, 25), rtol=1e-5, atol=1e-5)


def test_a_snapshot_goes_on_to_the_last_bit_and_a_pool_is_many_streams() -> None:
    model = Forecaster(**SMALL).fit_panel(panel())
    first, second, pool = model.stream(), model.stream(), model.stream_pool()
    values = panel().values[0]
    for value in values[:20]:
        first.step(value)
    second.restore(first.snapshot())
    assert [first.step(v) for v in values[20:]] == [second.step(v) for v in values[20:]]
    alone = [model.stream(), model.stream()]
    for t in range(10):
        answers = pool.step(["a", "b"], [values[t], values[t + 7]])
        for answer, stream, value in zip(answers, alone, (values[t], values[t + 7]), strict=True):
            np.testing.assert_allclose(list(answer.values()), list(stream.step(value).values()), rtol=1e-6)


def test_what_is_no_step_is_refused_and_the_stream_survives_it() -> None:
    model = Forecaster(**SMALL).fit_panel(panel(covariates=True, unit="hour"))
    stream = model.stream()
    first = {"y": 30.0, "ds": str(NOON), "p": 1.0, "s": 2.0, "next": {"f": 0.5}}
    later = {"y": 31.0, "p": 1.0, "next": {"f": 0.5}}
    for step, sentence in [
        (first | {"y": None}, "the first step of a stream has no value"),
        (first | {"ds": None}, "the first step of this stream needs its time stamp"),
        (first | {"s": None}, "the first step of a stream needs s"),
        (first | {"next": {}}, "needs the 'f' of the next step, expected it under 'next'"),
        (first | {"wind": 3}, "a step of this stream has no 'wind', expected ds, next, p, s, y"),
        (first | {"y": "much"}, "'y' is 'much', expected a number or nothing"),
        (first | {"y": np.inf}, "'y' is inf, expected a number up to 3.4e38"),
        (first | {"ds": "soon"}, "'ds' is 'soon', expected a time stamp"),
        ([1.0, 2.0], "a step of this stream is one number or a dict with 'y'"),
    ]:
        before = stream.snapshot()
        with pytest.raises(InputError, match=sentence):
            stream.step(step)
        assert stream.snapshot() == before
    stream.step(first)
    before = stream.snapshot()
    with pytest.raises(InputError, match="the step is of 2024-02-27 15:00:00, expected 2024-02-27 13:00:00"):
        stream.step(later | {"ds": "2024-02-27T15:00:00"})
    assert stream.snapshot() == before
    stream.step(later)
