"""What a model is asked about has its time stamps read as those that it was trained on."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from treadle.errors import InputError
from treadle.tasks.forecast import Forecaster
from treadle.tasks.forecast.features import PanelFeatures

DAYS = pd.date_range("2023-01-01", "2023-07-11")
MONTHS = pd.date_range("2014-01-01", "2022-12-01", freq="MS")
HOURS = pd.date_range("2023-01-01", periods=100, freq="h")


def values(size: int) -> list[float]:
    return (10 + np.sin(np.arange(size) * np.pi / 6) + 0.1 * np.random.default_rng(0).normal(size=size)).tolist()


def table(stamps: list[Any], first: int = 0, last: int | None = None) -> dict[str, list[Any]]:
    return {"ds": stamps[first:last], "y": values(len(stamps))[first:last]}


def model() -> Forecaster:
    return Forecaster(horizon=3, season=6, lookback=12, hidden_size=4, epochs=1)


CASES = [
    ([int(f"{month:%Y%m}") for month in MONTHS], "2023-01-01"),
    (DAYS.strftime("%d/%m/%Y").tolist(), "2023-07-12"),
    (DAYS.strftime("%m/%d/%Y").tolist(), "2023-07-12"),
    ([int(f"{hour:%Y%m%d%H}") for hour in HOURS], "2023-01-05 04:00:00"),
]


@pytest.mark.parametrize(("stamps", "start"), CASES)
def test_a_file_that_goes_on_is_read_as_in_training(tmp_path: Path, stamps: list[Any], start: str) -> None:
    """The last ten stamps alone might be anything: steps, either day or month, seconds since 1970."""
    trained = model().fit(table(stamps, 0, -10))
    assert trained.predict(table(stamps))["ds"][0] == start
    assert trained.predict(table(stamps, -10))["ds"][0] == start
    trained.save(tmp_path / "m")
    again = Forecaster.load(tmp_path / "m")
    assert again.predict(table(stamps, -10))["ds"][0] == start
    assert again.predict(table(stamps, -1))["ds"][0] == start


@pytest.mark.parametrize("stamps", [stamps for stamps, _ in CASES])
def test_so_are_those_of_dev_and_of_a_stream(stamps: list[Any]) -> None:
    trained = model().fit(table(stamps, 0, -10), dev=table(stamps, -10))
    y = values(len(stamps))
    stream, plain = trained.stream(), trained.stream()
    dates = trained.read(table(stamps)).stamps(0)
    for step in range(len(stamps) - 10, len(stamps)):
        answer = stream.step({"y": y[step], "ds": stamps[step]})
        assert answer == plain.step({"y": y[step], "ds": str(dates[step])})


def test_a_stream_refuses_the_other_order_of_day_and_month() -> None:
    stream = model().fit(table(DAYS.strftime("%d/%m/%Y").tolist())).stream()
    before = stream.snapshot()
    sentence = "the step, column 'ds': found '07/13/2023', expected day, month, year as in training"
    with pytest.raises(InputError, match=sentence):
        stream.step({"y": 1.0, "ds": "07/13/2023"})
    assert stream.snapshot() == before


def test_a_model_that_was_saved_before_reads_months_by_its_frequency() -> None:
    stamps = CASES[0][0]
    trained = model().fit(table(stamps, 0, -10))
    saved = trained.features_.to_json()
    assert saved.pop("written") == "months"
    trained.features_ = PanelFeatures.from_json(saved)
    assert trained.features_.written == ""
    assert trained.predict(table(stamps, -10))["ds"][0] == "2023-01-01"
