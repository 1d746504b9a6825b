"""Tasks: estimators that learn from sequences of any kind, and the work of a run from file to report."""

from treadle.tasks.caption import Captioner
from treadle.tasks.detect import AnomalyDetector
from treadle.tasks.folder import load
from treadle.tasks.forecast import Forecaster
from treadle.tasks.language import LanguageModel
from treadle.tasks.online import OnlineClassifier, OnlineForecaster, OnlineRegressor
from treadle.tasks.sequence import SequenceClassifier, SequenceRegressor
from treadle.tasks.tagging import SequenceTagger
from treadle.tasks.transcribe import SpeechRecognizer
from treadle.tasks.translate import Translator

__all__ = [
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
]
