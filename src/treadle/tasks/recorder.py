"""What a run writes while it trains: a line an epoch."""

import json
from pathlib import Path
from typing import Any

from treadle.training import Progress, Silent, write_atomically


class Recorder(Silent):
    """Writes a line an epoch to `metrics.jsonl`, and passes everything on.

    A resumed run may repeat an epoch whose line is there already; the line is then replaced.
    """

    def __init__(self, path: Path, then: Progress) -> None:
        self.path = path
        self.then = then

    def __enter__(self) -> "Recorder":
        self.then.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Passed on."""
        self.then.__exit__(*error)

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        """Passed on."""
        self.then.start(step=step, steps=steps, epochs=epochs)

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        """Passed on."""
        self.then.advance(epoch=epoch, step=step, loss=loss)

    def epoch_ended(self, record: dict[str, Any]) -> None:
        """Write the line, and pass it on."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = lines[: record["epoch"] - 1]
        write_atomically(self.path, "".join(f"{line}\n" for line in [*kept, json.dumps(record)]).encode())
        self.then.epoch_ended(record)
