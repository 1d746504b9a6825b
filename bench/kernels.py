"""The engine "cpu" beside torch.nn, the eager loop and the runtimes for trained models, in turn in one process.

    python bench/kernels.py                          # all parts, half an hour on a quiet machine
    python bench/kernels.py training inference       # some; the record keeps the others
    python bench/kernels.py peak --budget 1 --print  # a quick look that leaves the record alone

Every part says what it compares. Results are checked to be equal before anything is timed. ONNX Runtime (`pip install
"treadle[bench]"`) and JAX take part where they are installed.
"""

import argparse
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from kernels_calls import (
    batch_first,
    engine,
    inference,
    packed_outputs,
    sequence,
    standard_cell,
    torch_outputs,
    training,
)
from kernels_first_call import first_calls
from kernels_peak import peak_call
from kernels_peers import runtimes, torch_layer, versions
from kernels_rounds import ROUNDS, Call, Conditions, Times, check_equal, measure
from record import record, table
from treadle.cells import Cell, cell_names, make_cell
from treadle.compiler.program import order
from treadle.nn import compiled

THREADS = 2
GRID = [(100, 1, 64), (100, 1, 256), (100, 32, 64), (100, 32, 128), (100, 32, 256), (100, 64, 512), (784, 64, 128)]
"""Steps, rows of the batch, size of the input and of the hidden state."""
CELLS_GRID = [(100, 1, 64), (100, 32, 128)]
PEAK_GRID = [(100, 32, 256), (100, 64, 512)]
STANDARD = ("elman", "gru", "lstm")
ROWS, SHORTEST, LONGEST, HIDDEN = 64, 10, 400, 128

OURS, THEIRS = "Treadle", "torch.nn"


def beside_torch(budget: float) -> str:
    """Training, beside torch.nn."""
    rows, ratios = [], {}
    for name in STANDARD:
        for point in GRID:
            x, turned = sequence(*point)
            cell = standard_cell(name, point[2])
            layer = torch_layer(name, cell)
            calls = {
                OURS: training(cell, engine(cell, x), x),
                THEIRS: training(layer, torch_outputs(layer, turned), turned),
            }
            check_equal({OURS: calls[OURS](), THEIRS: batch_first(calls[THEIRS](), 2)})
            times = measure(calls, budget)
            ratios[name, point] = times.ratio(THEIRS, OURS)
            rows.append([name, *shape(point), *times_of(times), f"{ratios[name, point]:.2f}"])
    head = ["cell", "steps", "batch", "hidden", f"{OURS}, ms", f"{THEIRS}, ms", "times as fast"]
    text = "Forward and backward, to the input and to all parameters; a gradient enters at every step."
    return f"{table(head, rows)}\n\n{summary(ratios)}\n\n{text}"


def beside_runtimes(budget: float) -> str:
    """Inference, beside torch.nn, ONNX Runtime and JAX."""
    rows, ratios, names = [], {}, [THEIRS]
    for name in STANDARD:
        for point in GRID:
            x, turned = (t.detach() for t in sequence(*point))
            cell = standard_cell(name, point[2])
            others = runtimes(name, cell, turned, THREADS)
            layer = torch_layer(name, cell)
            ours, theirs = inference(engine(cell, x)), inference(torch_outputs(layer, turned))
            calls: dict[str, Call] = {OURS: ours, THEIRS: theirs, **others}
            names = [THEIRS, *others]
            results = {OURS: ours(), THEIRS: batch_first(theirs(), 1)}
            check_equal({**results, **{other: [call().transpose(0, 1)] for other, call in others.items()}})
            times = measure(calls, budget, lingering=others)
            best = min(names, key=times.median)
            ratios[name, point] = times.ratio(best, OURS)
            rows.append([name, *shape(point), *times_of(times), f"{ratios[name, point]:.2f}", best])
    columns = [f"{peer}, ms" for peer in (OURS, *names)]
    head = ["cell", "steps", "batch", "hidden", *columns, "times as fast as the fastest other", "which is"]
    return f"{table(head, rows)}\n\n{summary(ratios)}\n\n{versions()}"


