"""A language model: what it learns, what its figures do not depend on, what survives a stop, and what it refuses."""

import math
import random
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

import treadle
from treadle.errors import InputError
from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.network import LanguageNetwork
from treadle.tasks.language.objective import evaluate, surprises
from treadle.tasks.language.settings import LanguageSettings, epochs_for, settled
from treadle.tasks.language.split import cut_off
from treadle.training import Interrupted, Objective, Silent, TrainingSettings, fit, loop

SMALL: dict[str, Any] = {
    "unit": "char", "hidden_size": 8, "embedding_size": 6, "layers": 2, "bptt": 6, "batch_size": 4, "epochs": 2,
    "device": "cpu", "learning_rate": 0.02, "seed": 3, "precision": "float32",
}  # fmt: skip


def text(length: int = 240, seed: int = 0) -> str:
    draw = random.Random(seed)
    return " ".join(draw.choice(["to be", "or not", "that is"]) for _ in range(length // 6))


def model(**options: Any) -> LanguageModel:
    return LanguageModel(**(SMALL | options))


def test_it_learns_what_comes_next_and_says_how_sure_it_is() -> None:
    noise = ("dropout", "input_dropout", "output_dropout", "embedding_dropout", "weight_drop")
    quiet = dict.fromkeys(noise, 0.0)
    taught = model(hidden_size=16, epochs=12, layers=1, bptt=16, averaging=0.9, **quiet).fit("abcdefgh" * 150)
    assert taught.perplexity("abcdefgh" * 5) < 2.5  # 8 symbols; the first of a document alone cannot be known
    found = taught.next_log_probabilities("abc")
    assert np.exp(found).sum() == pytest.approx(1)
    assert taught.codec_.spell([int(found.argmax())]) == ["d"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"softmax": "adaptive"},
        {"tied": False, "cell": "gru"},
        {"cell": "sru", "residual": True, "hidden_size": 6},
        {"unit": "word", "embedding_size": None, "weight_drop": 0.0},
        {"unit": "byte", "activation_regularisation": 2.0, "temporal_regularisation": 1.0},
        {"independent": True, "batch_tokens": 512},
        {"unit": "subword", "vocabulary_size": 30},
        {"precision": "bfloat16-products"},
    ],
    ids=str,
)
def test_a_saved_model_says_the_same(tmp_path: Path, options: dict[str, Any]) -> None:
    texts = [text(60, seed) for seed in range(4)]
    first = model(**options).fit(texts)
    first.save(tmp_path)
    again = treadle.load(tmp_path)
    assert type(again) is LanguageModel
    assert again.get_params() == first.get_params()
    for one, other in zip(first.log_losses(texts), again.log_losses(texts), strict=True):
        assert one.tokens == other.tokens
        assert np.array_equal(one.nats, other.nats)
    assert {"dev_loss", "dev_perplexity"} <= first.history_[-1].keys()
    assert ("dev_bits_per_character" in first.history_[-1]) == (first.unit != "word")


@pytest.mark.parametrize("cell", ["lstm", "min-gru"])
def test_figures_do_not_depend_on_who_is_read_beside_whom(cell: str) -> None:
    taught = model(cell=cell, epochs=1).fit(text())
    documents = taught.encode([text(40, 1), "", text(90, 2), "t", text(40, 3)])
    network = taught.network_.double()
    expected = surprises(network, documents, rows=1)
    for rows in (2, 3, 64):
        for one, other in zip(surprises(network, documents, rows=rows), expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    assert [len(nats) for nats in expected] == documents.lengths.tolist()
    total = float(torch.cat(expected).double().sum())
    found = evaluate(network, documents, 50)
    assert found["loss"] == pytest.approx(total / len(documents.values))
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]))
    assert found["bits_per_character"] == pytest.approx(total / math.log(2) / 50)


class StopAt(Silent):
    """Presses Ctrl-C after certain steps."""

    def __init__(self, stops: set[int]) -> None:
        self.stops = stops

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        if step in self.stops:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cell": "elman", "averaging_trigger": 1, "optimizer": "sgd", "schedule": "constant", "learning_rate": 5.0},
        {"independent": True, "activation_regularisation": 1.0},
    ],
    ids=["streams", "NT-ASGD", "independent"],
)
def test_a_run_that_is_stopped_ends_in_the_same_bits(tmp_path: Path, options: dict[str, Any]) -> None:
    """Dropout and dropped weights are on; a stop in the middle of an epoch must keep the state between two windows."""
    texts = [text(40, seed) for seed in range(6)]
    whole = model(epochs=3, **options).fit(texts)
    checkpoint = tmp_path / "last"
    for stop in (1, 2, 3, 5):
        with pytest.raises(Interrupted):
            model(epochs=3, **options).fit_texts(texts, checkpoint=checkpoint, resume=stop > 1, progress=StopAt({stop}))
    resumed = model(epochs=3, **options).fit_texts(texts, checkpoint=checkpoint, resume=True)
    for name, value in whole.network_.state_dict().items():
        assert torch.equal(resumed.network_.state_dict()[name], value), name
    histories = [[{**record, "seconds": 0} for record in each.history_] for each in (resumed, whole)]
    assert histories[0] == histories[1]


