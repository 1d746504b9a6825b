import numpy as np
import pytest
from sklearn.metrics import f1_score

from treadle.evaluation.scores import Predictions, score

CLASSES = ["a", "b", "c"]


def random_predictions(rows: int, seed: int) -> Predictions:
    rng = np.random.default_rng(seed)
    y = rng.choice(CLASSES, rows, p=[0.6, 0.3, 0.1])
    output = rng.dirichlet(np.ones(3), rows)
    output[np.arange(rows), [CLASSES.index(one) for one in y]] += 0.4
    return Predictions(y, output / output.sum(1, keepdims=True), CLASSES)


def test_every_interval_holds_its_figure():
    for task, predictions in [
        ("classify", random_predictions(300, 0)),
        ("multilabel", Predictions([["a"], ["a", "b"], []] * 40, np.random.default_rng(1).random((120, 3)), CLASSES)),
        ("regress", Predictions(np.arange(80.0), np.arange(80.0) + np.random.default_rng(2).normal(size=80))),
    ]:
        for name, estimate in score(task, predictions).items():
            if estimate.low is not None:
                assert estimate.low <= estimate.value <= estimate.high, name


def test_the_interval_of_macro_f1_is_the_bootstrap_of_scikit_learns():
    predictions = random_predictions(150, 3)
    said = np.array(CLASSES)[predictions.output.argmax(1)]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(1000):
        rows = rng.integers(0, 150, 150)
        drawn.append(f1_score(predictions.y_true[rows], said[rows], average="macro"))
    estimate = score("classify", predictions)["macro_f1"]
    assert (estimate.low, estimate.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
