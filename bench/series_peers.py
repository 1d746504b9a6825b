"""What other classifiers of series reach on the sets of `bench/series_classification.py`, on folds and on test.

Twelve folds of the training rows (three of them, four times) and the official test rows, each classifier as its library
sets it. Where a set has a few dozen rows, the two columns show how little its folds tell about its test rows. Series of
several lengths are left out, which these classifiers do not take.

    pip install aeon
    python bench/series_peers.py ../shared/data [NAME ...]
"""

import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from aeon.classification.convolution_based import MiniRocketClassifier, RocketClassifier
from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
from numpy.typing import NDArray
from sklearn.model_selection import RepeatedStratifiedKFold

from record import record, table
from runs import Rows
from series_classification import CASES, SEEDS
from treadle.data import read

PEERS: dict[str, Callable[[int], Any]] = {
    "MiniRocket": lambda seed: MiniRocketClassifier(random_state=seed),
    "ROCKET": lambda seed: RocketClassifier(random_state=seed),
    "1-NN, Euclidean": lambda _: KNeighborsTimeSeriesClassifier(distance="euclidean", n_neighbors=1),
}
SETS = ("BasicMotions", "CBF", "ArrowHead", "ECG5000")


def load(path: str) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Series `[rows, channels, time]` and labels."""
    rows = read(path)
    series = np.stack([np.asarray(one, dtype=np.float64) for one in rows.column("series")])
    if series.ndim == 2:
        series = series[:, :, None]
    return series.transpose(0, 2, 1), np.asarray(rows.column("label"))


def accuracy(peer: Callable[[int], Any], seed: int, train: tuple[Any, Any], test: tuple[Any, Any]) -> float:
    """Of a peer that has learnt one part, on the other."""
    return float((peer(seed).fit(*train).predict(test[0]) == test[1]).mean())


def rows_of(data: Path, name: str) -> Iterator[list[str]]:
    """A row for every peer."""
    first = f"{data}/series_classification/{name}/{name}"
    x, y = load(f"{first}_TRAIN{CASES[name].suffix}")
    test = load(f"{first}_TEST{CASES[name].suffix}")
    folds = list(RepeatedStratifiedKFold(n_splits=3, n_repeats=4, random_state=0).split(x, y))
    for called, peer in PEERS.items():
        inside = [accuracy(peer, i, (x[a], y[a]), (x[b], y[b])) for i, (a, b) in enumerate(folds)]
        found = [accuracy(peer, seed, (x, y), test) for seed in SEEDS]
        each = ", ".join(f"{one:.4f}" for one in found)
        yield [name, called, f"{statistics.mean(inside):.3f}", each, f"{statistics.mean(found):.4f}"]


def main(data: Path, names: list[str]) -> None:
    """Measure the sets and record the table; those that were measured before keep their rows."""
    rows = Rows("series_peers")
    for name in names or SETS:
        for number, row in enumerate(rows_of(data, name)):
            rows.keep(f"{name} {number}", row)
    kept = rows.of(f"{name} {number}" for name in SETS for number in range(len(PEERS)))
    head = ["data", "classifier", "12 folds of the training rows", f"test, seeds {SEEDS}", "mean"]
    body = table(head, kept) + (
        "\n\nClassifiers of aeon, each as it is set there. On ArrowHead the best of twelve folds is not the best on "
        "test, as its 36 training rows do not tell them apart."
    )
    record("python bench/series_peers.py ../shared/data", "Series: other classifiers", body)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
