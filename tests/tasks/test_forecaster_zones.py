"""Time stamps with zones: what a model is asked about is on the clock that it was trained on."""

import numpy as np
import pytest

from treadle.data.forecasting import read_panel
from treadle.errors import InputError
from treadle.tasks.forecast import Forecaster

HOURS = np.arange("2024-03-30T00", "2024-04-03T00", dtype="datetime64[h]")
VALUES = 10 + np.sin(np.arange(len(HOURS)) * np.pi / 12) + 0.1 * np.random.default_rng(0).normal(size=len(HOURS))


def series(offset: int, first: int = 0, last: int | None = None) -> dict[str, list[object]]:
    """Hours as a clock so many hours ahead of UTC shows them."""
    hours = HOURS[first:last]
    stamps = [f"{hour}:00+{offset:02}:00" for hour in hours + np.timedelta64(offset, "h")]
    return {"ds": stamps, "y": VALUES[first:last].tolist()}


def joined(*parts: dict[str, list[object]]) -> dict[str, list[object]]:
    return {name: [cell for part in parts for cell in part[name]] for name in ("ds", "y")}


def trained(data: dict[str, list[object]]) -> Forecaster:
    return Forecaster(horizon=3, season=24, lookback=24, hidden_size=4, epochs=1).fit(data)


def test_one_zone_after_a_training_on_several_becomes_utc() -> None:
    model = trained(joined(series(1, 0, 25), series(2, 25, 80)))
    expected = model.predict({"ds": [f"{hour}:00" for hour in HOURS], "y": VALUES.tolist()})
    found = model.predict(series(2))
    assert found["ds"] == expected["ds"]
    assert found["ds"][:2] == ["2024-04-03 00:00:00", "2024-04-03 01:00:00"]
    np.testing.assert_array_equal(found["y"], expected["y"])
    assert read_panel(found, target="y").frequency == model.features_.frequency, "what is written can be read again"


def test_several_zones_after_a_training_on_one_are_refused() -> None:
    model = trained(series(1))
    assert model.predict(series(1))["ds"][0] == "2024-04-03 01:00:00"
    with pytest.raises(InputError, match="found time stamps of several zones, expected local time or one zone"):
        model.predict(joined(series(1, 0, 25), series(2, 25, 80)))


def test_so_are_those_of_covariates_ahead() -> None:
    past = series(1, 0, 80)
    model = Forecaster(horizon=3, season=24, lookback=24, hidden_size=4, epochs=1, future=["x"])
    model.fit(past | {"x": VALUES[:80].tolist()})
    ahead = {"ds": joined(series(1, 80, 81), series(2, 81, 83))["ds"], "x": [0.0] * 3}
    with pytest.raises(InputError, match="found time stamps of several zones"):
        model.predict(past | {"x": VALUES[:80].tolist()}, future=ahead)


def test_a_second_fit_knows_nothing_of_the_first() -> None:
    model = trained(joined(series(1, 0, 25), series(2, 25, 80)))
    days = {"ds": np.arange("2024-01-01", "2024-03-21", dtype="datetime64[D]"), "y": VALUES[:80]}
    assert model.fit(days).features_.frequency == read_panel(days).frequency
    assert not model.fit(series(1)).features_.utc
