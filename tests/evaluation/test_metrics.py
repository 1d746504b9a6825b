import numpy as np
import pytest
from sklearn import metrics as reference

from treadle.evaluation.metrics import (
    calibration_bins,
    calibration_error,
    class_indices,
    classification_metrics,
    indicator,
    multilabel_metrics,
    regression_metrics,
)


def some_probabilities(rows: int, classes: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), rows)


def test_classifier_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    classes = ["a", "b", "c", "d"]
    y = rng.choice(classes, 200)
    p = some_probabilities(200, 4, 1)
    said = [classes[k] for k in p.argmax(1)]
    ours = classification_metrics(y, p, classes)
    assert ours["accuracy"] == pytest.approx(reference.accuracy_score(y, said))
    assert ours["macro_f1"] == pytest.approx(reference.f1_score(y, said, average="macro"))
    assert ours["log_loss"] == pytest.approx(reference.log_loss(y, p, labels=classes))


def test_classes_need_not_be_sorted():
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert classification_metrics(["z", "a"], p, ["z", "a"])["accuracy"] == 1.0
    assert classification_metrics(["z", "a"], p, ["a", "z"])["accuracy"] == 0.0


def test_a_label_unknown_to_training_is_an_error_and_not_a_crash():
    ours = classification_metrics(["a", "new"], [[1.0, 0.0], [1.0, 0.0]], ["a", "b"])
    assert ours["accuracy"] == 0.5
    assert ours["log_loss"] == pytest.approx(-np.log(1e-15) / 2)


def test_number_labels_are_found_whatever_their_type():
    assert class_indices(np.array([3, 1]), [1, 3]).tolist() == [1, 0]
    assert class_indices([True, False], [False, True]).tolist() == [1, 0]


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (0, 2)])
def test_wrong_shapes_are_named(shape):
    with pytest.raises(ValueError, match="expected"):
        classification_metrics(["a"] * min(shape[0], 2), np.ones(shape), ["a", "b"])


def test_calibration_error_by_hand():
    # Two bins of two rows: |0.5 - 0.6| and |1.0 - 0.9|, each half of the rows.
    confidence, right = [0.6, 0.6, 0.9, 0.9], [True, False, True, True]
    assert calibration_error(confidence, right, bins=2) == pytest.approx(0.1)


def test_answers_that_are_right_as_often_as_they_say_have_no_calibration_error():
    confidence = np.repeat([0.5, 0.8], [10, 10])
    right = np.array([1] * 5 + [0] * 5 + [1] * 8 + [0] * 2)
    assert calibration_error(confidence, right) == pytest.approx(0.0)


def test_calibration_does_not_depend_on_the_order_of_rows_even_with_ties():
    rng = np.random.default_rng(2)
    confidence = rng.choice([0.5, 0.7, 0.7, 0.99, 1.0], 300)
    right = rng.random(300) < 0.7
    order = rng.permutation(300)
    assert calibration_error(confidence, right) == pytest.approx(calibration_error(confidence[order], right[order]))


def test_calibration_bins_hold_equally_many_rows():
    confidence = np.random.default_rng(3).random(1500) ** 3
    counts = [count for _, _, count in calibration_bins(confidence, confidence > 0.5, bins=15)]
    assert len(counts) == 15
    assert max(counts) - min(counts) <= 2


def test_multilabel_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(4)
    classes = ["a", "b", "c"]
    table = rng.random((100, 3)) < 0.4
    y = [[classes[k] for k in np.flatnonzero(row)] for row in table]
    p = rng.random((100, 3))
    ours = multilabel_metrics(y, p, classes)
    given = p >= 0.5
    assert ours["subset_accuracy"] == pytest.approx(reference.accuracy_score(table, given))
    assert ours["label_accuracy"] == pytest.approx(1 - reference.hamming_loss(table, given))
    assert ours["micro_f1"] == pytest.approx(reference.f1_score(table, given, average="micro"))
    assert ours["macro_f1"] == pytest.approx(reference.f1_score(table, given, average="macro"))


def test_a_row_with_an_unknown_label_cannot_be_wholly_right():
    ours = multilabel_metrics([["a"], ["a", "new"]], [[0.9, 0.1], [0.9, 0.1]], ["a", "b"])
    assert ours["subset_accuracy"] == 0.5


def test_indicator_marks_each_label():
    assert indicator([["b"], [], {"a", "b"}], ["a", "b"]).tolist() == [[False, True], [False, False], [True, True]]


def test_regression_metrics_by_hand():
    ours = regression_metrics([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])
    assert ours == pytest.approx({"rmse": 3**0.5, "mae": 1.0, "r2": 1 - 9 / 2})


def test_r2_of_one_row_is_undefined_and_silent():
    assert np.isnan(regression_metrics([1.0], [2.0])["r2"])
