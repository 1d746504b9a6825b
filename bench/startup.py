"""`treadle --help` beside `python -c pass`, whole processes in turn.

python bench/startup.py
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from record import record, table

RUNS = 41
PROGRAM = [str(Path(sys.executable).with_name("treadle")), "--help"]
NOTHING = [sys.executable, "-c", "pass"]


def seconds(command: list[str]) -> float:
    """Wall time of one process."""
    since = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - since


def main() -> None:
    """Measure and record."""
    pairs = [(seconds(PROGRAM), seconds(NOTHING)) for _ in range(RUNS)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    rows = [
        ["python -c pass", f"{theirs * 1000:.1f} ms", "1"],
        ["treadle --help", f"{ours * 1000:.1f} ms", f"{ratio:.2f}"],
    ]
    body = f"{table(['process', 'median', 'ratio'], rows)}\n\nMedians of {RUNS} runs of each."
    record("python bench/startup.py", "Time to the help text", body)


if __name__ == "__main__":
    main()
