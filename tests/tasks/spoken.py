"""A language of three tones, for tests of recognisers: nothing has to be read from disk."""

from typing import Any

import numpy as np

from treadle import SpeechRecognizer
from treadle.data.audio import Waveform

RATE = 8000
TONES = {"low": 300, "mid": 900, "high": 2500}
SMALL: dict[str, Any] = {
    "hidden_size": 16, "layers": 1, "convolutions": 0, "reduction": 4, "mel_bins": 12, "epochs": 12, "batch_size": 8,
    "learning_rate": 0.03, "dropout": 0, "speed": 0, "noise": 0, "frequency_masks": 0, "time_masks": 0, "averaging": 0,
}  # fmt: skip


def sound(text: str, seed: int = 0) -> Waveform:
    """Words of 120 ms, a little silence around them."""
    draw = np.random.default_rng(seed)
    time = np.arange(960) / RATE
    parts = [0.4 * np.hanning(960) * np.sin(2 * np.pi * TONES[word] * time) for word in text.split()]
    whole = np.concatenate([np.zeros(200), *parts, np.zeros(600)])
    return Waveform((whole + 0.002 * draw.normal(size=len(whole))).astype(np.float32), RATE)


def spoken(count: int, seed: int = 0) -> tuple[list[Waveform], list[str]]:
    """Recordings of one to three words, and what they say."""
    draw = np.random.default_rng(seed)
    texts = [" ".join(draw.choice(list(TONES), draw.integers(1, 4))) for _ in range(count)]
    return [sound(text, seed + place) for place, text in enumerate(texts)], texts


def recogniser(**options: Any) -> SpeechRecognizer:
    """A small one that has learnt the language."""
    X, y = spoken(48)
    return SpeechRecognizer(**(SMALL | {"unit": "word"} | options)).fit(X, y, dev=spoken(16, 100))
