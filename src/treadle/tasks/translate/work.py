"""What the command line does for pairs of texts: files of pairs in, a model that writes one side from the other out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from treadle.data.builtin import load
from treadle.data.encoding import read_text
from treadle.data.pairs import Pairs, find_parallel, pairs_of_table, read_pairs, read_parallel
from treadle.data.paths import existing, suffix_of
from treadle.errors import InputError, counted, nearest
from treadle.evaluation.report.translation import TranslatingSystem
from treadle.evaluation.translation import sacrebleu
from treadle.tasks.config import load_config
from treadle.tasks.examples import ExamplesWork
from treadle.tasks.source import BUILTIN, DataSource, builtin
from treadle.tasks.translate.estimator import Translator
from treadle.tasks.translate.predictions import Translation
from treadle.tasks.translate.reporting import fit_baselines, make_report, scores
from treadle.tasks.work import Answer, Measured, refuse_options
from treadle.training import Conduct

TABLES = ("csv", "tsv", "jsonl", "parquet")
"""Formats of files that hold pairs, a row each."""
_SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")
LINES = "lines"
"""What `--format` says where a file to be translated has a text a line."""
AT_ONCE = 256
"""Texts of a file that are translated before the first is printed."""


class TranslateWork(ExamplesWork[Pairs]):
    """One text to another.

    Args:
        source: Where the data is.
        data: The training pairs.
    """

    tasks = ("translate",)
    task = "translate"
    examples = "pairs"
    baseline = "learns from the same pairs"
    report = staticmethod(make_report)

    @classmethod
    def open(cls, source: DataSource) -> Self:
        """Read the training pairs; what measures translations must be there before hours are spent."""
        sacrebleu()
        source.refuse("translate", "separator")
        pairs = open_pairs(source, source.train, "train")
        named = source.input is not None and source.target is not None
        found = None if named or not pairs.columns else list(pairs.columns)
        return cls(replace(source, chosen=found), pairs)

    @classmethod
    def read(cls, source: DataSource, place: str, split: str) -> Pairs:
        """Pairs with both sides."""
        return open_pairs(source, place, split)

    def fit(self, estimator: Translator, how: Conduct) -> None:
        """Train on the pairs."""
        estimator.fit_pairs(self.data, dev=self.others.get("dev"), **how)

    def fit_baseline(
        self, _estimator: Translator, train: Pairs, others: Mapping[str, Pairs]
    ) -> tuple[TranslatingSystem, TranslatingSystem]:
        """A dictionary, and the source as it is."""
        return fit_baselines(train, others)

    @classmethod
    def evaluate(cls, folder: Path, source: DataSource, options: Mapping[str, Any]) -> Measured:
        """Measure a trained model on pairs, by its own beam or another."""
        sacrebleu()
        refuse_options(options, ("beam_size",))
        estimator = Translator.load(folder)
        width = options.get("beam_size")
        estimator.search_settings(width)
        pairs = open_pairs(_as_trained(folder, source), source.train, "test")
        title = f"{estimator.describe()} on {Path(source.train).name}"
        return Measured(
            counted(len(pairs), "pair"),
            scores(estimator, pairs, width),
            lambda: make_report(estimator, title, {"test": pairs}, beam_size=width),
        )

    @classmethod
    def predict(
        cls, folder: Path, source: DataSource, lines: Iterable[str] | None, options: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Translate every text of a file, whether it has targets or not, or every line as it comes."""
        refuse_options(options, ("beam_size", "n_best"))
        estimator = Translator.load(folder)
        asked = {"beam_size": options.get("beam_size"), "n_best": options.get("n_best", 1)}
        estimator.search_settings(asked["beam_size"], asked["n_best"])
        if lines is not None:
            for number, line in enumerate(lines, 1):
                yield answer(estimator, line, f"standard input, line {number}", estimator.translate([line], **asked)[0])
            return
        texts, places, read_as = _texts(_as_trained(folder, source), source)
        for start in range(0, len(texts), AT_ONCE):
            some = texts[start : start + AT_ONCE]
            found = estimator.translate(some, **asked)
            for text, place, several in zip(some, places[start : start + AT_ONCE], found, strict=True):
                told = answer(estimator, text, place, several)
                notes = [note for note in (read_as, told.note) if note]
                yield replace(told, note="; ".join(notes))
                read_as = ""


