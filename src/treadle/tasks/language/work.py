"""What the command line does for a language model: texts in, the surprise of every token out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from treadle.data import Ragged
from treadle.data.builtin import load
from treadle.data.corpus import CORPUS_FORMATS, Corpus, corpus_of_table, is_table, read_corpus
from treadle.data.paths import suffix_of
from treadle.errors import InputError, counted, nearest
from treadle.tasks.config import load_config
from treadle.tasks.folder import load_model
from treadle.tasks.language.adapt import Adaptation
from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.reporting import answer, fit_baseline, headline, make_report, scored
from treadle.tasks.language.split import cut_off
from treadle.tasks.outcome import Result, Say, commands, write_result
from treadle.tasks.source import BUILTIN, DataSource, builtin
from treadle.tasks.work import Answer, Measured, Work, refuse_options
from treadle.training import Conduct

DOCUMENTS = ("lines", "paragraphs")
"""What `--format` can say a document of a text file is, beside the whole file."""
RAW = "bytes"
"""What `--format` says where a file of any kind is read as it is."""

_TABLES = tuple(name for name in CORPUS_FORMATS if name != "text")


class LanguageWork(Work):
    """A language model of texts.

    Args:
        source: Where they are.
        corpus: The training documents.
    """

    tasks = ("language-model",)
    task = "language-model"

    def __init__(self, source: DataSource, corpus: Corpus) -> None:
        self.source, self.corpus = source, corpus
        self.others: dict[str, Corpus] = {}

    @classmethod
    def open(cls, source: DataSource) -> Self:
        """Read the training texts."""
        _refuse_foreign(source)
        return cls(source, open_corpus(source, source.train, "train"))

    def understand(self, estimator: LanguageModel) -> list[str]:
        """Read the dev and test texts."""
        notes = [f"{self.source.train}: {understood(self.corpus)}"]
        for name, place in self.source.others().items():
            self.others[name] = open_corpus(self.source, place, name)
            notes.append(f"{name}: {understood(self.others[name])}")
        if "dev" not in self.others:
            notes.append(f"dev: the last {estimator.dev_fraction:.0%} of the training text, set aside")
        return notes

    def fit(self, estimator: LanguageModel, how: Conduct) -> None:
        """Train on the texts."""
        dev = self.others.get("dev")
        estimator.fit_texts(
            self.corpus.texts,
            None if dev is None else dev.texts,
            **how,
        )

    def conclude(self, estimator: LanguageModel, folder: Path, notes: Sequence[str], say: Say) -> Result:
        """Measure the model and the n-gram model, which learns from the same symbols, and write result and report.

        As in every task, with a test part the baseline learns from all of the training text, what was set aside for dev
        included; without one, the two are compared on dev, which the baseline must not have seen.
        """
        train, texts = self.corpus.texts, {name: corpus.texts for name, corpus in self.others.items()}
        learnt, seen = train, train
        if "dev" not in texts:
            learnt, held = cut_off(train, estimator.dev_fraction)
            seen = train if "test" in texts else learnt
            texts = {"dev": held, **texts}
        shown = "test" if "test" in texts else "dev"
        splits = {name: scored(estimator, some) for name, some in texts.items()}
        notes = [*notes, *(f"{name}: {split.covered(estimator.codec_)}" for name, split in splits.items())]
        for note in notes[-len(splits) :]:
            say(note)
        say("the baseline learns from the same text ...")
        symbols = estimator.encode(learnt)
        report = make_report(
            estimator,
            f"{estimator.describe()} on {Path(self.source.train).name or self.source.train}",
            splits,
            fit_baseline(estimator, estimator.encode(seen), {shown: splits[shown]}),
            counts=symbols.values.bincount(minlength=len(estimator.codec_)).numpy(),
            data_notes=notes,
            commands=commands(self.source, estimator, folder),
        )
        return write_result(folder, self.task, report)

    @classmethod
    def evaluate(cls, folder: Path, source: DataSource, options: Mapping[str, Any]) -> Measured:
        """Measure a trained model on texts."""
        how = Adaptation.of(options)
        model, corpus = _opened(folder, source)
        train = _trained_on(folder, model) if how.dynamic == "rms" else None
        split = scored(model, corpus.texts, how, train=train)
        title = f"{model.describe()} on {Path(source.train).name}"
        notes = [split.covered(model.codec_), *([f"adapted by {how.describe()}"] if how else [])]
        amount = ", ".join([counted(len(corpus), "document"), *notes])
        return Measured(amount, split.metrics(), lambda: make_report(model, title, {"test": split}, data_notes=notes))

    @classmethod
    def predict(
        cls, folder: Path, source: DataSource, lines: Iterable[str] | None, options: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """The surprise of every document, or line of standard input: a figure, or every token for itself."""
        refuse_options(options, ("saliency",))
        places: Iterable[tuple[str, str]]
        if lines is None:
            model, corpus = _opened(folder, source)
            places = zip(corpus.texts, corpus.places, strict=True)
        else:
            model, _ = load_model(folder)
            places = ((line, f"standard input, line {number}") for number, line in enumerate(lines, 1))
        for text, place in places:
            said = answer(model, text)
            figure = said[headline(model)]
            shown = "–" if figure is None else f"{figure:.4f}"
            if options.get("saliency") and said["tokens"]:
                found = model.saliency(text)
                shown, said = f"{shown}\t{found.answer}: {found}", said | {"saliency": found.to_json()}
            yield Answer(shown, {"where": place, **said})


def open_corpus(source: DataSource, place: str, split: str) -> Corpus:
    """Read one part of the texts.

    Raises:
        InputError: They cannot be read.
    """
    if source.input is not None and len(source.input) > 1:
        raise InputError(f"a language model reads one column of texts, found {len(source.input)} of --input")
    column = source.input[0] if source.input else None
    if place.startswith(BUILTIN):
        return corpus_of_table(load(builtin(place).name, split), column)
    known = (*CORPUS_FORMATS, *DOCUMENTS, RAW)
    if source.format is not None and source.format not in known:
        raise InputError(f"the format {source.format!r} is none of texts{nearest(source.format, known)}")
    documents: Any = source.format if source.format in DOCUMENTS else None
    format_ = source.format if source.format in CORPUS_FORMATS else None
    path = Path(place)
    if column is not None and (path.is_dir() or (path.is_file() and not is_table(path, format_))):
        found = f"--input names the column {column!r}, found text, which has no columns"
        raise InputError(f"{place}: {found}; leave it out")
    return read_corpus(
        place,
        documents=documents,
        column=column,
        format=format_,
        encoding=source.encoding,
        header=source.header,
        raw=source.format == RAW,
    )


def understood(corpus: Corpus) -> str:
    """How texts were read, with their size."""
    return f"{corpus.note}, {counted(corpus.characters, 'character')}"


def _opened(folder: Path, source: DataSource) -> tuple[LanguageModel, Corpus]:
    """A model and the texts that `source.train` names, read as those it was trained on unless told otherwise."""
    _refuse_foreign(source)
    model, _ = load_model(folder)
    if not source.train.startswith(BUILTIN):
        source = _as_trained(source, load_config(folder)[1])
    return model, open_corpus(source, source.train, "test")


def _as_trained(source: DataSource, before: Mapping[str, Any]) -> DataSource:
    """With the format and the column of the training text, as far as they suit a file of this kind."""
    path, trained = Path(source.train), before.get("format")
    table = path.is_file() and is_table(path)
    alike = suffix_of(source.train) == suffix_of(before.get("train", ""))
    column = before.get("input") if alike or table else None
    suits = alike or table == (trained in _TABLES)
    return replace(source, input=source.input or column, format=source.format or (trained if suits else None))


def _refuse_foreign(source: DataSource) -> None:
    """Refuse ways of reading that are not for texts."""
    source.refuse(LanguageWork.task, "target", "separator")


def _trained_on(folder: Path, model: LanguageModel) -> Ragged:
    """The tokens of the text that a model was trained on.

    Raises:
        InputError: It cannot be read any more.
    """
    place = load_config(folder)[1]
    if "train" not in place:
        raise InputError(f"{folder}: does not say on which file it was trained, which dynamic 'rms' reads; try 'sgd'")
    source = DataSource(**place)
    try:
        texts = open_corpus(source, source.train, "train").texts
    except InputError as error:
        raise InputError(f"dynamic 'rms' reads the training text; {error}") from None
    return model.encode(texts if source.dev else cut_off(texts, model.dev_fraction)[0])
