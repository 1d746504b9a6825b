"""Input, target and task are found as a person would, said why, and can be overridden."""

import json

import numpy as np
import pandas as pd
import pytest

from treadle.data.columns import Roles, extract, infer_roles
from treadle.data.kinds import Kind, infer_kind
from treadle.data.readers import read
from treadle.data.table import Table
from treadle.errors import InputError

DNA = ["".join(np.random.default_rng(seed).choice(list("ACGT"), 40)) for seed in range(40)]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["a good film", "dull", ""], Kind.TEXT),
        (["Ang", "Au-Yong", "Bai"], Kind.TEXT),
        (["https://example.org/a/long/path", "https://example.org/another/path"], Kind.TEXT),
        (
            ["味道很好下次还来送餐也很快服务态度好价格便宜分量足" * 2, "太慢了等了两个小时才送到而且都凉了" * 2],
            Kind.TEXT,
        ),
        (["good", 7, None], Kind.TEXT),
        (DNA, Kind.SYMBOLS),
        (["\t\t" + one.lower() for one in DNA], Kind.SYMBOLS),
        (["MKTAYIAKQRQISFVKSHFSRQ*", "MVLSPADKTNVKAAWGKVGAHA-"], Kind.SYMBOLS),
        ([DNA[0]] * 10, Kind.TEXT),  # one name over and over is no set of sequences
        ([["a", "b"], ["c"], []], Kind.TOKENS),
        ([np.array(["a", "b"], dtype=object), np.array(["c"], dtype=object)], Kind.TOKENS),
        (["1 2 3", "4.5;-6", "[7, 8e2, NaN]"], Kind.SERIES),
        (["1 2 3"] * 19 + ["x"], Kind.SERIES),  # the odd one is an error when it is read, not a reason to call all text
        (["1 2 3", "nan nan", "NA, ?", "4 5"], Kind.SERIES),  # sensors that were silent
        (["nan nan", "none"], Kind.TEXT),  # nothing says that these are numbers
        ([[1, 2, None], [3.5]], Kind.SERIES),
        ([[[1, 2], [3, 4]], [[5, 6]]], Kind.SERIES),
        ([np.zeros(3), np.zeros((2, 1))], Kind.SERIES),
    ],
)
def test_kinds(cells, kind):
    assert infer_kind(cells) is kind


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["", None, "  "], "empty in every row"),
        ([1.5, 2.5], "holds one number a row"),
        ([{"a": 1}], "cells of type dict"),
        ([["a"], [1.0]], "cells of type list"),
    ],
)
def test_columns_that_are_no_sequence(cells, message):
    with pytest.raises(InputError, match=f"column 'x' .*{message}|column 'x' is {message}"):
        infer_kind(cells, "x")


