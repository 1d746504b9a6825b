"""The dev split: disjoint, complete, stratified, the same on every run and machine."""

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from treadle.data.split import split_rows
from treadle.errors import InputError


@given(
    labels=st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=200),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 3),
)
def test_parts_are_disjoint_complete_and_stratified(labels: list[str], fraction: float, seed: int) -> None:
    sizes = Counter(labels)
    assume(max(sizes.values()) > 1)
    train, aside = split_rows(labels, fraction, seed=seed)

    assert sorted([*train, *aside]) == list(range(len(labels)))
    assert list(train) == sorted(train)
    assert list(aside) == sorted(aside)
    assert len(aside) >= 1
    assert {labels[row] for row in train} == set(sizes)
    taken = Counter(labels[row] for row in aside)
    for label, size in sizes.items():
        assert abs(taken[label] - fraction * size) <= 1 + 1e-9
    if min(sizes.values()) > 1:
        # Classes of two rows and a large fraction can leave less to take than asked for, never more.
        room = sum(min(size - 1, int(fraction * size) + 1) for size in sizes.values())
        assert len(aside) == min(room, max(1, round(fraction * len(labels))))


def test_without_labels() -> None:
    train, aside = split_rows(1000, 0.1)
    assert len(aside) == 100
    assert sorted([*train, *aside]) == list(range(1000))


def test_seed_decides() -> None:
    first, again, other = (split_rows(100, 0.2, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_class_of_one_row_stays_in_training() -> None:
    labels = ["common"] * 20 + ["rare"]
    for seed in range(20):
        assert 20 in split_rows(labels, 0.5, seed=seed)[0]


def test_many_small_classes_get_the_fraction_in_total() -> None:
    labels = [label for label in range(50) for _ in range(4)]
    assert len(split_rows(labels, 0.1)[1]) == 20


def test_the_same_in_processes_with_other_string_hashes() -> None:
    code = "from treadle.data.split import split_rows; print(split_rows(list('abcabbacab'), 0.4)[1].tolist())"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert answers == {f"{split_rows(list('abcabbacab'), 0.4)[1].tolist()}\n"}


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5])
def test_fraction_out_of_range(fraction: float) -> None:
    with pytest.raises(InputError, match="share between 0 and 1"):
        split_rows(10, fraction)


@pytest.mark.parametrize("rows", [0, 1, ["a"]])
def test_too_few_rows(rows: int | list[str]) -> None:
    with pytest.raises(InputError, match="expected 2 or more"):
        split_rows(rows, 0.5)


def test_one_row_a_class_cannot_be_split() -> None:
    with pytest.raises(InputError, match="every class has a single row"):
        split_rows(["a", "b", "c"], 0.5)
