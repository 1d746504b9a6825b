"""Tables whose rows are steps: gathered into sequences, whatever their order; refused where they are none."""

import numpy as np
import pandas as pd
import pytest

from treadle.data import Table, gather, read
from treadle.data.columns import Roles
from treadle.data.kinds import Kind
from treadle.data.long import LongForm
from treadle.data.steps import find_long_form, told_by_id
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


@pytest.mark.parametrize(
    "times",
    [
        [20240101123045123 + step for step in range(4)],
        [str(1700000000000000000 + 100 * step) for step in range(4)],
        ["0.3", "0.5", "1.25", "10"],
        ["2026-01-01 10:00:00", "2026-01-01 10:00:00.25", "2026-01-01 10:00:00.5", "2026-01-02 00:00:00"],
        ["2026-01-01T09:00:00+05:00", "2026-01-01T09:00:00+00:00", "2026-01-01T09:00:00-05:00", "2026-01-02T09:00:00Z"],
        [pd.Timestamp("2026-01-01") + pd.Timedelta(microseconds=step) for step in range(4)],
        [0.1, 0.25, 3, 1e9],
    ],
)
def test_times_are_compared_exactly(times: list) -> None:
    order = [2, 0, 3, 1]
    steps = {"id": [1] * 4, "t": [times[place] for place in order], "x": [float(place) for place in order]}
    assert gather(steps, "id", "t").columns["series"][0].ravel().tolist() == [0, 1, 2, 3]


def test_days_are_read_as_in_training() -> None:
    first = Table({"id": [1, 1], "t": ["25/01/2026", "02/02/2026"], "x": [1.0, 2.0]})
    form = find_long_form(first, "id", "t")
    later = Table({"id": [1, 1], "t": ["03/02/2026", "01/03/2026"], "x": [1.0, 2.0]})
    assert form.gather(later, None).columns["series"][0].ravel().tolist() == [1, 2]
    assert LongForm.from_json(form.to_json()) == form


def test_tokens_are_the_same_from_every_kind_of_file(tmp_path) -> None:
    (tmp_path / "first.csv").write_text("id,code,flag\n1,250.00,true\n1,V27,no\n1,NA,True\n")
    form = find_long_form(read(tmp_path / "first.csv"), "id")
    assert form.tokens == ["code", "flag"]
    (tmp_path / "later.csv").write_text("id,code,flag\n1,250.00,true\n1,401.10,TRUE\n1,NA,\n")
    later = form.gather(read(tmp_path / "later.csv", texts=form.tokens), None)
    assert later.columns["code"] == [["250.00", "401.10", "NA"]]
    assert later.columns["flag"] == [["true", "true", ""]]
    memory = form.gather(Table({"id": [1, 1], "code": ["NA", 7.0], "flag": [True, None]}), None)
    assert (memory.columns["code"], memory.columns["flag"]) == ([["NA", "7"]], [["true", ""]])


def test_a_channel_may_have_no_value_later_and_names_may_have_space_around_them() -> None:
    form = find_long_form(Table({"id": ["a", "a "], "x": [1.0, None], "kind": ["v", " v"]}), "id", target="kind")
    table = form.gather(Table({"id": [" b", "b"], "x": [None, None], "kind": ["v ", None]}), "kind")
    assert np.isnan(table.columns["series"][0]).all()
    assert (table.columns["id"], table.columns["kind"]) == (["b"], ["v"])
