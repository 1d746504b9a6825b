"""Forecasters, recognisers and learners on a stream in ONNX Runtime answer as Treadle does, from raw data on."""

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx_files import Exported, padded

from treadle import (
    AnomalyDetector,
    Forecaster,
    OnlineClassifier,
    OnlineForecaster,
    OnlineRegressor,
    SpeechRecognizer,
)
from treadle.data.audio import Waveform
from treadle.data.forecasting import Frequency, Panel

SMALL: dict[str, Any] = {"hidden_size": 6, "epochs": 1, "seed": 3, "device": "cpu", "layers": 1}
WAVE = 10 + np.sin(np.arange(60)) * np.linspace(1, 2, 60)


def panel(*series: Any) -> Panel:
    values = [np.asarray(one, np.float64) for one in series]
    return Panel([str(n) for n in range(len(values))], [0] * len(values), values, Frequency("step"))


@pytest.mark.parametrize(
    "options",
    [
        {"transform": "log", "conformal": True},
        {"scaling": "series", "output": "gaussian", "levels": (0.05, 0.5, 0.95), "transform": "sqrt"},
        {"scaling": "none", "cell": "cornn", "lags": 3, "layers": 2, "residual": True},
    ],
    ids=["log", "gaussian", "none"],
)
def test_forecasts_in_the_unit_of_the_series(options: dict[str, Any], tmp_path: Path) -> None:
    model = Forecaster(**(SMALL | {"horizon": 3, "season": 4, "lookback": 8} | options)).fit_panel(panel(WAVE))
    made = Exported(model, tmp_path / "out")
    gap = np.where(np.arange(20) == 7, np.nan, WAVE[5:25])
    series = [WAVE[:31], gap, WAVE[40:41] * 1000]
    y, lengths = padded(series)
    found = made.run["model.onnx"]({"y": y, "lengths": lengths, **made.begin(3)})
    expected = model.predict_panel(panel(*series))
    np.testing.assert_allclose(found["quantiles"], np.stack(expected.quantiles), rtol=1e-5)
    np.testing.assert_allclose(found["median"], np.stack(expected.point), rtol=1e-5)

    stream = model.stream()
    for value, told in zip(WAVE[:12], made.steps({"y": WAVE[None, :12]}), strict=True):
        answer = stream.step(value)
        np.testing.assert_allclose(told["quantiles"][0, 0], list(answer.values())[1:], rtol=1e-5)


def test_covariates_and_calendar(tmp_path: Path) -> None:
    steps, ahead = 50, 2
    days = pd.date_range("2024-01-01", periods=steps + ahead, freq="D")
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"unique_id": "a", "ds": days, "y": draw.normal(size=steps + ahead), "rain": 1.0})
    frame["rain"], frame["holiday"], frame["size"] = draw.normal(size=steps + ahead), np.arange(steps + ahead) % 3, 2.0
    known = frame[:steps]
    how = {"horizon": ahead, "season": 7, "lookback": 14, "past": ["rain"], "future": ["holiday"], "static": ["size"]}
    model = Forecaster(**SMALL, **how).fit(known)
    made = Exported(model, tmp_path / "out")
    said = made.said["inputs"]
    after = days[1 : steps + 1]
    shares = {
        "day of week": after.day_of_week / 7,
        "day of month": (after.day - 1) / after.days_in_month,
    }
    waves = {"sin": np.sin, "cos": np.cos}
    calendar = [waves[name[:3]](2 * np.pi * shares[name[4:]].to_numpy()) for name in said["calendar"]]
    inputs: dict[str, Any] = {
        "y": known["y"].to_numpy()[None],
        "lengths": np.array([steps]),
        "past": known[["rain"]].to_numpy()[None],
        "future": frame[["holiday"]].to_numpy(np.float64)[None, 1 : steps + 1],
        "ahead": frame[["holiday"]].to_numpy(np.float64)[None, steps:],
        "static": np.array([[2.0]]),
        "calendar": np.stack(calendar, 1)[None],
    }
    found = made.run["model.onnx"]({**inputs, **made.begin(1)})
    expected = model.predict(known, future=frame[steps:][["unique_id", "ds", "holiday"]])
    np.testing.assert_allclose(found["median"][0], expected["y"], rtol=1e-5)


def test_laws_without_closed_quantiles_give_their_numbers(tmp_path: Path) -> None:
    from scipy import special, stats

    how = {"horizon": 2, "season": 1, "lookback": 6, "transform": "none", "levels": (0.2, 0.9)}
    for output in ("student-t", "negative-binomial"):
        model = Forecaster(**SMALL, **how, output=output).fit_panel(panel(np.round(WAVE)))
        made = Exported(model, tmp_path / output)
        y = np.round(WAVE[None, :20])
        found = made.run["model.onnx"]({"y": y, "lengths": np.array([20]), **made.begin(1)})
        expected = model.predict_panel(panel(y[0])).quantiles[0]
        for place, level in enumerate(made.said["answer"]["levels"]):
            if output == "student-t":
                told = found["center"] + found["spread"] * special.stdtrit(found["freedom"], level)
            else:
                told = stats.nbinom.ppf(level, found["r"], found["r"] / (found["r"] + found["mean"]))
            np.testing.assert_allclose(told[0], expected[:, place], rtol=1e-5)


