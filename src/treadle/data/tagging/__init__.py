"""Tagged sentences: readers, the schemes in which tags mark spans, and tokens that know their place in a string."""

from treadle.data.tagging.offsets import Token, tokenize
from treadle.data.tagging.reading import COLUMN_SUFFIXES, TAGGED_FORMATS, read_tagged, tagged_format
from treadle.data.tagging.records import from_table
from treadle.data.tagging.schemes import Scheme, Span, convert, detect_scheme, from_spans, to_spans
from treadle.data.tagging.sentences import TaggedSentences
from treadle.data.tagging.transitions import allowed, illegal_places

__all__ = [
    "COLUMN_SUFFIXES",
    "TAGGED_FORMATS",
    "Scheme",
    "Span",
    "TaggedSentences",
    "Token",
    "allowed",
    "convert",
    "detect_scheme",
    "from_spans",
    "from_table",
    "illegal_places",
    "read_tagged",
    "tagged_format",
    "to_spans",
    "tokenize",
]
