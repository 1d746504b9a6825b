"""The report about a captioner: that of a translator, with pictures in the place of what is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from treadle.evaluation.plots.attention import attention_map
from treadle.evaluation.plots.pictures import Pixels, address, laid_over, whereabouts
from treadle.evaluation.report.content import Report
from treadle.evaluation.report.html import Html, element, figure, join, text
from treadle.evaluation.report.translation import TranslatedSplit, TranslatingSystem, build_translation_report

MOST_COLUMNS = 40
"""Frames of a sequence, at most, whose attention can be read; of more, some side by side are shown as one."""


@dataclass(frozen=True)
class LookedAt:
    """One picture or sequence whose attention is shown.

    Attributes:
        tokens: The symbols that were written.
        weights: `[tokens, rows, columns]` over the regions of a picture, or `[tokens, frames]`.
        where: Where it stands.
        truth: What should be said.
        picture: `[height, width, 3]`; None for frames.
    """

    tokens: Sequence[str]
    weights: npt.NDArray[np.float32]
    where: str
    truth: str
    picture: Pixels | None = None


def build_caption_report(
    title: str,
    splits: Mapping[str, TranslatedSplit],
    model: TranslatingSystem,
    *,
    looked: Sequence[LookedAt] = (),
    pictures: Sequence[Pixels] = (),
    **content: Any,
) -> Report:
    """Everything on the page about a captioner.

    Args:
        title: Headline of the page.
        splits: The data, by split; the lengths are those of the captions.
        model: The model, with answers for every split.
        looked: What is shown with its attention.
        pictures: Of the headline split, shown beside the worst answers; empty for frames.
        **content: What else `build_translation_report` takes.
    """
    return build_translation_report(
        title,
        splits,
        model,
        kind="Captions of pictures" if pictures else "Captions of sequences",
        attention=attention_of(looked),
        picture=(lambda row: _picture(pictures[row], "The picture.")) if pictures else None,
        **content,
    )


def attention_of(looked: Sequence[LookedAt]) -> list[Html]:
    """Every one of them word by word: a picture with attention laid over, or a map of words and frames."""
    if not looked:
        return []
    if looked[0].picture is None:
        legend = "A row for every word that was written, a column for every frame; the stronger, the more it counted."
        parts = [element("p", f"{legend} Every row adds up to one.", class_="legend")]
        return [*parts, *(_frames(one) for one in looked)]
    legend = (
        "The picture, and the same for every word that was written: in its own colours where the model looked most "
        "before it wrote the word, the greyer the less it looked there."
    )
    return [element("p", legend, class_="legend"), *(_words(one) for one in looked)]


def _words(one: LookedAt) -> Html:
    assert one.picture is not None
    cells = [_labelled(_picture(one.picture, "The picture."), "")]
    for token, weights in zip(one.tokens, one.weights, strict=True):
        seen = _picture(laid_over(one.picture, weights), f"{token}: looks most at the {whereabouts(weights)}.")
        cells.append(_labelled(seen, token))
    caption = join([f"{one.where}. Should be: ", element("q", one.truth), "."])
    shown = element("div", join(cells), class_="looks")
    return element("figure", join([shown, element("figcaption", caption)]), class_="looked")


def _frames(one: LookedAt) -> Html:
    width = -(-one.weights.shape[1] // MOST_COLUMNS)
    starts = range(0, one.weights.shape[1], width)
    weights = np.stack([one.weights[:, start : start + width].sum(1) for start in starts], 1)
    svg = attention_map([str(start + 1) for start in starts], one.tokens, weights, what="frame")
    each = "" if width == 1 else f" A column is {width} frames."
    return figure(svg, join([f"{one.where}.{each} Should be: ", element("q", one.truth), "."]), "Attention")


def _labelled(picture: Html, word: str) -> Html:
    return element("span", join([picture, element("span", text(word) if word.strip() else Html("&nbsp;"))]))


def _picture(pixels: Pixels, alt: str) -> Html:
    return Html(f'<img src="{address(pixels)}" alt="{text(alt)}">')