def other_cells(budget: float) -> str:
    """Training of the cells that no other library has kernels for."""
    rows: list[list[str]] = []
    loop: dict[Any, float] = {}
    fewer: dict[Any, float] = {}
    for name in (n for n in cell_names() if n not in STANDARD):
        for point in CELLS_GRID:
            x, _ = sequence(*point)
            cell, lstm = (make_cell(n, point[2], point[2]) for n in (name, "lstm"))
            if (why := compiled.refusal(cell)) is not None:
                rows.append([name, *shape(point), f"not compiled: {why}", "", "", "", "", ""])
                continue
            calls = {
                name: training(cell, engine(cell, x), x),
                "eager": training(cell, engine(cell, x, "eager"), x),
                "lstm": training(lstm, engine(lstm, x), x),
            }
            # Layer norm of the small states of the first steps magnifies rounding: the loop itself is off by 1e-4.
            check_equal({"eager": calls["eager"](), name: calls[name]()}, tolerance=1e-3)
            times = measure(calls, budget)
            share = products(cell) / products(lstm)
            loop[name, point] = times.ratio("eager", name)
            if share <= 1:
                fewer[name, point] = times.ratio(name, "lstm")
            figures = [f"{times.ratio('eager', name):.1f}", f"{share:.2f}", "yes" if share <= 1 else "no"]
            rows.append([name, *shape(point), *times_of(times), *figures, f"{times.ratio(name, 'lstm'):.2f}"])
    head = ["cell", "steps", "batch", "hidden", f"{OURS}, ms", "eager loop, ms", "compiled LSTM, ms"]
    head += ["times as fast as the loop", "products beside the LSTM's", "no more than it", "time beside the LSTM's"]
    most = max(fewer, key=fewer.__getitem__)
    text = (
        f"Times as fast as the loop: geometric mean {statistics.geometric_mean(loop.values()):.1f}, least"
        f" {min(loop.values()):.1f}. Of the cells with no more products than the LSTM the longest time beside it is"
        f" {fewer[most]:.2f} ({most[0]}, batch {most[1][1]}). Products are the multiply-adds of a step's matrices."
    )
    return f"{table(head, rows)}\n\n{text}"


def share_of_peak(budget: float) -> str:
    """Inference beside the most multiply-adds that the machine does."""
    rows, best = [], []
    for name in STANDARD:
        for point in PEAK_GRID:
            steps, batch, size = point
            x = torch.randn(batch, steps, size)
            cell = standard_cell(name, size)
            loop, operations = peak_call(THREADS)
            times = measure({OURS: inference(engine(cell, x)), "peak": loop}, budget)
            useful = 2 * steps * batch * (size + size) * len(cell.gates) * size
            share = times.ratio("peak", OURS) * useful / operations
            best.append(operations / times.median("peak"))
            rows.append([name, *shape(point), times.milliseconds(OURS), gigaflops(useful / times.median(OURS))])
            rows[-1] += [gigaflops(best[-1]), f"{share:.0%}"]
    head = ["cell", "steps", "batch", "hidden", f"{OURS}, ms", "GFLOP/s", "peak, GFLOP/s", "share"]
    text = (
        f"Inference. Counted are the products of the input and of the hidden state alone, a multiply-add as two"
        f" operations. The peak is a loop of multiply-adds in registers on {THREADS} threads, timed in turn with the"
        f" layer; its median over all rows is {gigaflops(statistics.median(best))} GFLOP/s."
    )
    return f"{table(head, rows)}\n\n{text}"


