"""What the command line does for captions: pictures or frames with sentences in, a model that writes them out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from treadle.data.builtin import load
from treadle.data.pictures import Captioned, captioned_of_table, read_captioned
from treadle.errors import InputError, counted
from treadle.evaluation.report.translation import TranslatingSystem
from treadle.evaluation.translation import sacrebleu
from treadle.tasks.caption.estimator import Captioner
from treadle.tasks.caption.predictions import Caption
from treadle.tasks.caption.reporting import fit_baselines, make_report, scores
from treadle.tasks.config import load_config
from treadle.tasks.examples import ExamplesWork
from treadle.tasks.source import BUILTIN, DataSource, builtin
from treadle.tasks.work import Answer, Measured, refuse_options
from treadle.training import Conduct

AT_ONCE = 128
"""Rows that are told about before the first answer is printed."""


class CaptionWork(ExamplesWork[Captioned]):
    """A sentence on every picture, or on every sequence of frames.

    Args:
        source: Where the data is.
        data: The training rows.
    """

    tasks = ("caption",)
    task = "caption"
    examples = "rows"
    baseline = "remembers the same rows"
    report = staticmethod(make_report)

    @classmethod
    def open(cls, source: DataSource) -> Self:
        """Read the training table; what measures captions must be there before hours are spent."""
        sacrebleu()
        return cls(source, open_captioned(source, source.train, "train"))

    @classmethod
    def read(cls, source: DataSource, place: str, split: str) -> Captioned:
        """Rows with captions."""
        return open_captioned(source, place, split)

    def fit(self, estimator: Captioner, how: Conduct) -> None:
        """Train on the rows."""
        estimator.fit_captioned(self.data, dev=self.others.get("dev"), **how)

    def fit_baseline(
        self, _estimator: Captioner, train: Captioned, others: Mapping[str, Captioned]
    ) -> tuple[TranslatingSystem, TranslatingSystem]:
        """The caption of the nearest row, and always the same one."""
        return fit_baselines(train, others)

    @classmethod
    def evaluate(cls, folder: Path, source: DataSource, options: Mapping[str, Any]) -> Measured:
        """Measure a trained model on other rows, by its own beam or another."""
        sacrebleu()
        refuse_options(options, ("beam_size",))
        estimator = Captioner.load(folder)
        width = options.get("beam_size")
        estimator.search_settings(width)
        data = open_captioned(_as_trained(folder, source), source.train, "test")
        title = f"{estimator.describe()} on {Path(source.train).name}"
        return Measured(
            counted(len(data), "row"),
            scores(estimator, data, width),
            lambda: make_report(estimator, title, {"test": data}, beam_size=width),
        )

    @classmethod
    def predict(
        cls, folder: Path, source: DataSource, lines: Iterable[str] | None, options: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Tell about one picture, all of a folder or table, or the file that each line names."""
        refuse_options(options, ("beam_size", "n_best"))
        estimator = Captioner.load(folder)
        asked = {"beam_size": options.get("beam_size"), "n_best": options.get("n_best", 1)}
        estimator.search_settings(asked["beam_size"], asked["n_best"])
        if lines is not None:
            for line in lines:
                data = read_captioned(line.strip(), captions=False)
                yield from answers(data, estimator.tell(data, **asked))
            return
        data = open_captioned(_as_trained(folder, source), source.train, "test", captions=False)
        for start in range(0, len(data), AT_ONCE):
            some = data.take(range(start, min(len(data), start + AT_ONCE)))
            yield from answers(some, estimator.tell(some, **asked))


def open_captioned(source: DataSource, place: str, split: str, *, captions: bool = True) -> Captioned:
    """One part of the data, by the columns that `--input` (pictures or frames) and `--target` (captions) name.

    Args:
        source: How to read it.
        place: Where it is.
        split: Which part of a built-in data set.
        captions: Whether they are needed.

    Raises:
        InputError: It cannot be read as pictures or frames.
    """
    source.refuse("caption", "separator")
    if source.input is not None and len(source.input) > 1:
        raise InputError(f"--input names {len(source.input)} columns, expected one, that of the pictures")
    columns: dict[str, Any] = {"image": source.input[0] if source.input else None, "captions": captions}
    columns["caption"] = source.target if captions else None
    if place.startswith(BUILTIN):
        return captioned_of_table(load(builtin(place).name, split), **columns)
    return read_captioned(place, **columns, format=source.format, encoding=source.encoding, header=source.header)


def _as_trained(folder: Path, source: DataSource) -> DataSource:
    """The columns that the model was trained on, unless others are named."""
    before = load_config(folder)[1]
    return replace(source, input=source.input or before.get("input"), target=source.target or before.get("target"))


def answers(data: Captioned, found: Sequence[Sequence[Caption]]) -> Iterator[Answer]:
    """The best caption, and all of them as JSON with what was looked at most for each symbol."""
    for cell, place, several in zip(data.inputs, data.places, found, strict=True):
        best = several[0]
        content: dict[str, Any] = {"input": cell if isinstance(cell, str) else place, "caption": best.text}
        content |= {"score": best.score, "log_probability": best.log_probability, "tokens": best.tokens}
        content["looked_at"] = [list(one) for one in best.places]
        content["regions"] = list(best.attention.shape[1:])
        if len(several) > 1:
            content["n_best"] = [{"caption": one.text, "score": one.score} for one in several]
        yield Answer("\n".join(one.text for one in several), content)
