"""One answer a sequence: a class, several labels, or a number."""

from treadle.tasks.sequence.classify import SequenceClassifier
from treadle.tasks.sequence.regress import SequenceRegressor
from treadle.tasks.sequence.work import SequenceWork

__all__ = ["SequenceClassifier", "SequenceRegressor", "SequenceWork"]
