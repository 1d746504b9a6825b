"""Weights in 8 bits: how fast layers run beside float32 and ONNX Runtime, and what models lose.

    python bench/int8.py speed [THREADS]
    python bench/int8.py models ../shared/data [imdb[=FOLDER] | snips[=FOLDER] | vowels[=FOLDER] ...]

`speed` runs one layer over 100 steps. `models` exports models that were trained by their documented commands (here, or
earlier into the folders that are named) and measures both on the test split, which chooses nothing.
"""

import json
import sys
from pathlib import Path
from time import strftime

import torch

from kernels_calls import standard_cell
from kernels_peers import onnx_call, versions
from kernels_rounds import Conditions, measure
from record import record, table
from runs import WORK, Rows, train, treadle
from treadle.nn import Recurrent
from treadle.tasks import load

STEPS = 100
SHAPES = [(1, 64), (1, 128), (1, 256), (1, 512), (8, 128), (8, 256), (8, 512)]
BUDGET = 2.0
"""Seconds a row."""


def speed(threads: int) -> None:
    """Treadle in float32 and in 8 bits, and ONNX Runtime in float32, in turn."""
    torch.set_num_threads(threads)
    conditions = Conditions()
    rows = []
    for name in ("gru", "lstm"):
        for batch, size in SHAPES:
            cell = standard_cell(name, size).requires_grad_(False)
            x = torch.randn(batch, STEPS, size)
            whole, small = (Recurrent(cell, engine=engine) for engine in ("cpu", "int8"))
            runtime = onnx_call(name, cell, x.transpose(0, 1).contiguous(), threads)
            calls = {"float32": lambda: whole(x), "int8": lambda: small(x), "runtime": runtime}  # noqa: B023 (used at once)
            with torch.inference_mode():
                times = measure(calls, BUDGET, lingering=["runtime"] if threads > 1 else [])
            taken = [times.milliseconds(key) for key in calls]
            ratios = [f"{times.ratio(slow, 'int8'):.2f}" for slow in ("float32", "runtime")]
            rows.append([name, str(batch), str(size), *taken, *ratios])
            print(*rows[-1], flush=True)
    head = ["cell", "batch", "hidden = input", "float32, ms", "int8, ms", "ONNX Runtime float32, ms"]
    body = table([*head, "int8: times as fast as float32", "times as fast as ONNX Runtime"], rows)
    count = "1 thread" if threads == 1 else f"{threads} threads"
    record(
        f"python bench/int8.py speed {threads}", f"Layers in 8 bits, {count}", f"{body}\n\n{versions()} {conditions}"
    )


def commands(data: Path) -> dict[str, tuple[list[str], str, list[str]]]:
    """By name: what to train with, the test data, and the figures that count."""
    snips = data / "tagging/snips"
    reviews = WORK / "aclImdb"
    return {
        "imdb": ([f"{reviews}/train", "--test", f"{reviews}/test"], f"{reviews}/test", ["accuracy"]),
        "snips": ([f"{snips}/train", "--test", f"{snips}/test"], f"{snips}/test", ["span_f1", "sentence_accuracy"]),
        "vowels": (["builtin:vowels"], "builtin:vowels", ["accuracy"]),
    }


def models(data: Path, folders: dict[str, str]) -> None:
    """Size and test figures of each model, before and after; models that were measured before keep their rows."""
    rows = Rows("int8")
    known = commands(data)
    for name in folders or known:
        words, test, figures = known[name]
        folder = Path(folders.get(name, "")) if folders.get(name) else train(name, words).folder
        small = WORK / f"{name}-int8-{strftime('%H%M%S')}"
        treadle("export", str(folder), "--to", "int8", "--out", str(small))
        sizes = [(one / "model.safetensors").stat().st_size for one in (folder, small)]
        model = load(folder).describe()
        found = [json.loads(treadle("evaluate", str(one), test, "--json")) for one in (folder, small)]
        for figure in figures:
            before, after = (100 * one[figure] for one in found)
            size = f"{sizes[0] / 1e6:.2f} MB", f"{sizes[1] / 1e6:.2f} MB", f"{sizes[1] / sizes[0]:.3f}"
            row = [f"{name}: {model}", figure, f"{before:.2f}", f"{after:.2f}", f"{after - before:+.2f}", *size]
            rows.keep(f"{name} {figure}", row)
            print(*row, flush=True)
    head = ["model", "figure on test", "float32, %", "8 bits, %", "points", "float32", "8 bits", "ratio"]
    body = table(head, rows.of(f"{name} {figure}" for name in known for figure in known[name][2]))
    record("python bench/int8.py models ../shared/data", "Models in 8 bits", body)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "speed":
        speed(int(rest[0]) if rest else torch.get_num_threads())
    else:
        models(Path(rest[0]), {name: place for name, _, place in (word.partition("=") for word in rest[1:])})
