"""Numeric sequences: statistics held equal to scikit-learn's, fills to pandas', one row never touching another."""

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from treadle.data.numeric import SeriesScaler
from treadle.errors import InputError

NAN = float("nan")


def random_series(missing: float = 0.0, rows: int = 12, channels: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    series = []
    for _ in range(rows):
        values = rng.normal([5, -100, 0.01], [1, 30, 0.002], size=(rng.integers(3, 12), channels))
        values[rng.random(values.shape) < missing] = np.nan
        series.append(values)
    return series


def reference_fill(scaled: np.ndarray, fill: str, default: np.ndarray) -> np.ndarray:
    frame = pd.DataFrame(scaled)
    if fill == "forward":
        frame = frame.ffill().bfill()
    elif fill == "linear":
        frame = frame.interpolate(method="linear", limit_direction="both")
    return frame.fillna(pd.Series(default)).to_numpy()


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("fill", ["forward", "linear", "mean"])
@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
def test_scaling_as_scikit_learn_and_fill_as_pandas(scaling: str, fill: str, missing: float) -> None:
    train, other = random_series(missing), random_series(missing, rows=5)[::-1]
    joined = np.concatenate(train)
    reference = {"standard": StandardScaler, "minmax": MinMaxScaler}.get(scaling)
    fitted = reference().fit(joined) if reference else None
    mean = np.nanmean(joined, axis=0, keepdims=True)
    default = (fitted.transform(mean) if fitted else mean)[0]

    scaler = SeriesScaler.fit(train, scaling=scaling, fill=fill)
    for values, result in zip(other, scaler.transform(other), strict=True):
        expected = reference_fill(fitted.transform(values) if fitted else values, fill, default)
        if missing:
            expected = np.concatenate([expected, ~np.isnan(values)], axis=1)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


def test_series_scaling_standardises_every_series_by_itself() -> None:
    series = random_series(missing=0.3)
    scaler = SeriesScaler.fit(series[:2], scaling="series", fill="forward")
    for values, result in zip(series, scaler.transform(series), strict=True):
        expected = StandardScaler().fit_transform(values)
        observed = ~np.isnan(values)
        np.testing.assert_allclose(result[:, :3][observed], expected[observed], rtol=1e-4, atol=1e-5)
    moved = [values * 7 + 1000 for values in series]
    np.testing.assert_allclose(
        np.concatenate(scaler.transform(moved)), np.concatenate(scaler.transform(series)), atol=1e-4
    )


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none", "series"])
@pytest.mark.parametrize("fill", ["forward", "linear", "mean"])
def test_a_series_does_not_depend_on_those_beside_it(scaling: str, fill: str) -> None:
    series = [*random_series(missing=0.5), np.zeros((0, 3)), np.full((4, 3), np.nan)]
    scaler = SeriesScaler.fit(series, scaling=scaling, fill=fill)
    alone = [scaler.transform([values])[0] for values in series]
    for together, expected in zip(scaler.transform(series), alone, strict=True):
        np.testing.assert_array_equal(together, expected)


def test_fills_by_hand() -> None:
    series = [[None, 2.0, None, None, 8.0, None], [4.0, None]]
    expected = {
        "forward": [2, 2, 2, 2, 8, 8],
        "linear": [2, 2, 4, 6, 8, 8],
        "mean": [14 / 3, 2, 14 / 3, 14 / 3, 8, 14 / 3],
    }
    for fill, numbers in expected.items():
        result = SeriesScaler.fit(series, scaling="none", fill=fill).transform(series)[0]
        np.testing.assert_allclose(result[:, 0], numbers, rtol=1e-6)
        assert result[:, 1].tolist() == [0, 1, 0, 0, 1, 0]


def test_a_channel_missing_in_one_series_takes_the_training_mean() -> None:
    train = [[[1.0, 10.0], [3.0, 30.0]], [[5.0, NAN], [7.0, NAN]]]
    for fill in ("forward", "linear", "mean"):
        unscaled = SeriesScaler.fit(train, scaling="none", fill=fill).transform(train)[1]
        assert unscaled[:, 1].tolist() == [20.0, 20.0]
        assert SeriesScaler.fit(train, fill=fill).transform(train)[1][:, 1].tolist() == [0.0, 0.0]


def test_masks_only_for_channels_with_gaps_in_training() -> None:
    train = [[[1.0, 10.0], [3.0, NAN]], [[5.0, 11.0]]]
    scaler = SeriesScaler.fit(train)
    assert (scaler.channels, scaler.features, scaler.masked.tolist()) == (2, 3, [1])
    assert scaler.transform([[[NAN, NAN], [1.0, 1.0]]])[0][:, 2].tolist() == [0.0, 1.0]
    whole = SeriesScaler.fit([[[1.0, 10.0], [3.0, 4.0]]])
    assert whole.features == 2
    assert whole.transform([[[NAN, 1.0]]])[0].shape == (1, 2)


def test_only_training_data_is_learnt_from() -> None:
    scaler = SeriesScaler.fit([[0.0, 2.0]])
    before = scaler.to_json()
    assert scaler.transform([[101.0]])[0].tolist() == [[100.0]]
    assert scaler.to_json() == before


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none", "series"])
@pytest.mark.parametrize("constant", [0.0, 7.0, 0.1, -1e30, 1e-300])
def test_a_constant_channel_stays_finite(scaling: str, constant: float) -> None:
    series = [np.column_stack([np.full(1000, constant), np.arange(1000.0)])]
    result = SeriesScaler.fit(series, scaling=scaling).transform(series)[0]
    assert np.isfinite(result).all()
    if scaling != "none":
        # What rounding leaves of the mean is not blown up to the size of a signal.
        assert np.abs(result[:, 0]).max() <= 1e-9 * max(1, abs(constant))


def test_clipping_is_robust() -> None:
    values = np.random.default_rng(0).normal(10, 2, 10_001)
    spoilt = values.copy()
    spoilt[:5] = 1e6
    scaler = SeriesScaler.fit([spoilt], clip=5)
    # Five robust sigmas of a normal sample: close to 10 +- 5 * 2, whatever the outliers are.
    np.testing.assert_allclose([scaler.low[0], scaler.high[0]], [0, 20], atol=0.5)
    np.testing.assert_allclose([scaler.mean[0], scaler.scale[0]], [10, 2], rtol=0.02)
    assert scaler.transform([[1e6, 21.0]])[0].max() < 5.2
    assert SeriesScaler.fit([spoilt]).transform([[1e6]])[0].max() > 20


def test_a_channel_that_is_mostly_one_value_is_not_clipped() -> None:
    spikes = np.zeros(100)
    spikes[::10] = 3.0
    assert SeriesScaler.fit([spikes], scaling="none", clip=3).transform([spikes])[0].max() == 3.0


@pytest.mark.parametrize(
    "cell", [[1, 2, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3], np.int8), pd.Series([1, 2, 3]), ["1", "2", "3"]]
)
def test_every_kind_of_list_of_numbers(cell: Any) -> None:
    assert SeriesScaler.fit([cell], scaling="none").transform([cell])[0].tolist() == [[1.0], [2.0], [3.0]]


