"""Which models there are in C, and who writes each."""

from typing import Any, Protocol

import numpy as np

from treadle.errors import InputError
from treadle.export.c import detectors, forecasts, language, online, sequences, speech, stacks, taggers
from treadle.export.c.program import Program
from treadle.export.c.proof import Sample
from treadle.nn import GRU, LSTM, RNN, Recurrent, Stack
from treadle.tasks.forecast import Forecaster
from treadle.tasks.language import LanguageModel
from treadle.tasks.online import OnlineClassifier, OnlineRegressor
from treadle.tasks.online.series import SeriesOnline
from treadle.tasks.sequence import SequenceClassifier, SequenceRegressor
from treadle.tasks.tagging import SequenceTagger
from treadle.tasks.transcribe import SpeechRecognizer


class Builder(Protocol):
    """Writes one kind of model."""

    def program(self, estimator: Any, name: str, *, int8: bool) -> Program:
        """The model in C."""

    def sample(self, estimator: Any, random: np.random.Generator) -> Sample:
        """Steps, and what Treadle says after each."""


_BUILDERS: dict[tuple[type, ...], Any] = {
    (SequenceClassifier, SequenceRegressor): sequences,
    (Forecaster,): forecasts,
    (SpeechRecognizer,): speech,
    (SequenceTagger,): taggers,
    (LanguageModel,): language,
    (OnlineClassifier, OnlineRegressor): online,
    (SeriesOnline,): detectors,
    (Recurrent, Stack, RNN, GRU, LSTM): stacks,
}


def builder(estimator: Any) -> Builder:
    """Who writes a model.

    Raises:
        InputError: It has no single step; the sentence says what to train instead.
    """
    for kinds, module in _BUILDERS.items():
        if isinstance(estimator, kinds):
            found: Builder = module
            return found
    raise InputError(
        f"a {type(estimator).__name__} has no single step that a C program could take; train a causal classifier, "
        "regressor, tagger, language model, forecaster or recogniser (bidirectional=False)"
    )
