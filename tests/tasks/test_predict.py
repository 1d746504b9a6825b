"""An answer depends on its own row and on nothing else; what is fitted is fitted on training rows only."""

import numpy as np
import pytest
import torch
from examples import KINDS, series, small, texts

from treadle import SequenceRegressor
from treadle.data.vocabulary import UNKNOWN


@pytest.fixture(scope="module", params=KINDS)
def fitted(request):
    x, y = KINDS[request.param](60)
    return small(epochs=4).fit(x, y), x


def test_a_row_alone_is_answered_as_in_a_batch(fitted):
    model, x = fitted
    together = model.predict_proba(x)
    alone = np.concatenate([model.predict_proba([row]) for row in x])
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_the_order_of_rows_is_kept_and_changes_nothing(fitted):
    model, x = fitted
    order = np.random.default_rng(0).permutation(len(x))
    shuffled = model.predict_proba([x[i] for i in order])
    np.testing.assert_allclose(shuffled, model.predict_proba(x)[order], atol=1e-5)


def test_a_long_neighbour_changes_nothing(fitted):
    model, x = fitted
    long = np.concatenate([x[1]] * 40) if isinstance(x[1], np.ndarray) else x[1] * 40
    np.testing.assert_allclose(model.predict_proba([x[0], long])[0], model.predict_proba(x[:1])[0], atol=1e-5)


def test_the_same_seed_gives_the_same_model():
    x, y = texts(40)
    one = small(epochs=2, dropout=0.3, seed=3).fit(x, y).predict_proba(x)
    assert (one == small(epochs=2, dropout=0.3, seed=3).fit(x, y).predict_proba(x)).all()
    assert (one != small(epochs=2, dropout=0.3, seed=4).fit(x, y).predict_proba(x)).any()


def test_training_leaves_the_callers_random_numbers_alone():
    x, y = texts(20)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    small(epochs=1, dropout=0.3).fit(x, y)
    assert torch.equal(torch.rand(3), expected)


def test_words_of_dev_rows_are_unknown():
    x, y = texts(40)
    spotted = [row + " wordonlyindev" for row in x[:10]]
    given = small(epochs=1).fit(x, y, dev=(spotted, y[:10]))
    assert given.dev_rows_ is None
    assert "wordonlyindev" not in given.features_["input"].encoder.vocabulary.tokens

    own_words = [f"{row} own{place}" for place, row in enumerate(x)]
    carved = small(epochs=1, min_count=1).fit(own_words, y)
    assert sorted([*carved.train_rows_, *carved.dev_rows_]) == list(range(40))
    known = carved.features_["input"].encoder.vocabulary
    assert all(known.encode([f"own{row}"])[0] == UNKNOWN for row in carved.dev_rows_)
    assert all(known.encode([f"own{row}"])[0] != UNKNOWN for row in carved.train_rows_)


def test_dev_rows_do_not_move_the_scale():
    x, y = series(40)
    far = [row + 1000 for row in x[:6]]
    plain = small(epochs=1).fit(x, y, dev=(x[:6], y[:6]))
    moved = small(epochs=1).fit(x, y, dev=(far, y[:6]))
    assert moved.features_["input"].encoder.mean.tolist() == plain.features_["input"].encoder.mean.tolist()
    carved = small(epochs=1).fit(x, y)
    expected = np.concatenate([x[row] for row in carved.train_rows_]).mean(0)
    np.testing.assert_allclose(carved.features_["input"].encoder.mean, expected)


def test_dev_rows_do_not_move_the_scale_of_the_answer():
    x, _ = series(40)
    y = np.arange(40.0)
    model = SequenceRegressor(epochs=1, hidden_size=4).fit(x, y, dev=(x[:4], y[:4] + 1e6))
    assert model.target_.mean == pytest.approx(19.5)


def test_dev_rows_choose_the_epoch():
    """Dev rows with all labels swapped are served best by the model that has learnt least."""
    x, y = texts(60)
    swapped = ["bad" if label == "good" else "good" for label in y]
    helped = small(epochs=12).fit(x, y, dev=(x, y))
    misled = small(epochs=12).fit(x, y, dev=(x, swapped))
    assert helped.score(x, y) == 1
    assert misled.score(x, y) < 0.9
