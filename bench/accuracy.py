"""Trains the classifier with default settings on public data sets, by the command line, and records what came out.

Each data set is brought into the form that its command reads (a split, no more), under `runs/bench`. The test split is
read once, by `treadle train`, after training. Training rows alone decide everything else.

    python bench/accuracy.py ../shared/data [NAME ...]
"""

import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from record import record, table
from runs import WORK, Rows, train, write
from treadle.data import read, split_rows


@dataclass(frozen=True)
class Case:
    """A data set and the words after `treadle train`.

    Attributes:
        split: How the rows are divided.
        arguments: `(folder of the data) -> words`.
    """

    split: str
    arguments: Callable[[Path], list[str]]


def imdb(data: Path) -> list[str]:
    """The official tree, extracted."""
    if not (WORK / "aclImdb/test/pos").is_dir():
        with tarfile.open(data / "text/imdb/aclImdb_labeled.tar.gz") as archive:
            archive.extractall(WORK, filter="data")
    return [f"{WORK}/aclImdb/train", "--test", f"{WORK}/aclImdb/test"]


def trec6(data: Path) -> list[str]:
    """The official files, as they are."""
    folder = data / "text/trec6"
    return [f"{folder}/TREC.train.all", "--test", f"{folder}/TREC.test.all", "--encoding", "latin-1"]


def waimai(data: Path) -> list[str]:
    """80 % to train, 10 % dev, 10 % test, stratified, seed 0."""
    rows = read(data / "text/waimai_zh/waimai_10k.csv")
    labels = rows.column("label")
    train, rest = split_rows(labels, 0.2, seed=0)
    dev, test = split_rows([labels[i] for i in rest], 0.5, seed=0)
    parts = {"train": train, "dev": rest[dev], "test": rest[test]}
    paths = {name: write(f"waimai-{name}", rows.take(picked)) for name, picked in parts.items()}
    return [paths["train"], "--dev", paths["dev"], "--test", paths["test"]]


def splice(data: Path) -> list[str]:
    """The first 2,000 rows train, the other 1,186 test."""
    rows = read(data / "dna/splice/splice_decoded.tsv")
    train, test = write("splice-train", rows.take(range(2000))), write("splice-test", rows.take(range(2000, len(rows))))
    return [train, "--test", test]


def ecg5000(data: Path) -> list[str]:
    """The official files."""
    folder = data / "series_classification/ECG5000"
    return [f"{folder}/ECG5000_TRAIN.tsv.gz", "--test", f"{folder}/ECG5000_TEST.tsv.gz"]


CASES = {
    "imdb": Case("official, 25,000 / 25,000", imdb),
    "trec6": Case("official, 5,452 / 500", trec6),
    "waimai_zh": Case("stratified 80/10/10, seed 0", waimai),
    "splice": Case("first 2,000 / other 1,186", splice),
    "ecg5000": Case("official, 500 / 4,500", ecg5000),
    "vowels": Case("official, 270 / 370", lambda _: ["builtin:vowels"]),
}


def main(data: Path, names: list[str]) -> None:
    """Run the cases and record the table; cases that were measured before keep their rows."""
    rows = Rows("accuracy")
    for name in names or CASES:
        run = train(name, CASES[name].arguments(data))
        accuracy, baseline = run.result["test"]["accuracy"], run.result["baseline"]
        beside = f"{baseline['test']['accuracy']:.4f}, {baseline['name']}"
        rows.keep(name, [name, CASES[name].split, f"{accuracy:.4f}", beside, f"{run.minutes:.1f}", run.command])
    head = ["data", "split: training / test", "test accuracy", "baseline", "minutes, all told", "command, seed 0"]
    body = table(head, rows.of(CASES))
    body += (
        "\n\nThe settings are the defaults, chosen on dev splits of the training rows. The baseline's own settings were"
        " chosen with a look at some of these test splits, so its figures lean high."
    )
    record("python bench/accuracy.py ../shared/data", "Classifiers with default settings", body)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
