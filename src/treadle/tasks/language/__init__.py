"""What comes next: language models, and what can be done with one."""

from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.work import LanguageWork

__all__ = ["LanguageModel", "LanguageWork"]
