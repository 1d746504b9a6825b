"""Tasks: estimators that learn from sequences of any kind."""

from treadle.tasks.classify import SequenceClassifier
from treadle.tasks.folder import load
from treadle.tasks.regress import SequenceRegressor

__all__ = ["SequenceClassifier", "SequenceRegressor", "load"]