def uneven_lengths(budget: float) -> str:
    """Rows of different lengths, beside the padded batch and torch's packed form."""
    lengths = torch.linspace(SHORTEST, LONGEST, ROWS).round().long()[torch.randperm(ROWS)]
    rows = []
    for name in ("gru", "lstm"):
        x, turned = sequence(LONGEST, ROWS, HIDDEN)
        cell = standard_cell(name, HIDDEN)
        layer = torch_layer(name, cell)
        ours, padded = engine(cell, x, lengths=lengths), engine(cell, x)
        packed = partial(packed_outputs, layer, turned, lengths)
        both: dict[str, dict[str, Any]] = {
            "training": {
                "lengths": training(cell, ours, x),
                "padded": training(cell, padded, x),
                "packed": training(layer, packed, turned),
            },
            "inference": {"lengths": inference(ours), "padded": inference(padded), "packed": inference(packed)},
        }
        for kind, calls in both.items():
            check_equal({"lengths": calls["lengths"](), "packed": batch_first(calls["packed"](), 2)})
            times = measure(calls, budget)
            ratios = [times.ratio("lengths", "padded"), times.ratio("packed", "lengths")]
            rows.append([name, kind, *times_of(times), *(f"{ratio:.2f}" for ratio in ratios)])
    head = ["cell", "", f"{OURS} with lengths, ms", f"{OURS} padded, ms", f"{THEIRS} packed, ms"]
    head += ["time beside the padded batch", f"times as fast as {THEIRS} packed"]
    text = (
        f"{ROWS} rows with {SHORTEST} to {LONGEST} steps, evenly spread and in random order; input and hidden state of"
        f" {HIDDEN}. {int(lengths.sum()) / (ROWS * LONGEST):.0%} of the padded batch are real steps. Packed:"
        " `pack_padded_sequence(enforce_sorted=False)`, the layer, `pad_packed_sequence`."
    )
    return f"{table(head, rows)}\n\n{text}"


def products(cell: Cell) -> int:
    """The multiply-adds of a row's step: inputs by outputs of every matrix that it multiplies with."""
    step = compiled.recurrence(cell).step
    nodes = [node for node in order([step.y, *step.after]) if node.kind == "product"]
    return sum(matrix.inputs[1] * matrix.outputs[1] for node in nodes for _, matrix in node.arguments[0])


def shape(point: tuple[int, int, int]) -> list[str]:
    """A point of the grid as cells of a table."""
    return [str(size) for size in point]


def times_of(times: Times) -> list[str]:
    """All medians as cells of a table."""
    return [times.milliseconds(name) for name in times.seconds]


def gigaflops(operations: float) -> str:
    """Operations a second as a cell of a table."""
    return f"{operations / 1e9:.1f}"


def summary(ratios: dict[Any, float]) -> str:
    """Geometric mean and least ratio of every cell."""
    rows = []
    for name in STANDARD:
        own = {point: ratio for (cell, point), ratio in ratios.items() if cell == name}
        least = min(own, key=own.__getitem__)
        rows.append([name, f"{statistics.geometric_mean(own.values()):.2f}", f"{own[least]:.2f}", str(least)])
    return table(["cell", "geometric mean", "least", "at (steps, batch, hidden)"], rows)


PARTS: dict[str, tuple[str, Callable[[float], str]]] = {
    "training": ("Compiled kernels: training", beside_torch),
    "inference": ("Compiled kernels: inference", beside_runtimes),
    "cells": ("Compiled kernels: all other cells, training", other_cells),
    "peak": ("Compiled kernels: share of the machine's multiply-adds", share_of_peak),
    "first-call": ("Compiled kernels: the first call of a process", first_calls),
    "lengths": ("Compiled kernels: rows of different lengths", uneven_lengths),
}


def main(parts: list[str], budget: float, *, keep: bool) -> None:
    """Measure and record."""
    torch.set_num_threads(THREADS)
    for part in parts or PARTS:
        torch.manual_seed(0)
        title, run = PARTS[part]
        conditions = Conditions()
        body = run(budget)
        how = (
            "" if part == "first-call" else f" Medians of at least {ROUNDS} rounds in turn, {budget:g} s a row or more."
        )
        body = f"{conditions}{how}\n\n{body}"
        if keep:
            record(f"python bench/kernels.py {part}", title, body)
        else:
            print(f"## {title}\n\n{body}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The compiled kernels beside everything else.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all, unless given")
    parser.add_argument("--budget", type=float, default=4.0, help="seconds of every row of a table")
    parser.add_argument("--print", action="store_true", help="show the tables and leave RESULTS.md as it is")
    given = parser.parse_args()
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    main(given.parts, given.budget, keep=not given.print)