def test_the_state_between_windows_matters_to_training() -> None:
    """Else the test above could pass without carrying anything."""
    carried = model(epochs=1).fit(text())
    cut = model(epochs=1, bptt=1).fit(text())
    assert carried.history_[0]["train_loss"] != cut.history_[0]["train_loss"]


def network(**options: Any) -> LanguageNetwork:
    given = LanguageModel(**(SMALL | options)).get_params()
    return LanguageNetwork(11, LanguageSettings(**settled(given, 0)))


def test_a_hidden_token_is_hidden_wherever_it_stands() -> None:
    net = network(embedding_dropout=0.5, input_dropout=0.0)
    tokens = torch.randint(11, (4, 30))
    found = net._embed(tokens)
    hidden = (found == 0).all(-1)
    assert bool(hidden.any())
    assert not bool(hidden.all())
    for token in tokens.unique():
        assert len(hidden[tokens == token].unique()) == 1
    torch.testing.assert_close(found[~hidden], 2 * net.embedding(tokens)[~hidden])
    assert torch.equal(net.eval()._embed(tokens), net.embedding(tokens))


def test_regularisation_is_the_mean_square_of_outputs_and_of_their_changes_within_documents() -> None:
    quiet = dict.fromkeys(("dropout", "input_dropout", "output_dropout", "embedding_dropout", "weight_drop"), 0.0)
    tokens, targets = torch.randint(11, (2, 5)), torch.randint(11, (2, 5))
    lengths = torch.tensor([5, 3])
    reset = torch.tensor([[False, False, True, False, False], [False] * 5])
    plain = network(**quiet).double()
    both = network(**quiet, activation_regularisation=2.0, temporal_regularisation=0.5).double()
    both.load_state_dict(plain.state_dict())
    loss, _ = plain(tokens, lengths=lengths, reset=reset, targets=targets)
    raw, _ = plain.stack(plain.embedding(tokens), lengths=lengths, reset=reset)
    out = plain.projection(raw)
    real = [(0, t) for t in range(5)] + [(1, t) for t in range(3)]
    linked = [(0, 1), (0, 3), (0, 4), (1, 1), (1, 2)]
    outputs = torch.stack([out[at] for at in real])
    changes = torch.stack([raw[row, t] - raw[row, t - 1] for row, t in linked])
    expected = loss + 2.0 * outputs.square().mean() + 0.5 * changes.square().mean()
    torch.testing.assert_close(both(tokens, lengths=lengths, reset=reset, targets=targets)[0], expected)


def test_what_padding_holds_changes_neither_loss_nor_gradient() -> None:
    net = network(activation_regularisation=1.0, temporal_regularisation=1.0).eval()
    tokens, targets, lengths = torch.randint(11, (2, 5)), torch.randint(11, (2, 5)), torch.tensor([5, 2])
    found = []
    for fill in (0, 7):
        tokens[1, 2:] = targets[1, 2:] = fill
        loss, _ = net(tokens, lengths=lengths, targets=targets)
        found.append([loss, *torch.autograd.grad(loss, list(net.parameters()))])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_the_uniform_mean_begins_where_dev_stops_improving() -> None:
    """Dev losses by hand; the mean from then on is the plain mean of the weights after each step."""
    net = nn.Linear(1, 1, bias=False)
    losses = iter([3.0, 2.0, 2.5, 2.4, 2.6])
    seen: list[float] = []

    def evaluate_dev(_: nn.Module) -> dict[str, float]:
        return {"loss": next(losses)}

    class Batches:
        def epoch(self, number: int) -> list[int]:
            return [number, number]

    class Watch(Silent):
        def advance(self, *, epoch: int, step: int, loss: float) -> None:
            seen.append(net.weight.item())

    settings = TrainingSettings(
        epochs=5, optimizer="sgd", schedule="constant", learning_rate=0.1, momentum=0.0, averaging_trigger=1,
        weight_decay=0.0, device="cpu",
    )  # fmt: skip
    objective = Objective(
        net, Batches(), lambda m, b: m.weight.sum() * (b + 1), evaluate_dev, lambda dev: [float(dev["loss"] == 2.6)]
    )
    fit(objective, settings, progress=Watch())
    assert net.weight.item() == pytest.approx(np.mean(seen[8:]))  # the fourth, 2.4, was above the least of 3.0 and 2.0


