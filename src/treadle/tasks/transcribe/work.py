"""What the command line does for speech: recordings with transcripts in, a model that writes down what is said out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from treadle.data.audio import Utterances, read_utterances
from treadle.errors import InputError, counted
from treadle.evaluation.report.speech import SpeechSystem
from treadle.evaluation.speech import speech_scores
from treadle.tasks.config import load_config
from treadle.tasks.examples import ExamplesWork
from treadle.tasks.source import BUILTIN, DataSource
from treadle.tasks.transcribe.estimator import SpeechRecognizer
from treadle.tasks.transcribe.reporting import fit_baseline, foreign_note, make_report, truth
from treadle.tasks.transcribe.settings import SearchSettings
from treadle.tasks.work import Answer, Measured
from treadle.training import Conduct


class TranscribeWork(ExamplesWork[Utterances]):
    """Text for recordings.

    Args:
        source: Where the data is.
        data: The training recordings.
    """

    tasks = ("transcribe",)
    task = "transcribe"
    examples = "recordings"
    baseline = "remembers some of the same recordings"
    report = staticmethod(make_report)

    @classmethod
    def open(cls, source: DataSource) -> Self:
        """Read the training manifest or folder."""
        return cls(source, read_recordings(source, source.train))

    @classmethod
    def read(cls, source: DataSource, place: str, split: str) -> Utterances:  # noqa: ARG003 (a folder has no parts)
        """A manifest or folder of recordings with transcripts."""
        return read_recordings(source, place)

    def fit(self, estimator: SpeechRecognizer, how: Conduct) -> None:
        """Train on the recordings."""
        estimator.fit_utterances(self.data, dev=self.others.get("dev"), **how)

    def remarks(self, estimator: SpeechRecognizer, others: Mapping[str, Utterances]) -> Iterator[str]:
        """Letters that the model cannot write."""
        for name, data in others.items():
            if note := foreign_note(estimator.units_, data):
                yield f"{name}: {note}"

    def fit_baseline(
        self, estimator: SpeechRecognizer, train: Utterances, others: Mapping[str, Utterances]
    ) -> SpeechSystem:
        """The nearest of some recordings, time-warped."""
        return fit_baseline(estimator, train, others)

    @classmethod
    def evaluate(cls, folder: Path, source: DataSource, options: Mapping[str, Any]) -> Measured:
        """Measure a trained model on recordings with transcripts; options are those of the search."""
        estimator = SpeechRecognizer.load(folder)
        search = estimator.search_settings(**options)
        data = read_recordings(_as_trained(folder, source), source.train)
        heard = [one.text for one in estimator.hear(data, search)]
        return Measured(
            counted(len(data), "recording"),
            speech_scores(truth(estimator.units_, data), heard),
            lambda: make_report(
                estimator, f"{estimator.describe()} on {Path(source.train).name}", {"test": data}, search=search
            ),
        )

    @classmethod
    def predict(
        cls, folder: Path, source: DataSource, lines: Iterable[str] | None, options: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Write down one file of sound, all of a folder or manifest, or the file that each input line names."""
        estimator = SpeechRecognizer.load(folder)
        search = estimator.search_settings(**options)
        if lines is not None:
            for line in lines:
                yield from _answers(estimator, read_recordings(source, line.strip(), transcribed=False), search)
            return
        data = read_recordings(_as_trained(folder, source), source.train, transcribed=False)
        yield from _answers(estimator, data, search)


def read_recordings(source: DataSource, place: str, *, transcribed: bool = True) -> Utterances:
    """One part of the data, by the columns that `--input` (recordings) and `--target` (transcripts) name.

    Args:
        source: How to read it.
        place: Where it is.
        transcribed: Whether transcripts are needed.

    Raises:
        InputError: It cannot be read as recordings.
    """
    source.refuse("transcribe", "separator")
    if place.startswith(BUILTIN):
        raise InputError(f"{place}: no built-in data set holds recordings, expected a folder or a manifest")
    named = place == source.train or Path(place).is_dir()  # a manifest beside a folder needs no rule
    if source.input is not None and len(source.input) > 1:
        raise InputError(f"--input names {len(source.input)} columns, expected one, that of the recordings")
    return read_utterances(
        place,
        audio=source.input[0] if source.input else None,
        text=source.target if transcribed else None,
        rule=source.rule if transcribed and named else None,
        transcribed=transcribed,
        format=source.format,
        encoding=source.encoding,
        header=source.header,
    )


def _as_trained(folder: Path, source: DataSource) -> DataSource:
    """The columns and the rule that the model was trained with, unless others are named."""
    before = load_config(folder)[1]
    if Path(source.train).is_dir():
        return replace(source, rule=source.rule or before.get("rule"))
    if Path(before.get("train", "")).is_dir():
        return source
    return replace(source, input=source.input or before.get("input"), target=source.target or before.get("target"))


def _answers(estimator: SpeechRecognizer, data: Utterances, search: SearchSettings) -> Iterator[Answer]:
    """One for every recording, in their order; its content has the words with times and confidence."""
    for row, heard in enumerate(estimator.hear(data, search)):
        yield Answer(heard.text, {"audio": str(data.audio[row]), **heard.to_json()})
