"""Ragged: what goes in comes out, in any selection, and padding is zero whatever lies beside it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.ragged import Ragged


@st.composite
def rows_and_selection(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    rows = draw(st.lists(st.lists(st.integers(-9, 9), max_size=6), min_size=1, max_size=8))
    selection = draw(st.lists(st.integers(-len(rows), len(rows) - 1), max_size=10))
    return rows, selection


@given(rows_and_selection())
def test_pad_equals_filling_row_by_row(case: tuple[list[list[int]], list[int]]) -> None:
    rows, selection = case
    chosen = [rows[i] for i in selection]
    longest = max(map(len, chosen), default=0)

    padded, lengths = Ragged.from_arrays(rows, dtype=torch.int64).pad(selection)

    assert padded.shape == (len(selection), longest)
    assert padded.tolist() == [row + [0] * (longest - len(row)) for row in chosen]
    assert lengths.tolist() == [len(row) for row in chosen]


@given(rows_and_selection())
def test_take_is_the_selected_rows(case: tuple[list[list[int]], list[int]]) -> None:
    rows, selection = case
    taken = Ragged.from_arrays(rows, dtype=torch.int64).take(selection)
    assert [row.tolist() for row in taken] == [rows[i] for i in selection]
    assert [taken[i].tolist() for i in range(len(taken))] == [rows[i] for i in selection]


@pytest.mark.parametrize("feature", [(), (1,), (3,), (2, 4)])
def test_feature_axes_are_kept(feature: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(length, *feature)).astype(np.float32) for length in (3, 0, 5, 1)]
    ragged = Ragged.from_arrays(arrays)
    padded, lengths = ragged.pad([2, 1, 0])

    assert ragged.values.dtype == torch.float32
    assert padded.shape == (3, 5, *feature)
    assert lengths.tolist() == [5, 0, 3]
    np.testing.assert_array_equal(padded[0].numpy(), arrays[2])
    np.testing.assert_array_equal(padded[2, :3].numpy(), arrays[0])
    assert not padded[1].any()
    assert not padded[2, 3:].any()


def test_nan_in_a_neighbour_does_not_reach_the_padding() -> None:
    ragged = Ragged.from_arrays([[1.0], [float("nan")] * 4, [2.0, 3.0]])
    padded, _ = ragged.pad([0, 2])
    assert padded.tolist() == [[1.0, 0.0], [2.0, 3.0]]


def test_an_empty_row_decides_neither_dtype_nor_shape() -> None:
    tokens = Ragged.from_arrays([[], [4, 5]])
    assert tokens.values.dtype == torch.int64
    series = Ragged.from_arrays([[], np.ones((2, 3))])
    assert series.pad([0, 1])[0].shape == (2, 2, 3)


def test_only_empty_rows() -> None:
    ragged = Ragged.from_arrays([[], []])
    padded, lengths = ragged.pad([0, 1])
    assert padded.shape == (2, 0)
    assert lengths.tolist() == [0, 0]
    assert len(Ragged.from_arrays([])) == 0


def test_a_batch_can_be_written_to_without_changing_the_data() -> None:
    ragged = Ragged.from_arrays([[1.0, 2.0]])
    ragged.pad([0])[0].add_(1)
    assert ragged[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("rows", [[3], [-4], [0.5], [True, False, True], [[0]]])
def test_rows_that_are_not_row_numbers_are_refused(rows: list[int]) -> None:
    ragged = Ragged.from_arrays([[1], [2], [3]])
    with pytest.raises(IndexError):
        ragged.pad(rows)
    with pytest.raises(IndexError):
        ragged.take(rows)


def test_rows_of_different_feature_shape_are_named() -> None:
    with pytest.raises(ValueError, match="row 2 has feature shape"):
        Ragged.from_arrays([np.ones((2, 3)), [], np.ones((2, 4))])


@pytest.mark.parametrize("offsets", [[0, 2], [1, 3], [0, 2, 1, 3], []])
def test_offsets_that_do_not_fit_are_refused(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="offsets"):
        Ragged(torch.zeros(3), torch.tensor(offsets, dtype=torch.int64))
