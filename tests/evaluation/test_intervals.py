import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from treadle.evaluation.intervals import bootstrap_interval, wilson_interval


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(case):
    successes, total = case
    expected = binomtest(successes, total).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, total) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_is_not_empty_where_every_row_is_right():
    low, high = wilson_interval(50, 50)
    assert low < 0.95
    assert high == 1.0


@pytest.mark.parametrize(("successes", "total"), [(1, 0), (3, 2), (-1, 5)])
def test_wilson_refuses_what_is_not_a_share(successes, total):
    with pytest.raises(ValueError, match="not a share"):
        wilson_interval(successes, total)


def test_bootstrap_of_a_mean_agrees_with_the_normal_approximation():
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    half = 1.96 * values.std() / 400**0.5
    low, high = bootstrap_interval(np.mean, values, resamples=4000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)


def test_bootstrap_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for seed in range(200):
        low, high = bootstrap_interval(np.mean, rng.normal(size=60), resamples=200, seed=seed)
        hits += low <= 0 <= high
    assert 0.89 <= hits / 200 <= 0.99


def test_bootstrap_gives_the_same_interval_for_the_same_seed():
    values = np.random.default_rng(2).random(50)
    assert bootstrap_interval(np.mean, values, seed=7) == bootstrap_interval(np.mean, values, seed=7)
    assert bootstrap_interval(np.mean, values, seed=7) != bootstrap_interval(np.mean, values, seed=8)


def test_bootstrap_draws_the_same_rows_from_every_array():
    a = np.random.default_rng(3).normal(size=100) * 50
    low, high = bootstrap_interval(lambda x, y: float(np.mean(x - y)), a, a - 1.0)
    assert (low, high) == pytest.approx((1.0, 1.0))


def test_bootstrap_refuses_arrays_that_do_not_belong_together():
    with pytest.raises(ValueError, match="equal lengths"):
        bootstrap_interval(lambda x, y: 0.0, np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="at least one row"):
        bootstrap_interval(np.mean, np.ones(0))


def test_bootstrap_leaves_out_draws_for_which_the_figure_is_undefined():
    low, high = bootstrap_interval(lambda x: float("nan") if x.max() == x.min() else 1.0, np.array([0.0, 1.0]))
    assert (low, high) == (1.0, 1.0)
