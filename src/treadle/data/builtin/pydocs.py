"""The language reference of the Python that runs: real English and code, a few hundred kilobytes, on every machine."""

from typing import Any, Final

from treadle.data.table import Table
from treadle.errors import InputError

_GROUPS: Final = {
    "statements": """assert assignment async augassign break class compound continue del else exceptions for function
        global if import nonlocal pass raise return try while with yield""",
    "expressions": """atom-identifiers atom-literals attribute-references await binary bitwise booleans calls
        comparisons conversions exprlists in lambda lists operator-summary power shifting slicings subscriptions
        unary""",
    "literals": "floating formatstrings id-classes identifiers imaginary integers numbers string-methods strings",
    "types": """bltin-code-objects bltin-ellipsis-object bltin-null-object bltin-type-objects dict objects truth types
        typesfunctions typesmapping typesmethods typesmodules typesseq typesseq-mutable""",
    "special methods": """attribute-access callable-types context-managers customization numeric-types sequence-types
        specialattrs specialnames""",
    "execution": "debugger dynamic-features execmodel naming",
}
_GROUP_OF: Final = {topic: group for group, topics in _GROUPS.items() for topic in topics.split()}


def pydocs(split: str) -> Table:
    """Columns `text` (a paragraph, lines as they are), `label` (the group of its topic) and `topic`.

    Topics follow one another and so do their paragraphs; of every ten paragraphs the fifth is dev and the tenth test.
    The same paragraph may stand under several topics; it is kept once, under the shortest of them, so that no
    paragraph of the test part is in the training part. A topic that a later Python adds has the label `"other"`.

    Raises:
        InputError: This Python has no `pydoc_data`.
    """
    try:
        # A module of nearly half a megabyte, loaded only when it is wanted.
        from pydoc_data.topics import topics
    except ImportError as error:
        raise InputError("this Python was installed without its documentation (the module pydoc_data)") from error
    rows: dict[str, str] = {}
    for topic in sorted(topics, key=lambda name: (len(topics[name]), name)):
        for paragraph in topics[topic].split("\n\n"):
            text = paragraph.strip("\n")
            if len(text) >= 20:
                rows.setdefault(text, topic)
    part = {"dev": (4,), "test": (9,)}.get(split, (0, 1, 2, 3, 5, 6, 7, 8))
    chosen = [row for number, row in enumerate(rows.items()) if number % 10 in part]
    columns: dict[str, list[Any]] = {
        "text": [text for text, _ in chosen],
        "label": [_GROUP_OF.get(topic, "other") for _, topic in chosen],
        "topic": [topic for _, topic in chosen],
    }
    return Table(columns)
