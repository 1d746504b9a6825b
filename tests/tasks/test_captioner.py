"""The captioner: what it learns, what its attention means, that pictures of other sizes change nothing."""

import signal

import numpy as np
import pytest
import torch
from seen import SMALL, pictures, series
from sklearn.base import clone

import treadle
from treadle.data.pictures import captioned_of_lists
from treadle.errors import InputError
from treadle.tasks.caption import Captioner
from treadle.tasks.language.sampling import Sampling
from treadle.tasks.translate import Drawing
from treadle.tasks.translate.network import TranslationBatch
from treadle.training import Interrupted, Silent


@pytest.fixture(scope="module")
def captioner():
    return Captioner(**SMALL).fit(*pictures(160))


@pytest.fixture(scope="module")
def of_frames():
    return Captioner(**SMALL).fit(*series(120))


def test_it_says_what_is_there_and_where_it_looked(captioner):
    X, y = pictures(40, seed=1)
    found = [several[0] for several in captioner.caption(X)]
    assert np.mean([one.text == truth for one, truth in zip(found, y, strict=True)]) > 0.85
    for one, picture in zip(found, X, strict=True):
        rows, columns = -(-picture.shape[0] // 4), -(-picture.shape[1] // 4)
        assert one.attention.shape == (len(one.tokens), rows, columns)
        np.testing.assert_allclose(one.attention.sum((1, 2)), 1, atol=1e-5)
        assert all(row < rows and column < columns for row, column in one.places)
    assert captioner.score(X, y) > 85  # BLEU


def test_frames_are_told_about_as_well(of_frames):
    X, y = series(40, seed=1)
    found = [several[0] for several in of_frames.caption(X)]
    assert np.mean([one.text == truth for one, truth in zip(found, y, strict=True)]) > 0.9
    for one, frames in zip(found, X, strict=True):
        assert one.attention.shape == (len(one.tokens), len(frames))
        np.testing.assert_allclose(one.attention.sum(1), 1, atol=1e-5)
    assert "frames of 2 numbers" in of_frames.describe_size()


@pytest.mark.parametrize("kind", ["captioner", "of_frames"])
def test_batch_mates_change_nothing(kind, request):
    model = request.getfixturevalue(kind)
    X, y = (pictures if kind == "captioner" else series)(12, seed=2)
    together, costs = model.caption(X, beam_size=3, n_best=2), model.log_losses(X, y)
    for row, one in enumerate(X):
        alone = model.caption([one], beam_size=3, n_best=2)[0]
        assert [found.text for found in alone] == [found.text for found in together[row]]
        for found, other in zip(alone, together[row], strict=True):
            assert found.score == pytest.approx(other.score, abs=1e-4)
            np.testing.assert_allclose(found.attention, other.attention, atol=1e-4)
        np.testing.assert_allclose(model.log_losses([one], [y[row]])[0], costs[row], atol=1e-4)
        assert -model.log_losses([one], [alone[0].text])[0].sum() == pytest.approx(alone[0].log_probability, abs=1e-4)


@pytest.mark.parametrize("kind", [pictures, series])
@pytest.mark.parametrize("options", [{}, {"input_feeding": False}, {"coverage": True, "attention": "additive"}])
def test_sizes_of_batch_mates_change_no_loss_and_no_gradient(kind, options):
    """E2, from pixels and frames to every weight, with anything in the padding."""
    data = captioned_of_lists(*kind(6))
    model = Captioner(**(SMALL | {"epochs": 1} | options)).fit_captioned(data, dev=data)
    network = model.network_.double().eval()
    pairs = model.features_.encode(data)
    whole = as_double(pairs.batch(np.arange(6)))
    spoilt = TranslationBatch(spoil(whole), whole.source_lengths, whole.target, whole.target_lengths)
    network.zero_grad()
    loss = network(spoilt)
    loss.backward()
    slopes = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    total, symbols = 0.0, float((whole.target_lengths + 1).sum())
    for row in range(6):
        one = as_double(pairs.batch(np.array([row])))
        own = network(one) * float(one.target_lengths + 1) / symbols
        own.backward()
        total += own.item()
    assert total == pytest.approx(loss.item())
    for name, p in network.named_parameters():
        if p.grad is not None:
            torch.testing.assert_close(p.grad, slopes[name])


def as_double(batch: TranslationBatch) -> TranslationBatch:
    source = batch.source
    source = source.double() if isinstance(source, torch.Tensor) else source._replace(values=source.values.double())
    return TranslationBatch(source, batch.source_lengths, batch.target, batch.target_lengths)


def spoil(batch: TranslationBatch):
    """The source with other numbers in the padding, and more of it."""
    if isinstance(batch.source, torch.Tensor):
        source = torch.nn.functional.pad(batch.source, (0, 0, 0, 3))
        beyond = torch.arange(source.shape[1]) >= batch.source_lengths[:, None]
        return source.masked_fill(beyond[..., None], float("nan"))
    source = torch.nn.functional.pad(batch.source.values, (0, 0, 0, 5, 0, 3))
    for row, (height, width) in enumerate(batch.source.sizes.tolist()):
        source[row, height:], source[row, :, width:] = float("nan"), float("nan")
    return batch.source._replace(values=source)


def test_a_saved_model_answers_as_before(captioner, of_frames, tmp_path):
    for name, model, (X, _) in (("p", captioner, pictures(8, seed=3)), ("f", of_frames, series(8, seed=3))):
        model.save(tmp_path / name)
        loaded = treadle.load(tmp_path / name)
        assert loaded.predict(X) == model.predict(X)
        assert loaded.get_params() == model.get_params() == clone(model).get_params()
        assert loaded.features_.to_json() == model.features_.to_json()


def test_one_array_of_pictures_and_paths_are_the_same(captioner, tmp_path):
    from PIL import Image

    X, _ = pictures(4, seed=4)
    for number, picture in enumerate(X):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    expected = captioner.predict(X)
    assert captioner.predict([tmp_path / f"{number}.png" for number in range(4)]) == expected
    assert captioner.predict([str(tmp_path / f"{number}.png") for number in range(4)]) == expected
    assert captioner.predict([picture / 255 for picture in X]) == expected
    assert captioner.predict(np.stack([X[0]] * 3)) == expected[:1] * 3


def test_several_captions_come_in_order_and_draws_repeat(captioner):
    X, _ = pictures(2, seed=5)
    several = captioner.caption(X[:1], n_best=3)[0]
    assert [one.score for one in several] == sorted((one.score for one in several), reverse=True)
    drawing = Drawing(Sampling(temperature=5.0), seed=1)
    drawn = [[one.text for one in captioner.caption(X[:1], n_best=6, drawing=drawing)[0]] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 1


def test_a_resumed_run_ends_in_the_same_bits(tmp_path):
    """E9, with everything that draws."""
    options = SMALL | {"dropout": 0.3, "word_dropout": 0.2, "scheduled_sampling": 0.3, "epochs": 3}
    data = captioned_of_lists(*pictures(32))

    class Stop(Silent):
        def advance(self, *, epoch: int, step: int, loss: float) -> None:
            if step == 4:
                signal.raise_signal(signal.SIGINT)

    whole = Captioner(**options).fit_captioned(data)
    place = {"checkpoint": tmp_path / "last.safetensors"}
    with pytest.raises(Interrupted):
        Captioner(**options).fit_captioned(data, **place, progress=Stop())
    again = Captioner(**options).fit_captioned(data, **place, resume=True)
    for name, weight in whole.network_.state_dict().items():
        assert torch.equal(weight, again.network_.state_dict()[name]), name


def test_large_pictures_are_looked_at_small(captioner):
    X, y = pictures(4, seed=6)
    large = [picture.repeat(20, 0).repeat(20, 1) for picture in X]
    model = clone(captioner).set_params(picture_size=16, epochs=1).fit(large, y)
    (best,), *_ = model.caption(large)
    assert best.attention.shape[2] == 4  # regions of 4 pixels on a side of 16


def test_captions_of_a_script_without_spaces_are_written_by_characters():
    X, y = pictures(8)
    said = [caption.replace("red on the ", "红色在").replace("blue on the ", "蓝色在") for caption in y]
    chinese = [one.replace("left", "左边").replace("right", "右边") for one in said]
    model = Captioner(**(SMALL | {"epochs": 1})).fit(X, chinese)
    assert (model.features_.target.unit, model.features_.unspaced) == ("char", True)


def test_a_report_shows_pictures_it_has_not_seen(captioner, tmp_path):
    html = captioner.report(tmp_path, *pictures(16, seed=7)).read_text()
    assert "Where it looks" in html
    assert html.count("data:image/jpeg;base64,") >= 6


def test_frames_and_pictures_are_not_exchanged(captioner, of_frames):
    with pytest.raises(InputError, match="found frames, expected a picture, as in training"):
        captioner.predict(series(1)[0])
    with pytest.raises(InputError, match="found a picture, expected frames, as in training"):
        of_frames.predict(pictures(1)[0])
    with pytest.raises(InputError, match=r"row 0 \(counted from 0\) has 3 channels, expected 2"):
        of_frames.predict([np.zeros((3, 3))])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"stages": 0}, "stages is 0, expected greater than or equal to 1"),
        ({"picture_size": 0}, "picture_size is 0"),
        ({"attention": "bahdanau"}, "attention is 'bahdanau', expected 'additive', 'general', 'dot' or 'scaled'"),
        ({"beam_size": 0}, "beam_size is 0, expected greater than or equal to 1"),
        ({"init_from": "x"}, "a captioner cannot begin from"),
        ({"filter": 2}, "no argument 'filter'; did you mean 'filters'"),
        ({"batch_tokens": 4}, "regions, frames or symbols, expected at most batch_tokens = 4"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, said):
    with pytest.raises(InputError, match=said):
        Captioner(**(SMALL | {"epochs": 1} | arguments)).fit(*pictures(8))


def test_a_missing_file_is_named_with_its_row(tmp_path):
    with pytest.raises(InputError, match=r"row 1 \(counted from 0\): .*gone.png: there is no such file"):
        Captioner(**SMALL).fit([pictures(1)[0][0], tmp_path / "gone.png"] * 2, ["a"] * 4, dev=pictures(2))