@pytest.mark.parametrize(
    ("columns", "inputs", "target", "task"),
    [
        ({"label": [0, 1] * 3, "review": ["good film"] * 6}, ["review"], "label", "classify"),
        ({"id": [3, 5, 7, 9], "text": ["a b"] * 4, "title": ["a longer one"] * 4, "label": [1, 0, 1, 0]},
         ["text"], "label", "classify"),
        ({"row": ["x1", "x2", "x3", "x4"], "Class": ["a", "b"] * 2, "body": ["words here"] * 4},
         ["body"], "Class", "classify"),
        ({"column1": ["+", "-"] * 20, "column2": [f"S{i}" for i in range(40)], "column3": DNA},
         ["column3"], "column1", "classify"),
        ({"description": ["a flat", "a house", "a hut"], "price": [10.5, 20.25, 3.0]},
         ["description"], "price", "regress"),
        ({"day": ["2020-01-01", "2020-01-02"] * 2, "note": ["up", "so"] * 2, "class": [0, 1] * 2},
         ["note"], "class", "classify"),
        ({"sequence": DNA, "y": [i * 3 for i in range(40)]}, ["sequence"], "y", "regress"),
        ({"text": ["a b"] * 3, "label": [["x"], ["x", "y"], []]}, ["text"], "label", "classify"),
        ({"标题": ["很长很长很长的标题"] * 4, "评论": ["很好", "不好"] * 2, "情感": [1, 0] * 2, "店": [1, 2] * 2},
         ["评论"], "情感", "classify"),
        ({"类别": ["甲", "乙"] * 2, "作者": ["一个很长很长的名字"] * 4, "文本": ["好", "坏"] * 2},
         ["文本"], "类别", "classify"),
        ({"内容": ["好"] * 4, "句子": ["不", "好"] * 2, "标签": [1, 0] * 2}, ["句子"], "标签", "classify"),
        ({"编号": [7, 9, 8, 4], "备注": ["很好", "不好", "快", "慢"], "分": [1, 0] * 2}, ["备注"], "分", "classify"),
        ({"review": ["a bad film", "a film", "fine"], "stars": [1, 2, 3]}, ["review"], "stars", "regress"),
        ({"stars": [1, 2, 3], "review": ["a bad film", "a film", "fine"]}, ["review"], "stars", "regress"),
    ],
)  # fmt: skip
def test_roles_are_found_by_name_and_content(columns, inputs, target, task):
    roles = infer_roles(Table(columns))
    assert (roles.inputs, roles.target, roles.task) == (inputs, target, task)


def test_reasons_say_what_was_inferred_and_nothing_else():
    table = Table({"review": ["a very good film", "bad one", "no", "it was not bad"], "stars": [1, 0, 1, 0]})
    assert infer_roles(table).reasons == [
        "target: 'stars', the only column with few different values (2)",
        "input 'review': text, 2.8 words on average",
        "task: classify, 2 distinct values",
    ]
    given = infer_roles(table, input="review", target="stars", task="regress")
    assert given.task == "regress"
    assert given.reasons == ["input 'review': text, 2.8 words on average, as given"]


def test_chinese_is_described_by_characters():
    roles = infer_roles(Table({"label": [1, 0, 1, 0], "review": ["很好", "不好吃", "快", "太慢了"]}))
    assert "input 'review': text, 2.2 characters on average" in roles.reasons


@pytest.mark.parametrize("with_name", [False, True])
def test_wide_tables_of_numbers_are_one_series_a_row(with_name):
    steps = np.random.default_rng(0).normal(size=(6, 9))
    frame = pd.DataFrame(steps, columns=[f"t{i}" for i in range(9)])
    frame["label"] = ["a", "b"] * 3
    if with_name:
        frame.insert(0, "station", [f"S{i}" for i in range(6)])
    frame.insert(0, "id", range(6))
    frame.loc[2, "t3"] = np.nan
    table = read(frame)
    roles = infer_roles(table)
    assert roles.inputs == ["series"]
    assert roles.kinds == {"series": Kind.SERIES}
    assert roles.wide == [f"t{i}" for i in range(9)]
    assert any("a series of 9 columns, 't0' to 't8'" in reason for reason in roles.reasons)
    steps[2, 3] = np.nan
    np.testing.assert_array_equal(np.stack(extract(table, roles)["series"]), steps[:, :, None])


def test_a_step_that_happens_to_count_up_is_a_step():
    """Only the first column, where an index is written, is left out for counting the rows; and then it is said."""
    table = Table({"row": [0, 1, 2, 3], "t0": [0, 1, 2, 3], "t1": [5, 2, 7, 1], "label": ["a", "b"] * 2})
    assert infer_roles(table).wide == ["t0", "t1"]
    counted = infer_roles(Table({"n": [1, 2, 3, 4], "t0": [3, 1, 2, 3], "t1": [5, 2, 7, 1], "label": [0, 1] * 2}))
    assert counted.wide == ["t0", "t1"]
    assert any("left out: 'n'" in reason for reason in counted.reasons)


