"""How long a fresh process takes to the first gradient, with and without kernels on disk."""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from record import table

PROCESSES = 3
CELLS = ("elman", "gru", "lstm", "layer-norm-lstm")
WIDTH, OTHER_WIDTH = 64, 96

PROCESS = """
import sys, time
import torch
torch.set_num_threads(2)
cell, width = sys.argv[1], int(sys.argv[2])
x = torch.randn(8, 20, width, requires_grad=True)
since = time.perf_counter()
from treadle.cells import make_cell
from treadle.nn import Recurrent
imported = time.perf_counter()
layer = Recurrent(make_cell(cell, width, width), engine="cpu")
y, _ = layer(x)
torch.autograd.grad(y, [x, *layer.parameters()], torch.ones_like(y))
print(imported - since, time.perf_counter() - imported)
"""


def first_calls(_budget: float) -> str:
    """The first forward and backward pass of fresh processes."""
    rows, imports = [], []
    for cell in CELLS:
        measured = [_measure(cell) for _ in range(PROCESSES)]
        imports += [found[0] for triple in measured for found in triple]
        row = [cell]
        for case in zip(*measured, strict=True):
            seconds = statistics.median(found[1] for found in case)
            row.append(f"{seconds:.2f} s, {max(found[2] for found in case)} kernels compiled")
        rows.append(row)
    head = ["cell", "empty cache", "the same again", f"width {OTHER_WIDTH} instead of {WIDTH}"]
    text = (
        f"From the layer's making to the gradients of its first call, in a fresh process; medians of {PROCESSES}."
        f" `import torch` is not counted; nor is the import of `treadle.nn`, {statistics.median(imports):.2f} s."
    )
    return f"{table(head, rows)}\n\n{text}"


def _measure(cell: str) -> list[tuple[float, float, int]]:
    """Seconds of the import and of the call, and kernels compiled: nothing on disk, all of it, and another width."""
    with tempfile.TemporaryDirectory() as cache:
        return [_process(cell, width, Path(cache)) for width in (WIDTH, WIDTH, OTHER_WIDTH)]


def _process(cell: str, width: int, cache: Path) -> tuple[float, float, int]:
    before = len(list(cache.iterdir()))
    printed = subprocess.run(
        [sys.executable, "-c", PROCESS, cell, str(width)],
        env={**os.environ, "TREADLE_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    return float(printed[0]), float(printed[1]), len(list(cache.iterdir())) - before
