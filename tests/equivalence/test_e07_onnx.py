"""E7: ONNX Runtime gives what Treadle gives: outputs and states, whole, in pieces and step by step."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cases import INPUT, VARIANTS

from treadle.cells import Cell
from treadle.export.onnx.graph import Graph
from treadle.export.onnx.recurrent import write_layers
from treadle.nn import Recurrent, Stack

UNITS = 4
Run = Callable[[dict[str, Any]], dict[str, Any]]
BATCHES = [(5, 9, [9, 0, 1, 4, 9]), (1, 1, [1]), (3, 6, [2, 0, 5]), (2, 0, [0, 0])]
"""Rows, padded steps and lengths."""

NATIVE = dict.fromkeys(("lstm", "lstm, no bias"), "LSTM")
NATIVE |= dict.fromkeys(("gru", "gru, no bias", "gru-original"), "GRU")
NATIVE |= dict.fromkeys(("elman", "elman, no bias", "elman-relu"), "RNN")
"""The cells that ONNX has an operator for; all others are a Scan."""


def layers(variant: str, *, bidirectional: bool) -> Stack:
    """Two layers of eager cells whose parameters are all drawn."""

    def made(size: int) -> Cell:
        return VARIANTS[variant](size, UNITS)

    stack = Stack(made, INPUT, UNITS, 2, bidirectional=bidirectional, residual=True, engine="eager").eval()
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.uniform_(-0.6, 0.6)
    return stack


def runner(graph: Graph) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(graph.model(), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(None, inputs), strict=True))


def operators(graph: Graph) -> set[str]:
    return {node.op_type for node in onnx.load_from_string(graph.model()).graph.node}


def near(found: Any, expected: Any) -> None:
    expected = expected.numpy() if isinstance(expected, torch.Tensor) else expected
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def batch(rows: int, steps: int, lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor, np.ndarray[Any, Any]]:
    """Numbers, their lengths, and the same numbers with padding that must not be read."""
    x, lengths_ = torch.randn(rows, steps, INPUT), torch.tensor(lengths)
    padding = torch.arange(steps) >= lengths_[:, None]
    return x, lengths_, x.masked_fill(padding[..., None], torch.nan).numpy()


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_causal_layers(variant: str) -> None:
    stack = layers(variant, bidirectional=False)
    written = write_layers(stack)
    whole, step = (runner(written.graphs[name]) for name in ("model.onnx", "step.onnx"))
    kinds = operators(written.graphs["model.onnx"])
    assert (NATIVE[variant] in kinds and "Scan" not in kinds) if variant in NATIVE else "Scan" in kinds
    assert "Scan" not in operators(written.graphs["step.onnx"])
    fields = [field.name for field in written.fields]
    for rows, steps, counts in BATCHES:
        x, lengths, padded = batch(rows, steps, counts)
        begin = {field.name: field.begin(rows) for field in written.fields}
        drawn = {name: (one + np.random.default_rng(1).random(one.shape)).astype("f") for name, one in begin.items()}
        for before in (begin, drawn):
            flat = iter(before.values())
            kinds_ = [layer[0].cell.state_type for layer in stack.layers]
            state = [kind(*(torch.from_numpy(next(flat)) for _ in kind._fields)) for kind in kinds_]
            y, after = stack(x, state, lengths=lengths)
            found = whole({"x": padded, "lengths": np.array(counts), **before})
            near(found["y"], y)
            for name, expected in zip(fields, (field for one in after for field in one), strict=True):
                near(found[f"{name}_after"], expected)

            carried = dict(before)
            for place in range(steps):
                told = step({"x": x[:, place].numpy(), **carried})
                real = np.array(counts) > place
                near(told["y"][real], y[:, place].numpy()[real])
                carried = {name: np.where(real[:, None], told[f"{name}_after"], carried[name]) for name in fields}
            for name in fields:
                near(carried[name], found[f"{name}_after"])


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_layers_in_both_directions(variant: str) -> None:
    stack = layers(variant, bidirectional=True)
    graphs = write_layers(stack).graphs
    assert list(graphs) == ["model.onnx"]
    whole = runner(graphs["model.onnx"])
    for rows, steps, counts in BATCHES:
        x, lengths, padded = batch(rows, steps, counts)
        near(whole({"x": padded, "lengths": np.array(counts)})["y"], stack(x, lengths=lengths)[0])


@torch.no_grad()
def test_a_single_reverse_layer_and_gates_between_layers() -> None:
    for made in (
        Recurrent(VARIANTS["gru"](INPUT, UNITS), reverse=True, engine="eager"),
        Stack("sru", INPUT, INPUT, 2, highway=True, engine="eager"),
    ):
        run = runner(write_layers(made).graphs["model.onnx"])
        x, lengths, padded = batch(*BATCHES[0])
        states = {} if isinstance(made, Recurrent) else {f"layer{n}_cell": np.zeros((5, INPUT), "f") for n in (0, 1)}
        near(run({"x": padded, "lengths": lengths.numpy(), **states})["y"], made(x, lengths=lengths)[0])


def test_the_reset_gate_stands_where_it_stood() -> None:
    after, before = (
        next(
            node
            for node in onnx.load_from_string(
                write_layers(layers(variant, bidirectional=False)).graphs["model.onnx"].model()
            ).graph.node
            if node.op_type == "GRU"
        )
        for variant in ("gru", "gru-original")
    )
    for node, expected in ((after, 1), (before, 0)):
        (attribute,) = [one for one in node.attribute if one.name == "linear_before_reset"]
        assert attribute.i == expected
