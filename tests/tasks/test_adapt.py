"""Cache and dynamic evaluation: a token is scored before it is learnt from, and the model stays as it was."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle import InputError, LanguageModel
from treadle.data.streams import START
from treadle.tasks.language import Adaptation, adapted_losses, best_adaptation

TEXT = "a cat sat on a mat. the dog ran to the cat and the mat.\n" * 20
WAYS = [
    Adaptation(cache=7),
    Adaptation(cache=400, cache_weight=0.5, cache_flatness=2.0),
    Adaptation(dynamic="sgd", dynamic_rate=1.0, dynamic_steps=5),
    Adaptation(dynamic="rms", dynamic_rate=0.01, dynamic_steps=5),
    Adaptation(cache=9, dynamic="sgd", dynamic_rate=1.0, dynamic_steps=7),
]
LETTERS = "abcdehmnorst .\n"


@pytest.fixture(scope="module")
def model():
    options = {"hidden_size": 12, "layers": 2, "epochs": 3, "learning_rate": 0.03, "batch_size": 4, "bptt": 16}
    return LanguageModel(unit="char", seed=1, **options).fit(TEXT)


@pytest.fixture(scope="module")
def train(model):
    return model.encode([TEXT])


def nats_of(model, text, how, train=None):
    return adapted_losses(model, [text], how, train=train)[0].nats


def test_nothing_adapts_is_the_model_itself(model):
    text = TEXT[:600]
    np.testing.assert_allclose(nats_of(model, text, Adaptation()), model.log_losses(text)[0].nats, atol=1e-5)


@pytest.mark.parametrize("how", WAYS, ids=Adaptation.describe)
@settings(max_examples=10)
@given(data=st.data())
def test_what_comes_later_changes_no_earlier_loss(model, train, how, data):
    text = data.draw(st.text(LETTERS, min_size=2, max_size=40))
    at = data.draw(st.integers(1, len(text)))
    other = text[:at] + data.draw(st.text(LETTERS, min_size=len(text) - at, max_size=len(text) - at))
    one, two = (nats_of(model, each, how, train) for each in (text, other))
    np.testing.assert_allclose(one[:at], two[:at], atol=2e-5)


@pytest.mark.parametrize("how", WAYS, ids=Adaptation.describe)
def test_the_model_stays_as_it_was_and_documents_do_not_meet(model, train, how):
    before = {name: value.clone() for name, value in model.network_.state_dict().items()}
    both = adapted_losses(model, [TEXT[:90], "the dog sat.\n"], how, train=train)
    alone = nats_of(model, "the dog sat.\n", how, train)
    np.testing.assert_array_equal(both[1].nats, alone)
    assert all(torch.equal(value, before[name]) for name, value in model.network_.state_dict().items())
    assert len(both[0].tokens) == 90


@pytest.mark.parametrize("how", WAYS, ids=Adaptation.describe)
def test_every_way_changes_something(model, train, how):
    static = model.log_losses(TEXT[:120])[0].nats
    assert np.abs(nats_of(model, TEXT[:120], how, train) - static).max() > 1e-3


def test_the_cache_is_its_formula(model):
    """Against the sums of the paper, written out in float64."""
    text, size, weight, flatness = TEXT[:300], 20, 0.3, 0.8  # longer than one stretch that is read at once
    ids = model.codec_.encode(text)
    with torch.no_grad():
        hidden, _ = model.network_(torch.tensor([[START, *ids[:-1]]]))
    h, static = hidden[0].double().numpy(), model.log_losses(text)[0].nats
    expected = static.copy()
    for t in range(1, len(ids)):
        before = range(max(0, t - size), t)
        scores = np.exp([flatness * h[t] @ h[i] for i in before])
        same = sum(score for score, i in zip(scores, before, strict=True) if ids[i] == ids[t])
        expected[t] = -np.log((1 - weight) * np.exp(-static[t]) + weight * same / scores.sum())
    found = nats_of(model, text, Adaptation(cache=size, cache_weight=weight, cache_flatness=flatness))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["sgd", "rms"])
def test_dynamic_evaluation_is_its_formula(model, train, kind):
    """One window by hand: gradient of its mean loss, step, pull; then the losses of the next window."""
    rate, decay, steps = 0.02, 0.1, 6
    how = Adaptation(dynamic=kind, dynamic_rate=rate, dynamic_decay=decay, dynamic_steps=steps)
    text = TEXT[: 3 * steps]
    ids = model.codec_.encode(text)
    network = LanguageModel(**model.get_params())
    network.codec_, network.settings_ = model.codec_, model.settings_
    network = network.build_network().eval()
    network.load_state_dict(model.network_.state_dict())
    inputs, targets = torch.tensor([[START, *ids[:-1]]]), torch.tensor(ids)[None]
    origin = [weight.detach().clone() for weight in network.parameters()]
    scale = [torch.ones_like(weight) for weight in origin]
    share = [torch.ones_like(weight) for weight in origin]
    if kind == "rms":
        from treadle.tasks.language.adapt import EPSILON, root_mean_squares

        roots = root_mean_squares(network, train, steps)
        mean = torch.cat([root.flatten() for root in roots]).mean()
        scale, share = [root + EPSILON for root in roots], [root / mean for root in roots]
    found, state = [], None
    for start in range(0, len(ids), steps):
        hidden, after = network(inputs[:, start : start + steps], state)
        state = tuple(type(layer)(*(field.detach() for field in layer)) for layer in after)
        losses = -network.log_probabilities(hidden).gather(2, targets[:, start : start + steps, None])[0, :, 0]
        found += losses.tolist()
        gradients = torch.autograd.grad(losses.mean(), list(network.parameters()))
        with torch.no_grad():
            for weight, g, w, r, rho in zip(network.parameters(), gradients, origin, scale, share, strict=True):
                weight.copy_(weight - rate * g / r + (decay * rho).clamp(max=1) * (w - weight))
    np.testing.assert_allclose(nats_of(model, text, how, train), found, atol=1e-4)


def test_a_text_that_repeats_itself_is_learnt():
    """Words of training that never stood together there."""
    model = LanguageModel(unit="word", hidden_size=12, layers=1, epochs=3, bptt=8, batch_size=2, seed=1)
    model.fit("one two three four five six seven eight nine ten. " * 30)
    text = "ten four one. " * 60
    static = model.log_losses(text)[0].nats.mean()
    assert nats_of(model, text, Adaptation(cache=50, cache_weight=0.5)).mean() < static - 0.3
    assert nats_of(model, text, Adaptation(dynamic="sgd", dynamic_rate=1.0, dynamic_steps=5)).mean() < static - 0.3


def test_the_best_is_the_one_of_least_loss(model):
    ways = [Adaptation(cache=200, cache_weight=weight) for weight in (0.9, 0.05)]
    means = [nats_of(model, TEXT[:300], how).mean() for how in ways]
    best, mean = best_adaptation(model, [TEXT[:300]], ways)
    assert (ways.index(best), mean) == (int(np.argmin(means)), pytest.approx(min(means)))
    with pytest.raises(InputError, match="no adaptation to choose from"):
        best_adaptation(model, [TEXT], [])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cash": 3}, "there is no option 'cash' for this task; did you mean 'cache'?"),
        ({"cache": -1}, "cache is -1, expected greater than or equal to 0"),
        ({"cache": 5, "cache_weight": 1.0}, "cache_weight is 1.0, expected less than 1"),
        ({"dynamic": "adam"}, "dynamic is 'adam', expected 'sgd' or 'rms'"),
        ({"dynamic": "sgd", "dynamic_rate": 0}, "dynamic_rate is 0, expected greater than 0"),
        ({"cache_weight": 0.2}, "cache_weight is given without cache, expected both"),
        ({"cache": 3, "dynamic_steps": 2}, "dynamic_steps is given without dynamic, expected both"),
    ],
)
def test_options_that_cannot_be_used(options, sentence):
    with pytest.raises(InputError) as error:
        Adaptation.of(options)
    assert str(error.value) == sentence


@pytest.mark.parametrize("how", ["sgd", "rms"])
@pytest.mark.parametrize("rate", [1e4, 1e9, float("inf")])
def test_steps_that_are_too_large_are_refused_not_measured(model, train, how, rate):
    ways = [Adaptation(dynamic=how, dynamic_rate=one, dynamic_steps=5) for one in (rate, 0.01)]
    with pytest.raises(InputError) as error:
        nats_of(model, TEXT[:300], ways[0], train)
    assert str(error.value).startswith("dynamic evaluation diverged at token ")
    assert str(error.value).endswith(f"expected a finite perplexity; try a dynamic_rate below {rate:g}")
    assert best_adaptation(model, [TEXT[:300]], ways, train=train)[0] is ways[1]
    with pytest.raises(InputError, match="dynamic evaluation diverged"):
        best_adaptation(model, [TEXT[:300]], ways[:1], train=train)


def test_rms_needs_training_text(model):
    with pytest.raises(InputError, match="measures gradients on training text, expected train="):
        adapted_losses(model, ["a cat"], Adaptation(dynamic="rms"))
