"""The next symbol is drawn from the distribution that was asked for, the same way for the same seed."""

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from treadle.errors import InputError
from treadle.tasks.language.sampling import Sampling, allowed, generators, sample

FREE: tuple[int, ...] = ()


def log(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64).log()


def random_rows(rows: int, vocabulary: int, seed: int) -> Tensor:
    scores = 2 * torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed))
    return scores.log_softmax(-1)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(forbidden=FREE), [0.1, 0.2, 0.3, 0.4]),
        (Sampling(), [0, 0, 3 / 7, 4 / 7]),
        (Sampling(forbidden=(3,)), [1 / 6, 2 / 6, 3 / 6, 0]),
        (Sampling(temperature=0.5, forbidden=FREE), [1 / 30, 4 / 30, 9 / 30, 16 / 30]),
        (Sampling(top_k=2, forbidden=FREE), [0, 0, 3 / 7, 4 / 7]),
        (Sampling(top_p=0.75, forbidden=FREE), [0, 2 / 9, 3 / 9, 4 / 9]),
        # The share is of what top_k keeps: 4/7 reaches a half.
        (Sampling(top_k=2, top_p=0.5, forbidden=FREE), [0, 0, 0, 1]),
        (Sampling(temperature=0, forbidden=FREE), [0, 0, 0, 1]),
        # Of the last three symbols, 2 and 3: the weights 0.1, 0.2, 0.09 and 0.16. Of the last one, 3 only.
        (Sampling(repetition_penalty=2, forbidden=FREE), [10 / 55, 20 / 55, 9 / 55, 16 / 55]),
        (Sampling(repetition_penalty=2, repetition_window=1, forbidden=FREE), [10 / 76, 20 / 76, 30 / 76, 16 / 76]),
    ],
)
def test_draws_are_as_frequent_as_the_settings_say(sampling: Sampling, expected: list[float]) -> None:
    rows = 20_000
    recent = torch.tensor([[2, 2, 3]])
    p = log([[0.1, 0.2, 0.3, 0.4]])
    assert allowed(p, sampling, recent).exp()[0].tolist() == pytest.approx(expected)

    random = [torch.Generator().manual_seed(0)] * rows
    drawn = sample(p.expand(rows, -1), sampling, random, recent.expand(rows, -1))
    counts = torch.bincount(drawn, minlength=4).tolist()
    possible = [number for number in range(4) if expected[number] > 0]
    assert sum(counts[number] for number in possible) == rows
    if len(possible) > 1:
        frequencies = [counts[number] for number in possible]
        assert chisquare(frequencies, [rows * expected[number] for number in possible]).pvalue > 0.001


def test_rows_with_generators_of_their_own_are_drawn_from_the_distribution_too() -> None:
    # Neighbouring rows must not be alike: their generators differ in the row's number only.
    rows = 4_000
    drawn = sample(torch.zeros(rows, 8), Sampling(forbidden=FREE), generators(3, rows))
    assert chisquare(torch.bincount(drawn, minlength=8)).pvalue > 0.001
    pairs = torch.bincount(8 * drawn[:-1] + drawn[1:], minlength=64)
    assert chisquare(pairs).pvalue > 0.001


@given(seed=st.integers(0, 10_000), p=st.floats(0.01, 0.99))
def test_the_nucleus_is_the_least_set_that_reaches_p(seed: int, p: float) -> None:
    scores = random_rows(1, 12, seed)
    probabilities = scores.double().exp()[0]
    kept = allowed(scores, Sampling(top_p=p, forbidden=FREE)).isfinite()[0]
    total = float(probabilities[kept].sum())
    smallest = float(probabilities[kept].min())
    assume(min(abs(total - p), abs(total - smallest - p)) > 1e-6)
    assert total > p > total - smallest
    assert (probabilities[kept].min() > probabilities[~kept]).all()


@given(seed=st.integers(0, 10_000), k=st.integers(1, 15))
def test_top_k_keeps_the_k_greatest_in_their_proportions(seed: int, k: int) -> None:
    scores = random_rows(3, 12, seed)
    kept = allowed(scores, Sampling(top_k=k, forbidden=FREE))
    for row, before in zip(kept, scores.double(), strict=True):
        best = set(before.topk(min(k, 12)).indices.tolist())
        assert set(row.isfinite().nonzero().flatten().tolist()) == best
        some = sorted(best)
        assert (row - before)[some].tolist() == pytest.approx([float((row - before)[some[0]])] * len(some))


