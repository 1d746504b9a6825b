"""Training: one loop, checkpoints that survive anything, optimisers and schedules by name."""

from treadle.files import write_atomically
from treadle.training.accelerator import group_of_processes, is_main_process
from treadle.training.checkpoint import load_state, save_state
from treadle.training.conduct import Conduct
from treadle.training.loop import Interrupted, fit
from treadle.training.objective import Objective
from treadle.training.progress import Bar, PartOf, Progress, Silent
from treadle.training.settings import TrainingSettings

__all__ = [
    "Bar",
    "Conduct",
    "Interrupted",
    "Objective",
    "PartOf",
    "Progress",
    "Silent",
    "TrainingSettings",
    "fit",
    "group_of_processes",
    "is_main_process",
    "load_state",
    "save_state",
    "write_atomically",
]
