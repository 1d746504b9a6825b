"""From what every token of a text cost to what a page shows: a passage, the greatest surprises, tables, samples."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from treadle.data.codec import TokenCodec
from treadle.data.encoding import without_halves
from treadle.data.vocabulary import UNKNOWN
from treadle.evaluation.report.language import LanguageFindings, ReadToken, SurpriseBin, Surprising, WrittenText
from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.generate import generate
from treadle.tasks.language.places import NOUNS, places
from treadle.tasks.language.sampling import Sampling

Nats = npt.NDArray[np.float64]
Stands = list[tuple[int, int]] | None

SEEDS, TEMPERATURE = (0, 1, 2), 0.8
"""Of the texts on the page."""

_PASSAGE = {"word": 120, "subword": 160, "char": 700, "byte": 700}
_WRITTEN = {"word": 80, "subword": 110, "char": 400, "byte": 400}
_MOST = 12
_BEFORE, _AFTER = 50, 25  # characters around a surprising token
_EDGES = (1, 10, 100, 1000)


class Read(NamedTuple):
    """A document, its tokens, and what they cost.

    Attributes:
        text: The document.
        ids: Numbers of its tokens, `[length]`.
        nats: Of the model, `[length]`.
        baseline: Of the baseline, `[length]`, or None.
    """

    text: str
    ids: npt.NDArray[np.int64]
    nats: Nats
    baseline: Nats | None


def findings(
    model: LanguageModel, documents: Sequence[Read], counts: npt.NDArray[np.int64] | None = None
) -> LanguageFindings:
    """What a page tells of a language model.

    Args:
        model: The fitted model.
        documents: Texts that it has not seen.
        counts: How often training holds every symbol, `[vocabulary]`.
    """
    codec = model.codec_
    document, passage = _passage(codec, documents)
    occurrences = None if counts is None else [counts[one.ids] for one in documents]
    before = [np.arange(len(one.ids)) for one in documents]
    sampling, length = Sampling(temperature=TEMPERATURE), _WRITTEN[codec.unit]
    written = [
        WrittenText(without_halves(generate(model, length=length, sampling=sampling, seed=seed).strip()), _how(seed))
        for seed in SEEDS
    ]
    return LanguageFindings(
        unit=NOUNS[codec.unit],
        guess=math.log(max(2, len(codec) - 1)),
        passage=passage,
        where=f"From document {document + 1:,} of {len(documents):,}." if len(documents) > 1 else "",
        surprising=_surprising(codec, documents),
        by_frequency=[] if occurrences is None else _bins(documents, occurrences, "never"),
        by_position=_bins(documents, [one + 1 for one in before]),
        written=written,
    )


def read_tokens(
    codec: TokenCodec, text: str, ids: npt.NDArray[np.int64], nats: Nats, part: slice = slice(None)
) -> list[ReadToken]:
    """Tokens as they stand in a text, or some of them, with what lies between; the bytes of one character are one.

    Sub-words, which do not tell where they stand, are written as they would be generated.
    """
    stands = places(codec, text)
    if stands is None:
        writer = codec.writer()
        pieces = [writer.write(int(number)) for number in ids[part]]
        return [
            ReadToken(" " * piece.startswith(" "), piece.removeprefix(" "), float(cost))
            for piece, cost in zip(pieces, nats[part], strict=True)
        ]
    found: list[ReadToken] = []
    end: int | None = None
    for (start, stop), group in groupby(zip(stands[part], nats[part], strict=True), key=lambda pair: pair[0]):
        gap = "" if end is None else text[end:start]
        found.append(
            ReadToken(without_halves(gap), without_halves(text[start:stop]), float(sum(cost for _, cost in group)))
        )
        end = stop
    return found


def _how(seed: int) -> str:
    return f"From the beginning of a document, seed {seed}, temperature {TEMPERATURE:g}:"


def _passage(codec: TokenCodec, documents: Sequence[Read]) -> tuple[int, list[ReadToken]]:
    """The document of most tokens, and the stretch of it that surprises about as much as all texts do."""
    number = max(range(len(documents)), key=lambda one: len(documents[one].ids))
    chosen, mean = documents[number], float(np.concatenate([one.nats for one in documents]).mean())
    size = _PASSAGE[codec.unit]
    starts = range(0, max(1, len(chosen.nats) - size + 1), size)
    start = min(starts, key=lambda start: abs(float(chosen.nats[start : start + size].mean()) - mean))
    return number, read_tokens(codec, chosen.text, chosen.ids, chosen.nats, slice(start, start + size))


def _surprising(codec: TokenCodec, documents: Sequence[Read]) -> list[Surprising]:
    """The costliest tokens, each once; those that the vocabulary does not hold are left out, as they cost alike."""
    sizes = np.cumsum([0, *(len(one.ids) for one in documents)])
    nats = np.concatenate([one.nats for one in documents])
    ids = np.concatenate([one.ids for one in documents])
    distinct = len(np.unique(ids[ids != UNKNOWN]))
    costliest: dict[int, int] = {}  # where each symbol cost most
    for at in np.argsort(-np.where(ids == UNKNOWN, -np.inf, nats), kind="stable"):
        if len(costliest) == min(_MOST, distinct):
            break
        costliest.setdefault(int(ids[at]), int(at))
    stands: dict[int, Stands] = {}  # telling where tokens stand reads a whole document: once is enough
    found = []
    for at in costliest.values():
        number = int(np.searchsorted(sizes, at, side="right")) - 1
        document = documents[number]
        if number not in stands:
            stands[number] = places(codec, document.text)
        found.append(_in_its_place(codec, document, at - int(sizes[number]), stands[number]))
    return found


def _in_its_place(codec: TokenCodec, document: Read, place: int, stands: Stands) -> Surprising:
    cost, beside = float(document.nats[place]), document.baseline
    baseline = None if beside is None else float(beside[place])
    if stands is None:
        near = slice(max(0, place - _BEFORE // 3), place), slice(place + 1, place + 1 + _AFTER // 3)
        before, after = (codec.decode(document.ids[part].tolist()) for part in near)
        return Surprising(f"{before} ", codec.spell([document.ids[place]])[0], f" {after}", cost, baseline)
    start, stop = stands[place]
    before, after = document.text[max(0, start - _BEFORE) : start], document.text[stop : stop + _AFTER]
    if codec.unit == "word":  # no halves of words
        before = before if start <= _BEFORE else f"… {before.partition(' ')[2]}"
        after = after if stop + _AFTER >= len(document.text) else f"{after.rpartition(' ')[0]} …"
    return Surprising(
        without_halves(before), without_halves(document.text[start:stop]), without_halves(after), cost, baseline
    )


def _bins(documents: Sequence[Read], of: Sequence[npt.NDArray[np.int64]], none: str = "") -> list[SurpriseBin]:
    """Tokens by powers of ten of a whole number each; `none` is what 0 is called."""
    nats = np.concatenate([one.nats for one in documents])
    beside = [one.baseline for one in documents if one.baseline is not None]
    baseline = np.concatenate(beside) if len(beside) == len(documents) else None
    bin_of = np.searchsorted(_EDGES, np.concatenate(of), side="right")
    labels = [none, "1–9", "10–99", "100–999", "1,000 and more"]
    found = []
    for number, label in enumerate(labels):
        here = bin_of == number
        if here.any():
            theirs = None if baseline is None else float(baseline[here].mean())
            found.append(SurpriseBin(label, int(here.sum()), float(nats[here].mean()), theirs))
    return found
