"""A step in C beside a step of Treadle's own stream, in one process and in turn.

python bench/c_steps.py
"""

import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from record import record, table
from treadle.export.c import files
from treadle.export.c.models import builder
from treadle.nn import Stack
from treadle.streaming import Stream

INPUTS = 16
STEPS, ROUNDS = 40, 401
BUILDS = {"-O2": ["-O2"], "-O3 -march=native": ["-O3", "-march=native"]}

Floats = NDArray[np.float32]

LOOP = """
void run(const float *input, int steps, float *output);
void run(const float *input, int steps, float *output)
{
    static model_state state;
    model_init(&state);
    for (int t = 0; t < steps; ++t) {
        model_step(&state, input + t * MODEL_INPUTS, output);
    }
}
"""


def built(stack: Stack, folder: Path, flags: list[str], *, int8: bool) -> Callable[[Floats], Floats]:
    """The layers in C, compiled; a function that takes all steps and gives the last output."""
    sample = builder(stack).sample(stack, np.random.default_rng(0))
    _, texts = files(stack, "model", sample, int8=int8)
    (folder / "model.h").write_text(texts["model.h"])
    (folder / "model.c").write_text(texts["model.c"] + LOOP)
    library = folder / f"{'-'.join(flags)}{int8}.so"
    compiler = shutil.which("gcc") or "cc"
    command = [compiler, "-std=c99", *flags, "-shared", "-fPIC", "-o", str(library), str(folder / "model.c"), "-lm"]
    subprocess.run(command, check=True)
    run = ctypes.CDLL(str(library)).run
    pointer = ctypes.POINTER(ctypes.c_float)
    output = np.zeros(stack.output_size, np.float32)

    def steps(x: Floats) -> Floats:
        run(x.ctypes.data_as(pointer), len(x), output.ctypes.data_as(pointer))
        return output

    return steps


def microseconds(run: Callable[[Floats], object], x: Floats) -> float:
    """Of one step, over all of `x`."""
    since = time.perf_counter()
    run(x)
    return (time.perf_counter() - since) / len(x) * 1e6


def rows(hidden: int) -> list[list[str]]:
    """Of one size: Treadle's stream, then every build, each in turn with all others."""
    stack = Stack("gru", INPUTS, hidden)
    x = np.random.default_rng(1).normal(size=(STEPS, INPUTS)).astype(np.float32)
    stream = Stream(stack)

    def ours(x: Floats) -> Floats:
        for one in x:
            last = stream.step(one)
        found: Floats = last
        return found

    with tempfile.TemporaryDirectory() as made:
        runs: dict[str, Callable[[Floats], Floats]] = {"Stream.step": ours}
        for int8 in (False, True):
            for name, flags in BUILDS.items():
                runs[f"C, {'8 bits' if int8 else 'float32'}, {name}"] = built(stack, Path(made), flags, int8=int8)
        for name, run in runs.items():
            stream.reset()
            difference = np.abs(run(x) - ours_alone(stack, x)).max()
            assert difference < (0.1 if "8 bits" in name else 1e-5), (name, difference)
        times = [[microseconds(run, x) for run in runs.values()] for _ in range(ROUNDS)]
    fastest = [min(column) for column in zip(*times, strict=True)]
    return [[f"{hidden}", name, f"{one:.1f} µs"] for name, one in zip(runs, fastest, strict=True)]


def ours_alone(stack: Stack, x: Floats) -> Floats:
    """The last output of a stream of its own."""
    stream = Stream(stack)
    for one in x:
        last = stream.step(one)
    found: Floats = last
    return found


def main() -> None:
    """Measure and record."""
    version = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    body = (
        f"One GRU layer, {INPUTS} inputs, one thread. A step of the stream is a call from Python, those in C are a "
        f"loop in C; {STEPS} steps at a time, all in turn, the fastest of {ROUNDS} rounds; {version}.\n\n"
        + table(["hidden", "what", "a step"], [row for hidden in (64, 256) for row in rows(hidden)])
    )
    record("python bench/c_steps.py", "A step in C", body)


if __name__ == "__main__":
    main()
