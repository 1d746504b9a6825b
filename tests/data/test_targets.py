"""A target column is brought into one form, or refused with the place of what is wrong."""

import math

import numpy as np
import pytest

from treadle.data.readers import read
from treadle.data.table import Table
from treadle.data.targets import check_target, infer_task
from treadle.errors import InputError


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b", "a"], "classify"),
        ([True, False], "classify"),
        ([0, 1, 1, 0], "classify"),
        ([1, 2, 3, 4, 5] * 10, "classify"),
        ([1.0, 2.0, math.nan, 1.0, 2.0], "classify"),
        ([["a"], []], "classify"),
        ([1.5, 2.0], "regress"),
        (list(range(60)) * 10, "regress"),
        ([10, 20, 30, 40], "regress"),
    ],
)
def test_the_task_follows_from_the_values(values, task):
    assert infer_task(values)[0] == task


def test_labels_come_in_one_form():
    table = Table({"a": [" x", "y", "x ", "y"], "b": [1.0, 2.0, 2.0, 1.0], "c": ["none", "some", "none", "some"]})
    assert check_target(table, "a", "classify") == ["x", "y", "x", "y"]
    whole = check_target(table, "b", "classify")
    assert whole == [1, 2, 2, 1]
    assert all(type(label) is int for label in whole)
    assert check_target(table, "c", "classify") == ["none", "some", "none", "some"]


def test_several_labels_a_row():
    table = Table({"lists": [["a", "b", "a"], [], np.array(["b"])], "joined": ["a|b", "", "b"], "text": ["x"] * 3})
    assert check_target(table, "lists", "classify") == [["a", "b"], [], ["b"]]
    joined = Table({"joined": ["a | b", "b", "|"]})
    assert check_target(joined, "joined", "classify", separator="|") == [["a", "b"], ["b"], []]


def test_numbers_to_regress():
    assert check_target(Table({"y": [1, 2.5]}), "y", "regress") == [1.0, 2.5]
    assert check_target(Table({"y": ["1", "2.5"]}), "y", "regress") == [1.0, 2.5]


@pytest.mark.parametrize(
    ("cells", "task", "message"),
    [
        (["a", "b", None, "a"], "classify", r"row 2 .*the target 'y' is empty"),
        (["a", "b", "", "a"], "classify", r"row 2 .*the target 'y' is empty"),
        (["a", "b", "NA", "a"], "classify", r"row 2 .*the target 'y' is 'NA', expected a target"),
        ([1.5, math.nan], "regress", r"row 1 .*the target 'y' is empty"),
        (["a", "a"], "classify", r"every row has the label 'a' in column 'y', expected at least two classes"),
        (["a", "b", "a"], "classify", r"row 1 .*the label 'b' occurs in this row only, expected at least two"),
        (["a", "b", "c", "a"], "classify", r"row 1 .*in this row only, and so does 1 other label,"),
        ([["a"], ["a"]], "classify", r"every row has the label 'a'"),
        ([[], []], "classify", r"no row has a label"),
        ([["a"], "b"], "classify", r"row 1 .*'b', expected a list of labels"),
        ([["a"], [["b"]]], "classify", r"row 1 .*is list, expected a label"),
        ([{}, {}], "classify", r"row 0 .*is dict, expected a label"),
        ([1.0, "x"], "regress", r"row 1 .*is 'x', expected a finite number"),
        ([1.0, math.inf], "regress", r"row 1 .*is inf, expected a finite number"),
        ([2.0, 2.0], "regress", r"the target 'y' is 2 in every row"),
    ],
)
def test_what_cannot_be_trained_on_is_named(cells, task, message):
    with pytest.raises(InputError, match=message):
        check_target(Table({"y": cells}), "y", task)


def test_a_row_without_label_is_named_by_its_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\nb,0\nc,\nd,0\n")
    with pytest.raises(InputError, match=r"a\.csv, line 4: the target 'label' is empty"):
        check_target(read(path), "label", "classify")


def test_labels_to_evaluate_are_those_of_the_model():
    table = Table({"y": ["1", "0", "1"]}, source="test.csv", lines=[2, 3, 4])
    assert check_target(table, "y", "classify", classes=[0, 1]) == [1, 0, 1]  # text in one file, numbers in the other
    assert check_target(Table({"y": [1]}), "y", "classify", classes=["0", "1"]) == ["1"]  # one class is enough here
    assert check_target(Table({"y": ["a|b"]}), "y", "classify", classes=["a", "b"], separator="|") == [["a", "b"]]
    wrong = Table({"y": ["positive", "negative"]}, source="test.csv", lines=[2, 3])
    with pytest.raises(InputError, match=r"test\.csv, line 3: the label 'negative' .*did you mean 'negativ'"):
        check_target(wrong, "y", "classify", classes=["negativ", "positive"])


def test_an_unknown_target_names_the_nearest():
    with pytest.raises(InputError, match="no column 'lable' to take as target; did you mean 'label'"):
        check_target(Table({"label": ["a", "b"]}), "lable", "classify")
