"""The rows on which the model went furthest wrong, and what moved it."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from treadle.evaluation.plots import series_with_saliency
from treadle.evaluation.report.content import Report, WorstError
from treadle.evaluation.report.html import Html, element, join
from treadle.evaluation.wording import readable

_SHOWN_TOKENS = 160
_LEAST_SHOWN = 0.15  # weights below this share of the largest are not coloured: colour everywhere says nothing
_CLOSING = frozenset(".,!?;:)]}%…’'”\"'")
_CLITIC = re.compile(r"['’]\w{1,2}|n['’]t", re.IGNORECASE)  # "'s" and "n't" of texts that others cut into tokens


def worst_errors(report: Report) -> list[Html]:
    """A legend, then an entry for each error."""
    if not report.errors:
        return []
    weighted = any(one.token_weights is not None or one.step_weights is not None for one in report.errors)
    entries = element("ol", join(element("li", _entry(one)) for one in report.errors), class_="worst")
    return [*([_legend(report)] if weighted else []), entries]


def _legend(report: Report) -> Html:
    what = "words" if any(one.token_weights is not None for one in report.errors) else "steps"
    if any(one.joiner == "" and one.token_weights is not None for one in report.errors):
        what = "characters"
    for_it, against = report.influence
    parts = [
        element("span", f"{what} that {for_it}", class_="for", style="--weight:.7"),
        " ",
        element("span", against, class_="against", style="--weight:.7"),
        " The stronger the colour, the more it moved the decision.",
    ]
    return element("p", join(parts), class_="legend")


def _entry(error: WorstError) -> Html:
    parts = [element("p", _head(error), class_="said")]
    if error.tokens:
        parts.append(weighted_tokens(error.tokens, error.token_weights, error.joiner))
    if error.series is not None:
        alt = f"Series of a row whose truth is {error.gold} and answer {error.predicted}"
        parts.append(Html(series_with_saliency(error.series, error.step_weights, alt=alt)))
    return join(parts)


def _head(error: WorstError) -> Html:
    parts: list[object] = [
        element("span", join(["answer ", element("b", error.predicted, dir="auto")]), class_="predicted"),
        _probability(error.confidence),
        element("span", join(["truth ", element("b", error.gold, dir="auto")]), class_="gold"),
        _probability(error.gold_probability),
    ]
    if error.where:
        parts.append(element("span", error.where, class_="where"))
    return join(parts, " ")


def _probability(value: float | None) -> Html:
    return element("span", readable(value), class_="probability") if value is not None else Html("")


def weighted_tokens(tokens: Sequence[str], token_weights: Sequence[float] | None, joiner: str = " ") -> Html:
    """A text whose tokens are coloured by their weights; of a long one, the stretch that holds most of the weight.

    Args:
        tokens: The text.
        token_weights: One a token: positive spoke for an answer, negative against it; None colours nothing.
        joiner: What stands between tokens.
    """
    weights = None if token_weights is None else np.asarray(token_weights, dtype=np.float64)
    start, end = _window(len(tokens), weights)
    largest = float(np.abs(weights).max()) if weights is not None and len(weights) else 0.0
    parts: list[object] = ["… "] if start else []
    for place in range(start, end):
        token = tokens[place]
        if place > start and not (joiner == " " and (set(token) <= _CLOSING or _CLITIC.fullmatch(token))):
            parts.append(joiner)
        parts.append(_token(token, 0.0 if weights is None or largest == 0 else float(weights[place]) / largest))
    if end < len(tokens):
        parts.append(" …")
    hidden = len(tokens) - (end - start)
    text = element("p", join(parts), class_="text", dir="auto")
    if not hidden:
        return text
    return join([text, element("p", f"{hidden:,} of {len(tokens):,} tokens left out.", class_="note")])


def _token(token: str, weight: float) -> Html:
    if abs(weight) < _LEAST_SHOWN:
        return join([token])
    return element("span", token, class_="for" if weight > 0 else "against", style=f"--weight:{abs(weight):.2f}")


def _window(count: int, weights: npt.NDArray[np.float64] | Sequence[float] | None) -> tuple[int, int]:
    """The stretch of a long text that holds most of the weight; its beginning where there are no weights."""
    if count <= _SHOWN_TOKENS:
        return 0, count
    if weights is None:
        return 0, _SHOWN_TOKENS
    total = np.concatenate([[0.0], np.cumsum(np.abs(weights))])
    start = int(np.argmax(total[_SHOWN_TOKENS:] - total[:-_SHOWN_TOKENS]))
    return start, start + _SHOWN_TOKENS