@pytest.mark.parametrize("unit", ["word", "char"])
def test_symbols_of_an_adaptive_softmax_are_numbered_by_falling_frequency(unit: str) -> None:
    fitted = model(unit=unit, softmax="adaptive", epochs=1).fit(text(600))
    train = fitted.encode([text(600)[: -len(fitted.dev_texts_[0])]])
    counts = train.values.bincount(minlength=len(fitted.codec_))[2:].tolist()
    assert counts == sorted(counts, reverse=True)


def test_several_processes_cannot_share_a_carried_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "make_accelerator", lambda *_: SimpleNamespace(num_processes=2))
    with pytest.raises(InputError, match="carried from batch to batch needs one process, found 2"):
        model().fit(text())


@pytest.mark.parametrize("texts", [["aa\nbb\ncc\n"], ["abcdefghij"], ["ab", "cd", "ef", "gh"], ["a", "b c d e f"]])
@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.9])
def test_the_end_is_set_aside_and_nothing_is_lost(texts: list[str], fraction: float) -> None:
    train, dev = cut_off(texts, fraction)
    assert "".join(train + dev) == "".join(texts)
    assert "".join(train)
    assert "".join(dev)


def test_a_cut_prefers_the_end_of_a_line() -> None:
    train, dev = cut_off(["line of text\n" * 100], 0.1)
    assert train[0].endswith("\n")
    assert len(dev[0]) == pytest.approx(130, abs=13)


def test_what_is_left_open_goes_by_the_size_of_the_text() -> None:
    params = LanguageModel().get_params()
    small, large = settled(params, 1_000_000), settled(params, 20_000_000)
    assert small["output_dropout"] > large["output_dropout"]
    assert small["embedding_size"] == params["hidden_size"]
    assert epochs_for(100) > epochs_for(1_000_000) > epochs_for(10**9) >= 1
    assert settled(LanguageModel(cell="min-gru").get_params(), 0)["weight_drop"] == 0
    assert settled(LanguageModel(dropout=0.25).get_params(), 0)["dropout"] == 0.25


def test_scikit_learn_can_clone_and_score_it() -> None:
    first = model(epochs=1)
    assert clone(first).get_params() == first.get_params()
    taught = clone(first).fit(text())
    assert math.exp(-taught.score(text(60, 9))) == pytest.approx(taught.perplexity(text(60, 9)))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"unit": "sentence"}, "unit is 'sentence', expected"),
        ({"bptt": 0}, "bptt is 0, expected greater than or equal to 1"),
        ({"weight_drop": 1.0}, "weight_drop is 1.0"),
        ({"softmax": "adaptive", "tied": True}, "cannot be tied, expected tied=False"),
        ({"softmax": "adaptive", "unit": "byte"}, "numbered by falling frequency, which the unit 'byte' has not"),
        ({"softmax": "adaptive", "unit": "subword"}, "the unit 'subword' has not; expected softmax 'full'"),
        ({"cell": "sru", "weight_drop": 0.5}, "SRUCell has no matrix of recurrent weights to drop"),
        ({"independent": True, "batch_tokens": 20}, "at most batch_tokens = 20 tokens, found one of"),
        ({"hiden_size": 3}, "did you mean 'hidden_size'"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        model(**options).fit(text())


@pytest.mark.parametrize(
    ("texts", "dev", "sentence"),
    [
        ([], None, "there is no document"),
        ("", None, "the text has 0 characters"),
        ("x", None, "the text has 1 character,"),
        (["ab", 3], None, "document 1 is int, expected a text"),
        ("abc", [""], "the dev text has no token"),
        ([""], "abc", "the training text has no token"),
    ],
)
def test_a_text_that_cannot_be_learnt_from_is_refused(texts: Any, dev: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        model().fit(texts, dev)


def test_numbers_that_are_no_tokens_are_refused() -> None:
    taught = model(epochs=1).fit(text())
    _, state = taught.start()
    for ids in ([], [-1], [len(taught.codec_)]):
        with pytest.raises(InputError, match="expected numbers from 0 to"):
            taught.feed(ids, state)
    with pytest.raises(InputError, match="the text has no token"):
        taught.score("")
