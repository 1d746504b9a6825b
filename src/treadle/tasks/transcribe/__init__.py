"""What is said in a recording."""

from treadle.tasks.transcribe.estimator import SpeechRecognizer
from treadle.tasks.transcribe.work import TranscribeWork

__all__ = ["SpeechRecognizer", "TranscribeWork"]