def open_pairs(source: DataSource, place: str, split: str, *, paired: bool = True) -> Pairs:
    """One part of the data: two parallel files, a table, or a built-in set.

    `--input` and `--target` name the columns of a table. Where there is no file at the place, they are what two files
    end in that begin with it: of `data/train`, `--input en` and `--target de`, the files `data/train.en` and
    `data/train.de`, gzipped or not.

    Args:
        source: How to read it.
        place: Where it is.
        split: Which part of a built-in data set.
        paired: False reads sources alone.

    Raises:
        InputError: It cannot be read as pairs.
    """
    if source.input is not None and len(source.input) > 1:
        raise InputError(f"--input names {len(source.input)} columns, expected one, that of the sources")
    columns: dict[str, Any] = {"source": source.input[0] if source.input else None, "target": source.target}
    if place.startswith(BUILTIN):
        return pairs_of_table(load(builtin(place).name, split), **columns, paired=paired, chosen=source.chosen)
    files = find_parallel(place, columns["source"], columns["target"])
    if files is not None and files[1] is not None:
        _refuse_for_lines(source)
        return read_parallel(files[0], files[1], encoding=source.encoding)
    if source.format is not None and source.format not in TABLES:
        raise InputError(f"the format {source.format!r} holds no pairs{nearest(source.format, TABLES)}")
    if not Path(place).exists() and files is not None:
        raise InputError(f"{files[0]}: there is no file beside it that ends in {source.target!r}, named by --target")
    path = existing(place)
    if source.format is None and suffix_of(path) not in _SUFFIXES:
        raise InputError(
            f"{path}: expected a table of pairs ({', '.join(TABLES)}), or what two files of lines begin with, such as "
            "data/train of data/train.en and data/train.de, with --input en --target de"
        )
    reading: dict[str, Any] = {"format": source.format, "encoding": source.encoding, "header": source.header}
    return read_pairs(path, **columns, **reading, paired=paired, chosen=source.chosen)


def _texts(source: DataSource, given: DataSource) -> tuple[list[str], list[str], str]:
    """What is to be translated, where each text stands, and how a file was read whose columns were not named."""
    place = source.train
    path = Path(place)
    files = None if place.startswith(BUILTIN) else find_parallel(place, source.input[0] if source.input else None, None)
    if files is not None and not path.exists():
        path = files[0]
    table = place.startswith(BUILTIN) or suffix_of(path) in _SUFFIXES or source.format in TABLES
    if table and given.format != LINES:
        pairs = open_pairs(source, place, "test", paired=False)
        return pairs.sources, pairs.places, "" if given.input else f"{place}: {pairs.note}"
    if given.format not in (None, LINES):
        raise InputError(f"the format {given.format!r} holds no texts{nearest(given.format or '', (*TABLES, LINES))}")
    lines = read_text(existing(path), source.encoding).removesuffix("\n").split("\n")
    return lines, [f"{path}, line {number}" for number in range(1, len(lines) + 1)], ""


def answer(estimator: Translator, text: str, place: str, found: Sequence[Translation]) -> Answer:
    """The best translation, and all of them as JSON; a note where the text is longer than any that was learnt from."""
    best, longest = found[0], estimator.features_.longest
    content: dict[str, Any] = {"source": text, "translation": best.text, "score": best.score}
    content |= {"log_probability": best.log_probability, "tokens": best.tokens, "source_tokens": best.source_tokens}
    content["alignment"] = [list(pair) for pair in best.alignment]
    if len(found) > 1:
        content["n_best"] = [{"translation": one.text, "score": one.score} for one in found]
    note = ""
    if len(best.source_tokens) > longest:
        note = (
            f"{place}: {len(best.source_tokens):,} symbols, the longest text that the model has learnt from has "
            f"{longest:,}; its translation may be cut short or wander"
        )
        content["note"] = note
    return Answer("\n".join(one.text for one in found), content, note)


def _as_trained(folder: Path, source: DataSource) -> DataSource:
    """The columns, or endings of files, that the model was trained on, unless others are named."""
    source.refuse("translate", "separator")
    before = load_config(folder)[1]
    given, wanted = source.input or before.get("input"), source.target or before.get("target")
    return replace(source, input=given, target=wanted, chosen=before.get("chosen"))


def _refuse_for_lines(source: DataSource) -> None:
    if source.header is not None:
        raise InputError("--header is for tables; parallel files have a text a line and nothing else")
    if source.format not in (None, LINES):
        raise InputError(f"the format {source.format!r} is not that of parallel files{nearest(source.format, [LINES])}")
