"""One sequence to another, from pairs of them."""

from treadle.tasks.translate.estimator import Translator
from treadle.tasks.translate.predictions import Drawing, Translation
from treadle.tasks.translate.work import TranslateWork

__all__ = ["Drawing", "TranslateWork", "Translation", "Translator"]