def test_given_columns_of_numbers_form_a_series_in_the_given_order():
    table = Table({"b": [1, 2], "text": ["x y", "z"], "a": [3, None], "label": [0, 1]})
    roles = infer_roles(table, input=["a", "b"], target="label")
    assert roles.wide == ["a", "b"]
    np.testing.assert_array_equal(extract(table, roles)["series"], [[[3], [1]], [[np.nan], [2]]])


def test_several_inputs_of_different_kinds():
    table = Table({"text": ["a b", None], "pulse": ["1 2 3", "4,5"], "tags": [["x"], []], "label": ["p", "q"]})
    roles = infer_roles(table, input=["text", "pulse", "tags"])
    assert roles.target == "label"
    inputs = extract(table, roles)
    assert inputs["text"] == ["a b", ""]
    assert inputs["tags"] == [["x"], []]
    np.testing.assert_array_equal(inputs["pulse"][1], [[4], [5]])


def test_roles_of_training_data_apply_to_other_tables_after_json():
    roles = infer_roles(Table({"text": ["a b", "c"] * 2, "label": [0, 1] * 2}))
    again = Roles.from_json(json.loads(json.dumps(roles.to_json())))
    assert again == roles
    assert extract(Table({"text": ["unseen, without label"]}), again) == {"text": ["unseen, without label"]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input": "revew"}, "there is no column 'revew' to take as input; did you mean 'review'"),
        ({"target": "lable"}, "there is no column 'lable' to take as target; did you mean 'label'"),
        ({"input": "review", "target": "review"}, "'review' is given as input and target"),
        ({"input": []}, "an empty list of inputs"),
        ({"task": "clasify"}, "the task 'clasify' is not known; did you mean 'classify'"),
    ],
)
def test_wrong_options_name_the_nearest(options, message):
    with pytest.raises(InputError, match=message):
        infer_roles(Table({"review": ["a b", "c"] * 2, "label": [0, 1] * 2}), **options)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a", "b"]}, "the target cannot be told among the columns 'text'"),
        ({"label": [1, 0]}, "no column is left to be the input"),
        (
            {"one": ["a b c", "d e f"], "two": ["g h", "i j"]},
            "the target cannot be told among the columns 'one', 'two'",
        ),
    ],
)
def test_tables_that_say_too_little(columns, message):
    with pytest.raises(InputError, match=message):
        infer_roles(Table(columns))


def test_text_in_a_column_of_numbers_is_named_with_its_place(tmp_path):
    rows = [f"{i},{i * 2},{'abc' if i == 7 else i * 3},{'ab'[i % 2]}" for i in range(2, 22)]
    path = tmp_path / "a.csv"
    path.write_text("x,y,z,label\n" + "\n".join(rows) + "\n")
    with pytest.raises(InputError, match=r"a\.csv, line 7, column 'z': found 'abc', expected a number"):
        infer_roles(read(path))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1 x 3", r"row 1 .*column 'series': found '1 x 3', expected numbers"),
        ([1, "x"], r"row 1 .*column 'series': found 'x' at step 2, channel 1, expected a number"),
        ([[1, 2], [3]], r"row 1 .*column 'series': found 1 number at step 2, expected 2 as at the first step"),
        ([0.0, -np.inf], r"row 1 .*column 'series', step 2, channel 1: found an infinite value, expected a number"),
        ([0.0, 1e39], r"row 1 .*column 'series', step 2, channel 1: found 1e\+39, expected a number up to 3\.4e38"),
        (np.zeros((3, 2)), r"row 1 .*has 2 channels, expected 1 as in the first row"),
        (np.zeros((3, 2, 1)), r"row 1 .*found an array with 3 axes"),
        (None, r"row 1 .*found nothing, expected a series"),
    ],
)
def test_a_wrong_cell_among_series_is_named_with_its_place(cell, message):
    table = Table({"series": [np.zeros(3), cell, np.zeros(4)], "label": [0, 1, 0]})
    roles = Roles(["series"], "label", "classify", {"series": Kind.SERIES}, [], [])
    with pytest.raises(InputError, match=message):
        extract(table, roles)
