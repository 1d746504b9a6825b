"""Treadle: recurrent neural networks for any sequence. You write the step; Treadle turns the wheel.

The names below are imported when they are first used, so that `import treadle` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from treadle.cells import Cell, HiddenState, make_cell, register
    from treadle.data import Table, read
    from treadle.errors import InputError
    from treadle.nn import GRU, LSTM, RNN, Recurrent, Stack
    from treadle.streaming import Stream, StreamPool
    from treadle.tasks import (
        AnomalyDetector,
        Captioner,
        Forecaster,
        LanguageModel,
        OnlineClassifier,
        OnlineForecaster,
        OnlineRegressor,
        SequenceClassifier,
        SequenceRegressor,
        SequenceTagger,
        SpeechRecognizer,
        Translator,
        load,
    )

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AnomalyDetector",
    "Captioner",
    "Cell",
    "Forecaster",
    "HiddenState",
    "InputError",
    "LanguageModel",
    "OnlineClassifier",
    "OnlineForecaster",
    "OnlineRegressor",
    "Recurrent",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "SpeechRecognizer",
    "Stack",
    "Stream",
    "StreamPool",
    "Table",
    "Translator",
    "load",
    "make_cell",
    "read",
    "register",
]

_MODULES = {
    "cells": ("Cell", "HiddenState", "make_cell", "register"),
    "data": ("Table", "read"),
    "errors": ("InputError",),
    "nn": ("GRU", "LSTM", "RNN", "Recurrent", "Stack"),
    "streaming": ("Stream", "StreamPool"),
    "tasks": (
        "AnomalyDetector",
        "Captioner",
        "Forecaster",
        "LanguageModel",
        "OnlineClassifier",
        "OnlineForecaster",
        "OnlineRegressor",
        "SequenceClassifier",
        "SequenceRegressor",
        "SequenceTagger",
        "SpeechRecognizer",
        "Translator",
        "load",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, imported on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'treadle' has no attribute {name!r}")
    return getattr(import_module(f"treadle.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, "__version__"]
