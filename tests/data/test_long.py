"""Tables whose rows are steps: gathered into sequences, whatever their order; refused where they are none."""

import numpy as np
import pandas as pd
import pytest

from treadle.data import Table, gather
from treadle.data.columns import Roles
from treadle.data.kinds import Kind
from treadle.data.long import LongForm, find_long_form, told_by_id
from treadle.errors import InputError

STEPS = {
    "car": ["b", "a", "b", "a", "b"],
    "at": [2, 1, 0, 0, 1],
    "speed": [5.0, 2.0, 3.0, None, 4.0],
    "gear": [3, 2, 1, 1, 2],
    "event": ["stop", "go", "go", None, "turn"],
    "driver": ["kim", "ann", "kim", "ann", None],
}


def test_steps_become_sequences_in_the_order_of_time() -> None:
    table = gather(STEPS, "car", "at", target="driver")
    assert table.columns["car"] == ["b", "a"]
    np.testing.assert_array_equal(table.columns["series"][0], [[3, 1], [4, 2], [5, 3]])
    np.testing.assert_array_equal(table.columns["series"][1], [[np.nan, 1], [2, 2]])
    assert table.columns["event"] == [["go", "turn", "stop"], ["", "go"]]
    assert table.columns["driver"] == ["kim", "ann"]
    assert "2 sequences by 'car', of 2 to 3 rows in the order of 'at'" in table.note


def test_without_a_time_rows_stay_in_their_order() -> None:
    table = gather(STEPS, "car", input=["gear"], target="driver")
    assert [one[:, 0].tolist() for one in table.columns["series"]] == [[3, 1, 2], [2, 1]]
    assert set(table.columns) == {"car", "series", "driver"}


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_rows_gives_the_same_sequences(seed: int) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"id": np.repeat([3, 1, 2], [4, 1, 6]), "t": pd.date_range("2026-01-01", periods=11).astype(str)}
    ).assign(a=random.normal(size=11), b=random.normal(size=11), left=random.normal(size=11))
    expected = gather(frame, "id", "t", target="left")
    found = gather(frame.sample(frac=1, random_state=seed), "id", "t", target="left")
    order = [found.columns["id"].index(name) for name in expected.columns["id"]]
    for name in ("series", "left"):
        for row, place in enumerate(order):
            np.testing.assert_array_equal(found.columns[name][place], expected.columns[name][row])


def test_a_target_of_numbers_that_changes_is_one_for_each_step() -> None:
    steps = {"car": [1, 1, 2], "speed": [1.0, 2.0, 3.0], "left": [1, 0, 0]}
    assert gather(steps, "car", target="left").columns["left"] == [[1, 0], [0]]
    again = {"car": [7, 7], "speed": [1.0, 2.0], "left": [4, 4]}
    form = find_long_form(Table(steps), "car", target="left")
    assert form.gather(Table(again), "left").columns["left"] == [[4, 4]]  # as in training
    assert gather(again, "car", target="left").columns["left"] == [4]


def test_a_target_may_stand_in_one_row_alone() -> None:
    steps = {"car": [1, 1, 2], "speed": [1.0, 2.0, 3.0], "kind": [None, "van", "bus"]}
    assert gather(steps, "car", target="kind").columns["kind"] == ["van", "bus"]


def test_a_form_is_saved_with_the_roles() -> None:
    form = LongForm("car", None, ["speed"], [], per_step=True)
    roles = Roles(["series"], "left", "regress", {"series": Kind.SERIES}, [], [], form)
    assert Roles.from_json(roles.to_json()) == roles
    older = {name: value for name, value in roles.to_json().items() if name != "long"}
    assert Roles.from_json(older).long is None


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        ({}, {"id": "cra"}, "there is no column 'cra' to take as id; did you mean 'car'"),
        ({}, {"time": "when"}, "there is no column 'when' to take as time"),
        ({}, {"input": ["speeed"]}, "there is no column 'speeed' to take as input; did you mean 'speed'"),
        ({}, {"input": ["at"]}, "column 'at' is named twice, expected one role for each column"),
        (
            {"car": ["b", None, "b", "a", "b"]},
            {},
            "row 1 .*, column 'car': found None, expected the name",
        ),
        ({"at": [2, 1, None, 0, 1]}, {}, "row 2 .*, column 'at': found nothing, expected a time"),
        ({"driver": ["kim", "ann", "bob", "ann", None]}, {}, "row 0 .*'driver': found 'kim' after 'bob' for car 'b'"),
        ({"speed": [float("inf")] * 5}, {}, "row 0 .*, column 'speed': found an infinite value"),
    ],
)
def test_what_is_no_long_form_is_refused(change: dict, options: dict, sentence: str) -> None:
    arguments = {"id": "car", "time": "at", "target": "driver"} | options
    with pytest.raises(InputError, match=sentence):
        gather(STEPS | change, **arguments)


def test_columns_of_the_model_must_be_there() -> None:
    form = find_long_form(Table(STEPS), "car", "at", target="driver")
    for name in ("speed", "event", "car", "at"):
        lacking = Table({other: cells for other, cells in STEPS.items() if other != name})
        with pytest.raises(InputError, match=f"there is no column '{name}'"):
            form.gather(lacking, None)


def test_a_table_that_looks_like_steps_is_told_from_one_that_does_not() -> None:
    steps = {"unit": [1] * 4 + [2] * 4 + [3] * 4, "x": [0.5] * 12, "label": ["a"] * 4 + ["b"] * 4 + ["a"] * 4}
    assert told_by_id(Table(steps), "label") == "unit"
    assert told_by_id(Table(steps | {"label": ["a", "b"] * 6}), "label") is None
    assert told_by_id(Table(steps | {"unit": [1, 2, 3] * 4}), "label") is None
    assert told_by_id(Table(steps | {"unit": list(range(12))}), "label") is None
