"""Where the data of a run is, how it is to be read, and which task it means."""

import zlib
from dataclasses import dataclass
from pathlib import Path

from treadle.data.builtin import DATASETS, Dataset
from treadle.errors import InputError, nearest

BUILTIN = "builtin:"
"""What stands before the name of a built-in data set where a file is expected."""


@dataclass(frozen=True)
class DataSource:
    """Where the data is and how to read it; what `[data]` in `config.toml` holds.

    Attributes:
        train: A file, a folder or `builtin:NAME`.
        dev: Data to choose the best epoch by; None sets a part of the training data aside (of a built-in data set: its
            own, if it has one).
        test: Data that is read once, at the end; None for none (of a built-in data set: its own).
        task: A name of `--task`; None infers it.
        input: The input columns; None infers them.
        target: The target column; None infers it.
        separator: What separates several labels in one cell.
        format: Of the files; None infers it.
        encoding: Of text files; None detects it.
        header: Whether CSV and TSV have one; None infers it.
        rule: Of a folder of recordings: a regular expression that finds the text in their names.
        id: The column that names the sequence of a row, where rows are steps.
        time: The column that orders the rows of a sequence.
        chosen: The columns that the training data was found to have for input and target, where they were not named.
    """

    train: str
    dev: str | None = None
    test: str | None = None
    task: str | None = None
    input: list[str] | None = None
    target: str | None = None
    separator: str | None = None
    format: str | None = None
    encoding: str | None = None
    header: bool | None = None
    rule: str | None = None
    id: str | None = None
    time: str | None = None
    chosen: list[str] | None = None

    def others(self) -> dict[str, str]:
        """Where dev and test are, as far as they were named; a built-in data set brings its own."""
        places = {"dev": self.dev, "test": self.test}
        own = builtin(self.train).splits if self.train.startswith(BUILTIN) else ()
        places |= {name: self.train for name, place in places.items() if place is None and name in own}
        return {name: place for name, place in places.items() if place is not None}

    def checksum(self) -> str:
        """CRC-32 of the files that are learnt from, training and dev; folders and built-in data sets are left out."""
        crc = 0
        for place in (self.train, self.dev):
            if place is not None and Path(place).is_file():
                with Path(place).open("rb") as file:
                    while part := file.read(1 << 20):
                        crc = zlib.crc32(part, crc)
        return f"{crc:08x}"

    def options(self) -> list[str]:
        """The words of a command that name this data again."""
        words = [self.train]
        for name in ("dev", "test", "task", "target", "separator", "format", "encoding", "rule", "id", "time"):
            if getattr(self, name) is not None:
                words += [f"--{name}", str(getattr(self, name))]
        if self.header is not None:
            words.append("--header" if self.header else "--no-header")
        for name in self.input or []:
            words += ["--input", name]
        return words

    def refuse(self, task: str, *names: str) -> None:
        """Refuse ways of reading that a task does not know.

        Raises:
            InputError: One of them was given.
        """
        for name in names:
            if getattr(self, name) is not None:
                raise InputError(f"--{name} is not for the task {task!r}, which reads no such data")

    def refuse_for_lines(self) -> None:
        """Refuse ways of reading that lines of standard input do not have: each is one answer's input, as it is.

        Raises:
            InputError: One of them was given.
        """
        for name in ("input", "target", "separator", "format", "header"):
            if getattr(self, name) is not None:
                raise InputError(f"--{name} is for files; standard input has an input a line and nothing else")


def builtin(place: str) -> Dataset:
    """The built-in data set that stands where a file is expected.

    Raises:
        InputError: There is none of this name.
    """
    name = place.removeprefix(BUILTIN)
    if name not in DATASETS:
        raise InputError(f"there is no built-in data set {name!r}{nearest(name, DATASETS)}")
    return DATASETS[name]
