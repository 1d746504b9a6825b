"""What a page tells of a language model beyond its figures: where it is surprised, by what, and what it writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from treadle.evaluation.report.content import Section
from treadle.evaluation.report.html import Html, element, join, table
from treadle.evaluation.wording import readable

_LEAST_SHOWN = 0.12  # weights below this are not coloured: colour everywhere says nothing
_NUMBERED = 0.55  # a word of this weight carries its figure
_TEXT = "white-space:pre-wrap; margin-bottom:1.6rem"  # line ends are tokens of the model, to be seen


class ReadToken(NamedTuple):
    """A token of a passage.

    Attributes:
        gap: What stands before it.
        text: As it was written.
        nats: What it cost the model.
    """

    gap: str
    text: str
    nats: float


class Surprising(NamedTuple):
    """A token that cost the model much.

    Attributes:
        before: The text before it.
        token: As it was written.
        after: The text after it.
        nats: What it cost the model.
        baseline: What it cost the baseline, or None.
    """

    before: str
    token: str
    after: str
    nats: float
    baseline: float | None


class SurpriseBin(NamedTuple):
    """Tokens of one kind.

    Attributes:
        label: What they share: "10–99".
        tokens: How many.
        nats: What one cost the model, in the mean.
        baseline: The same of the baseline, or None.
    """

    label: str
    tokens: int
    nats: float
    baseline: float | None


class WrittenText(NamedTuple):
    """What the model wrote.

    Attributes:
        text: The text.
        how: How it was drawn: "seed 0, temperature 0.8".
    """

    text: str
    how: str


@dataclass(frozen=True)
class LanguageFindings:
    """What a page tells of a language model. What is empty is left out.

    Attributes:
        unit: What a token is called: "word".
        guess: What every token costs whom all are equally likely to, in nats; the strongest colour.
        passage: A stretch of text the model had not seen.
        where: Where it stands.
        surprising: The greatest first.
        by_frequency: Tokens by how often training holds them.
        by_position: Tokens by how many stand before them in the document.
        written: Texts of the model.
    """

    unit: str
    guess: float
    passage: Sequence[ReadToken] = ()
    where: str = ""
    surprising: Sequence[Surprising] = ()
    by_frequency: Sequence[SurpriseBin] = ()
    by_position: Sequence[SurpriseBin] = ()
    written: Sequence[WrittenText] = ()


def language_sections(found: LanguageFindings) -> list[Section]:
    """The sections of a page on a language model.

    Example:
        >>> found = LanguageFindings("word", 5.0, [ReadToken("", "So", 4.9), ReadToken(" ", "be", 0.2)])
        >>> [section.heading for section in language_sections(found)]
        ['Where it is surprised']
    """
    surprise = [*_passage(found), *_tables(found), *_most(found)]
    sections = [Section("surprise", "Where it is surprised", surprise)] if surprise else []
    if found.written:
        sections.append(Section("writing", "What it writes", _written(found)))
    return sections


def _passage(found: LanguageFindings) -> list[Html]:
    """A legend, and the text with every token's surprise as its colour, its underline and, of words, its figure."""
    if not found.passage:
        return []
    numbered = found.unit in ("word", "sub-word")
    marks = [_mark(f"{share * found.guess:.1f}", share * found.guess, found.guess, False) for share in (0.2, 0.5, 1.0)]
    figures = "the figure is written behind the greatest" if numbered else "point at a character for its figure"
    legend = join(
        [
            f"The stronger a {found.unit} is marked and underlined, the more it surprised the model; ",
            f"{figures}. Nats: ",
            join(marks, " "),
            f" (a blind guess costs {readable(found.guess)}).",
        ]
    )
    shown = join(join([one.gap, _mark(one.text, one.nats, found.guess, numbered)]) for one in found.passage)
    text = element("p", shown, class_="text", dir="auto", style=_TEXT)
    place = element("p", found.where, class_="note")
    return [element("h3", "A passage"), element("p", legend, class_="legend"), text, *([place] if found.where else [])]


def _mark(text: str, nats: float, guess: float, numbered: bool) -> Html:
    weight = min(1.0, nats / guess) if guess > 0 else 0.0
    if weight < _LEAST_SHOWN:
        return join([text])
    # A line end has no width that could be coloured.
    visible = "↵\n" if text == "\n" else text
    content = join([visible, element("sub", f"{nats:.0f}")]) if numbered and weight >= _NUMBERED else visible
    return element("span", content, class_="for", style=f"--weight:{weight:.2f}", title=f"{nats:.2f} nats")


def _tables(found: LanguageFindings) -> list[Html]:
    kinds = (
        ("By how often training holds it", "Occurrences", found.by_frequency),
        ("By its place in the document", "Place", found.by_position),
    )
    tables = [_bins(found, *kind) for kind in kinds if kind[2]]
    return [element("div", join(tables), class_="tables")] if tables else []


def _bins(found: LanguageFindings, caption: str, head: str, bins: Sequence[SurpriseBin]) -> Html:
    beside = any(one.baseline is not None for one in bins)
    total = sum(one.tokens for one in bins)
    rows = [
        [one.label, f"{one.tokens / total:.1%}", readable(one.nats), *([readable(one.baseline)] if beside else [])]
        for one in bins
    ]
    columns = [head, f"Share of {found.unit}s", "Nats each", *(["Baseline's"] if beside else [])]
    return table(caption, columns, rows)


def _most(found: LanguageFindings) -> list[Html]:
    if not found.surprising:
        return []
    beside = any(one.baseline is not None for one in found.surprising)
    rows = [
        [
            repr(one.token)[1:-1] if one.token.isspace() else one.token,
            element("span", join([one.before, element("b", one.token), one.after]), dir="auto"),
            readable(one.nats),
            *([readable(one.baseline)] if beside else []),
        ]
        for one in found.surprising
    ]
    columns = [found.unit.capitalize(), "In its place", "Nats", *(["Baseline's"] if beside else [])]
    return [table(f"The {found.unit}s that surprised it most, each once", columns, rows, numeric_from=2)]


def _written(found: LanguageFindings) -> list[Html]:
    parts: list[Html] = []
    for one in found.written:
        parts.append(element("p", one.how, class_="note"))
        parts.append(element("p", one.text, class_="text", dir="auto", style=_TEXT))
    return parts