def sounds(count: int) -> tuple[list[Waveform], list[str]]:
    draw = np.random.default_rng(0)
    tones, made = {"low": 300, "high": 2500}, []
    words = [" ".join(draw.choice(list(tones), 2)) for _ in range(count)]
    for text in words:
        parts = [
            0.4 * np.hanning(960) * np.sin(2 * np.pi * tones[word] * np.arange(960) / 8000) for word in text.split()
        ]
        noise = 0.002 * draw.normal(size=2720)
        made.append(Waveform((np.concatenate([np.zeros(200), *parts, np.zeros(600)]) + noise).astype("f"), 8000))
    return made, words


@pytest.mark.parametrize("bidirectional", [True, False])
def test_transcripts(bidirectional: bool, tmp_path: Path) -> None:
    X, words = sounds(16)
    small = {"convolutions": 1, "convolution_size": 5, "kernel_size": 3, "reduction": 3, "mel_bins": 12, "speed": 0}
    how = SMALL | small | {"epochs": 8, "batch_size": 8, "learning_rate": 0.03, "dropout": 0, "noise": 0}
    model = SpeechRecognizer(**how, unit="word", bidirectional=bidirectional, time_masks=0, frequency_masks=0)
    model.fit(X, words, dev=(X[:4], words[:4]))
    made = Exported(model, tmp_path / "out")
    said = made.said["answer"]
    frames, lengths = padded(model.audio_.encode(X))
    found = made.run["model.onnx"]({"frames": frames, "lengths": lengths, **made.begin(len(X))})
    texts = []
    for row, steps in zip(found["log_probabilities"], found["steps"], strict=True):
        best = [unit for unit, _ in groupby(row[:steps].argmax(1).tolist())]
        texts.append(" ".join(said["units"][unit] for unit in best if unit != said["blank"]))
    assert texts == list(model.predict(X))
    assert any(texts)
    assert said["seconds_of_a_step"] == pytest.approx(0.03)
    if not bidirectional:
        whole = lengths[0] // 3
        blocks = frames[:1, : 3 * whole].reshape(1, whole, 3, -1)
        told = [step["log_probabilities"][0] for step in made.steps({"frames": blocks})]
        np.testing.assert_allclose(told, found["log_probabilities"][0, :whole], atol=1e-4)


def row(x: dict[str, float], said: dict[str, Any]) -> Any:
    """Features by name in their columns; those that no feature has yet hold the mean."""
    found = np.array(said["scales"]["scale"]["mean"])
    for name, value in x.items():
        found[said["columns"][repr(name)]] = value
    return found


def held(values: Any, said: dict[str, Any], scale: str) -> Any:
    """Numbers scaled as the JSON says."""
    one = {name: np.array(numbers) for name, numbers in said["scales"][scale].items()}
    return np.clip((np.asarray(values) - one["mean"]) * one["factor"], -said["clip"], said["clip"])


def test_learners_on_a_stream_go_on_from_where_they_are(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    regressor, classifier = OnlineRegressor(hidden_size=5), OnlineClassifier(hidden_size=5, layers=2)
    for _ in range(40):
        x = {"a": float(draw.normal()), "b": float(draw.normal(5, 3))}
        regressor.learn_one(x, x["a"] + x["b"])
        classifier.learn_one(x, "up" if x["a"] > 0 else "down")
    x = {"a": 0.3, "b": 4.0}

    made = Exported(regressor, tmp_path / "regressor")
    said = made.said["inputs"]["x"]
    read = held(row(x, said), said, "scale").astype(np.float32)[None]
    output = made.run["step.onnx"]({"x": read, **made.begin(1)})["output"][0]
    target = {name: np.array(one) for name, one in said["scales"]["target"].items()}
    assert target["mean"] + target["deviation"] * output == pytest.approx(regressor.predict_one(x), rel=1e-5)

    made = Exported(classifier, tmp_path / "classifier")
    said = made.said["inputs"]["x"]
    read = held(row(x, said), said, "scale").astype(np.float32)[None]
    output = made.run["step.onnx"]({"x": read, **made.begin(1)})["output"][0]
    told = dict(zip(made.said["answer"]["classes"], np.exp(output) / np.exp(output).sum(), strict=True))
    assert told == pytest.approx(classifier.predict_proba_one(x), abs=1e-5)


@pytest.mark.parametrize(
    "model", [OnlineForecaster(hidden_size=5), AnomalyDetector(hidden_size=5)], ids=["next", "odd"]
)
def test_what_is_expected_next_of_a_stream(model: Any, tmp_path: Path) -> None:
    for t in range(50):
        model.learn_one(np.sin(t / 3))
    made = Exported(model, tmp_path / "out")
    said = made.said["inputs"]["x"]
    parts = [held(said["last"], said, "level"), held(said["change"], said, "changes")]
    read = np.concatenate(parts).astype(np.float32)[None]
    output = made.run["step.onnx"]({"x": read, **made.begin(1)})["output"][0]
    changes = {name: np.array(one) for name, one in said["scales"]["changes"].items()}
    expected = np.array(said["last"]) + changes["mean"] + changes["deviation"] * output
    found = model.step(0.0)["expected"] if isinstance(model, AnomalyDetector) else model.predict_one()
    assert expected == pytest.approx([found], rel=1e-5)
    if isinstance(model, AnomalyDetector):
        assert "treadle.AnomalyDetector" in made.said["answer"]["score"]
