"""Classes, their weights, several labels a row."""

import numpy as np
import pandas as pd
import pytest
from examples import small, texts

from treadle.errors import InputError


def mixed(rows: int = 60) -> tuple[list[str], list[str]]:
    """Texts of which nothing tells the label: three in four are "common"."""
    x, _ = texts(rows)
    return x, ["rare" if row % 4 == 0 else "common" for row in range(rows)]


def test_balanced_weights_count_classes_equally():
    x, y = ["a b c"] * 80, ["rare" if row % 4 == 0 else "common" for row in range(80)]
    options = {"epochs": 30, "learning_rate": 0.05, "schedule": "constant"}
    plain = small(**options).fit(x, y).predict_proba(["a b c"])[0]
    balanced = small(**options, class_weight="balanced").fit(x, y).predict_proba(["a b c"])[0]
    thrice = small(**options, class_weight={"rare": 9.0}).fit(x, y).predict_proba(["a b c"])[0]
    np.testing.assert_allclose(plain, [3 / 4, 1 / 4], atol=0.06)  # the frequencies
    np.testing.assert_allclose(balanced, [1 / 2, 1 / 2], atol=0.06)
    np.testing.assert_allclose(thrice, [1 / 4, 3 / 4], atol=0.06)  # 3 : 9


def test_weights_also_choose_the_epoch():
    x, y = mixed()
    model = small(epochs=3, class_weight="balanced").fit(x, y)
    assert {"dev_accuracy", "dev_weighted_accuracy"} <= set(model.history_[0])
    best = max(model.history_, key=lambda record: (record["dev_weighted_accuracy"], -record["dev_loss"]))
    assert [record["epoch"] for record in model.history_ if record["best"]][-1] == best["epoch"]


def labelled(rows: int = 90) -> tuple[list[str], list[list[str]]]:
    """Texts with none, one or both of two words, each of which is a label."""
    random = np.random.default_rng(8)
    x, y = [], []
    for row in range(rows):
        labels = [word for word, bit in (("fun", 1), ("sad", 2)) if row % 4 & bit]
        words = random.choice(["the", "film", "was", "and", "plot"], 5).tolist() + labels
        x.append(" ".join(random.permutation(words)))
        y.append(labels)
    return x, y


def test_several_labels_a_row():
    x, y = labelled()
    model = small(epochs=25).fit(x, y)
    assert model.is_multilabel_
    assert model.classes_.tolist() == ["fun", "sad"]
    assert model.predict(x).shape == (90, 2)
    assert model.score(x, y) >= 0.9
    assert model.predict_labels(["the sad plot", "the fun and sad plot", "the plot"]) == [["sad"], ["fun", "sad"], []]


def test_label_lists_sets_columns_and_zeros_and_ones_train_the_same():
    x, y = labelled(30)
    indicator = np.array([["fun" in row, "sad" in row] for row in y]).astype(int)
    expected = small(epochs=2).fit(x, y).predict_proba(x)
    for form in (
        [set(row) for row in y],
        pd.Series(y),
        np.array([*y, None], dtype=object)[:-1],
        indicator,
        list(indicator),
        indicator.tolist(),
    ):
        assert (small(epochs=2).fit(x, form).predict_proba(x) == expected).all()


def test_zeros_and_ones_keep_a_label_that_no_row_has():
    x, y = labelled(30)
    indicator = np.array([["fun" in row, False, "sad" in row] for row in y]).astype(int)
    model = small(epochs=1).fit(x, indicator)
    assert model.predict(x).shape == (30, 3)
    assert 0 <= model.score(x, indicator) <= 1
    with pytest.raises(InputError, match="the targets have 2 columns, expected 3"):
        model.score(x, indicator[:, :2])


def test_a_rare_label_may_fall_among_the_dev_rows():
    """Each row has a label of its own: whichever rows are set aside, their labels occur nowhere else."""
    x, y = labelled(30)
    own = [[*labels, f"own{row}"] for row, labels in enumerate(y)]
    model = small(epochs=1, class_weight="balanced").fit(x, own)
    assert len(model.classes_) == 32
    assert np.isfinite(model.predict_proba(x)).all()
    single = small(epochs=1, class_weight="balanced").fit(x[:18], [f"own{row}" for row in range(18)])
    assert len(single.classes_) == 18


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        ([["a"], "b"], "the target of row 1 is 'b', expected a list of labels as elsewhere"),
        ([["a"], [1]], "the labels are text in some rows and numbers in others"),
        ([[], []], "no row has a label"),
        ([0.5, 1.5], "continuous"),
    ],
    ids=str,
)
def test_targets_that_cannot_be_classes(y, sentence):
    with pytest.raises(ValueError, match=sentence):
        small(epochs=1).fit(["a b", "b c"], y)


def test_a_label_that_only_dev_rows_have_is_named():
    x, y = texts(20)
    with pytest.raises(InputError, match=r"the label 'goood' is none of those trained on; did you mean 'good'\?"):
        small(epochs=1).fit(x, y, dev=(x[:2], ["goood", "bad"]))
