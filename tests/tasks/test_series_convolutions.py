"""Convolutions beside a recurrent network: learnt, answered alone as among others, explained, saved, taken up again."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from examples import series, small, texts
from sklearn.base import clone

import treadle
from treadle import InputError, SequenceRegressor
from treadle.tasks.sequence.explanation import attribute
from treadle.training import Interrupted
from treadle.training.progress import Silent

FILTERS = [[8, 7], [6, 3]]


class Stopping(Silent):
    """Ctrl-C after the third step."""

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        if step == 3:
            signal.raise_signal(signal.SIGINT)


def bursts(rows: int, seed: int = 0) -> tuple[list[Any], list[str]]:
    """Long noise with one of two short patterns of the same values somewhere."""
    random = np.random.default_rng(seed)
    shape = np.array([3.0, -3.0, 3.0, 3.0, -3.0, -3.0])
    x, y = [], []
    for row in range(rows):
        one = random.normal(0, 0.3, size=random.integers(40, 70))
        at = random.integers(0, len(one) - 6)
        one[at : at + 6] += (shape, shape[::-1])[row % 2]
        x.append(one)
        y.append(("forth", "back")[row % 2])
    return x, y


def test_a_pattern_anywhere_is_learnt_and_a_row_is_answered_as_if_alone(tmp_path: Path) -> None:
    options: dict[str, Any] = {"segment": 16, "stride": 8, "convolutions": FILTERS, "epochs": 15, "seed": 1}
    model = small(**options).fit(*bursts(96))
    x, y = bursts(40, seed=1)
    assert model.score(x, y) >= 0.95
    assert model.score(x, y) > small(**options | {"convolutions": None}).fit(*bursts(96)).score(x, y)
    x += [np.zeros(0), np.zeros(2)]  # shorter than a filter
    answers = model.predict_proba(x)
    alone = np.concatenate([model.predict_proba([one]) for one in x])
    np.testing.assert_allclose(answers, alone, rtol=0, atol=1e-5)
    model.save(tmp_path)
    again = treadle.load(tmp_path)
    assert (again.predict_proba(x) == answers).all()
    assert again.get_params()["convolutions"] == FILTERS
    assert "beside convolutions of 8 filters of 7 steps, 6 filters of 3 steps" in again.describe_size()
    assert clone(model).get_params() == model.get_params()


def test_every_step_has_its_own_share_in_an_answer() -> None:
    x, y = bursts(32)
    model = small(convolutions=FILTERS, epochs=5).fit(x, y)
    weights = attribute(model, {"input": x}, 3, 0)["input"]
    assert len(weights) == len(x[3])
    told = model.saliency(x[3])
    assert sum(told.parts[0].weights) + told.parts[0].reference == pytest.approx(told.score, abs=0.02)


def test_texts_and_several_columns_may_have_them_too() -> None:
    words, y = texts(24)
    numbers, _ = series(24)
    model = small(convolutions=[(6, 3)], epochs=3).fit({"words": words, "numbers": numbers}, y)
    both = {"words": words[:1], "numbers": numbers[:1]}
    np.testing.assert_allclose(
        model.predict_proba(both), model.predict_proba({"words": words, "numbers": numbers})[:1], atol=1e-5
    )


def test_a_run_that_was_stopped_goes_on_to_the_same_weights_and_statistics(tmp_path: Path) -> None:
    x, y = bursts(16)

    def run(progress: Any = None, resume: bool = False, file: str = "state.safetensors") -> Any:
        model = small(convolutions=FILTERS, epochs=3, averaging=0.5)
        columns, kinds = {"input": [one[:, None] for one in x]}, {"input": treadle.data.Kind.SERIES}
        model.fit_columns(columns, kinds, np.array(y), checkpoint=tmp_path / file, progress=progress, resume=resume)
        return model.network_.state_dict()

    whole = run(file="other.safetensors")
    with pytest.raises(Interrupted):
        run(Stopping())
    for name, value in run(resume=True).items():
        assert torch.equal(value, whole[name]), name


def test_what_cannot_be_is_refused() -> None:
    x, y = bursts(8)
    for wrong in ([], 8, "8x3", [8, 3], [[8]], [[8, 0]], [[8, 2.5]], [[8, 3, 1]]):
        with pytest.raises(InputError, match=r"convolutions is .*, expected a pair of filters and steps"):
            small(convolutions=wrong).fit(x, y)
    with pytest.raises(InputError, match="convolutions say one thing of a whole series, but each step has a target"):
        SequenceRegressor(convolutions=FILTERS, hidden_size=4).fit(x, [one.cumsum() for one in x])
