"""How a training is carried out."""

from pathlib import Path
from typing import TypedDict

from treadle.training.progress import Progress


class Conduct(TypedDict, total=False):
    """How a training is carried out: nothing in it changes what is learnt. All of it may be left out.

    Attributes:
        checkpoint: A file for the state of training; None for none.
        checkpoint_seconds: Time between two of them; a minute, unless given.
        resume: Whether to go on from it.
        progress: Is told of every step and epoch.
    """

    checkpoint: Path | None
    checkpoint_seconds: float
    resume: bool
    progress: Progress | None
