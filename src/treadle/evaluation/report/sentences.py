"""Sentences as they were tagged: the true and the given spans one above the other, or the tokens with a wrong tag."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from treadle.evaluation.report.errors import weighted_tokens
from treadle.evaluation.report.html import Html, element, join
from treadle.evaluation.spans import Spans
from treadle.evaluation.tagging import Tagging

SHOWN_SENTENCES = 25
_WHY = 10  # of which so many say what moved them
_SHOWN_TOKENS = 120
_GOLDEN_ANGLE = 137.508  # hues that far apart stay apart, however many types there are


@dataclass(frozen=True)
class TaggedSplit:
    """A part of the data.

    Attributes:
        tokens: Of every sentence.
        true: What is true of them.
        places: Where each sentence stands: "train.conll, line 7".
    """

    tokens: Sequence[Sequence[str]]
    true: Tagging
    places: Sequence[str]


Moved = Callable[[int, int], Sequence[float]]
"""What moved the tag of a token: `(sentence, token)` to a weight for every token of the sentence."""


def wrong_sentences(split: TaggedSplit, given: Tagging, moved: Moved | None = None) -> list[Html]:
    """A legend, and the sentences with the most mistakes.

    Every span has its type beside it, and a wrong one a cross and a dashed line, so that colours only help.

    Args:
        split: The sentences and what is true of them.
        given: What was said of them.
        moved: What moved a tag; it is shown for the first wrong one of the worst sentences.
    """
    mistakes = [_mistakes(split.true, given, row) for row in range(len(split.tokens))]
    order = sorted((row for row, count in enumerate(mistakes) if count), key=lambda row: -mistakes[row])
    if not order:
        return []
    hues = {type_: (place * _GOLDEN_ANGLE) % 360 for place, type_ in enumerate(_types(split.true, given))}
    entries = [
        element("li", join([_entry(split, given, row, hues), _why(split, given, row, moved if place < _WHY else None)]))
        for place, row in enumerate(order[:SHOWN_SENTENCES])
    ]
    return [_legend(len(order), len(mistakes), spans=split.true.spans is not None), _list(entries)]


def _why(split: TaggedSplit, given: Tagging, row: int, moved: Moved | None) -> Html:
    """The words that moved the first wrong tag of a sentence."""
    pairs = enumerate(zip(split.true.tags[row], given.tags[row], strict=True))
    token = next((place for place, (true, said) in pairs if true != said), None)
    if moved is None or token is None:
        return Html("")
    tokens = split.tokens[row]
    said = join(["what moved the answer ", element("b", given.tags[row][token]), " for ", element("b", tokens[token])])
    return join(
        [element("p", element("span", said, class_="side"), class_="why"), weighted_tokens(tokens, moved(row, token))]
    )


def _list(entries: Sequence[Html]) -> Html:
    return element("ol", join(entries), class_="worst sentences")


def _legend(wrong: int, total: int, *, spans: bool) -> Html:
    said = f"{wrong:,} of {total:,} sentences have a mistake; "
    said += "those with the most are shown. " if wrong > SHOWN_SENTENCES else "these. "
    meaning = " is found in truth and answer alike, " if spans else None
    if meaning is None:
        return element(
            "p", join([said, "Marked: tokens with a wrong tag, the answer and then the truth."]), class_="legend"
        )
    right = element("span", "a solid line", class_="span right", style="--hue:210")
    wrong_ = element("span", "a dashed one ✗", class_="span wrong", style="--hue:20")
    parts = [said, right, meaning, wrong_, " in one of them only. A colour stands for a type."]
    return element("p", join(parts), class_="legend")


def _mistakes(true: Tagging, given: Tagging, row: int) -> int:
    """Spans missed and spurious, or tokens with a wrong tag; and a wrong label."""
    if true.spans is None or given.spans is None:
        wrong = sum(map(str.__ne__, true.tags[row], given.tags[row]))
    else:
        wrong = len({*true.spans[row]} ^ {*given.spans[row]})
    return wrong + (_label(true, row) != _label(given, row))


def _label(tagging: Tagging, row: int) -> str | None:
    return None if tagging.labels is None else tagging.labels[row]


def _types(true: Tagging, given: Tagging) -> list[str]:
    return sorted({type_ for one in (true, given) for spans in one.spans or [] for _, _, type_ in spans})


def _entry(split: TaggedSplit, given: Tagging, row: int, hues: dict[str, float]) -> Html:
    tokens, true = split.tokens[row], split.true
    parts = [element("p", _head(split, given, row), class_="said")]
    if true.spans is None or given.spans is None:
        parts.append(element("p", _tokens(tokens, true.tags[row], given.tags[row]), class_="text", dir="auto"))
        return join(parts)
    for name, own, others in (
        ("truth", true.spans[row], given.spans[row]),
        ("answer", given.spans[row], true.spans[row]),
    ):
        line = join([element("span", name, class_="side"), " ", _spans(tokens, own, others, hues)])
        parts.append(element("p", line, class_="text", dir="auto"))
    return join(parts)


def _head(split: TaggedSplit, given: Tagging, row: int) -> Html:
    true, parts = split.true, []
    if true.spans is not None and given.spans is not None:
        wanted, found = {*true.spans[row]}, {*given.spans[row]}
        counts = {"right": len(wanted & found), "missed": len(wanted - found), "spurious": len(found - wanted)}
        parts.append(", ".join(f"{count} {what}" for what, count in counts.items() if count))
    else:
        wrong = sum(map(str.__ne__, true.tags[row], given.tags[row]))
        parts.append(f"{wrong} of {len(true.tags[row])} tokens wrong")
    answer, label = _label(given, row), _label(true, row)
    head: list[object] = [element("span", "; ".join(filter(None, parts)))]
    if answer is not None and label is not None:
        if answer != label:
            head.append(element("span", join(["label ", element("b", answer, dir="auto")]), class_="predicted"))
            head.append(element("span", join(["truth ", element("b", label, dir="auto")]), class_="gold"))
        else:
            head.append(element("span", join(["label ", element("b", label, dir="auto"), " ✓"])))
    head.append(element("span", split.places[row], class_="where"))
    return join(head, " ")


def _spans(tokens: Sequence[str], own: Spans, others: Spans, hues: dict[str, float]) -> Html:
    """A sentence with its spans marked; those that `others` do not have are wrong."""
    parts: list[object] = []
    at = 0
    for start, end, type_ in sorted(own):
        if start >= _SHOWN_TOKENS:
            break
        right = (start, end, type_) in others
        mark = element("small", f"{type_ or 'span'}{'' if right else ' ✗'}")
        words = join([" ".join(tokens[start:end]), " ", mark])
        class_ = f"span {'right' if right else 'wrong'}"
        parts += [*tokens[at:start], element("span", words, class_=class_, style=f"--hue:{hues[type_]:.0f}")]
        at = end
    rest = tokens[at : max(at, _SHOWN_TOKENS)]
    return join([*parts, *rest, *(["…"] if at + len(rest) < len(tokens) else [])], " ")


def _tokens(tokens: Sequence[str], true: Sequence[str], given: Sequence[str]) -> Html:
    """A sentence in which the tokens with a wrong tag are marked."""
    parts: list[object] = []
    for token, wanted, found in list(zip(tokens, true, given, strict=True))[:_SHOWN_TOKENS]:
        if wanted == found:
            parts.append(token)
            continue
        mark = element("small", join([element("s", found), " ", wanted]))
        parts.append(element("span", join([token, " ", mark]), class_="span wrong", style="--hue:20"))
    return join([*parts, *(["…"] if len(tokens) > _SHOWN_TOKENS else [])], " ")
