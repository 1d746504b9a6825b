"""A tiny model of every task, trained in moments: what it says hardly matters, that a server says the same does."""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from treadle import (
    Captioner,
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
    SpeechRecognizer,
    Translator,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from pairs_of_words import FAST, word_pairs
from seen import SMALL as SEEN
from seen import pictures, series
from spoken import SMALL as SPEECH
from spoken import spoken

SMALL: dict[str, Any] = {"cell": "gru", "hidden_size": 12, "layers": 1, "epochs": 1, "seed": 1, "device": "cpu"}
GOOD, BAD = ["a fine film", "great fun and warm", "lovely acting"], ["a dull film", "poor and cold", "awful acting"]


def mood() -> SequenceClassifier:
    model = SequenceClassifier(**SMALL | {"epochs": 8, "learning_rate": 0.03}, embedding_size=8, bidirectional=False)
    return model.fit([*GOOD, *BAD] * 6, (["good"] * 3 + ["bad"] * 3) * 6)


def gestures() -> SequenceClassifier:
    draw = np.random.default_rng(0)
    X = [draw.normal(size=(12, 2)) + k % 2 for k in range(16)]
    return SequenceClassifier(**SMALL, bidirectional=False, pooling="last").fit(X, ["still", "moving"] * 8)


def level() -> SequenceRegressor:
    draw = np.random.default_rng(0)
    X = [draw.normal(size=10) + k for k in range(16)]
    return SequenceRegressor(**SMALL, bidirectional=False).fit(X, [float(one.mean()) for one in X])


def names() -> SequenceTagger:
    X = [["Ada", "saw", "Rome"], ["Rome", "saw", "Bob"], ["Bob", "left"], ["Ada", "left", "Oslo"]] * 8
    y = [["B-PER", "O", "B-LOC"], ["B-LOC", "O", "B-PER"], ["B-PER", "O"], ["B-PER", "O", "B-LOC"]] * 8
    fast = {"epochs": 16, "learning_rate": 0.02, "hidden_size": 16}
    return SequenceTagger(**SMALL | fast, bidirectional=False).fit(X, y)


def poet() -> LanguageModel:
    draw = random.Random(0)
    text = " ".join(draw.choice(["to be", "or not", "that is"]) for _ in range(80))
    return LanguageModel(**SMALL, unit="char", embedding_size=6, bptt=8, batch_size=4, learning_rate=0.02).fit(text)


def sales() -> Forecaster:
    months = [str(np.datetime64("2015-01") + k) for k in range(60)]
    y = (50 + 10 * np.sin(np.arange(60) * np.pi / 6) + np.arange(60) / 4).tolist()
    return Forecaster(**SMALL, horizon=6, season=12, lookback=12).fit({"ds": months, "y": y})


def numbers() -> Translator:
    return Translator(**FAST | {"epochs": 8}).fit(*word_pairs(40))


def tones() -> SpeechRecognizer:
    options = SPEECH | {"cell": "gru", "unit": "word", "bidirectional": False}
    return SpeechRecognizer(**options).fit(*spoken(48), dev=spoken(16, 100))


def squares() -> Captioner:
    return Captioner(**SEEN | {"epochs": 2}).fit(*pictures(40))


def bumps() -> Captioner:
    return Captioner(**SEEN | {"epochs": 1}).fit(*series(24))


MODELS: dict[str, Callable[[], Any]] = {
    "mood": mood,
    "gestures": gestures,
    "level": level,
    "names": names,
    "poet": poet,
    "sales": sales,
    "numbers": numbers,
    "tones": tones,
    "squares": squares,
    "bumps": bumps,
}


def train_all(folder: Path) -> dict[str, Any]:
    """Every model, saved in a folder of its name."""
    models = {name: make() for name, make in MODELS.items()}
    for name, model in models.items():
        model.save(folder / name)
    return models
