"""From a file on disk to batches of numbers: readers, column roles, text, series, vocabularies and batches.

A name is imported when it is first used: `import treadle.data` costs nothing, and reading a CSV needs neither torch
nor pyarrow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from treadle.data.batches import BucketBatches, shard
    from treadle.data.codec import TokenCodec
    from treadle.data.columns import Roles, extract, infer_roles
    from treadle.data.corpus import Corpus, corpus_of_table, read_corpus
    from treadle.data.forecasting import Frequency, Panel, calendar_features, find_season, read_panel
    from treadle.data.kinds import Kind, infer_kind
    from treadle.data.numeric import SeriesScaler
    from treadle.data.ragged import Ragged
    from treadle.data.readers import FORMATS, read
    from treadle.data.split import split_rows
    from treadle.data.steps import gather
    from treadle.data.table import Table
    from treadle.data.tagging import Span, TaggedSentences, read_tagged, tokenize
    from treadle.data.targets import check_target, infer_task
    from treadle.data.text import TextEncoder, characters, choose_unit, words
    from treadle.data.vocabulary import SubwordVocabulary, Vocabulary
    from treadle.data.word_vectors import WordVectors, read_word_vectors

__all__ = [
    "FORMATS",
    "BucketBatches",
    "Corpus",
    "Frequency",
    "Kind",
    "Panel",
    "Ragged",
    "Roles",
    "SeriesScaler",
    "Span",
    "SubwordVocabulary",
    "Table",
    "TaggedSentences",
    "TextEncoder",
    "TokenCodec",
    "Vocabulary",
    "WordVectors",
    "calendar_features",
    "characters",
    "check_target",
    "choose_unit",
    "corpus_of_table",
    "extract",
    "find_season",
    "gather",
    "infer_kind",
    "infer_roles",
    "infer_task",
    "read",
    "read_corpus",
    "read_panel",
    "read_tagged",
    "read_word_vectors",
    "shard",
    "split_rows",
    "tokenize",
    "words",
]

_MODULES = {
    "batches": ("BucketBatches", "shard"),
    "codec": ("TokenCodec",),
    "columns": ("Roles", "extract", "infer_roles"),
    "corpus": ("Corpus", "corpus_of_table", "read_corpus"),
    "forecasting": ("Frequency", "Panel", "calendar_features", "find_season", "read_panel"),
    "kinds": ("Kind", "infer_kind"),
    "numeric": ("SeriesScaler",),
    "ragged": ("Ragged",),
    "readers": ("FORMATS", "read"),
    "split": ("split_rows",),
    "steps": ("gather",),
    "table": ("Table",),
    "tagging": ("Span", "TaggedSentences", "read_tagged", "tokenize"),
    "targets": ("check_target", "infer_task"),
    "text": ("TextEncoder", "characters", "choose_unit", "words"),
    "vocabulary": ("SubwordVocabulary", "Vocabulary"),
    "word_vectors": ("WordVectors", "read_word_vectors"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'treadle.data' has no attribute {name!r}")
    return getattr(import_module(f"treadle.data.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
