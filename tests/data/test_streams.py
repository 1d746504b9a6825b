"""Streams: every token is a target once, after the token before it, and windows go on where the last one ended."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.ragged import Ragged
from treadle.data.streams import START, Streams, Window, document_rows, whole_documents
from treadle.errors import InputError

texts = st.lists(st.integers(0, 6), min_size=1, max_size=8).filter(any)


def documents(lengths: list[int]) -> Ragged:
    """Tokens that are all different, from 2."""
    ends = np.cumsum([2, *lengths])
    return Ragged.from_arrays([np.arange(a, b) for a, b in pairwise(ends)], dtype=torch.int64)


def real(window: Window) -> torch.Tensor:
    steps = window.targets.shape[1]
    full = torch.full((len(window.targets),), steps)
    return torch.arange(steps) < (full if window.lengths is None else window.lengths)[:, None]


@given(texts, st.integers(1, 5), st.integers(1, 7), st.booleans(), st.integers(0, 3))
def test_every_token_is_a_target_once_and_follows_what_stands_before_it(lengths, rows, steps, shuffle, epoch) -> None:
    text = documents(lengths)
    starts = set(text.values[text.offsets[:-1][text.lengths > 0]].tolist())
    windows = Streams(text, rows=rows, steps=steps, shuffle=shuffle).epoch(epoch)
    assert [window.first for window in windows] == [True] + [False] * (len(windows) - 1)
    seen: list[int] = []
    for window in windows:
        here = real(window)
        assert window.tokens == int(here.sum())
        inputs, targets = window.inputs[here], window.targets[here]
        seen += targets.tolist()
        reset = torch.zeros_like(here) if window.reset is None else window.reset
        for before, target, begins in zip(inputs.tolist(), targets.tolist(), reset[here].tolist(), strict=True):
            assert before == (START if target in starts else target - 1)
            if not window.first:
                assert begins == (target in starts)
    assert sorted(seen) == text.values.tolist()


@given(texts, st.integers(1, 4), st.integers(1, 7), st.integers(0, 3))
def test_a_stream_goes_on_in_the_next_window_and_only_a_document_breaks_it(lengths, rows, steps, epoch) -> None:
    text = documents(lengths)
    windows = Streams(text, rows=rows, steps=steps).epoch(epoch)
    starts = set(text.values[text.offsets[:-1][text.lengths > 0]].tolist())
    for row in range(len(windows[0].targets)):
        stream = torch.cat([window.targets[row][real(window)[row]] for window in windows]).tolist()
        assert all(after == before + 1 or after in starts for before, after in pairwise(stream))


def test_an_epoch_is_drawn_from_seed_and_number_alone_and_all_have_as_many_windows() -> None:
    def targets(seed: int, epoch: int) -> list[list[list[int]]]:
        windows = Streams(documents([30, 40, 50]), rows=3, steps=7, seed=seed).epoch(epoch)
        return [window.targets.tolist() for window in windows]

    assert targets(1, 2) == targets(1, 2)
    assert targets(1, 2) != targets(1, 3)
    assert targets(1, 2) != targets(2, 2)
    assert len({len(targets(1, epoch)) for epoch in range(5)}) == 1


@given(texts, st.integers(1, 5), st.integers(1, 20))
def test_whole_documents_are_read_once_each_from_the_beginning(lengths, rows, tokens) -> None:
    text = documents(lengths)
    found: dict[int, list[int]] = {}
    for together, windows in whole_documents(text, rows=rows, tokens=tokens):
        assert len(together) <= rows
        for place, document in enumerate(together.tolist()):
            pieces = [window.targets[place][real(window)[place]] for window in windows]
            before = [window.inputs[place][real(window)[place]] for window in windows]
            found[document] = torch.cat(pieces).tolist() if pieces else []
            assert (torch.cat(before).tolist() if before else []) == [START, *found[document]][:-1][
                : len(found[document])
            ]
        for window in windows:
            assert window.targets.numel() <= max(tokens, len(together))
    assert found == {row: ids.tolist() for row, ids in enumerate(text)}


def test_rows_of_documents_begin_at_the_start_symbol() -> None:
    window = document_rows(Ragged.from_arrays([[5, 6, 7], [], [8]]), [2, 0, 1])
    assert window.inputs[:2].tolist() == [[0, 8, 0], [0, 5, 6]]  # what follows 8 there is padding
    assert window.targets.tolist() == [[8, 0, 0], [5, 6, 7], [0, 0, 0]]
    assert window.lengths is not None
    assert window.lengths.tolist() == [1, 3, 0]


@pytest.mark.parametrize(
    ("lengths", "options", "sentence"),
    [
        ([3], {"rows": 0, "steps": 2}, "at least 1 row and 1 step, found 0 and 2"),
        ([3], {"rows": 2, "steps": 0}, "at least 1 row and 1 step, found 2 and 0"),
        ([3], {"rows": 1, "steps": 1, "seed": -1}, "seed is -1"),
        ([0, 0], {"rows": 1, "steps": 1}, "the text has no token"),
    ],
)
def test_what_cannot_be_streamed_is_refused(lengths, options, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        Streams(documents(lengths), **options)


def test_how_many_windows_there_are_is_known_without_laying_out_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Streams(documents([30, 40, 50]), rows=3, steps=7)
    expected = [len(list(streams.epoch(number))) for number in range(2)]
    monkeypatch.setattr(Streams, "laid_out", lambda *_: pytest.fail("the text was laid out"))
    assert [len(streams.epoch(number)) for number in range(2)] == expected == [6, 6]
