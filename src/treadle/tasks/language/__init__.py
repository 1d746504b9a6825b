"""What comes next: language models, and what can be done with one."""

from treadle.tasks.language.adapt import Adaptation, adapted_losses, best_adaptation
from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.generate import Generator, generate
from treadle.tasks.language.reading import Surprise
from treadle.tasks.language.sampling import Sampling
from treadle.tasks.language.work import LanguageWork

__all__ = [
    "Adaptation",
    "Generator",
    "LanguageModel",
    "LanguageWork",
    "Sampling",
    "Surprise",
    "adapted_losses",
    "best_adaptation",
    "generate",
]
