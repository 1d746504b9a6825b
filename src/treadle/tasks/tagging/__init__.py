"""A tag for every token of a sentence, and a label for the sentence."""

from treadle.tasks.tagging.estimator import SequenceTagger
from treadle.tasks.tagging.work import TagWork

__all__ = ["SequenceTagger", "TagWork"]
