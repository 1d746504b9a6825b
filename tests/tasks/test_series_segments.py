"""A series read in segments: learnt, answered alone as among others, explained step by step, saved."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import small, texts

import treadle
from treadle import InputError, SequenceRegressor
from treadle.tasks.sequence.explanation import attribute


def bumps(rows: int, seed: int = 0) -> tuple[list[Any], list[str]]:
    """Noise with a step up or a step down somewhere: what tells them apart is a shape, not a value."""
    random = np.random.default_rng(seed)
    x, y = [], []
    for row in range(rows):
        one = random.normal(0, 0.2, size=random.integers(20, 33))
        at = random.integers(4, len(one) - 4)
        one[at:] += (1, -1)[row % 2]
        x.append((one - one.mean()) / one.std())
        y.append(("up", "down")[row % 2])
    return x, y


@pytest.mark.parametrize("options", [{"segment": 4}, {"segment": 6, "stride": 3, "bidirectional": False}], ids=str)
def test_a_series_in_segments_is_learnt_and_answered_as_if_alone(tmp_path: Path, options: dict[str, Any]) -> None:
    x, y = bumps(48)
    model = small(**options, epochs=12).fit(x, y)
    x, y = bumps(40, seed=1)
    x.append(np.zeros(2))  # shorter than a segment
    answers = model.predict_proba(x)
    assert model.score(x[:-1], y) >= 0.9
    alone = np.concatenate([model.predict_proba([one]) for one in x])
    np.testing.assert_allclose(answers, alone, rtol=0, atol=1e-5)
    model.save(tmp_path)
    assert (treadle.load(tmp_path).predict_proba(x) == answers).all()
    assert f"segments of {options['segment']} steps, one every {options.get('stride', 4)}" in model.describe_size()


def test_every_step_has_its_own_share_in_an_answer() -> None:
    x, y = bumps(32)
    model = small(segment=5, stride=2, epochs=5).fit(x, y)
    weights = attribute(model, {"input": x}, 3, 0)["input"]
    answers = model.network_.answers(model.encode({"input": [x[3], np.zeros_like(x[3])]}))[:, 0]
    nothing = model.features_["input"].encode([np.zeros_like(x[3])]).values.abs().max()
    assert len(weights) == len(x[3])
    assert float(nothing) < 0.1  # so zeros are about what the shares are counted from
    assert sum(weights) == pytest.approx(float(answers[0] - answers[1]), abs=0.05)


def test_what_segments_cannot_do_is_refused(tmp_path: Path) -> None:
    x, y = bumps(8)
    for options, sentence in [
        ({"segment": 0}, "segment is 0, expected greater than or equal to 1"),
        ({"segment": 3, "stride": 5}, "stride is 5, expected 1 to 3, the steps of a segment"),
        ({"stride": 2}, "stride is 2, expected 1 to 1"),
    ]:
        with pytest.raises(InputError, match=sentence):
            small(**options).fit(x, y)
    with pytest.raises(InputError, match="segment=4 reads several steps as one, and every step has a target"):
        SequenceRegressor(segment=4, hidden_size=4).fit(x, [one.cumsum() for one in x])
    with pytest.raises(InputError, match=r"segment is 2, but the language model in .* reads a token a step"):
        small(segment=2, init_from=str(tmp_path)).fit(*texts(8))
