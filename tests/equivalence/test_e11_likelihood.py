"""E11: the likelihood of a text read at once is the product of what the model says one step at a time."""

import numpy as np
import pytest
import torch
from test_e10_language import DOCUMENTS, every_network, network

from treadle.data.streams import START, document_rows
from treadle.tasks.language.estimator import LanguageModel


@every_network
def test_teacher_forced_losses_are_those_of_single_steps(options: dict) -> None:
    net = network(options)
    window = document_rows(DOCUMENTS, [0, 1, 2])
    hidden, after = net(window.inputs, lengths=window.lengths)
    together = net.losses(hidden, window.targets)
    for row, ids in enumerate(DOCUMENTS):
        state, before = None, torch.tensor([START])
        for t, token in enumerate(ids):
            log_probabilities, state = net.step(before, state)
            torch.testing.assert_close(-log_probabilities[0, token], together[row, t], rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(log_probabilities.exp().sum(), torch.tensor(1.0, dtype=torch.float64))
            before = token[None]
        for layer, whole in zip(state, after, strict=True):
            for one, other in zip(layer, whole, strict=True):
                torch.testing.assert_close(one[0], other[row], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"softmax": "adaptive"}, {"cell": "gru", "unit": "word"}], ids=str)
def test_an_estimators_log_losses_are_what_feed_and_next_log_probabilities_say(options: dict) -> None:
    text = "to be or not to be, that is"
    settings = {"unit": "char", "hidden_size": 6, "epochs": 1, "bptt": 5, "device": "cpu"}
    model = LanguageModel(**(settings | options)).fit((text + " the question\n") * 6)
    (found,) = model.log_losses(text)
    log_probabilities, state = model.start()
    ids = model.codec_.encode(text)
    for number, nats in zip(ids, found.nats, strict=True):
        assert -float(log_probabilities[number]) == pytest.approx(nats, abs=1e-5)
        log_probabilities, state = model.feed([number], state)
    np.testing.assert_allclose(model.next_log_probabilities(text), log_probabilities.double().numpy(), atol=1e-5)
    half, _ = model.feed(ids[4:], model.feed(ids[:4], model.start()[1])[1])
    torch.testing.assert_close(half, log_probabilities, rtol=1e-5, atol=1e-5)
