"""Proof: a program that runs a model in C on inputs of which Treadle's own answers are known, compiled and run."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError, counted
from treadle.export.c.text import comment, paragraph, table

Array = NDArray[Any]

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=c99", "-O1", "-Wall", "-Wextra")
TOLERANCE = 1e-4
"""The largest difference of float32, in units of the answer: sums are added up in another order."""
TOLERANCE_INT8 = 0.1
"""The same of weights in 8 bits, beside the answers of float32."""
SECONDS = 600
"""For which a compiler or a proof may run."""


@dataclass(frozen=True)
class Sample:
    """Steps of some sequences, and Treadle's answers after each.

    Attributes:
        lengths: Steps of each sequence.
        inputs: Arrays `[steps, ...]` of all sequences by name, float or int32.
        call: The arguments of a step in C, with `t` for the number of the step.
        expected: `[steps, outputs]`.
        unit: What is a large difference between two answers: 1 for probabilities.
    """

    lengths: list[int]
    inputs: dict[str, Array]
    call: str
    expected: Array
    unit: float


def test_source(name: str, sample: Sample, *, int8: bool) -> str:
    """`NAME_test.c`: exits with 0 where all answers are those of Treadle.

    Args:
        name: Of the model.
        sample: What it is held to.
        int8: Whether the weights are in 8 bits, so that answers differ from those of float32 by more than rounding.
    """
    allowed = sample.unit * (TOLERANCE_INT8 if int8 else TOLERANCE)
    steps, outputs = sample.expected.shape
    of = "a model with weights in float32, which those in 8 bits come near" if int8 else "the model itself"
    tables = [
        line
        for key, values in sample.inputs.items()
        for line in ("", *table("float" if values.dtype.kind == "f" else "int32_t", key, values))
    ]
    lines = [
        *comment(
            [
                *paragraph(f"Holds {name}.c to Treadle's own answers, those of {of}; exits with 0 where they agree."),
                "",
                f"    cc -std=c99 -O2 -o {name}_test {name}.c {name}_test.c -lm && ./{name}_test",
            ]
        ),
        "",
        f'#include "{name}.h"',
        "",
        "#include <math.h>",
        "#include <stdio.h>",
        "",
        f"static const double allowed = {allowed:.6g};",
        "",
        *table("int32_t", "lengths", np.array(sample.lengths), note="Steps of each sequence."),
        *tables,
        "",
        *table("float", "expected", sample.expected, note="Treadle's answer after each step."),
        "",
        "int main(void)",
        "{",
        f"    static {name}_state state;",
        f"    float found[{outputs}];",
        "    double largest = 0.0;",
        "    int t = 0;",
        "",
        f"    {name}_init(&state);",
        f"    for (int sequence = 0; sequence < {len(sample.lengths)}; ++sequence) {{",
        f"        {name}_reset(&state);",
        "        for (int step = 0; step < lengths[sequence]; ++step, ++t) {",
        f"            {name}_step(&state, {sample.call}, found);",
        f"            for (int i = 0; i < {outputs}; ++i) {{",
        f"                const double difference = fabs((double)found[i] - (double)expected[t * {outputs} + i]);",
        "                if (!(difference <= largest)) {",
        "                    largest = difference == difference ? difference : HUGE_VAL;",
        "                }",
        "            }",
        "        }",
        "    }",
        f'    printf("{name}: largest difference %.3g in {counted(steps, "answer")}, ", largest);',
        '    printf("allowed %.3g\\n", allowed);',
        "    return largest <= allowed ? 0 : 1;",
        "}",
    ]
    return "\n".join(lines) + "\n"


def compiler() -> str | None:
    """The C compiler at hand, or None."""
    return next((found for name in COMPILERS if (found := shutil.which(name))), None)


def prove(folder: Path, name: str) -> float:
    """Compile a model and its test, and run it.

    Args:
        folder: Where `NAME.c`, `NAME.h` and `NAME_test.c` are.
        name: Of the model.

    Returns:
        The largest difference from Treadle's answers.

    Raises:
        InputError: There is no compiler, it refuses or warns, or the answers are not Treadle's.
    """
    tool = compiler()
    if tool is None:
        raise InputError(f"there is no C compiler, expected one of {', '.join(COMPILERS)}")
    with TemporaryDirectory() as made:
        program = Path(made) / "test"
        sources = [str(folder / f"{name}.c"), str(folder / f"{name}_test.c")]
        built = _run([tool, *FLAGS, "-o", str(program), *sources, "-lm"])
        said = (built.stdout + built.stderr).strip()
        if built.returncode or said:
            lines = [line for line in said.splitlines() if "error" in line or "warning" in line] or said.splitlines()
            first = lines[0] if lines else f"exit code {built.returncode}"
            raise InputError(f"{Path(tool).name} does not take {name}.c as it is: {first}")
        ran = _run([str(program)])
    found = re.search(r"largest difference (\S+) in .*, allowed (\S+)", ran.stdout)
    if found is None:
        raise InputError(f"the test of {name}.c broke off with exit code {ran.returncode}")
    if ran.returncode:
        raise InputError(
            f"{name}.c answers otherwise than Treadle: the largest difference is {found[1]}, allowed are {found[2]}; "
            "nothing is written"
        )
    return float(found[1])


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(f"{Path(command[0]).name} took more than {SECONDS} seconds") from None
