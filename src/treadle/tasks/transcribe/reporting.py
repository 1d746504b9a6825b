"""From a fitted recogniser and its data to figures, a comparison with the baseline, and the report."""

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from treadle.data.audio import Utterances
from treadle.data.text import choose_unit
from treadle.evaluation import Report
from treadle.evaluation.baselines.speech import NearestTemplateBaseline
from treadle.evaluation.report.speech import SpeechSystem, SpokenSplit, build_speech_report
from treadle.tasks.outcome import REPORT, facts, write_page
from treadle.tasks.transcribe.inputs import to_utterances
from treadle.tasks.transcribe.reader import Reader
from treadle.tasks.transcribe.settings import SearchSettings
from treadle.tasks.transcribe.units import Units


class Reported(Reader):
    """A fitted recogniser, as far as a report looks at it.

    Attributes:
        history_: One record an epoch.
        seed: Of everything that is drawn.
    """

    history_: list[dict[str, Any]]
    seed: int

    @abstractmethod
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every argument."""

    @abstractmethod
    def describe(self) -> str:
        """The model in a few words."""

    @abstractmethod
    def describe_size(self) -> str:
        """The size of the model, what it reads and writes."""

    def report(self, folder: str | Path, X: Any, y: Any, *, title: str | None = None) -> Path:
        """Write `report.html` about recordings that the model has not heard.

        Args:
            folder: Where to.
            X: Recordings, in any form that `fit` takes.
            y: What is said in each.
            title: Headline of the page.

        Returns:
            The page.
        """
        data = to_utterances(X, y, rate=self.audio_.bank.rate)
        return write_page(Path(folder) / REPORT, make_report(self, title or self.describe(), {"test": data}))


def truth(units: Units, data: Utterances) -> list[str]:
    """What is said in recordings, written as the model would: case and white space are not what it is measured by."""
    assert data.texts is not None
    return [units.normalise(text) for text in data.texts]


def foreign_note(units: Units, data: Utterances) -> str | None:
    """A sentence on transcripts that the model cannot write, or None where there is none."""
    assert data.texts is not None
    found = [(row, part) for row, text in enumerate(data.texts) if (part := units.foreign(text)) is not None]
    if not found:
        return None
    row, part = found[0]
    count = f"{len(found):,} of {len(data):,} transcripts have"
    return f"{count} symbols that training lacks, {part!r} in {data.where(row)} first; they count as mistakes"


def fit_baseline(estimator: Reported, train: Utterances, others: Mapping[str, Utterances]) -> SpeechSystem:
    """The nearest of some training recordings, by the model's own frames.

    Returns:
        What it says of every part in `others`.
    """
    since = time.monotonic()
    audio = estimator.audio_
    baseline = NearestTemplateBaseline(estimator.seed)
    baseline.fit(audio.encode(train.audio, train.where), truth(estimator.units_, train))
    seconds = time.monotonic() - since
    answers = {name: baseline.predict(audio.encode(data.audio, data.where)) for name, data in others.items()}
    return SpeechSystem(baseline.name, answers, baseline.description, seconds)


def make_report(
    estimator: Reported,
    title: str,
    splits: Mapping[str, Utterances],
    beside: SpeechSystem | None = None,
    search: SearchSettings | None = None,
    *,
    data_notes: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> Report:
    """Everything that the page says; the recordings shown are those of "test", or of "dev" without one.

    Args:
        estimator: The fitted model.
        title: Headline.
        splits: "dev", "test" or both.
        beside: What `fit_baseline` gave.
        search: How transcripts are found; None as the estimator's arguments say.
        data_notes: Sentences on the data.
        commands: How to get the model again.
    """
    how = search or estimator.search_settings()
    answers = {name: [one.text for one in estimator.hear(data, how)] for name, data in splits.items()}
    seconds = sum(record["seconds"] for record in estimator.history_)
    notes = [f"{name}: {note}" for name, data in splits.items() if (note := foreign_note(estimator.units_, data))]
    return build_speech_report(
        title,
        {name: _split(estimator, data) for name, data in splits.items()},
        SpeechSystem(estimator.describe(), answers, estimator.describe_size(), seconds or None),
        metric=headline(estimator.units_, next(iter(splits.values()))),
        baseline=beside,
        summary=f"{estimator.describe()}: {estimator.describe_size()}.",
        history=estimator.history_,
        data_notes=[*data_notes, *notes],
        config=estimator.get_params() | how.model_dump(),
        commands=commands,
        facts=facts(),
    )


def headline(units: Units, data: Utterances) -> str:
    """What a model is compared by: words, or characters where no spaces stand between words."""
    return "cer" if choose_unit(truth(units, data)) == "char" else "wer"


def _split(estimator: Reported, data: Utterances) -> SpokenSplit:
    rate = estimator.audio_.bank.rate
    seconds = [len(estimator.audio_.samples(cell, data.where(row))) / rate for row, cell in enumerate(data.audio)]
    return SpokenSplit(truth(estimator.units_, data), seconds, [data.where(row) for row in range(len(data))])
