"""A detector that is frozen judges as one that learns does, until what it has learnt would differ."""

import numpy as np
import pytest

from treadle import AnomalyDetector, InputError


def test_it_judges_alike_and_keeps_what_it_has_learnt() -> None:
    random = np.random.default_rng(0)
    detector = AnomalyDetector(hidden_size=6, window=200)
    for t in range(600):
        detector.learn_one(np.sin(t / 5) + 0.1 * random.normal())
    frozen = AnomalyDetector(**detector.get_params()).restore(detector.snapshot())
    value = np.sin(120) + 0.1
    assert frozen.follow_one(value) == detector.step(value)
    weights = {name: one.clone() for name, one in frozen._learner.network.state_dict().items()}
    scores = [frozen.follow_one(np.sin(t / 5) + 0.1 * random.normal())["score"] for t in range(601, 700)]
    assert np.mean(np.array(scores) > 0.99) < 0.05  # as few alarms as before
    assert frozen.follow_one(9.0)["anomaly"]
    assert all(bool((one == weights[name]).all()) for name, one in frozen._learner.network.state_dict().items())


def test_it_has_to_have_learnt_something() -> None:
    with pytest.raises(InputError, match="once its channels were learnt from"):
        AnomalyDetector().follow_one(1.0)
