"""Pictures, or sequences of frames, to a sentence on each."""

from treadle.tasks.caption.estimator import Captioner
from treadle.tasks.caption.predictions import Caption
from treadle.tasks.caption.work import CaptionWork

__all__ = ["Caption", "CaptionWork", "Captioner"]
