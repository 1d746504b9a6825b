"""torch.compile and torch.export keep a compiled layer in one graph, as an operator of torch's with a gradient."""

import pytest
import torch
from torch import Tensor

from treadle.cells import make_cell
from treadle.compiler import Recurrence, custom
from treadle.nn import Recurrent, Stack

LENGTHS = torch.tensor([6, 2, 0, 4, 1])
X = torch.linspace(-1, 1, 5 * 6 * 3, dtype=torch.float64).sin().view(5, 6, 3)


def slopes(layer: torch.nn.Module, run: torch.nn.Module) -> list[Tensor]:
    x = X.clone().requires_grad_()
    y, state = run(x, lengths=LENGTHS)
    loss = y.sin().sum() + sum(field.square().sum() for field in state)
    return [y, *state, *torch.autograd.grad(loss, [x, *layer.parameters()])]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["lstm", "layer-norm-gru"])
def test_a_whole_graph_with_lengths_and_gradients(name: str, reverse: bool) -> None:
    layer = Recurrent(make_cell(name, 3, 4, dtype=torch.float64), reverse=reverse, engine="cpu")
    graph = torch.compile(layer, fullgraph=True, backend="aot_eager")
    for found, expected in zip(slopes(layer, graph), slopes(layer, layer), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(graph(X)[0], layer(X)[0])


def test_layers_of_several_kinds_are_one_graph() -> None:
    stack = Stack("gru", 3, 5, 2, bidirectional=True, engine="cpu", dtype=torch.float64)  # 3 and 10 inputs
    graph = torch.compile(stack, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(graph(X, lengths=LENGTHS)[0], stack(X, lengths=LENGTHS)[0])


def test_an_exported_stack_is_the_stack() -> None:
    stack = Stack("gru", 3, 4, 2, bidirectional=True, engine="cpu", dtype=torch.float64).eval()
    program = torch.export.export(stack, (X,))
    called = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert called.count(torch.ops.treadle.unroll.default) == 4
    torch.testing.assert_close(program.module()(X)[0], stack(X)[0])


def test_the_operator_keeps_torch_s_rules() -> None:
    cell = make_cell("lstm", 3, 4, dtype=torch.float64)
    recurrence = Recurrence(cell)
    state = [torch.zeros(5, 4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    arguments = (X.clone().requires_grad_(), state, recurrence.derived.tensors(cell), LENGTHS, False, True)
    torch.library.opcheck(custom.unroll, (*arguments, custom.number_of(recurrence)))
