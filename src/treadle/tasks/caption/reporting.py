"""From a fitted captioner and its data to figures, a comparison with the nearest training picture, and the report."""

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.data.pictures import Captioned, as_picture, captioned_of_lists, read_frames
from treadle.evaluation import Estimate, Report
from treadle.evaluation.baselines.captions import CommonestBaseline, NearestBaseline
from treadle.evaluation.report.captions import LookedAt, build_caption_report
from treadle.evaluation.report.translation import TranslatedSplit, TranslatingSystem
from treadle.evaluation.translation import signatures, translation_scores
from treadle.tasks.caption.features import Seen
from treadle.tasks.caption.predictions import Caption, captions
from treadle.tasks.caption.reader import Reader
from treadle.tasks.outcome import REPORT, facts, write_page

SHOWN = 6
"""Pictures whose attention the page shows."""
LEGIBLE = 20
"""Words of a caption, at most, whose attention is shown."""
THUMB = 12
"""Pixels of the side to which pictures are brought to be compared."""
QUARTERS = 4
"""Parts of a sequence whose means are compared."""


class Reported(Reader):
    """A fitted captioner, as far as a report looks at it.

    Attributes:
        history_: One record an epoch.
    """

    history_: list[dict[str, Any]]

    @abstractmethod
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every argument."""

    @abstractmethod
    def describe(self) -> str:
        """The model in a few words."""

    @abstractmethod
    def describe_size(self) -> str:
        """The size of the model, what it looks at and writes."""

    def report(self, folder: str | Path, X: Any, y: Any, *, title: str | None = None) -> Path:
        """Write `report.html` about pictures or frames that the model has not seen.

        Args:
            folder: Where to.
            X: They, in any form that `fit` takes.
            y: A sentence on each.
            title: Headline of the page.

        Returns:
            The page.

        Raises:
            InputError: One cannot be read, or sacrebleu is not installed.
        """
        data = captioned_of_lists(X, y)
        return write_page(Path(folder) / REPORT, make_report(self, title or self.describe(), {"test": data}))


def scores(estimator: Reported, data: Captioned, beam_size: int | None = None) -> dict[str, Estimate]:
    """Every figure of the model's captions.

    Raises:
        InputError: A row cannot be read, sacrebleu is not installed, or the beam is below 1.
    """
    assert data.captions is not None
    said = [found[0].text for found in estimator.tell(data, beam_size=beam_size)]
    return translation_scores(data.captions, said, estimator.features_.unspaced)


def fit_baselines(train: Captioned, others: Mapping[str, Captioned]) -> tuple[TranslatingSystem, TranslatingSystem]:
    """What captions without a network: by the nearest training row, and always alike.

    Returns:
        What both say of every part in `others`.
    """
    since = time.monotonic()
    assert train.captions is not None
    pictured = f"{THUMB} by {THUMB} pixels" if train.pictured else f"the means of {QUARTERS} parts"
    nearest = NearestBaseline(pictured).fit(_vectors(train), train.captions)
    seconds = time.monotonic() - since
    commonest = CommonestBaseline().fit(train.captions)
    answers = {name: nearest.predict(_vectors(data)) for name, data in others.items()}
    same = {name: commonest.predict(len(data)) for name, data in others.items()}
    return (
        TranslatingSystem(nearest.name, answers, nearest.description, seconds),
        TranslatingSystem(commonest.name, same, commonest.description),
    )


def make_report(
    estimator: Reported,
    title: str,
    splits: Mapping[str, Captioned],
    beside: tuple[TranslatingSystem, TranslatingSystem] | None = None,
    *,
    beam_size: int | None = None,
    data_notes: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> Report:
    """Everything that the page says; the pictures shown are those of "test", or of "dev" without one.

    Args:
        estimator: The fitted model.
        title: Headline.
        splits: "dev", "test" or both.
        beside: What `fit_baselines` gave.
        beam_size: In the place of the model's own.
        data_notes: Sentences on the data.
        commands: How to get the model again.

    Raises:
        InputError: sacrebleu is not installed.
    """
    features = estimator.features_
    shown = "test" if "test" in splits else next(iter(splits))
    how = estimator.search_settings(beam_size)
    seen = {name: features.look(data) for name, data in splits.items()}
    found = {name: captions(features, estimator.network_, one, how) for name, one in seen.items()}
    answers = {name: [several[0].text for several in one] for name, one in found.items()}
    seconds = sum(record["seconds"] for record in estimator.history_)
    truth = splits[shown].captions
    assert truth is not None
    signed = signatures(truth, features.unspaced)
    return build_caption_report(
        title,
        {name: _split(data, seen[name]) for name, data in splits.items()},
        TranslatingSystem(estimator.describe(), answers, estimator.describe_size(), seconds or None),
        looked=_looked([several[0] for several in found[shown]], splits[shown], seen[shown]),
        pictures=seen[shown].pictures,
        sentences=features.sentences,
        unspaced=features.unspaced,
        baseline=None if beside is None else beside[0],
        floor=None if beside is None else beside[1],
        summary=f"{estimator.describe()}: {estimator.describe_size()}.",
        history=estimator.history_,
        data_notes=data_notes,
        config=estimator.get_params(),
        commands=commands,
        facts={
            **facts(),
            "Search": "greedy" if how.beam_size == 1 else f"a beam of {how.beam_size}",
            "BLEU": signed["bleu"],
            "chrF": signed["chrf"],
        },
    )


def _split(data: Captioned, seen: Seen) -> TranslatedSplit:
    """What is said by words, and by letters where no spaces stand between words."""
    assert data.captions is not None
    lengths = np.array([len(caption.split()) for caption in data.captions])
    if lengths.max() == 1:
        lengths = np.array([len(caption) for caption in data.captions])
    sources = ["" if len(shape) == 2 else f"{shape[0]:,} frames" for shape in seen.shapes]
    return TranslatedSplit(sources, data.captions, data.places, lengths)


def _looked(best: Sequence[Caption], data: Captioned, seen: Seen) -> list[LookedAt]:
    """Some rows, spread evenly over those whose captions are neither empty nor too long."""
    assert data.captions is not None
    fit = [row for row, one in enumerate(best) if 0 < len(one.tokens) <= LEGIBLE]
    places = sorted({len(fit) * number // SHOWN for number in range(SHOWN)}) if fit else []
    return [
        LookedAt(
            best[row].tokens,
            best[row].attention,
            data.places[row],
            data.captions[row],
            seen.pictures[row] if data.pictured else None,
        )
        for row in (fit[place] for place in places)
    ]


def _vectors(data: Captioned) -> NDArray[np.float64]:
    """What rows are compared by, `[rows, numbers]`: small pictures, or the means of a sequence's parts."""
    if data.pictured:
        cells = zip(data.inputs, data.places, strict=True)
        return np.stack([_thumb(as_picture(cell, None, place)) for cell, place in cells])
    frames = read_frames(data.inputs, data.places)
    return np.nan_to_num(np.stack([_means(one) for one in frames]))


def _thumb(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    rows, columns = (_edges(picture.shape[axis], THUMB) for axis in range(2))
    sums = np.add.reduceat(np.add.reduceat(picture.astype(np.float64), rows[0], 0), columns[0], 1)
    return np.asarray(sums / (rows[1][:, None] * columns[1])[..., None]).ravel()


def _means(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    starts, counts = _edges(len(frames), QUARTERS)
    return np.asarray(np.add.reduceat(np.nan_to_num(frames), starts, 0) / counts[:, None]).ravel()


def _edges(steps: int, parts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the parts of an axis begin, and how many steps each has; of a short axis, some are the same."""
    starts = np.arange(parts) * steps // parts
    counts = np.maximum(1, np.diff(starts, append=steps))
    return starts, counts
