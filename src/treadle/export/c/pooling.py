"""Pooling and heads: from the outputs of all steps so far to the numbers of an answer."""

import numpy as np
import torch
from torch import Tensor, nn

from treadle.export.c.program import Program
from treadle.nn import Pooling


def add_pooling(program: Program, pooling: Pooling, y: str, size: int) -> str:
    """Keep what a pooled vector needs of all steps so far, as `treadle.streaming.pooling.OnlinePooling` does.

    Args:
        program: Whose `advance` has written `y`, and whose `answer` is to read the vector.
        pooling: Of a causal network, on the CPU.
        y: The array of the last layer's output.
        size: Of it.

    Returns:
        The pooled vector, as `answer` names it.
    """
    kind, advance, answer = pooling.kind, program.advance, program.answer
    vector = np.zeros(size)
    advance.append("")
    if kind in ("last", "concat"):
        last = program.remember("last", vector, "the last layer's output")
        advance.append(f"memcpy({last}, {y}, sizeof {last});")
        if kind == "last":
            return last
    loop: list[str] = []
    if kind in ("max", "concat"):
        largest = program.remember("largest", vector - np.inf, "the largest output so far")
        loop.append(f"{largest}[i] = {y}[i] > {largest}[i] ? {y}[i] : {largest}[i];")
    if kind in ("mean", "concat"):
        total = program.remember("sum", vector, "of all outputs so far", kind="double")
        count = program.remember("count", [0.0], "steps so far", kind="double")
        advance.append(f"{count}[0] += 1.0;")
        loop.append(f"{total}[i] += {y}[i];")
    if kind == "attention":
        loop += _attend(program, pooling, y, size)
    advance += [f"for (int i = 0; i < {size}; ++i) {{", *(f"    {line}" for line in loop), "}"]
    pooled = program.local(answer, "answer", "pooled", 3 * size if kind == "concat" else size)
    finite = "state->largest[i] > -INFINITY ? state->largest[i] : 0.0f"
    weight = "state->weight[0]" if kind == "attention" else "state->count[0]"
    mean = f"{weight} > 0.0 ? (float)(state->sum[i] / {weight}) : 0.0f"
    parts = {"max": [finite], "mean": [mean], "attention": [mean], "concat": ["state->last[i]", finite, mean]}[kind]
    answer.append(f"for (int i = 0; i < {size}; ++i) {{")
    for number, part in enumerate(parts):
        answer.append(f"    pooled[{f'{number * size} + i' if number else 'i'}] = {part};")
    answer.append("}")
    return pooled


def _attend(program: Program, pooling: Pooling, y: str, size: int) -> list[str]:
    """The score of an output, the largest so far, and weights and outputs relative to it."""
    hidden, out = pooling.score[0], pooling.score[2]
    assert isinstance(hidden, nn.Linear)
    assert isinstance(out, nn.Linear)
    score = program.remember("score", [-np.inf], "the largest score of a step so far", kind="double")
    weight = program.remember("weight", [0.0], "of all steps so far, relative to that score", kind="double")
    total = program.remember("sum", np.zeros(size), "of all outputs so far, weighted", kind="double")
    attend = program.local(program.advance, "advance", "attention", size)
    program.advance += [
        *program.tables.product(attend, "attention", [(y, hidden.weight.T)], hidden.bias),
        "double scored = 0.0;",
        f"for (int i = 0; i < {size}; ++i) {{",
        f"    scored += (double)({program.tables.vector('attention_out', out.weight[0])}[i] * tanhf({attend}[i]));",
        "}",
        f"const double highest = scored > {score}[0] ? scored : {score}[0];",
        f"const double before = exp({score}[0] - highest), now = exp(scored - highest);",
        f"{weight}[0] = {weight}[0] * before + now;",
        f"{score}[0] = highest;",
    ]
    return [f"{total}[i] = {total}[i] * before + now * {y}[i];"]


def add_linear(
    program: Program, into: list[str], out: str, name: str, x: str, weight: Tensor, bias: Tensor | None
) -> None:
    """`out = W x + b` for a layer's `W [outputs, inputs]`."""
    own = None if bias is None else bias.detach().float()
    with torch.no_grad():
        into += program.tables.product(out, name, [(x, weight.detach().float().T)], own)
