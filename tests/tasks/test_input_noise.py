"""Noise on numbers: in training alone, of the deviation that was asked for, and what is missing stays known."""

from typing import Any

import numpy as np
import pytest
import torch
from examples import series, small

from treadle import InputError, SequenceRegressor
from treadle.tasks.sequence.network import pad


def test_numbers_get_noise_in_training_and_masks_do_not() -> None:
    x, y = series(60)
    x[0][1, 0] = np.nan
    model = small(input_noise=0.5, epochs=1).fit(x, y)
    encoder, inputs = model.network_.encoder(0), model.encode({"input": x})
    ((numbers, _),) = pad(inputs, np.arange(60), torch.device("cpu"))
    assert numbers.shape[2] == 3  # two channels, and whether the first was observed
    assert (encoder.eval().embed(numbers) == numbers).all()
    encoder.train()
    first, second = (encoder.embed(numbers) - numbers for _ in range(2))
    for noise in (first, second):
        assert not noise[..., 2].any()
        assert float(noise[..., :2].std()) == pytest.approx(0.5, rel=0.1)
        assert float(noise[..., :2].mean()) == pytest.approx(0.0, abs=0.05)
    assert not torch.equal(first, second)
    assert (model.predict_proba(x) == model.predict_proba(x)).all()


@pytest.mark.parametrize("steps", [False, True])
def test_noise_makes_few_rows_harder_to_learn_by_heart(steps: bool) -> None:
    random = np.random.default_rng(0)
    x = list(random.normal(size=(8, 6, 1)))
    y: Any = [one[:, 0] for one in random.normal(size=(8, 6, 1))] if steps else random.normal(size=8)
    losses = []
    for noise in (0.0, 2.0):
        model = SequenceRegressor(hidden_size=16, epochs=60, dropout=0.0, learning_rate=0.02, input_noise=noise, seed=1)
        losses.append(model.fit(x, y, dev=(x, y)).history_[-1]["train_loss"])
    assert losses[1] > 2 * losses[0]


def test_noise_below_zero_is_refused() -> None:
    with pytest.raises(InputError, match="input_noise is -1, expected greater than or equal to 0"):
        small(input_noise=-1).fit(*series(8))
