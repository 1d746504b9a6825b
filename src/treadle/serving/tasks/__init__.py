"""How models of every task are served: a file a family of tasks, entered by its import."""

from treadle.serving.tasks.captions import ServedCaptions
from treadle.serving.tasks.language import ServedLanguage
from treadle.serving.tasks.sequences import ServedSequences
from treadle.serving.tasks.series import ServedForecasts
from treadle.serving.tasks.speech import ServedSpeech
from treadle.serving.tasks.tags import ServedTags
from treadle.serving.tasks.translations import ServedTranslations

__all__ = [
    "ServedCaptions",
    "ServedForecasts",
    "ServedLanguage",
    "ServedSequences",
    "ServedSpeech",
    "ServedTags",
    "ServedTranslations",
]
