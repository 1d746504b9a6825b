"""Answers as the command line prints them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from treadle.data.tagging import TaggedSentences
from treadle.tasks.tagging.inputs import Given
from treadle.tasks.tagging.predictions import PredictedSpan, placed
from treadle.tasks.work import Answer

if TYPE_CHECKING:
    from treadle.tasks.tagging.estimator import SequenceTagger


def answers(estimator: "SequenceTagger", given: Given, *, saliency: bool = False) -> Iterator[Answer]:
    """One for every sentence, in their order.

    The text is the sentence with its spans marked as `[London](city)`, or with a tag for every token as `London/PROPN`;
    before it, between it and a tab, the sentence's label where there is one. The content has `tokens` and `tags`;
    `spans`, or the `confidence` of every tag; and `label` with the `probabilities` of all; of a string also the places
    of its tokens, `offsets`. With `saliency`, what moved the first tag that is not O, too.
    """
    features = estimator.features_
    tagged = estimator.tag(TaggedSentences(given.tokens), confidence=True)
    spans = placed(given, tagged) if features.scheme is not None else None
    assert tagged.confidence is not None
    for row, tokens in enumerate(given.tokens):
        tags, places, text = tagged.tags[row], given.places[row], given.texts[row]
        content: dict[str, Any] = {"tokens": tokens, "tags": tags}
        if text is not None and places is not None:
            content |= {"text": text, "offsets": [[place.start, place.end] for place in places]}
        if spans is None:
            content["confidence"] = tagged.confidence[row]
            shown = " ".join(f"{token}/{tag}" for token, tag in zip(tokens, tags, strict=True))
        else:
            content["spans"] = [span.to_json() for span in spans[row]]
            shown = bracketed(tokens, spans[row], text)
        if tagged.labels is not None:
            probable = tagged.labels[row].tolist()
            content["label"] = features.labels[max(range(len(probable)), key=probable.__getitem__)]
            content["probabilities"] = dict(zip(features.labels, probable, strict=True))
            shown = f"{content['label']}\t{shown}"
        if saliency and tokens:
            found = estimator.saliency(tokens)
            content["saliency"] = found.to_json()
            shown = f"{shown}\t{found.answer}: {found}"
        yield Answer(shown, content)


def bracketed(tokens: Sequence[str], spans: Sequence[PredictedSpan], text: str | None = None) -> str:
    """A sentence with its spans marked: the string it came as, or its tokens between spaces.

    Example:
        >>> bracketed(["to", "New", "York"], [PredictedSpan(1, 3, "city", "New York", 0.9)])
        'to [New York](city)'
    """
    if text is not None:
        parts, before = [], 0
        for span in spans:
            assert span.start_char is not None
            assert span.end_char is not None
            parts += [text[before : span.start_char], f"[{span.text}]({span.type})"]
            before = span.end_char
        return "".join([*parts, text[before:]])
    words, at = [], 0
    for span in spans:
        words += [*tokens[at : span.start], f"[{span.text}]({span.type})"]
        at = span.end
    return " ".join([*words, *tokens[at:]])
