"""ONNX: the whole model and its single step as graphs for ONNX Runtime, with a JSON of all before and after them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from treadle.errors import InputError
from treadle.export.onnx.caption import write_captioner
from treadle.export.onnx.forecast import write_forecaster
from treadle.export.onnx.language import write_language_model
from treadle.export.onnx.online import write_online
from treadle.export.onnx.packing import rounded
from treadle.export.onnx.recurrent import write_layers
from treadle.export.onnx.sequence import write_sequences
from treadle.export.onnx.speech import write_recognizer
from treadle.export.onnx.tagger import write_tagger
from treadle.export.onnx.translate import write_translator
from treadle.export.onnx.written import Written
from treadle.nn import GRU, LSTM, RNN, Recurrent, Stack
from treadle.tasks import Captioner, Forecaster, LanguageModel, SequenceTagger, SpeechRecognizer, Translator
from treadle.tasks.folder import SavedInFolder
from treadle.tasks.online.estimator import OnlineEstimator
from treadle.tasks.sequence.estimator import SequenceEstimator

WRITERS: dict[Any, Callable[[Any], Written]] = {
    SequenceEstimator: write_sequences,
    SequenceTagger: write_tagger,
    LanguageModel: write_language_model,
    Forecaster: write_forecaster,
    Captioner: write_captioner,
    Translator: write_translator,
    SpeechRecognizer: write_recognizer,
    OnlineEstimator: write_online,
    **dict.fromkeys((Stack, Recurrent, RNN, GRU, LSTM), write_layers),
}
"""What writes the graphs of a model, by its class."""


def write(model: Any, folder: Path, *, int8: bool = False) -> list[str]:
    """Write the graphs and `preprocessing.json`, and hold them to the model in ONNX Runtime.

    Args:
        model: A fitted estimator, or layers.
        folder: An empty folder.
        int8: Whether matrices are rounded to 8 bits with a scale a row, and kept so.

    Returns:
        What was written and the largest difference, a line each.

    Raises:
        InputError: The model has no such form, or ONNX Runtime answers differently.
        sklearn.exceptions.NotFittedError: It was not fitted.
    """
    if isinstance(model, SavedInFolder):
        check_is_fitted(model, "network_")
    for kind, writer in WRITERS.items():
        if isinstance(model, kind):
            return writer(rounded(model) if int8 else model).save(folder)
    raise InputError(f"a {type(model).__name__} has no form in ONNX; estimators of treadle.tasks and layers have")
