"""Pairs of a torch.nn layer and Treadle's with the same weights, over every option of the constructor."""

import itertools
from typing import Any

import pytest
import torch
from cases import EXACT, Result, gradients
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

import treadle.nn

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu"}),
    ("GRU", {}),
    ("LSTM", {}),
    ("LSTM", {"proj_size": 2}),
]
kinds = pytest.mark.parametrize(("name", "extra"), KINDS, ids=["rnn", "rnn-relu", "gru", "lstm", "lstm-projected"])
engines = pytest.mark.parametrize("engine", EXACT)
OPTIONS = [
    {"num_layers": depth, "bias": bias, "batch_first": first, "bidirectional": both}
    for depth, bias, first, both in itertools.product((1, 2), (True, False), (False, True), (False, True))
]
options = pytest.mark.parametrize("given", OPTIONS, ids=lambda given: "-".join(str(int(v)) for v in given.values()))
BATCH, STEPS, INPUT, HIDDEN = 3, 5, 3, 4
TOLERANCE = 1e-9


def pair(name: str, engine: str = "auto", **arguments: Any) -> tuple[nn.RNNBase, Any]:
    """torch's layer and Treadle's, with the same weights."""
    reference = getattr(nn, name)(INPUT, HIDDEN, **arguments, dtype=torch.float64)
    own = getattr(treadle.nn, name)(INPUT, HIDDEN, **arguments, dtype=torch.float64, engine=engine)
    own.load_state_dict(reference.state_dict())
    return reference, own


def initial(reference: nn.RNNBase, batch: int | None = BATCH) -> Any:
    """A random `hx` in the form that torch wants; without a batch axis for None."""
    rows = reference.num_layers * (1 + reference.bidirectional)
    sizes = [reference.proj_size or HIDDEN, HIDDEN][: 1 + isinstance(reference, nn.LSTM)]
    axes = [] if batch is None else [batch]
    hx = tuple(torch.randn(rows, *axes, size, dtype=torch.float64, requires_grad=True) for size in sizes)
    return hx if isinstance(reference, nn.LSTM) else hx[0]


def fields(hx: Any) -> tuple[Tensor, ...]:
    return hx if isinstance(hx, tuple) else (hx,)


def result(layer: Any, x: Tensor, hx: Any, names: list[str], *, packed: PackedSequence | None = None) -> Result:
    """Outputs, last states and all gradients of one call, the parameters' under torch's names."""
    y, after = layer(x if packed is None else packed, *(() if hx is None else (hx,)))
    found = {"y": y.data if packed is not None else y, **dict(zip("hc", fields(after), strict=False))}
    torch.manual_seed(1)
    loss = sum((value * torch.randn(value.shape, dtype=value.dtype)).sum() for value in found.values())
    leaves = {"x": x, **{name: getattr(layer, name) for name in names}}
    if hx is not None:
        leaves |= dict(zip(("h_0", "c_0"), fields(hx), strict=False))
    return {**found, **gradients(loss, leaves)}
