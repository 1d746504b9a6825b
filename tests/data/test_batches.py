"""Batches: every row once an epoch, within the budget, little padding, the same order when resumed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.batches import BucketBatches, shard
from treadle.errors import InputError

lengths_strategy = st.lists(st.integers(0, 60), max_size=80)


def realistic_lengths(count: int = 5000) -> np.ndarray:
    """Lengths of reviews: log-normal, a median of 170 tokens and a long tail."""
    return np.random.default_rng(0).lognormal(5.15, 0.7, count).astype(np.int64)


@given(
    lengths=lengths_strategy,
    tokens=st.integers(1, 200),
    max_rows=st.one_of(st.none(), st.integers(1, 9)),
    epoch=st.integers(0, 5),
    shuffle=st.booleans(),
)
def test_every_row_once_and_within_budget(
    lengths: list[int], tokens: int, max_rows: int | None, epoch: int, shuffle: bool
) -> None:
    batches = BucketBatches(lengths, tokens=tokens, max_rows=max_rows, shuffle=shuffle).epoch(epoch)

    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= tokens
        assert max_rows is None or len(batch) <= max_rows


@given(lengths=lengths_strategy, epoch=st.integers(0, 4), position=st.integers(0, 80))
def test_resuming_anywhere_gives_the_same_rest(lengths: list[int], epoch: int, position: int) -> None:
    uninterrupted = BucketBatches(lengths, tokens=100, seed=7)
    for earlier in range(epoch):
        uninterrupted.epoch(earlier)
    resumed = BucketBatches(lengths, tokens=100, seed=7)

    expected = [batch.tolist() for batch in uninterrupted.epoch(epoch)[position:]]
    assert [batch.tolist() for batch in resumed.epoch(epoch)[position:]] == expected


def test_padding_is_a_small_share() -> None:
    lengths = realistic_lengths()
    for shuffle, most in ((False, 0.02), (True, 0.12)):
        batches = BucketBatches(lengths, tokens=8192, max_rows=64, shuffle=shuffle).epoch(0)
        padded = sum(len(batch) * lengths[batch].max() for batch in batches)
        assert 1 - lengths.sum() / padded < most


def test_batches_are_filled() -> None:
    lengths = realistic_lengths()
    batches = BucketBatches(lengths, tokens=8192, max_rows=None).epoch(0)
    assert len(batches) <= 1.2 * lengths.sum() / 8192


def test_order_depends_on_seed_and_epoch() -> None:
    lengths = realistic_lengths(300)

    def order(seed: int, epoch: int) -> list[list[int]]:
        return [batch.tolist() for batch in BucketBatches(lengths, tokens=2000, seed=seed).epoch(epoch)]

    assert order(0, 0) == order(0, 0)
    assert len({str(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("length", [0, 140])
def test_rows_of_one_length_change_companions(noise: float, length: int) -> None:
    batches = BucketBatches([length] * 100, tokens=1400, max_rows=10, noise=noise)
    companions = [{tuple(sorted(batch)) for batch in batches.epoch(epoch)} for epoch in (0, 1)]
    assert not companions[0] & companions[1]


def test_rows_of_different_lengths_change_companions() -> None:
    batches = BucketBatches(realistic_lengths(1000), tokens=4096)
    companions = [{tuple(sorted(batch)) for batch in batches.epoch(epoch)} for epoch in (0, 1)]
    assert len(companions[0] & companions[1]) < 0.1 * len(companions[0])


def test_evaluation_order_is_by_length_and_the_same_every_epoch() -> None:
    lengths = realistic_lengths(200)
    batches = BucketBatches(lengths, tokens=2000, shuffle=False)
    order = np.concatenate(batches.epoch(0))
    np.testing.assert_array_equal(order, np.argsort(lengths, kind="stable"))
    np.testing.assert_array_equal(order, np.concatenate(batches.epoch(9)))


def test_count_is_the_sum_over_epochs() -> None:
    batches = BucketBatches(realistic_lengths(500), tokens=1000)
    assert batches.count(3) == sum(len(batches.epoch(number)) for number in (0, 1, 2))


def test_no_rows_no_batches() -> None:
    assert BucketBatches([]).epoch(0) == []
    assert shard([], 0, 3) == []


@given(count=st.integers(1, 40), world_size=st.integers(1, 9))
def test_shards_are_equal_and_cover_everything(count: int, world_size: int) -> None:
    shards = [shard(range(count), rank, world_size) for rank in range(world_size)]
    assert {len(part) for part in shards} == {-(-count // world_size)}
    assert {batch for part in shards for batch in part} == set(range(count))
    # No more is given out twice than it takes to make the shards equal.
    assert sum(map(len, shards)) < count + world_size


def test_a_rank_outside_the_world_is_refused() -> None:
    with pytest.raises(ValueError, match="rank is 2"):
        shard([1, 2, 3], 2, 2)


@pytest.mark.parametrize("option", [{"tokens": 0}, {"max_rows": 0}, {"seed": -1}, {"noise": 1.0}, {"noise": -0.1}])
def test_options_out_of_range_are_named(option: dict[str, float]) -> None:
    name = next(iter(option))
    with pytest.raises(InputError, match=name):
        BucketBatches([1, 2], **option)


@pytest.mark.parametrize("lengths", [[-1], [[1, 2]]])
def test_lengths_that_are_none_are_refused(lengths: list[int]) -> None:
    with pytest.raises(InputError, match="lengths"):
        BucketBatches(lengths)
