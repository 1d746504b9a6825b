"""Figures of a language model: textbook values, intervals that cover, units that can be compared."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from treadle.evaluation.language import language_difference, language_metrics


def test_a_fair_die_has_its_number_of_faces_as_perplexity():
    metrics = language_metrics([np.full(30, math.log(6)), np.full(12, math.log(6))], [60, 24])
    assert metrics["perplexity"].value == pytest.approx(6)
    assert metrics["nats_per_token"].value == pytest.approx(1.791759)
    assert metrics["bits_per_token"].value == pytest.approx(2.584963)
    assert metrics["bits_per_character"].value == pytest.approx(2.584963 / 2)


def test_the_right_model_pays_the_entropy():
    p = np.array([0.5, 0.25, 0.125, 0.125])
    tokens = np.repeat(np.arange(4), (p * 800).astype(int))
    metrics = language_metrics([-np.log(p[tokens])])
    assert metrics["bits_per_token"].value == pytest.approx(entropy(p, base=2))
    assert set(metrics) == {"perplexity", "nats_per_token", "bits_per_token"}


def test_tokens_of_another_size_give_the_same_bits_per_character():
    # The same text of 1,200 characters by one model, read as letters or as words of four: the nats of a word are the
    # sum of its letters'.
    letters = np.random.default_rng(0).exponential(1.5, 1200)
    by_letter = language_metrics([letters], [1200])
    by_word = language_metrics([letters.reshape(300, 4).sum(1)], [1200])
    assert by_letter["bits_per_character"].value == pytest.approx(by_word["bits_per_character"].value)
    assert by_letter["perplexity"].value < by_word["perplexity"].value


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(0, 90), min_size=1, max_size=60).filter(any),
    seed=st.integers(0, 100),
)
def test_documents_weigh_by_their_tokens_and_intervals_hold_the_figure(lengths, seed):
    rng = np.random.default_rng(seed)
    nats = [rng.exponential(2.0, length) for length in lengths]
    metrics = language_metrics(nats, [3 * length + 1 for length in lengths])
    flat = np.concatenate(nats)
    assert metrics["perplexity"].value == pytest.approx(np.exp(flat.mean()))
    assert metrics["bits_per_character"].value == pytest.approx(
        flat.sum() / np.log(2) / sum(3 * n + 1 for n in lengths)
    )
    for name, (value, low, high) in metrics.items():
        assert low <= value * (1 + 1e-12), name
        assert value <= high * (1 + 1e-12), name


def covered(draw, count):
    """How often the interval holds the true mean of 2 nats."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(count):
        _, low, high = language_metrics(draw(rng))["nats_per_token"]
        hits += low <= 2.0 <= high
    return hits / count


def test_intervals_cover_where_documents_differ():
    # Tokens of a document are alike: an interval over tokens would be six times too narrow and cover a quarter.
    def draw(rng):
        return [np.full(40, rng.exponential(2.0)) for _ in range(60)]

    assert 0.85 <= covered(draw, 60) <= 1.0


def test_intervals_cover_where_one_stream_has_a_memory():
    def draw(rng):
        noise = rng.normal(size=5_000)
        return [2.0 + np.convolve(noise, np.full(20, 1 / 20), mode="same")]

    assert 0.85 <= covered(draw, 60) <= 1.0


def test_a_token_of_probability_0_is_infinitely_bad_and_has_no_interval():
    metrics = language_metrics([np.array([1.0, math.inf, 2.0])], [3])
    for value, low, high in metrics.values():
        assert value == math.inf
        assert low is None
        assert high is None
    assert language_metrics([np.array([1e5, 1e5])])["perplexity"].value == math.inf


def test_a_difference_is_paired():
    rng = np.random.default_rng(0)
    hard = [rng.exponential(5.0, 300) for _ in range(4)]
    value, low, high = language_difference([one - 0.1 + 0.01 * rng.normal(size=300) for one in hard], hard)
    assert low < value < high < 0
    assert value == pytest.approx(-0.1, abs=0.002)
    # Either model alone is far less certain than their difference.
    alone = language_metrics(hard)["nats_per_token"]
    assert alone.high - alone.low > 50 * (high - low)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="no token"):
        language_metrics([])
    with pytest.raises(ValueError, match="no token"):
        language_metrics([np.zeros(0)], [4])
    with pytest.raises(ValueError, match="5 characters in 1 documents: expected one or more in 2 documents"):
        language_metrics([np.ones(2), np.ones(3)], [5])
    with pytest.raises(ValueError, match="0 characters"):
        language_metrics([np.ones(2)], [0])
    with pytest.raises(ValueError, match="different lengths"):
        language_difference([np.ones(2)], [np.ones(3)])
