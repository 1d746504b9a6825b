"""C99: one step of a model as a source file and its header, for machines without anything else."""

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from treadle.compiler.c99.text import identifier
from treadle.errors import InputError
from treadle.export.c.files import header, source
from treadle.export.c.models import builder
from treadle.export.c.program import Program
from treadle.export.c.proof import COMPILERS, Sample, compiler, prove, test_source
from treadle.nn import Recurrent
from treadle.streaming.layers import settled

SEED = 0
"""Of the steps that a model is held to."""


def write(estimator: Any, folder: Path, *, name: str = "model", int8: bool = False) -> list[str]:
    """Write a model as `NAME.c`, `NAME.h` and `NAME_test.c`, and prove them equal to Treadle where there is a compiler.

    With weights in 8 bits, the same code with those of float32 is proved first, so that what is left is the rounding of
    weights alone.

    Args:
        estimator: Fitted, with a causal stream; or layers.
        folder: Empty.
        name: Begins every public name.
        int8: Whether matrices are stored in 8 bits.

    Returns:
        What was written and how it was proved, a line each.

    Raises:
        InputError: The model has no single step, the name is no name in C, or the answers differ.
    """
    if identifier(name) != name:
        raise InputError(f"{name!r} cannot begin names in C, expected the like of {identifier(name)!r}")
    estimator = unrounded(estimator)
    sample = builder(estimator).sample(estimator, np.random.default_rng(SEED))
    proved = []
    for eight in (False, True) if int8 else (False,):
        program, texts = files(estimator, name, sample, int8=eight)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        if compiler() is not None:
            weights = "weights in 8 bits" if eight else "float32"
            proved.append(f"{weights}: largest difference from Treadle {prove(folder, name):.2g}")
    lines = [
        f"{name}.c, {name}.h: weights {program.tables.bytes:,} bytes, state {program.state_bytes:,}, "
        f"local arrays {program.stack_bytes:,}"
    ]
    if proved:
        return [*lines, *proved]
    run = f"cc -std=c99 -O2 -o {name}_test {name}.c {name}_test.c -lm && ./{name}_test"
    return [*lines, f"nothing was proved, as there is no C compiler ({', '.join(COMPILERS)}); to prove it, run {run}"]


def unrounded(estimator: Any) -> Any:
    """A model as C computes it: one whose engine rounds to 8 bits at every step does not do so here."""
    network = getattr(estimator, "network_", None)
    if not isinstance(network, nn.Module):
        return estimator
    found = copy(estimator)
    found.network_ = settled(network)
    for module in found.network_.modules():
        if isinstance(module, Recurrent):
            module.engine = "auto"
    return found


def files(estimator: Any, name: str, sample: Sample, *, int8: bool) -> tuple[Program, dict[str, str]]:
    """A model in C, and the text of every file by its name.

    Args:
        estimator: Fitted, with a causal stream; or layers.
        name: Begins every public name.
        sample: What its test holds it to.
        int8: Whether matrices are stored in 8 bits.

    Raises:
        InputError: The model has no single step.
    """
    program = builder(estimator).program(estimator, name, int8=int8)
    return program, {
        f"{name}.h": header(program),
        f"{name}.c": source(program),
        f"{name}_test.c": test_source(name, sample, int8=int8),
    }
