"""Sentences of tokens with a tag each: the one form in which every tagged file is handed over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from treadle.data.tagging.schemes import LETTERS, OUTSIDE, Scheme, Span, convert, detect_scheme, split_tag, to_spans
from treadle.data.tagging.transitions import illegal_places
from treadle.errors import InputError, counted, nearest

Illegal = Literal["repair", "error"]
"""What becomes of tag sequences that break the rules of their scheme."""

# From this share of tags on that are `O` or have a letter and a type, any other tag is a slip and no part of speech.
_MOSTLY = 0.95


@dataclass(frozen=True)
class TaggedSentences:
    """Sentences with their tags, and the place each came from.

    Attributes:
        tokens: Of every sentence, at least one.
        tags: One a token, or None where the source has none.
        labels: One label a sentence (its intent), or None where the source has none.
        source: The file that was read, `"memory"` for Python objects.
        lines: The line in `source` (from 1) of every sentence's first token; None for Python objects.
        note: How the source was understood, in one phrase.
        scheme: How `tags` mark spans; None where they mark none.
        token_lines: The line of every token, where each has one of its own.
        columns: The names of the source's columns, where it is a table of sentences.
        chosen: The names of the columns of tokens and tags, where they have names.

    Example:
        >>> data = TaggedSentences([["in", "Rome"]], [["O", "B-LOC"]], None, "a.conll", [7], "", "iob2", [[7, 8]])
        >>> data.where(0, 1), data.spans()
        ('a.conll, line 8', [[Span(start=1, end=2, type='LOC')]])
    """

    tokens: list[list[str]]
    tags: list[list[str]] | None = None
    labels: list[str] | None = None
    source: str = "memory"
    lines: list[int] | None = None
    note: str = ""
    scheme: Scheme | None = None
    token_lines: list[list[int]] | None = None
    columns: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.tokens)

    def where(self, row: int, token: int | None = None) -> str:
        """The place of a sentence, or of one of its tokens, as an error sentence names it: `"a.conll, line 12"`.

        Args:
            row: The sentence, from 0.
            token: The token in it, from 0.
        """
        if token is not None and self.token_lines is not None:
            return f"{self.source}, line {self.token_lines[row][token]}"
        parts = [] if self.source == "memory" else [self.source]
        parts.append(f"row {row} (counted from 0)" if self.lines is None else f"line {self.lines[row]}")
        if token is not None:
            parts.append(f"token {token + 1}")
        return ", ".join(parts)

    def spans(self) -> list[list[Span]] | None:
        """The spans of every sentence, or None where there are no tags or they mark no spans."""
        if self.tags is None or self.scheme is None:
            return None
        return [to_spans(tags, self.scheme) for tags in self.tags]

    def take(self, rows: Iterable[int]) -> "TaggedSentences":
        """The given sentences, in the given order, each still knowing where it came from."""
        picked = [int(row) for row in rows]
        return replace(
            self,
            tokens=[self.tokens[row] for row in picked],
            tags=None if self.tags is None else [self.tags[row] for row in picked],
            labels=None if self.labels is None else [self.labels[row] for row in picked],
            lines=None if self.lines is None else [self.lines[row] for row in picked],
            token_lines=None if self.token_lines is None else [self.token_lines[row] for row in picked],
        )

    def joined(self, others: "TaggedSentences") -> "TaggedSentences":
        """These sentences and then others, with tags in the scheme of these; their places are not known any more.

        Args:
            others: With tags and labels if these have them.
        """
        tags = others.tags
        if tags is not None and self.scheme is not None and others.scheme is not None:
            tags = [convert(one, others.scheme, self.scheme) for one in tags]
        return TaggedSentences(
            [*self.tokens, *others.tokens],
            None if self.tags is None or tags is None else [*self.tags, *tags],
            None if self.labels is None or others.labels is None else [*self.labels, *others.labels],
            scheme=self.scheme,
        )

    def settled(self, illegal: Illegal = "repair") -> "TaggedSentences":
        """The same sentences with their scheme found out and every tag sequence legal in it.

        What a broken sequence means is what `to_spans` says; a repaired one says the same within the rules.

        Args:
            illegal: `"repair"` rewrites the sentences whose tags break the rules, and says in the note how many and
                where the first is; `"error"` raises.

        Raises:
            InputError: There is no sentence; a tag does not fit the others; a sequence is illegal, and that is an
                error.
        """
        if illegal not in get_args(Illegal):
            raise InputError(f"illegal is {illegal!r}{nearest(illegal, get_args(Illegal))}")
        if not self.tokens:
            raise InputError(f"{self.source}: found no sentence, expected tokens with tags")
        if self.tags is None:
            return replace(self, note=self._noted("no tags"))
        scheme = detect_scheme(self.tags)
        if scheme is None:
            self._refuse_slips(self.tags)
            return replace(self, note=self._noted())
        tags = [[f"{tag[0]}-{tag[2:]}" if tag[1:2] == "_" else tag for tag in sentence] for sentence in self.tags]
        broken = [(row, places[0]) for row, sentence in enumerate(tags) if (places := illegal_places(sentence, scheme))]
        notes = [scheme.upper()]
        if broken:
            row, token = broken[0]
            found = f"{_shown(tags[row], token, scheme)} is not legal in {scheme.upper()}"
            if illegal == "error":
                raise InputError(f"{self.where(row, token)}: {found}")
            of = "sentence with illegal tags repaired" if len(broken) == 1 else "sentences with illegal tags repaired"
            first = self.where(row, token).removeprefix(f"{self.source}, ")
            notes.append(f"{len(broken):,} {of}, the first at {first} ({found})")
        for row, _ in broken:
            tags[row] = convert(tags[row], scheme, scheme)
        return replace(self, tags=tags, scheme=scheme, note=self._noted(*notes))

    def _noted(self, *more: str) -> str:
        return ", ".join([part for part in (self.note, counted(len(self), "sentence")) if part] + list(more))

    def _refuse_slips(self, tags: list[list[str]]) -> None:
        """Tags that nearly all mark spans are no parts of speech: the few others are mistakes, each with its line."""
        spans = {tag for tag in {tag for sentence in tags for tag in sentence} if _marks_span(tag)}
        if not spans:
            return
        total = fitting = 0
        odd: tuple[int, int] | None = None
        for row, token, tag in _places(tags):
            total += 1
            if tag == OUTSIDE or tag in spans:
                fitting += 1
            elif odd is None:
                odd = row, token
        if fitting < _MOSTLY * total:
            return
        if odd is not None:
            raise InputError(
                f"{self.where(*odd)}: found the tag {tags[odd[0]][odd[1]]!r}, expected O or a letter, a hyphen and "
                f"a type such as {min(spans)!r}"
            )
        letters = sorted({tag[0] for tag in spans})
        known = "; ".join(f"{scheme.upper()} {' '.join(dict.fromkeys(of))}" for scheme, of in LETTERS.items())
        raise InputError(
            f"{self.source}: the tags begin with {', '.join(letters)}, the letters of no scheme; expected {known}"
        )


def _marks_span(tag: str) -> bool:
    parts = split_tag(tag)
    return parts is not None and bool(parts.type)


def _places(tags: list[list[str]]) -> Iterator[tuple[int, int, str]]:
    return ((row, token, tag) for row, sentence in enumerate(tags) for token, tag in enumerate(sentence))


def _shown(tags: list[str], token: int, scheme: Scheme) -> str:
    """An illegal tag with what makes it so: the tag before, or an end of the sentence."""
    if token not in illegal_places([*tags, OUTSIDE], scheme):
        return f"{tags[token]!r} at the end of a sentence"
    return f"{tags[token]!r} {f'after {tags[token - 1]!r}' if token else 'at the start of a sentence'}"
