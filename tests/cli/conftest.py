"""The command line run in this process, and one small trained model for all tests that only read it."""

import csv
import random
import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace

import pytest

from treadle.cli import main


@pytest.fixture
def treadle(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """`treadle("train", ...)` gives the exit code, `out` and `err`."""

    def run(*arguments: str | Path) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["treadle", *map(str, arguments)])
        code = main()
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return run


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """`piped(content)` puts it on standard input."""
    return lambda content: monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(content)))


def write_reviews(path: Path, rows: int = 60) -> Path:
    """A CSV of reviews whose label is told by one word."""
    draw = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "label"])
        for row in range(rows):
            words = draw.choices(["the", "film", "was", "and", "plot", "scene"], k=draw.randint(3, 9))
            words.insert(draw.randint(0, len(words)), "fine" if row % 2 else "dull")
            writer.writerow([" ".join(words), ("bad", "good")[row % 2]])
    return path


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CSV."""
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.csv")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, reviews: Path) -> SimpleNamespace:
    """A run on `reviews`: its `folder` and what the command printed."""
    folder = tmp_path_factory.mktemp("runs") / "a run"
    patch = pytest.MonkeyPatch()
    command = ["treadle", "train", str(reviews), "--test", str(reviews), "--hidden", "8", "--epochs", "40"]
    patch.setattr(sys, "argv", [*command, "--set", "embedding_size=8", "--learning-rate", "0.03", "--out", str(folder)])
    printed: list[str] = []
    patch.setattr(sys.stdout, "write", lambda text: printed.append(text) or len(text))
    try:
        code = main()
    finally:
        patch.undo()
    return SimpleNamespace(code=code, folder=folder, printed="".join(printed))
