"""What a language model of unlabelled reviews lends a classifier: with few labels, and with all of them.

The language model reads the 50,000 reviews of IMDB that have no label. With few labels, the same 500 training reviews,
250 a class drawn by the seed, train a classifier from scratch with default settings and one that begins as the language
model. With all labels, one that begins as the language model is trained. Every test figure is read once, by
`treadle train`, after training; settings were chosen on other training reviews.

    python bench/transfer.py ../shared/data [few-scratch|few-shot|all-labels ...]
"""

import sys
import tarfile
from pathlib import Path
from statistics import mean

import numpy as np

from accuracy import imdb
from record import record, table
from runs import WORK, Rows, train, write
from treadle.data import read

CONFIG = str(Path(__file__).with_name("configs") / "imdb_reviews.toml")
LABELS, SEEDS = 500, (0, 1, 2)
FEW = ["--pooling", "concat", "--epochs", "15", "--set", "learning_rate=0.004"]
ALL = ["--pooling", "concat", "--epochs", "4", "--set", "learning_rate=0.004"]


def language(data: Path, rows: Rows) -> str:
    """The folder of the language model, trained unless it is there."""
    texts = WORK / "imdb-unlabelled"
    if not texts.is_dir():
        with tarfile.open(data / "text/imdb/aclImdb_unsup.tar.xz") as archive:
            archive.extractall(WORK, filter="data")
        (WORK / "aclImdb/train/unsup").rename(texts)
    trained = [folder.parent for folder in sorted(WORK.glob("imdb-language-*/result.json"))]
    if trained:
        return str(trained[-1])
    run = train("imdb-language", [str(texts), "--task", "language-model", "--config", CONFIG])
    figure = f"dev perplexity {run.result['dev']['perplexity']:.1f}"
    what = "the language model, of 50,000 reviews without labels"
    rows.keep("language", [what, figure, f"{run.minutes:.0f}", run.command])
    return str(run.folder)


def few_labels(tree: str, test: str, rows: Rows, name: str, options: list[str]) -> None:
    """Three times 500 labels."""
    labelled = read(tree)
    labels = np.array(labelled.column("label"))
    accuracies, minutes = [], []
    for seed in SEEDS:
        draw = np.random.default_rng(seed)
        picked = [draw.permutation(np.flatnonzero(labels == label))[: LABELS // 2] for label in sorted(set(labels))]
        path = write(f"imdb-{LABELS}-{seed}", labelled.take(sorted(np.concatenate(picked))))
        run = train(f"imdb-{LABELS}", [path, "--test", test, "--seed", str(seed), *options])
        accuracies.append(run.result["test"]["accuracy"])
        minutes.append(run.minutes)
        each = f"{mean(accuracies):.4f} ({', '.join(f'{accuracy:.4f}' for accuracy in accuracies)})"
        command = run.command.replace(f"-{seed}.jsonl", "-SEED.jsonl").replace(f"--seed {seed}", "--seed SEED")
        what = f"{LABELS} labels, from {name}, seeds 0 to {seed}"
        rows.keep(name, [what, each, f"{mean(minutes):.1f}", command])


def few_scratch(data: Path, rows: Rows) -> None:
    """500 labels, nothing else."""
    tree, _, test = imdb(data)
    few_labels(tree, test, rows, "scratch", [])


def few_shot(data: Path, rows: Rows) -> None:
    """500 labels, and the language model."""
    tree, _, test = imdb(data)
    few_labels(tree, test, rows, "language model", ["--init-from", language(data, rows), *FEW])


def all_labels(data: Path, rows: Rows) -> None:
    """Every label, and the language model."""
    tree, _, test = imdb(data)
    run = train("imdb-transfer", [tree, "--test", test, "--init-from", language(data, rows), *ALL])
    figure = f"{run.result['test']['accuracy']:.4f}"
    beside = f"{run.result['baseline']['test']['accuracy']:.4f}, {run.result['baseline']['name']}"
    what = "25,000 labels, from the language model"
    rows.keep("all", [what, f"{figure} ({beside})", f"{run.minutes:.1f}", run.command])


PARTS = {"few-scratch": few_scratch, "few-shot": few_shot, "all-labels": all_labels}


def main(data: Path, names: list[str]) -> None:
    """Run the parts and record the table; parts that were measured before keep their rows."""
    rows = Rows("transfer")
    for name in names or PARTS:
        PARTS[name](data, rows)
    head = ["what is trained", "test accuracy", "minutes, all told", "command"]
    order = ["language", "scratch", "language model", "all"]
    record("python bench/transfer.py ../shared/data", "Transfer on IMDB", table(head, rows.of(order)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
