"""E6, from another side: every cell that the textbook page writes in NumPy gives the textbook's numbers."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from cases import THOROUGH, Case, assert_same, cases, gradients, with_gradients

from treadle.cells import textbook
from treadle.cells.textbook import Array, Parameters, Phi
from treadle.nn import Recurrent

LENGTHS = [9, 4, 0, 1, 7]
Unroll = Callable[[Parameters, Array, list[Array]], tuple[Array, list[Array]]]


def elman(nonlinearity: Phi) -> Unroll:
    def unroll(p: Parameters, x: Array, state: list[Array]) -> tuple[Array, list[Array]]:
        y = textbook.elman_forward(one_bias(p), x, state[0], nonlinearity)
        return y, [y[-1] if len(y) else state[0]]

    return unroll


def one_bias(p: Parameters) -> Parameters:
    return {"weight_ih": p["weight_ih"], "weight_hh": p["weight_hh"], "bias": p["bias_ih"] + p["bias_hh"]}


def lstm(p: Parameters, x: Array, state: list[Array]) -> tuple[Array, list[Array]]:
    h, c = state
    outputs = np.zeros((len(x), len(h)))
    for t, row in enumerate(x):
        h, c = textbook.lstm_step(p, row, h, c)
        outputs[t] = h
    return outputs, [h, c]


def gru(p: Parameters, x: Array, state: list[Array]) -> tuple[Array, list[Array]]:
    (h,) = state
    outputs = np.zeros((len(x), len(h)))
    for t, row in enumerate(x):
        h = textbook.gru_step(p, row, h)
        outputs[t] = h
    return outputs, [h]


UNROLL: dict[str, Unroll] = {
    "elman": elman("tanh"),
    "elman-relu": elman("relu"),
    "elman, no bias": elman("tanh"),
    "lstm": lstm,
    "lstm, no bias": lstm,
    "lstm, projected": lstm,
    "gru": gru,
    "gru, no bias": gru,
}


def in_numpy(layer: Recurrent) -> Parameters:
    """The parameters of a layer's cell in float64, with zeros for the biases it does without."""
    p = {name: value.detach().double().numpy() for name, value in layer.cell.named_parameters()}
    zeros = np.zeros(len(p["weight_ih"]))
    return {"bias_ih": zeros, "bias_hh": zeros, **p}


@pytest.mark.parametrize("case", cases(variants=UNROLL))
def test_outputs_and_states_are_the_textbook_s(case: Case) -> None:
    layer = case.layer()
    x, state, p = case.inputs(), case.state(layer), in_numpy(layer)
    y, after = layer(x, state, lengths=torch.tensor(LENGTHS))
    for row, length in enumerate(LENGTHS):
        real = x[row, :length].double().numpy()
        begin = [field[row].double().numpy() for field in state]
        expected, end = UNROLL[case.variant](p, real[::-1] if case.reverse else real, begin)
        expected = expected[::-1] if case.reverse else expected
        np.testing.assert_allclose(y[row, :length].detach().numpy(), expected, rtol=0, atol=case.tolerance)
        for found, due in zip(after, end, strict=True):
            np.testing.assert_allclose(found[row].detach().numpy(), due, rtol=0, atol=case.tolerance)


@pytest.mark.parametrize("case", cases(variants=["elman", "elman-relu"]))
def test_elman_gradients_are_the_textbook_s(case: Case) -> None:
    layer = case.layer()
    x, state = with_gradients(case.inputs()), with_gradients(case.state(layer).hidden)
    y, _ = layer(x, layer.cell.state_type(state))
    e = torch.randn_like(y)
    found = gradients((y * e).sum(), {"x": x, "h": state, **dict(layer.cell.named_parameters())})

    def numbers(tensor: torch.Tensor) -> Array:
        values = tensor.detach().double().numpy()
        return values[:, ::-1] if case.reverse and values.ndim == 3 else values

    phi: Phi = "relu" if case.variant == "elman-relu" else "tanh"
    p = one_bias(in_numpy(layer))
    by_p, by_x, by_h = textbook.elman_backward(p, numbers(x), numbers(state), numbers(y), numbers(e), phi)
    by_x = by_x[:, ::-1].copy() if case.reverse else by_x
    expected = {
        "d x": by_x,
        "d h": by_h,
        "d weight_ih": by_p["weight_ih"],
        "d weight_hh": by_p["weight_hh"],
        "d bias_ih": by_p["bias"],
        "d bias_hh": by_p["bias"],
    }
    due = {name: torch.from_numpy(value).to(case.dtype) for name, value in expected.items()}
    assert_same(found, due, 5 * case.tolerance)


def test_the_cells_of_the_textbook_are_here_with_all_their_variants() -> None:
    """What has no page in the textbook is held to its own paper by tests/cells/test_published.py."""
    assert set(UNROLL) == THOROUGH - {"own"}
