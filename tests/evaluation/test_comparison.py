import numpy as np
import pytest

from treadle.evaluation.comparison import compare
from treadle.evaluation.scores import Predictions

CLASSES = ["a", "b", "c"]


def answers(right: list[bool]) -> Predictions:
    """A model of two classes that is right on just these rows; the truth is always "a"."""
    output = np.array([[0.8, 0.2] if one else [0.3, 0.7] for one in right])
    return Predictions(["a"] * len(right), output, ["a", "b"])


def test_mcnemar_by_hand():
    # 10 rows only the model has right, 2 only the baseline: twice the sum of C(12, k) for k <= 2, over 2^12, is 0.0386.
    model = answers([True] * 10 + [False] * 2 + [True] * 30)
    baseline = answers([False] * 10 + [True] * 2 + [True] * 30)
    found = compare("classify", model, baseline, "bag of words")
    assert found.verdict == "better"
    assert found.difference == pytest.approx(8 / 42)
    assert "p = 0.039" in found.evidence
    assert "Better than bag of words" in found.sentence


def test_a_baseline_that_wins_is_said_to_win():
    model = answers([False] * 30 + [True] * 70)
    found = compare("classify", model, answers([True] * 100), "bag of words")
    assert found.verdict == "worse"
    assert "bag of words is the better choice" in found.sentence


@pytest.mark.parametrize("rows", [1, 5, 500])
def test_equal_models_cannot_be_told_apart(rows):
    model = answers([True, False, True, True, False] * (rows // 5) or [True])
    assert compare("classify", model, model).verdict == "not distinguishable"


def test_a_lead_of_one_row_is_not_a_victory():
    model, baseline = answers([True] * 96 + [False] * 4), answers([True] * 95 + [False] * 5)
    assert compare("classify", model, baseline).verdict == "not distinguishable"


def test_of_regressors_the_smaller_error_wins():
    rng = np.random.default_rng(4)
    y = rng.normal(size=300)
    near, far = Predictions(y, y + 0.1 * rng.normal(size=300)), Predictions(y, y + rng.normal(size=300))
    assert compare("regress", near, far).verdict == "better"
    assert compare("regress", far, near).verdict == "worse"
    assert compare("regress", near, near).verdict == "not distinguishable"


def test_of_multilabel_models_the_larger_f1_wins():
    y = [["a"], ["b"], ["a", "c"], []] * 50
    truth = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0]] * 50, dtype=float)
    good, bad = Predictions(y, truth, CLASSES), Predictions(y, 1 - truth, CLASSES)
    assert compare("multilabel", good, bad).verdict == "better"
    assert compare("multilabel", bad, good).verdict == "worse"


def test_models_on_different_rows_are_not_compared():
    with pytest.raises(ValueError, match="same rows"):
        compare("classify", answers([True]), answers([True, True]))


def test_one_row_is_no_rows():
    assert "Of 1 row, the model" in compare("classify", answers([True]), answers([False]), "bag of words").evidence
    assert "Of 1,000 rows" in compare("classify", answers([True] * 1000), answers([False] * 1000), "other").evidence
