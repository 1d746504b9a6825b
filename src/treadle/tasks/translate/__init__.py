"""One sequence to another, from pairs of them."""

from treadle.tasks.translate.estimator import Translator
from treadle.tasks.translate.predictions import Drawing, Translation

__all__ = ["Drawing", "Translation", "Translator"]
