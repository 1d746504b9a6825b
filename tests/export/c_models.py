"""Small fitted models of every task that C can take a step of; what they have learnt does not matter."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from treadle import (
    AnomalyDetector,
    Forecaster,
    LanguageModel,
    OnlineClassifier,
    OnlineForecaster,
    OnlineRegressor,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
    SpeechRecognizer,
)
from treadle.data.audio import Waveform
from treadle.data.forecasting import Frequency, Panel

SMALL: dict[str, Any] = {"hidden_size": 6, "epochs": 1, "seed": 2, "device": "cpu"}
CAUSAL: dict[str, Any] = {**SMALL, "bidirectional": False}
TEXT = "to be or not to be that is the question\n"
WORDS = TEXT.split()
TEXTS = ["good stuff here", "bad stuff", "very good"] * 4
TAGS = [["B-X" if "o" in word else "O" for word in some] for some in (WORDS, WORDS[3:])] * 6


def series(*, gaps: bool = False) -> list[Any]:
    """Twelve of nine steps and two channels, far from zero; with `gaps`, a value is missing in each."""
    found = np.random.default_rng(0).normal(size=(12, 9, 2)) * [1.0, 40.0] + [100.0, -3.0]
    if gaps:
        found[:, 2, 1] = np.nan
    return [*found]


def panel(*, covariates: bool = False, unit: str = "step") -> Panel:
    """A series of forty values, and what is known beside it."""
    random = np.random.default_rng(2)
    y = 30 + 5 * np.sin(np.arange(40) * np.pi / 2) + random.normal(size=40)
    start: Any = 0 if unit == "step" else np.datetime64("2024-02-27T12:00:00")
    if not covariates:
        return Panel(["a"], [start], [y], Frequency.parse(unit))
    past, future = random.normal(size=(40, 1)), random.normal(size=(43, 2))
    return Panel(
        ["a"], [start], [y], Frequency.parse(unit), past=[past], future=[future], static=np.array([[2.0]]),
        past_names=("wind",), future_names=("price", "holiday"), static_names=("height",),
    )  # fmt: skip


def classifier(**options: Any) -> SequenceClassifier:
    """Of series."""
    return SequenceClassifier(**(CAUSAL | options)).fit(series(gaps="fill" in options), ["up", "down, or so"] * 6)


def text_classifier(**options: Any) -> SequenceClassifier:
    """Of words."""
    return SequenceClassifier(**(CAUSAL | options)).fit(TEXTS, ["a", "b", "c"] * 4)


def tagger(**options: Any) -> SequenceTagger:
    """Of spans."""
    labels = options.pop("labels", None)
    return SequenceTagger(**(CAUSAL | {"character_hidden_size": 0} | options)).fit(
        [WORDS, WORDS[3:]] * 6, TAGS, **({} if labels is None else {"labels": labels})
    )


def tagger_in_context(folder: Path) -> SequenceTagger:
    """One that reads what a language model makes of the words."""
    LanguageModel(unit="word", **SMALL).fit(TEXT * 8).save(folder)
    return tagger(init_from=str(folder))


def language_model(**options: Any) -> LanguageModel:
    """Of characters or words."""
    return LanguageModel(**(SMALL | {"unit": "char"} | options)).fit(TEXT * 8)


def forecaster(*, covariates: bool = False, unit: str = "step", **options: Any) -> Forecaster:
    """Of a series."""
    shape: dict[str, Any] = {"horizon": 3, "season": 4, "lookback": 8, "transform": "none"}
    return Forecaster(**(SMALL | shape | options)).fit_panel(panel(covariates=covariates, unit=unit))


def recogniser() -> SpeechRecognizer:
    """Of noise."""
    random = np.random.default_rng(0)
    sounds = [Waveform((random.normal(size=4000) / 9).astype(np.float32), 8000) for _ in range(6)]
    shape: dict[str, Any] = {"convolutions": 2, "convolution_size": 7, "kernel_size": 3, "reduction": 2, "mel_bins": 12}
    return SpeechRecognizer(**CAUSAL, layers=1, **shape).fit(sounds, ["on", "off", "on off"] * 2)


def learner(made: Any, steps: int, step: Callable[[int, float], tuple[Any, ...]]) -> Any:
    """An online estimator that has learnt from a stream of `step(time, noise)`."""
    random = np.random.default_rng(3)
    for t in range(steps):
        made.learn_one(*step(t, random.normal()))
    return made


ONLINE: dict[str, Callable[[], Any]] = {
    "follower": lambda: learner(
        OnlineForecaster(hidden_size=6, seasons=(7, 3)), 100, lambda t, e: ([np.sin(t / 3) + e / 9, 5 + t % 7 + e / 9],)
    ),
    "detector": lambda: learner(
        AnomalyDetector(hidden_size=6, window=100, rest=20), 330, lambda t, e: (np.sin(t / 5) + e / 9,)
    ),
    "every_step": lambda: learner(
        AnomalyDetector(hidden_size=6, window=100, rest=0, short=0), 90, lambda t, e: ({"a": np.sin(t / 5), "b": e},)
    ),
    "answering": lambda: learner(
        OnlineClassifier(hidden_size=6), 100, lambda _, e: ({"u": e, "v": 10 - e}, "yes" if e > 0 else "no")
    ),
    "counting": lambda: learner(OnlineRegressor(hidden_size=6), 100, lambda t, e: ([e, t % 5], 3 * e + 100)),
}
"""Learners on a stream, likewise."""

MODELS: dict[str, Callable[[], Any]] = {
    "concat": lambda: classifier(pooling="concat"),
    "filled": lambda: classifier(pooling="mean", fill="mean", clip_outliers=2.0),
    "forward": lambda: classifier(pooling="max", fill="forward", scaling="minmax", layers=2, residual=True),
    "text": lambda: text_classifier(pooling="attention"),
    "labels": lambda: SequenceClassifier(**CAUSAL).fit(TEXTS, [["a"], ["a", "b"], ["c"]] * 4),
    "number": lambda: SequenceRegressor(**CAUSAL).fit(TEXTS, [1000.0, 1002.0, 1001.0] * 4),
    "each_step": lambda: SequenceRegressor(**CAUSAL, cell="gru").fit(series(), [x[:, 0].cumsum() for x in series()]),
    "tags": lambda: tagger(decoder="softmax", character_hidden_size=3),
    "chain": lambda: tagger(decoder="crf", character_hidden_size=3, character_pooling="max"),
    "joint": lambda: tagger(labels=["p", "q"] * 6),
    "letters": language_model,
    "tied": lambda: language_model(unit="word", layers=2),
    "clusters": lambda: language_model(softmax="adaptive", tied=False, hidden_size=16),
    "quantiles": forecaster,
    "normal": lambda: forecaster(output="gaussian", conformal=True, transform="log", scaling="series"),
    "covariates": lambda: forecaster(covariates=True, unit="hour", levels=(0.1, 0.9), cell="gru"),
    "speech": recogniser,
}
"""A model by the name that it has in C."""
