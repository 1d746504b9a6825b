"""Packing: every real step once, in the order in which a kernel visits it, and nothing of the padding."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from treadle.compiler.packing import Packing, pack

STEPS = 6
LENGTHS = st.lists(st.integers(0, STEPS), min_size=1, max_size=9)


def numbered(batch: int, steps: int) -> Tensor:
    """`[batch, steps, 2]`: each place holds its row and its step."""
    row, step = torch.meshgrid(torch.arange(batch), torch.arange(steps), indexing="ij")
    return torch.stack([row, step], -1).double()


@given(lengths=st.permutations(range(1, STEPS + 1)))
def test_one_thread_packs_as_torch_does(lengths: list[int]) -> None:
    x = torch.randn(len(lengths), STEPS, 3)
    theirs = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    ours = pack(len(lengths), STEPS, torch.tensor(lengths), reverse=False, threads=1)
    assert torch.equal(ours.pack(x), theirs.data)
    assert ours.shares[0].n[1:-2].tolist() == theirs.batch_sizes.tolist()
    assert ours.rows is not None
    assert torch.equal(ours.rows, theirs.sorted_indices)


@given(lengths=LENGTHS, threads=st.integers(1, 4), reverse=st.booleans())
def test_a_walk_through_the_shares_follows_each_row(lengths: list[int], threads: int, reverse: bool) -> None:
    packing = pack(len(lengths), STEPS, torch.tensor(lengths), reverse=reverse, threads=threads)
    walk(packing, lengths, reverse)


@given(batch=st.integers(1, 20), steps=st.integers(1, 5), threads=st.integers(1, 4), reverse=st.booleans())
def test_a_walk_without_padding(batch: int, steps: int, threads: int, reverse: bool) -> None:
    walk(pack(batch, steps, None, reverse=reverse, threads=threads), [steps] * batch, reverse)


def walk(packing: Packing, lengths: list[int], reverse: bool) -> None:
    """Visit the packed rows as a kernel does, forward and in the gradient's order."""
    places = [tuple(place) for place in packing.pack(numbered(packing.batch, packing.steps)).int().tolist()]
    assert sorted(places) == [(row, step) for row, length in enumerate(lengths) for step in range(length)]
    assert packing.size == sum(lengths)
    order = list(range(packing.batch)) if packing.rows is None else packing.rows.tolist()
    assert sorted(order) == list(range(packing.batch))
    for shares, backwards in ((packing.shares, reverse), (packing.backward_shares, not reverse)):
        seen = []
        for share in shares:
            counts = share.n[1:-2].tolist()
            assert share.n[0] == share.n[-1] == share.n[-2] == 0
            assert max(counts, default=0) <= packing.longest
            visits = [places[at : at + n] for at, n in zip(share.at[:-1], counts, strict=True)]
            for rows in visits:
                assert [row for row, _ in rows] == order[share.first : share.first + len(rows)]
                seen += rows
            follow([[], *visits, []], lengths, backwards)
        assert sorted(seen) == sorted(places)


def follow(visits: list[list[tuple[int, int]]], lengths: list[int], backwards: bool) -> None:
    """From one step of a share to the next: rows go on by one, begin at their first step and end at their last."""
    for before, after in pairwise(visits):
        for (row, step), (same, following) in zip(before, after, strict=False):
            assert (same, following) == (row, step - 1 if backwards else step + 1)
        assert all(step == (0 if backwards else lengths[row] - 1) for row, step in before[len(after) :])
        assert all(step == (lengths[row] - 1 if backwards else 0) for row, step in after[len(before) :])


@given(lengths=LENGTHS, threads=st.integers(1, 4), reverse=st.booleans())
def test_what_is_packed_comes_back_with_zeros_in_the_padding(lengths: list[int], threads: int, reverse: bool) -> None:
    x, state = torch.randn(len(lengths), STEPS, 3), torch.randn(len(lengths), 2)
    packing = pack(len(lengths), STEPS, torch.tensor(lengths), reverse=reverse, threads=threads)
    real = torch.arange(STEPS) < torch.tensor(lengths)[:, None]
    assert torch.equal(packing.unpack(packing.pack(x)), x * real[..., None])
    assert torch.equal(packing.unpack_rows(packing.pack_rows(state)), state)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_work_is_dealt_evenly(threads: int) -> None:
    lengths = torch.tensor([50, 1, 40, 2, 30, 3, 20, 4, 10])
    packing = pack(9, 50, lengths, reverse=False, threads=threads)
    work = [int(share.n.sum()) for share in packing.shares]
    assert sum(work) == int(lengths.sum())
    assert max(work) - min(work) <= 50  # the longest row, which one thread has and another has not
