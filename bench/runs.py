"""Runs of `treadle train` on public data, by the command line, and the rows of figures they gave."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treadle.data import Table

WORK = Path("runs/bench")
"""Everything these runs write."""


@dataclass(frozen=True)
class Run:
    """A command, and what it gave.

    Attributes:
        words: After `treadle train`.
        minutes: All told, baseline and report included.
        result: The content of `result.json`.
        folder: The run folder.
    """

    words: list[str]
    minutes: float
    result: dict[str, Any]
    folder: Path

    @property
    def command(self) -> str:
        """As a person types it."""
        return "`treadle train " + " ".join(self.words) + "`"


def treadle(*words: str) -> str:
    """What a command of Treadle prints."""
    program = str(Path(sys.executable).with_name("treadle"))
    return subprocess.run([program, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def train(name: str, words: list[str]) -> Run:
    """Train, and read what came of it."""
    folder = WORK / f"{name}-{time.strftime('%H%M%S')}"
    since = time.monotonic()
    treadle("train", *words, "--out", str(folder))
    minutes = (time.monotonic() - since) / 60
    return Run(words, minutes, json.loads((folder / "result.json").read_text()), folder)


class Rows:
    """Rows of a table by the name of their case; those that were measured before are kept in a file.

    Args:
        name: Of the file.
    """

    def __init__(self, name: str) -> None:
        self.path = WORK / f"{name}.json"
        self.rows: dict[str, list[str]] = json.loads(self.path.read_text()) if self.path.exists() else {}

    def keep(self, name: str, row: list[str]) -> None:
        """Enter a row, or replace it."""
        self.rows[name] = row
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.rows))

    def of(self, names: Any) -> list[list[str]]:
        """Those that there are, in an order."""
        return [self.rows[name] for name in names if name in self.rows]


def write(name: str, rows: Table) -> str:
    """A table as JSONL; return its path."""
    path = WORK / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for cells in zip(*rows.columns.values(), strict=True):
            file.write(json.dumps(dict(zip(rows.columns, cells, strict=True)), ensure_ascii=False) + "\n")
    return str(path)
