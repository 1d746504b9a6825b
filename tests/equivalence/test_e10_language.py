"""E10 for language models: windows of k steps cut the gradient and never the forward pass; k = T is the whole."""

from typing import Any

import pytest
import torch
from torch import Tensor

from treadle.data import Ragged
from treadle.data.streams import Streams, Window, document_rows, whole_documents
from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.network import LanguageNetwork, detached
from treadle.tasks.language.settings import LanguageSettings, settled

SYMBOLS = 12
DOCUMENTS = Ragged.from_arrays([[2, 5, 3, 7, 7, 4, 11, 9], [6, 2], [8, 8, 10, 5, 3]], dtype=torch.int64)
TOKENS = len(DOCUMENTS.values)
NETWORKS: list[dict[str, Any]] = [
    {"cell": "lstm", "engine": "eager"},
    {"cell": "lstm", "engine": "torch"},
    {"cell": "lstm", "engine": "cpu"},
    {"cell": "gru", "tied": False},
    {"cell": "min-gru", "residual": True, "embedding_size": 5},
    {"cell": "elman", "softmax": "adaptive", "engine": "cpu"},
]
every_network = pytest.mark.parametrize("options", NETWORKS, ids=str)


def network(options: dict[str, Any]) -> LanguageNetwork:
    given = LanguageModel(**({"hidden_size": 5, "embedding_size": 4, "layers": 2} | options)).get_params()
    return LanguageNetwork(SYMBOLS, LanguageSettings(**settled(given, 0))).double().eval()


def run(net: LanguageNetwork, windows: list[Window]) -> tuple[Tensor, list[Tensor]]:
    """The losses of all real steps summed, with the state carried and cut between windows, and their gradients."""
    total, state = torch.zeros((), dtype=torch.float64), None
    for window in windows:
        hidden, state = net(window.inputs, state, lengths=window.lengths, reset=window.reset)
        losses = net.losses(hidden, window.targets)
        if window.lengths is not None:
            losses = losses[torch.arange(losses.shape[1]) < window.lengths[:, None]]
        total = total + losses.sum()
        state = detached(state)
    return total, list(torch.autograd.grad(total, list(net.parameters()), allow_unused=True))


@every_network
@pytest.mark.parametrize("k", [1, 2, 7, TOKENS])
def test_windows_have_the_same_loss_and_a_single_one_the_whole_gradient(options: dict[str, Any], k: int) -> None:
    net = network(options)
    whole = run(net, [document_rows(DOCUMENTS, [0, 1, 2])])  # each document for itself, nothing to carry or to reset
    found = run(net, Streams(DOCUMENTS, rows=1, steps=k, shuffle=False).epoch(0))
    torch.testing.assert_close(found[0], whole[0], rtol=1e-9, atol=1e-9)
    if k == TOKENS:
        for one, other in zip(found[1], whole[1], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    elif k == 1:
        assert any(not torch.allclose(a, b) for a, b in zip(found[1], whole[1], strict=True) if a is not None)


@every_network
@pytest.mark.parametrize("tokens", [1, 5, 1000])
def test_evaluation_does_not_depend_on_its_windows(options: dict[str, Any], tokens: int) -> None:
    net = network(options)
    whole, _ = run(net, [document_rows(DOCUMENTS, [0, 1, 2])])
    parts = [run(net, windows)[0] for _, windows in whole_documents(DOCUMENTS, rows=2, tokens=tokens)]
    torch.testing.assert_close(torch.stack(parts).sum(), whole, rtol=1e-9, atol=1e-9)


@every_network
def test_the_loss_of_training_is_the_mean_of_the_same_losses(options: dict[str, Any]) -> None:
    net = network(options)
    window = document_rows(DOCUMENTS, [0, 1, 2])
    total, gradients = run(net, [window])
    loss, _ = net(window.inputs, lengths=window.lengths, targets=window.targets)
    torch.testing.assert_close(loss, total / TOKENS, rtol=1e-9, atol=1e-9)
    found = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
    for one, other in zip(found, gradients, strict=True):
        torch.testing.assert_close(one, other / TOKENS, rtol=1e-9, atol=1e-9)