@given(seed=st.integers(0, 10_000))
def test_one_symbol_left_is_the_greedy_choice(seed: int) -> None:
    scores = random_rows(5, 9, seed)
    greedy = sample(scores, Sampling(temperature=0), generators(seed, 5))
    assert greedy.tolist() == (scores[:, 2:].argmax(-1) + 2).tolist()
    for sampling in (Sampling(top_k=1), Sampling(top_p=1e-9), Sampling(temperature=1e-300)):
        assert sample(scores, sampling, generators(seed, 5)).tolist() == greedy.tolist()


def test_of_equal_symbols_the_first_ones_are_kept() -> None:
    p = log([[0.2, 0.2, 0.2, 0.2, 0.2]])
    for sampling, kept in [
        (Sampling(temperature=0), [2]),
        (Sampling(top_k=2), [2, 3]),
        (Sampling(top_p=0.5), [2, 3]),
        (Sampling(top_p=1.0), [2, 3, 4]),
    ]:
        assert allowed(p, sampling)[0].isfinite().nonzero().flatten().tolist() == kept


@given(seed=st.integers(0, 1000), rows=st.integers(1, 6))
def test_a_row_is_drawn_the_same_whoever_shares_the_batch(seed: int, rows: int) -> None:
    scores = random_rows(rows, 20, seed)
    recent = torch.arange(rows * 3).reshape(rows, 3) % 20
    sampling = Sampling(temperature=1.3, top_k=15, top_p=0.95, repetition_penalty=1.2)
    together = sample(scores, sampling, generators(seed, rows), recent)
    alone = [
        sample(scores[i : i + 1], sampling, generators(seed, rows)[i : i + 1], recent[i : i + 1]) for i in range(rows)
    ]
    assert together.tolist() == torch.cat(alone).tolist()
    more = torch.cat([scores, random_rows(2, 20, seed + 1)])
    wider = sample(more, sampling, generators(seed, rows + 2), torch.cat([recent, recent[:1], recent[:1]]))
    assert wider[:rows].tolist() == together.tolist()


def test_a_draw_takes_one_number_whatever_the_settings() -> None:
    first, second = generators(0, 1), generators(0, 1)
    scores = random_rows(1, 10, 0)
    sample(scores, Sampling(temperature=0), first)
    sample(scores, Sampling(top_k=3), second)
    assert torch.equal(first[0].get_state(), second[0].get_state())


def test_drawing_goes_on_from_a_saved_state_as_it_would_have() -> None:
    scores = random_rows(1, 50, 0)
    random = generators(5, 1)
    sample(scores, Sampling(), random)
    state = random[0].get_state()
    expected = [sample(scores, Sampling(), random).item() for _ in range(10)]
    again = torch.Generator()
    again.set_state(state)
    assert [sample(scores, Sampling(), [again]).item() for _ in range(10)] == expected
    assert len(set(expected)) > 1


@given(probabilities=st.lists(st.sampled_from([0.0, 1e-300, 1e-9, 0.3, 1.0]), min_size=1, max_size=6))
def test_the_impossible_is_never_drawn(probabilities: list[float]) -> None:
    assume(any(probabilities))
    scores = log([probabilities]).expand(40, -1)
    drawn = sample(scores, Sampling(forbidden=FREE, top_p=0.999), generators(1, 40))
    assert all(probabilities[number] > 0 for number in drawn.tolist())


def test_a_row_without_a_possible_symbol() -> None:
    nothing = log([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    with pytest.raises(InputError, match="row 1: no symbol is left"):
        sample(nothing, Sampling(), generators(0, 2))
    with pytest.raises(InputError, match="row 0: no symbol is left"):
        sample(torch.full((1, 3), -math.inf), Sampling(forbidden=FREE), generators(0, 1))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_k", 0),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", math.inf),
        ("repetition_window", -1),
    ],
)
def test_settings_out_of_range_are_named(option: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{option} is {value}; expected"):
        Sampling(**{option: value})


@pytest.mark.parametrize("option", ["temperature", "repetition_penalty"])
def test_of_an_infinite_setting_a_finite_one_is_expected(option: str) -> None:
    with pytest.raises(InputError, match=f"{option} is inf; expected .*finite"):
        Sampling(**{option: math.inf})


def test_other_misuse() -> None:
    with pytest.raises(InputError, match="forbidden symbol is -1"):
        Sampling(forbidden=(0, -1))
    with pytest.raises(InputError, match="seed is -1"):
        generators(-1, 2)
    with pytest.raises(ValueError, match="1 generators for 2 rows"):
        sample(random_rows(2, 5, 0), Sampling(), generators(0, 1))