def test_none_and_nan_are_missing_in_lists_and_objects() -> None:
    for cell in ([[1.0, None], [2.0, 3.0]], np.array([[1.0, None], [2.0, 3.0]], object)):
        assert SeriesScaler.fit([cell], scaling="none").transform([cell])[0].tolist() == [[1, 3, 0], [2, 3, 1]]


def test_steps_as_arrays_in_an_array_of_objects() -> None:
    cell = np.empty(2, dtype=object)
    cell[0], cell[1] = np.array([1.0, 2.0]), np.array([3.0, np.nan])
    assert SeriesScaler.fit([cell], scaling="none").transform([cell])[0].tolist() == [[1, 2, 1], [3, 2, 0]]


def test_series_of_length_zero() -> None:
    scaler = SeriesScaler.fit([np.zeros((0, 2)), [], np.ones((3, 2))])
    result = scaler.transform([[], np.ones((1, 2)), np.zeros((0, 2))])
    assert [row.shape for row in result] == [(0, 2), (1, 2), (0, 2)]
    assert scaler.transform([]) == []
    for scaling in ("standard", "series"):
        assert SeriesScaler.fit([[1.0]], scaling=scaling).transform([[], []])[1].shape == (0, 1)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([[1.0, 2.0], [3.0, np.inf]], "row 2, channel 2, step 2: found an infinite value"),
        ([[1.0, -np.inf]], "row 2, channel 2, step 1: found an infinite value"),
        ([[1.0, 1e300]], r"row 2, channel 2, step 1: found 1e\+300"),
        ([[1.0, 2.0, 3.0]], "row 2 has 3 channels, expected 2"),
        ([1.0, 2.0], "row 2 has 1 channels, expected 2"),
        ([[1.0, 2.0], [3.0]], "row 2: found 1 number at step 2, expected 2 as at the first step"),
        ([[1.0, 2.0], [3.0, "x4"]], "row 2: found 'x4' at step 2, channel 2, expected a number"),
        (["1", "two"], "row 2: found 'two' at step 2, channel 1, expected a number"),
        ("1 2 3", "row 2: found '1 2 3', expected a series of numbers"),
        ([1, 10**400], "row 2: found 10+.* at step 2, channel 1, expected a number"),
        (None, "row 2: found None, expected a series of numbers"),
        (3.5, "row 2: found 3.5, expected a series of numbers"),
        (np.zeros((2, 2, 2)), r"row 2: found an array of shape \[2, 2, 2\]"),
        (np.zeros((2, 0)), r"row 2: found an array of shape \[2, 0\]"),
        (np.array([1j]), "row 2: .*expected a number"),
        (np.array(["2020-01-01"], "datetime64[D]"), "row 2: .*expected a number"),
        (np.array("x"), "row 2: found .*, expected a series of numbers"),
        (b"12", "row 2: found b'12', expected a series"),
        ([np.array("x")], "row 2: .*expected a number"),
        ([{"a": 1}], "row 2: .*expected a number"),
    ],
)
def test_bad_rows_are_named(bad: Any, message: str) -> None:
    good = [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(InputError, match=message):
        SeriesScaler.fit([good, bad])
    with pytest.raises(InputError, match=message):
        SeriesScaler.fit([good]).transform([good, bad])


def test_the_place_of_a_row_can_be_given() -> None:
    with pytest.raises(InputError, match=r"^a\.csv, line 12, channel 1, step 1: found an infinite value"):
        SeriesScaler.fit([[1.0], [np.inf]], where=lambda row: f"a.csv, line {row + 11}")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"scaling": "standart"}, "scaling is 'standart'; did you mean 'standard'"),
        ({"fill": "forwards"}, "did you mean 'forward'"),
        ({"clip": 0}, "clip is 0"),
        ({"clip": NAN}, "clip is nan"),
    ],
)
def test_bad_options_are_named(option: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SeriesScaler.fit([[1.0]], **option)


def test_training_data_without_values() -> None:
    with pytest.raises(InputError, match="no values at all"):
        SeriesScaler.fit([[], []])
    with pytest.raises(InputError, match="channel 2 has no value"):
        SeriesScaler.fit([[[1.0, NAN]], [[2.0, None]]])


@pytest.mark.parametrize("clip", [None, 3.0])
@pytest.mark.parametrize("scaling", ["standard", "series"])
def test_saved_and_loaded_through_json(scaling: str, clip: float | None) -> None:
    series = random_series(missing=0.3)
    scaler = SeriesScaler.fit(series, scaling=scaling, clip=clip)
    loaded = SeriesScaler.from_json(json.loads(json.dumps(scaler.to_json(), allow_nan=False)))
    for one, other in zip(scaler.transform(series), loaded.transform(series), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": None},
        {"mean": [1.0, 2.0]},
        {"mean": 3.0},
        {"shift": ["x"]},
        {"scale": [0.0]},
        {"scale": [None]},
        {"low": 1},
        {"masked": [1]},
        {"masked": None},
        {"scaling": "other"},
        {"fill": []},
        {"clip": "much"},
    ],
)
def test_damaged_json_is_named(change: dict[str, Any]) -> None:
    saved = SeriesScaler.fit([[1.0, 2.0]]).to_json()
    with pytest.raises(InputError, match="damaged"):
        SeriesScaler.from_json({**saved, **change})
    with pytest.raises(InputError, match="damaged"):
        SeriesScaler.from_json({name: value for name, value in saved.items() if name not in change})


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    series=st.lists(
        hnp.arrays(np.float64, st.tuples(st.integers(0, 5), st.just(2)), elements=st.floats(width=64)), max_size=5
    ),
    scaling=st.sampled_from(["standard", "minmax", "series", "none"]),
    fill=st.sampled_from(["forward", "linear", "mean"]),
    clip=st.sampled_from([None, 3.0]),
)
def test_any_numbers_give_finite_input_or_a_clear_error(
    series: list[np.ndarray], scaling: str, fill: str, clip: float | None
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            scaler = SeriesScaler.fit(series, scaling=scaling, fill=fill, clip=clip)
        except InputError:
            return
        result = scaler.transform(series)
    assert [row.shape for row in result] == [(len(row), scaler.features) for row in series]
    assert all(np.isfinite(row).all() for row in result)
