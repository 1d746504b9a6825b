"""The register of the built-in data sets, and the one function that opens them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from treadle.data.builtin.commands import commands
from treadle.data.builtin.dates import dates
from treadle.data.builtin.drift import drift
from treadle.data.builtin.pydocs import pydocs
from treadle.data.builtin.series import airline, sunspots, vowels
from treadle.data.builtin.shapes import ROWS, shapes
from treadle.data.table import Table
from treadle.errors import InputError, nearest


@dataclass(frozen=True)
class Dataset:
    """One built-in data set.

    Attributes:
        name: By which `load` and `treadle train` know it.
        task: What it is chiefly for, in the words of `--task`.
        description: One line on what a row is.
        source: Where it comes from.
        licence: Under which it may be passed on.
        generated: Made by a program of this project; otherwise it is real data.
        splits: The names of its parts.
        make: Gives the rows of one part.
        sizes: How many rows every part has, where it takes seconds to make them.
    """

    name: str
    task: str
    description: str
    source: str
    licence: str
    generated: bool
    splits: tuple[str, ...]
    make: Callable[[str], Table]
    sizes: Mapping[str, int] | None = None

    def rows(self) -> dict[str, int]:
        """The number of rows of every part, counted where it is not known."""
        return dict(self.sizes) if self.sizes is not None else {split: len(self.make(split)) for split in self.splits}


DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "vowels",
            "classify",
            "a Japanese vowel as 7 to 29 steps of 12 cepstral coefficients; which of 9 men spoke it",
            "UCI Machine Learning Repository, Japanese Vowels (Kudo, Toyama and Shimbo 1999), official split",
            "CC BY 4.0",
            False,
            ("train", "test"),
            vowels,
        ),
        Dataset(
            "airline",
            "forecast",
            "international airline passengers in thousands, a month a row, 1949 to 1960",
            "Box and Jenkins, Time Series Analysis (1976), series G",
            "facts, free of copyright",
            False,
            ("train", "test"),
            airline,
        ),
        Dataset(
            "sunspots",
            "forecast",
            "mean Zurich sunspot number, a month a row, 1749 to 1983",
            "Zurich observatory, as printed in Andrews and Herzberg, Data (1985)",
            "facts, free of copyright",
            False,
            ("train", "test"),
            sunspots,
        ),
        Dataset(
            "drift",
            "forecast",
            "a series whose law changes at step 10,000 at a stroke and from 15,000 to 16,000 by and by, a step a row",
            "this project's own generator",
            "Apache-2.0",
            True,
            ("train", "test"),
            drift,
        ),
        Dataset(
            "pydocs",
            "language-model",
            "a paragraph of Python's language reference, with its topic and the topic's group",
            "the module pydoc_data.topics of the Python that runs; other versions give other rows",
            "Python Software Foundation License (read from your Python, not contained in this package)",
            False,
            ("train", "dev", "test"),
            pydocs,
        ),
        Dataset(
            "dates",
            "translate",
            "a date as people write it, in one of 30 forms, and the same date in ISO 8601",
            "this project's own generator",
            "Apache-2.0",
            True,
            ("train", "dev", "test"),
            dates,
        ),
        Dataset(
            "commands",
            "tag",
            "something said to a voice assistant, its intent, and its slots as a BIO tag a token",
            "this project's own grammar",
            "Apache-2.0",
            True,
            ("train", "dev", "test"),
            commands,
        ),
        Dataset(
            "shapes",
            "caption",
            "a drawn picture with one to three coloured shapes, and a sentence on where they stand",
            "this project's own generator",
            "Apache-2.0",
            True,
            ("train", "dev", "test"),
            shapes,
            ROWS,
        ),
    )
}
"""Every built-in data set by name, in the order `treadle datasets` lists them."""


def load(name: str, split: str = "train") -> Table:
    """The rows of a built-in data set.

    Args:
        name: See `DATASETS`.
        split: `"train"`, `"test"` or, where the data set has it, `"dev"`.

    Raises:
        InputError: There is no such data set, or it has no such part.

    Example:
        >>> load("dates", "test").columns["target"][0]
        '2012-02-08'
    """
    if name not in DATASETS:
        raise InputError(f"there is no built-in data set {name!r}{nearest(name, DATASETS)}")
    dataset = DATASETS[name]
    if split not in dataset.splits:
        raise InputError(f"the data set {name!r} has no part {split!r}{nearest(split, dataset.splits)}")
    kind = "generated" if dataset.generated else "real"
    return replace(dataset.make(split), source=f"{name}/{split}", note=f"built-in, {kind}: {dataset.description}")
