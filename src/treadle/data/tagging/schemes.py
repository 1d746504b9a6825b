"""Spans of tokens written as one tag a token: IOB1, IOB2, BIOES and BMES, with their other spellings.

| scheme | a span of one token | of four tokens | other tokens |
|---|---|---|---|
| iob1 | `I` (`B` directly after a span of its type) | `I I I I` (likewise) | `O` |
| iob2 | `B` | `B I I I` | `O` |
| bioes, spelt bilou | `S`, `U` | `B I I E`, `B I I L` | `O` |
| bmes, spelt bmewo | `S`, `W` | `B M M E` | `O` |

A tag is such a letter, a hyphen and the span's type (`B-person`); a letter alone is a span of type `""`, as in word
segmentation. An underscore in place of the hyphen is understood.

Source: Ramshaw & Marcus 1995 (IOB1); Tjong Kim Sang & Veenstra 1999 (IOB2); Ratinov & Roth 2009 (BILOU).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from treadle.errors import InputError

Scheme = Literal["iob1", "iob2", "bioes", "bilou", "bmes", "bmewo"]
"""How spans are written as tags."""

OUTSIDE: Final = "O"


class Letters(NamedTuple):
    """What a scheme writes for a token, by its place in the span; iob1 and iob2 differ in when they begin."""

    begin: str
    inside: str
    end: str
    single: str

    @property
    def closes(self) -> bool:
        """Whether the last token of a span has a letter of its own."""
        return self.end != self.inside


LETTERS: Final[dict[Scheme, Letters]] = {
    "iob1": Letters("B", "I", "I", "B"),
    "iob2": Letters("B", "I", "I", "B"),
    "bioes": Letters("B", "I", "E", "S"),
    "bilou": Letters("B", "I", "L", "U"),
    "bmes": Letters("B", "M", "E", "S"),
    "bmewo": Letters("B", "M", "E", "W"),
}
_ANY: Final = frozenset("".join("".join(letters) for letters in LETTERS.values()))


class Span(NamedTuple):
    """Tokens `start` to `end` (exclusive, counted from 0) and what they are."""

    start: int
    end: int
    type: str


class Parts(NamedTuple):
    """A tag taken apart; `letter` is `"O"` outside a span."""

    letter: str
    type: str


def split_tag(tag: str) -> Parts | None:
    """The parts of a tag, or None where it is no tag of any scheme, as a part of speech is none.

    Example:
        >>> split_tag("B-creative-work"), split_tag("O"), split_tag("NOUN")
        (Parts(letter='B', type='creative-work'), Parts(letter='O', type=''), None)
    """
    if tag == OUTSIDE:
        return Parts(OUTSIDE, "")
    if tag[:1] not in _ANY or tag[1:2] not in ("", "-", "_") or len(tag) == 2:
        return None
    return Parts(tag[0], tag[2:])


def detect_scheme(tags: Iterable[Sequence[str]]) -> Scheme | None:
    """The scheme that sentences are tagged in, or None where tags mark no spans (parts of speech, or `O` alone).

    The letters that occur decide. `B` and `I` alone are IOB1 where spans begin with `I` more often than with a `B` that
    IOB1 would not write, else IOB2. Where several schemes fit, all read the same spans, and the first of the table
    above is taken.

    Args:
        tags: The tags of every sentence.

    Example:
        >>> detect_scheme([["O", "B-PER", "I-PER"]]), detect_scheme([["I-PER", "B-PER", "O"]]), detect_scheme([["DET"]])
        ('iob2', 'iob1', None)
    """
    found: set[str] = set()
    begins: Counter[str] = Counter()
    typed = False
    for sentence in tags:
        before = Parts(OUTSIDE, "")
        for tag in sentence:
            parts = split_tag(tag)
            if parts is None:
                return None
            after_own = before.letter != OUTSIDE and before.type == parts.type
            begins[parts.letter] += not after_own
            found.add(parts.letter)
            before = parts
            typed = typed or bool(parts.type)
    found.discard(OUTSIDE)
    fitting = [scheme for scheme, letters in LETTERS.items() if found <= set(letters)]
    if not found or not fitting or not (typed or "B" in found):
        return None
    if fitting[0] == "iob1" and begins["B"] >= begins["I"]:
        return "iob2"
    return fitting[0]


def to_spans(tags: Sequence[str], scheme: Scheme | None) -> list[Span]:
    """The spans that the tags of one sentence mark, in order.

    Illegal sequences have a meaning too, the usual one (that of the CoNLL shared tasks' scorer): a token inside or at
    the end of a span that was not begun begins one, and a span that is not ended ends before the next that begins.

    Args:
        tags: Of one sentence.
        scheme: How they are written; None marks no spans.

    Raises:
        InputError: A tag is not of the scheme.

    Example:
        >>> to_spans(["B-PER", "E-PER", "O", "S-LOC"], "bioes")
        [Span(start=0, end=2, type='PER'), Span(start=3, end=4, type='LOC')]
        >>> to_spans(["I-PER", "I-PER", "O", "B-LOC"], "iob2")
        [Span(start=0, end=2, type='PER'), Span(start=3, end=4, type='LOC')]
    """
    if scheme is None:
        return []
    letters = LETTERS[scheme]
    spans: list[Span] = []
    start, type_ = -1, ""  # of the span that is open
    for index, tag in enumerate(tags):
        letter, own = parts_in(tag, scheme)
        continues = start >= 0 and own == type_ and letter in (letters.inside, letters.end)
        if start >= 0 and not continues:
            spans.append(Span(start, index, type_))
            start = -1
        if letter == OUTSIDE:
            continue
        if not continues:
            start, type_ = index, own
        if letters.closes and letter in (letters.end, letters.single):
            spans.append(Span(start, index + 1, type_))
            start = -1
    if start >= 0:
        spans.append(Span(start, len(tags), type_))
    return spans


def from_spans(spans: Iterable[tuple[int, int, str]], length: int, scheme: Scheme) -> list[str]:
    """The tags of one sentence that mark the given spans.

    Args:
        spans: Tokens from (inclusive), to (exclusive) and type, in any order.
        length: Tokens in the sentence.
        scheme: How to write them.

    Raises:
        ValueError: A span is empty, reaches over the sentence or shares a token with another.

    Example:
        >>> from_spans([Span(0, 2, "PER"), Span(2, 3, "PER")], 4, "iob1")
        ['I-PER', 'I-PER', 'B-PER', 'O']
    """
    letters = LETTERS[scheme]
    tags = [OUTSIDE] * length
    before, last = 0, None  # where the span before ended, and its type
    for start, end, type_ in sorted(spans):
        if not before <= start < end <= length:
            raise ValueError(f"span {start} to {end}: expected spans side by side within 0 to {length}")
        written = [letters.inside] * (end - start)
        if scheme != "iob1" or (start == before and last == type_):
            written[0] = letters.begin
        if letters.closes:
            written[-1] = letters.end if end - start > 1 else letters.single
        tags[start:end] = [f"{letter}-{type_}" if type_ else letter for letter in written]
        before, last = end, type_
    return tags


def convert(tags: Sequence[str], scheme: Scheme, to: Scheme) -> list[str]:
    """The tags of one sentence, written in another scheme (or, in its own, made legal).

    Raises:
        InputError: A tag is not of `scheme`.

    Example:
        >>> convert(["I-PER", "I-PER", "O"], "iob1", "bioes")
        ['B-PER', 'E-PER', 'O']
    """
    return from_spans(to_spans(tags, scheme), len(tags), to)


@lru_cache(maxsize=4096)
def parts_in(tag: str, scheme: Scheme) -> Parts:
    """The parts of a tag, checked to be of a scheme.

    Raises:
        InputError: It is not.
    """
    parts = split_tag(tag)
    if parts is None or parts.letter not in (OUTSIDE, *LETTERS[scheme]):
        marks = ", ".join(f"{letter}-..." for letter in dict.fromkeys(LETTERS[scheme]))
        raise InputError(f"the tag {tag!r} is not of the scheme {scheme.upper()}, expected O, {marks}")
    return parts
