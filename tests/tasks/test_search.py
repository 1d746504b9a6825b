"""Searches against all sequences of a tiny vocabulary; what shares the batch changes nothing."""

import math

import pytest
import torch
from tiny_models import END, SOURCE, SYMBOLS, TinyModel, every_sequence

from treadle.errors import InputError
from treadle.tasks.language.sampling import Sampling, generators
from treadle.tasks.search import BeamSettings, Ensemble, beam_search, greedy_search, sample_search
from treadle.tasks.search.ngrams import block_repeated

INPUTS = [3, 1, 4, 1, 5]
LIMITS = torch.tensor([4, 1, 5, 2, 4])
WHOLE = 3**0 + 3**1 + 3**2 + 3**3 + 3**4
NORMALISATIONS = [("average", 1.0), ("average", 0.5), ("gnmt", 0.8), ("none", 1.0)]


@pytest.mark.parametrize(("normalisation", "penalty"), NORMALISATIONS)
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_is_exhaustive_search(normalisation, penalty, seed):
    model = TinyModel(seed)
    how = BeamSettings(beam_size=WHOLE, n_best=7, normalisation=normalisation, length_penalty=penalty)
    answers = beam_search(model, INPUTS, LIMITS, how)
    for number, limit, found in zip(INPUTS, LIMITS.tolist(), answers, strict=True):
        every = every_sequence(model, number, limit)
        scores = {symbols: total / how.divisor(len(symbols) + 1) for symbols, total in every.items()}
        best = sorted(scores, key=lambda symbols: -scores[symbols])[:7]
        assert [tuple(one.symbols) for one in found] == best
        for one in found:
            assert one.log_probability == pytest.approx(every[tuple(one.symbols)], abs=1e-5)
            assert one.score == pytest.approx(scores[tuple(one.symbols)], abs=1e-5)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_narrow_beam_finds_nothing_better_than_there_is(width):
    for seed in range(20):
        model = TinyModel(seed)
        (found,) = beam_search(model, [7], torch.tensor([5]), BeamSettings(beam_size=width, n_best=width))
        every = every_sequence(model, 7, 5)
        for one in found:
            assert one.log_probability == pytest.approx(every[tuple(one.symbols)], abs=1e-5)
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        assert found[0].score <= max(v / (len(s) + 1) for s, v in every.items()) + 1e-5


def test_greedy_is_a_beam_of_one():
    for seed in range(20):
        model = TinyModel(seed)
        wide = beam_search(model, INPUTS, LIMITS, BeamSettings(beam_size=1))
        narrow = greedy_search(model, INPUTS, LIMITS)
        assert [one.symbols for (one,) in wide] == [one.symbols for one in narrow]
        for (one,), other in zip(wide, narrow, strict=True):
            assert one.log_probability == pytest.approx(other.log_probability)
            torch.testing.assert_close(one.attention, other.attention if other.symbols else one.attention)


def test_batch_mates_change_nothing():
    model, how = TinyModel(2), BeamSettings(beam_size=3, n_best=3, no_repeat_ngram=2)
    sampling = Sampling(temperature=1.3, top_k=3)
    together = beam_search(model, INPUTS, LIMITS, how)
    greedy = greedy_search(model, INPUTS, LIMITS)
    drawn = sample_search(model, INPUTS, LIMITS, random=generators(5, len(INPUTS)), sampling=sampling)
    for place, number in enumerate(INPUTS):
        limit, random = LIMITS[place : place + 1], generators(5, len(INPUTS))[place : place + 1]
        alone = beam_search(model, [number], limit, how)[0]
        assert [(one.symbols, one.score) for one in alone] == [(one.symbols, one.score) for one in together[place]]
        assert greedy_search(model, [number], limit)[0].symbols == greedy[place].symbols
        assert (
            sample_search(model, [number], limit, random=random, sampling=sampling)[0].symbols == drawn[place].symbols
        )


def test_attention_follows_the_hypothesis_it_belongs_to():
    for found in beam_search(TinyModel(4), INPUTS, LIMITS, BeamSettings(beam_size=4, n_best=4)):
        for one in found:
            # The tiny model looks with the sum of all that was written before.
            before = [float(sum(one.symbols[:place])) for place in range(len(one.symbols))]
            assert one.attention.shape == (len(one.symbols), SOURCE)
            assert one.attention[:, 0].tolist() == before


def test_what_is_finished_leaves_the_batch():
    for search in (
        lambda model, limits: greedy_search(model, list(range(8)), limits),
        lambda model, limits: beam_search(model, list(range(8)), limits, BeamSettings(beam_size=2)),
    ):
        model = TinyModel(1, sharpness=3.0)
        search(model, torch.arange(1, 9))
        assert model.rows == sorted(model.rows, reverse=True)
        assert model.rows[-1] < model.rows[0]


def test_draws_have_the_probabilities_of_the_model():
    model, count = TinyModel(3), 4000
    found = sample_search(
        model, [0] * count, torch.full((count,), 3), random=generators(0, count), sampling=Sampling(forbidden=())
    )
    for symbols, total in every_sequence(model, 0, 3).items():
        if len(symbols) < 2:  # at the limit the end is forced, whatever its probability
            expected = math.exp(total)
            share = sum(tuple(one.symbols) == symbols for one in found) / count
            assert share == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / count) + 1e-9)


def test_no_ngram_is_said_twice():
    for seed in range(10):
        for size in (1, 2):
            how = BeamSettings(beam_size=3, n_best=3, no_repeat_ngram=size)
            found = [one for several in beam_search(TinyModel(seed), INPUTS, LIMITS + 6, how) for one in several]
            found += greedy_search(TinyModel(seed), INPUTS, LIMITS + 6, no_repeat_ngram=size)
            for one in found:
                grams = [tuple(one.symbols[at : at + size]) for at in range(len(one.symbols) - size + 1)]
                assert len(set(grams)) == len(grams)
    told = torch.zeros(2, SYMBOLS)
    blocked = block_repeated(told, torch.tensor([[1, 2, 3, 1, 2], [1, 1, 1, 2, 2]]), 3)
    assert (blocked == -torch.inf).nonzero().tolist() == [[0, 3]]


def test_an_ensemble_is_exhaustive_search_over_the_mean_probability():
    models = [TinyModel(seed, 2.0) for seed in (1, 2, 3)]
    how = BeamSettings(beam_size=WHOLE, n_best=3, normalisation="none")
    found = beam_search(Ensemble(models), [[6]] * 3, torch.tensor([4]), how)[0]

    class Mean(TinyModel):
        def log_probabilities(self, written):
            return torch.stack([model.log_probabilities(written).exp() for model in models]).mean(0).log()

    every = every_sequence(Mean(), 6, 4)
    best = sorted(every, key=lambda symbols: -every[symbols])[:3]
    assert [tuple(one.symbols) for one in found] == best
    with pytest.raises(InputError, match="has no model"):
        Ensemble([])


def test_a_limit_of_one_is_the_empty_answer():
    (found,) = beam_search(TinyModel(), [1], torch.tensor([1]), BeamSettings(beam_size=4))
    assert [one.symbols for one in found] == [[]]
    assert found[0].log_probability == pytest.approx(float(TinyModel().log_probabilities((1, END))[END]))
