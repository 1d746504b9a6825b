"""What the command line does for tagged sentences: files of tokens with tags in, a model that tags out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from json import loads
from pathlib import Path
from typing import Any, Self

from treadle.data.builtin import load
from treadle.data.encoding import read_text
from treadle.data.paths import existing, suffix_of
from treadle.data.tagging import (
    COLUMN_SUFFIXES,
    TAGGED_FORMATS,
    TaggedSentences,
    from_table,
    read_tagged,
    tagged_format,
)
from treadle.errors import InputError, counted, nearest
from treadle.evaluation.report.tagging import TaggingSystem
from treadle.evaluation.tagging import tagging_scores
from treadle.tasks.config import load_config
from treadle.tasks.examples import ExamplesWork
from treadle.tasks.source import BUILTIN, DataSource, builtin
from treadle.tasks.tagging.answers import answers
from treadle.tasks.tagging.estimator import SequenceTagger
from treadle.tasks.tagging.inputs import to_given
from treadle.tasks.tagging.reporting import fit_baseline, gold, make_report, said
from treadle.tasks.work import Answer, Measured, refuse_options
from treadle.training import Conduct

LINES = "lines"
"""What `--format` says where a file to be tagged has a sentence a line, as text."""


class TagWork(ExamplesWork[TaggedSentences]):
    """Tags for tokens.

    Args:
        source: Where the data is.
        data: The training sentences.
    """

    tasks = ("tag",)
    task = "tag"
    examples = "sentences"
    baseline = "learns from the same sentences"
    report = staticmethod(make_report)

    @classmethod
    def open(cls, source: DataSource) -> Self:
        """Read the training sentences."""
        source.refuse("tag", "separator", "header")
        data = read_tags(source, source.train, "train")
        return cls(replace(source, chosen=list(data.chosen) or None), data)

    @classmethod
    def read(cls, source: DataSource, place: str, split: str) -> TaggedSentences:
        """Tagged sentences."""
        return read_tags(source, place, split)

    def fit(self, estimator: SequenceTagger, how: Conduct) -> None:
        """Train on the sentences."""
        estimator.fit_sentences(self.data, dev=self.others.get("dev"), **how)

    def fit_baseline(
        self, estimator: SequenceTagger, train: TaggedSentences, others: Mapping[str, TaggedSentences]
    ) -> TaggingSystem:
        """The most frequent tag of each token, and a linear model of labels."""
        return fit_baseline(estimator.features_, train, others)

    @classmethod
    def evaluate(cls, folder: Path, source: DataSource, options: Mapping[str, Any]) -> Measured:
        """Measure a trained model on tagged sentences."""
        refuse_options(options)
        estimator = SequenceTagger.load(folder)
        data = read_tags(_as_trained(folder, source), source.train, "test")
        title = f"{estimator.describe()} on {Path(source.train).name}"
        return Measured(
            counted(len(data), "sentence"),
            tagging_scores(gold(estimator.features_, data), said(estimator, data)),
            lambda: make_report(estimator, title, {"test": data}),
        )

    @classmethod
    def predict(
        cls, folder: Path, source: DataSource, lines: Iterable[str] | None, options: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Tag every sentence of a file, whether it has tags or not, or every line of text as it comes."""
        refuse_options(options, ("saliency",))
        moved = bool(options.get("saliency"))
        estimator = SequenceTagger.load(folder)
        if lines is not None:
            for line in lines:
                yield from answers(estimator, to_given([_sentence(line)]), saliency=moved)
        elif source.format == LINES:
            source.refuse("tag", "separator", "header")
            if source.input:
                raise InputError(f"lines of text have no columns, found --input {source.input[0]!r}")
            text = read_text(existing(source.train), source.encoding).removesuffix("\n")
            yield from answers(
                estimator, to_given([_sentence(line) for line in text.split("\n") if text]), saliency=moved
            )
        else:
            _refuse_plain_text(folder, source)
            data = read_sentences(_as_trained(folder, source), source.train, "test", tagged=False)
            yield from answers(estimator, to_given(data.tokens), saliency=moved)


def read_sentences(source: DataSource, place: str, split: str, *, tagged: bool = True) -> TaggedSentences:
    """One part of the data, by the columns that `--input` (tokens) and `--target` (tags) name.

    Args:
        source: How to read it.
        place: Where it is.
        split: Which part of a built-in data set.
        tagged: False reads tokens alone, and does not look at tags.

    Raises:
        InputError: It cannot be read as tagged sentences.
    """
    if source.input is not None and len(source.input) > 1:
        raise InputError(f"--input names {len(source.input)} columns, expected one, that of the tokens")
    tokens = source.input[0] if source.input else None
    columns: Any = {"tokens": tokens, "tags": source.target, "tagged": tagged, "chosen": source.chosen or ()}
    if place.startswith(BUILTIN):
        return from_table(load(builtin(place).name, split), **columns)
    if source.format is not None and source.format not in TAGGED_FORMATS:
        raise InputError(
            f"the format {source.format!r} holds no tagged sentences{nearest(source.format, TAGGED_FORMATS)}"
        )
    return read_tagged(place, format=source.format, encoding=source.encoding, **columns)


def read_tags(source: DataSource, place: str, split: str) -> TaggedSentences:
    """`read_sentences`, with tags.

    Raises:
        InputError: As there, or the sentences have no tags; where there are columns of other names, they are told.
    """
    data = read_sentences(source, place, split)
    if data.tags is not None:
        return data
    several = source.target is None and len(data.columns) > 1
    told = f"; columns: {', '.join(data.columns)}; name that of the tags by --target" if several else ""
    raise InputError(f"{data.source}: found tokens and no tags, expected a tag for each token{told}")


def _as_trained(folder: Path, source: DataSource) -> DataSource:
    """The columns that the model was trained on, unless others are named; a folder of parallel files has none."""
    source.refuse("tag", "separator", "header")
    before = {} if Path(source.train).is_dir() else load_config(folder)[1]
    given, wanted = source.input or before.get("input"), source.target or before.get("target")
    return replace(source, input=given, target=wanted, chosen=before.get("chosen"))


def _refuse_plain_text(folder: Path, source: DataSource) -> None:
    """Refuse to guess whether a text file has a sentence a line or a token a line.

    Raises:
        InputError: Neither its name, nor its content, nor the format, nor the training data says so.
    """
    path = Path(source.train)
    if source.format is not None or source.train.startswith(BUILTIN) or path.is_dir():
        return
    suffix = suffix_of(path)
    alike = suffix == suffix_of(load_config(folder)[1].get("train", ""))
    if suffix in COLUMN_SUFFIXES or alike or tagged_format(existing(path), source.encoding) != "conll":
        return
    if not read_text(path, source.encoding).strip():
        raise InputError(f"{path}: the file is empty, expected sentences")
    raise InputError(
        f"{path}: holds a sentence a line or a token a line; say which by --format {LINES} or --format conll"
    )


def _sentence(line: str) -> str | list[str]:
    """A line as a text; as tokens, if it is a JSON list of strings."""
    if line.startswith("["):
        try:
            value = loads(line)
        except ValueError:
            return line
        if isinstance(value, list) and all(isinstance(token, str) for token in value):
            return value
    return line
