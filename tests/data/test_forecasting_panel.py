"""Panels: series cut, joined and taken, with what is known beside them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.forecasting import Frequency, Panel, read_panel
from treadle.errors import InputError

MONTH = Frequency("month")


def panel(lengths: list[int] = [5, 8], known: int = 2) -> Panel:  # noqa: B006 - never changed
    rng = np.random.default_rng(0)
    return Panel(
        [f"s{index}" for index in range(len(lengths))],
        [MONTH.after(np.datetime64("2020-01-31T00:00:00"), index) for index in range(len(lengths))],
        [rng.normal(size=length) for length in lengths],
        MONTH,
        [rng.normal(size=(length, 1)) for length in lengths],
        [rng.normal(size=(length + known, 2)) for length in lengths],
        rng.normal(size=(len(lengths), 1)),
        ("p",),
        ("f", "g"),
        ("s",),
        source="a.csv",
    )


def same(one: Panel, other: Panel) -> None:
    assert one.ids == other.ids
    assert one.starts == other.starts
    assert one.frequency == other.frequency
    for name in ("values", "past", "future"):
        for mine, theirs in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(one.static, other.static)


@given(st.lists(st.integers(3, 9), min_size=1, max_size=4), st.integers(0, 2), st.integers(0, 3))
def test_joining_is_the_inverse_of_cutting(lengths: list[int], steps: int, known: int) -> None:
    whole = panel(lengths, known)
    before, truth = whole.cut(steps)
    same(before.joined(truth), whole)
    same(before.joined(truth.take(reversed(range(len(truth))))), whole)  # by name, in any order
    for series in range(len(whole)):
        assert before.known(series) == steps + known  # what was known in advance stays known
        np.testing.assert_array_equal(
            np.concatenate([before.stamps(series), truth.stamps(series)]), whole.stamps(series)
        )


def test_series_end_where_they_are_told() -> None:
    whole = panel()
    part = whole.until([1, 8])
    assert [len(one) for one in part.values] == [1, 8]
    assert [len(one) for one in part.past] == [1, 8]
    assert part.known(0) == 6
    assert whole.steps == 13


def test_a_panel_without_values_brings_future_covariates() -> None:
    whole = panel(known=0)
    more = Panel(
        ["s1"],
        [MONTH.after(whole.starts[1], 8)],
        [np.empty(0)],
        MONTH,
        future=[np.ones((3, 2))],
        future_names=("f", "g"),
    )
    joined = whole.joined(more)
    assert [joined.known(0), joined.known(1)] == [0, 3]
    np.testing.assert_array_equal(joined.values[1], whole.values[1])


def test_places_are_named() -> None:
    assert panel().where(1) == "a.csv, series 's1'"
    assert panel().where(1, 1) == "a.csv, series 's1', 2020-03-31"
    assert Panel(["x"], [4], [np.zeros(2)], Frequency("step")).where(0, 1) == "series 'x', step 5"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: panel().cut(5), "a.csv, series 's0': has 5 steps, expected more than the 5 to be set apart"),
        (lambda: panel().until([6, 8]), "a.csv, series 's0': has 5 steps, expected at least 6"),
        (lambda: panel().joined(panel()), "a.csv, series 's0': starts at 2020-01-31, expected 2020-06-30, one"),
        (lambda: panel([5]).joined(panel().take([1])), "a.csv, series 's1': there is no such series in a.csv"),
        (lambda: panel().joined(Panel(["s0"], [0], [np.zeros(1)], Frequency("step"))),
         "memory: a step is 1 step, expected 1 month as in a.csv"),
        (lambda: panel().joined(Panel(["s0"], panel().starts[:1], [np.zeros(1)], MONTH)),
         "memory: found the past covariates none, expected p as in a.csv"),
        (lambda: Panel(["a", "a"], [0, 0], [np.zeros(1)] * 2, Frequency("step")), "the series 'a' occurs twice"),
        (lambda: Panel(["a"], [0], [np.zeros(2)], Frequency("step"), future=[np.zeros((1, 0))]),
         "series 'a': future covariates have the shape (1, 0), expected (2, 0) or more steps"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(call: object, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        call()  # type: ignore[operator]  # a lambda
    assert sentence in str(caught.value)


def test_a_place_is_named_by_the_file_that_it_came_from(tmp_path: Path) -> None:
    for name, first in (("a", 1), ("b", 4), ("c", 6)):
        rows = "".join(f"2024-01-0{day},{day}\n" for day in range(first, first + 3 - (name == "b")))
        (tmp_path / f"{name}.csv").write_text(f"ds,y\n{rows}")
    parts = [read_panel(tmp_path / f"{name}.csv") for name in "abc"]
    whole = parts[0].joined(parts[1]).joined(parts[2]).until([6])
    found = [Path(whole.where(0, step).split(",")[0]).name for step in (0, 2, 3, 4, 5, 8)]
    assert found == ["a.csv", "a.csv", "b.csv", "b.csv", "c.csv", "c.csv"]
    assert whole.where(0).startswith(str(tmp_path / "a.csv"))
