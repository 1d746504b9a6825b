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
        (first | {"ds": "soon"}, "column 'ds': found 'soon', expected a time stamp"),
        (first | {"ds": ""}, "column 'ds': found nothing, expected a time stamp"),
        (first | {"ds": "NaT"}, "column 'ds': found 'NaT', expected a time stamp"),
        (first | {"ds": np.datetime64("NaT")}, "column 'ds': found nothing, expected a time stamp"),
        (first | {"ds": float("nan")}, "column 'ds': found nothing, expected a time stamp"),
        (first | {"ds": True}, "column 'ds': found True, expected a time stamp"),
        (first | {"ds": 17}, "column 'ds': found 17, expected a time stamp"),
        (first | {"ds": 10**400}, "column 'ds': found 1000.*, expected a time stamp"),
        (first | {"ds": "2024-02-30"}, "'2024-02-30', which is no date or time of the calendar"),
        (first | {"ds": "01/02/2024"}, "where either day or month may come first, expected year-month-day"),
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


DAYS = np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]")


def at_nine(day: np.datetime64) -> str:
    return f"{day}T09:00:00+09:00"


@pytest.mark.parametrize(
    "written",
    [
        str,
        at_nine,
        lambda day: str(day).replace("-", ""),
        lambda day: int(str(day).replace("-", "")),
        lambda day: str(day).replace("-", "/"),
        lambda day: f"{day}T23:00:00{'+01:00' if day < DAYS[20] else '+02:00'}",
        lambda day: int(day.astype("datetime64[s]").astype(int)),
        lambda day: day,
        lambda day: day.item(),
    ],
)
def test_time_stamps_are_read_as_in_training(written: Any) -> None:
    values = panel(len(DAYS)).values[0].tolist()
    stamps = [written(day) for day in DAYS]
    model = Forecaster(**SMALL).fit({"ds": stamps, "y": values})
    stream, first = model.stream(), model.stream()
    for t, value in enumerate(values):
        answer = stream.step({"y": value, "ds": stamps[t]})
        once = first.step({"y": value, "ds": stamps[0]} if t == 0 else value)
    np.testing.assert_allclose(answer["y"], model.predict()["y"][0], rtol=1e-5)
    assert answer == once


def test_hours_of_several_zones_are_utc_on_a_stream_as_in_training() -> None:
    values = panel(40).values[0].tolist()
    hours = np.datetime64("2024-03-30T10:00:00") + np.arange(40).astype("timedelta64[h]")  # UTC
    change = np.datetime64("2024-03-31T01:00:00")
    stamps = [f"{one + np.timedelta64(1, 'h')}+01:00" if one < change else f"{one + np.timedelta64(2, 'h')}+02:00"
              for one in hours]  # fmt: skip
    model = Forecaster(**SMALL).fit({"ds": stamps, "y": values})
    assert model.features_.utc
    stream = model.stream()
    for value, stamp in zip(values, stamps, strict=True):
        answer = stream.step({"y": value, "ds": stamp})
    np.testing.assert_allclose(answer["y"], model.predict()["y"][0], rtol=1e-5)


@pytest.mark.parametrize(
    ("unit", "stamp", "start"),
    [("year", 2024, "2024-01-01"), ("month", 202403, "2024-03-01"), ("year", "2024", "2024-01-01")],
)
def test_numbers_that_only_a_column_tells_apart_are_dates_of_a_model_of_such_steps(
    unit: Any, stamp: Any, start: str
) -> None:
    series = Panel(["a"], [np.datetime64("1980-01-01T00:00:00")], panel().values, Frequency(unit))
    model = Forecaster(**SMALL).fit_panel(series)
    one, other = model.stream(), model.stream()
    assert one.step({"y": 30.0, "ds": stamp}) == other.step({"y": 30.0, "ds": start})
    assert one.state["series.stamp"] == other.state["series.stamp"]


def test_a_first_stamp_that_lies_on_no_step_leaves_the_stream_as_it_was() -> None:
    model = Forecaster(**SMALL).fit_panel(Panel(["a"], [np.datetime64("2024-01-01T00:00:00")], panel().values,
                                                Frequency("weekday")))  # fmt: skip
    stream = model.stream()
    before = stream.snapshot()
    with pytest.raises(InputError, match="2024-01-06 is a Saturday or Sunday, expected Monday to Friday"):
        stream.step({"y": 30.0, "ds": "2024-01-06"})
    assert stream.snapshot() == before
