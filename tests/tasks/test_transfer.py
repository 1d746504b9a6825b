"""A network that begins as a language model: the same numbers at first; one sentence where it cannot."""

from pathlib import Path

import numpy as np
import pytest
import torch
from examples import small, texts

from treadle import LanguageModel, SequenceClassifier
from treadle.errors import InputError
from treadle.tasks import load
from treadle.tasks.language.pretrained import Pretrained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of words."""
    path = tmp_path_factory.mktemp("language")
    model = LanguageModel(
        unit="word", hidden_size=12, embedding_size=10, layers=2, epochs=2, batch_size=4, bptt=16, lowercase=True
    )
    model.fit(texts(200)[0]).save(path / "model")
    return path / "model"


def begun(folder: Path, **options: object) -> SequenceClassifier:
    """A classifier that begins as the language model."""
    defaults = {"init_from": str(folder), "epochs": 2, "batch_size": 8, "pooling": "concat"}
    return SequenceClassifier(**(defaults | options))  # type: ignore[arg-type]


def test_the_classifier_reads_as_the_language_model_does(folder: Path) -> None:
    """With every layer still frozen, the features of a text are the language model's own."""
    X, y = texts(24)
    classifier = begun(folder, unfreeze_epochs=9).fit(X, y)
    language = load(folder)
    ids = language.codec_.encode(X[0])
    assert classifier.features_["input"].encode([X[0]]).values.tolist() == ids.tolist()
    hidden, _ = language.network_(torch.from_numpy(ids)[None])
    raw, _ = language.network_.stack(language.network_.embedding(torch.from_numpy(ids)[None]))
    encoder = classifier.network_.encoder(0)
    ours, _ = encoder.stack(encoder.embed(torch.from_numpy(ids)[None]))
    torch.testing.assert_close(ours, raw)
    assert hidden.shape[1] == len(ids)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"unit": "word"}, "the film 's plot , it is n't fine .\nof <unk> <unk> and <unk>"),
        ({"unit": "word"}, "The film's plot, it isn't fine.\nThe film, it is (not) bad.\n"),
        ({"unit": "char"}, " the  film\n\nwas fine "),
        ({"unit": "subword"}, "the film's\nplot was fine<br>"),
    ],
    ids=["tokenised words", "words", "characters", "sub-words"],
)
def test_text_is_cut_as_the_language_model_cut_it(tmp_path: Path, options: dict[str, object], text: str) -> None:
    """The numbers are the same, also in a stream and in a loaded model, and every number has its token."""
    language = LanguageModel(hidden_size=4, layers=1, epochs=1, bptt=8, batch_size=2, **options)  # type: ignore[arg-type]
    language.fit(text * 30).save(tmp_path / "language")
    classifier = begun(tmp_path / "language", epochs=1).fit([text, text + "x"] * 4, ["a", "b"] * 4)
    classifier.save(tmp_path / "classifier")
    expected = language.codec_.encode(text).tolist()
    for model in (classifier, load(tmp_path / "classifier")):
        feature = model.features_["input"]
        assert feature.encode([text]).values.tolist() == expected
        assert len(feature.tokens(text)) == len(expected)
        assert "<unk>" not in feature.encoder.vocabulary.decode(range(2, feature.size))
        stream = model.stream()
        said = stream.step(text)
        assert stream.steps == len(expected)
        np.testing.assert_allclose(
            list(said["probabilities"].values()), model.predict_proba([text])[0], rtol=0, atol=1e-5
        )


def test_words_that_the_language_model_does_not_know_get_numbers_of_their_own(folder: Path) -> None:
    X, y = texts(24)
    classifier = begun(folder).fit([f"{text} splendid" for text in X], y)
    known = load(folder).codec_.vocabulary.tokens
    learnt = classifier.features_["input"].encoder.vocabulary.tokens
    assert learnt[: len(known)] == known
    assert "splendid" in learnt[len(known) :]


def test_the_shape_is_the_language_models_and_survives_the_folder(folder: Path, tmp_path: Path) -> None:
    X, y = texts(24)
    classifier = begun(folder).fit(X, y)
    assert classifier.describe() == "2-layer LSTM"
    classifier.save(tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_layers_thaw_from_the_head_down(folder: Path) -> None:
    X, y = texts(80)
    options = {"averaging": 0.0, "learning_rate": 0.03, "dropout": 0.0}
    before = load(folder).network_.stack.state_dict()
    one, many = (begun(folder, epochs=epochs, **options).fit(X, y).network_.encoder(0).stack for epochs in (1, 12))
    assert all(torch.equal(value, before[name]) for name, value in one.state_dict().items())
    changed = {name.split(".")[1] for name, value in many.state_dict().items() if not torch.equal(value, before[name])}
    assert "1" in changed


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hidden_size": 77}, "hidden_size is 77, but the language model in .* has 12; leave it out"),
        ({"cell": "gru"}, "cell is 'gru', but the language model in .* has 'lstm'"),
        ({"unit": "char"}, "unit is 'char', but the language model in .* has 'word'; leave it out"),
        ({"vocabulary_size": 50}, "vocabulary_size is given, but the symbols of .* are kept; leave it out"),
        ({"init_from": "nowhere"}, "nowhere: found nothing, expected a model folder"),
    ],
)
def test_what_does_not_fit_is_one_sentence(folder: Path, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        begun(folder, **options).fit(*texts(24))


def test_numbers_cannot_begin_as_a_language_model(folder: Path) -> None:
    with pytest.raises(InputError, match="is a language model, which reads text, found a column of numbers"):
        begun(folder).fit([np.ones((3, 2)), np.zeros((4, 2))] * 8, ["a", "b"] * 8)


def test_a_classifier_is_no_language_model(folder: Path, tmp_path: Path) -> None:
    small(epochs=1).fit(*texts(24)).save(tmp_path / "classifier")
    with pytest.raises(InputError, match="holds a SequenceClassifier, expected a LanguageModel to begin from"):
        Pretrained.open(str(tmp_path / "classifier"))


def test_a_language_model_goes_on_with_other_text(folder: Path) -> None:
    """With every layer still frozen it is the same model; thawed, it learns the new text."""
    X = [f"it was splendid {text}" for text in texts(60)[0]]
    options = {"init_from": str(folder), "batch_size": 4, "bptt": 16, "averaging": 0.0}
    before = load(folder)
    same = LanguageModel(epochs=1, unfreeze_epochs=9, learning_rate=1e-9, weight_decay=0.0, **options).fit(X)
    assert same.codec_ == before.codec_
    assert same.score(X[:5]) == pytest.approx(before.score(X[:5]), abs=1e-5)
    learnt = LanguageModel(epochs=6, learning_rate=0.02, **options).fit(X)
    assert learnt.score(X) > before.score(X) + 0.1


def test_all_of_a_language_model_learns_the_new_text_from_the_first_epoch(folder: Path) -> None:
    """Nothing in it is new, so no layer waits; the embedding is moved though there is but one epoch."""
    before = load(folder).network_.state_dict()
    options = {"init_from": str(folder), "batch_size": 4, "bptt": 16, "averaging": 0.0}
    after = LanguageModel(epochs=1, **options).fit(texts(60)[0]).network_.state_dict()
    assert [name for name, value in after.items() if torch.equal(value, before[name])] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"unit": "char"}, "unit is 'char', but the language model in .* has 'word'; leave it out"),
        ({"vocabulary_size": 5}, "vocabulary_size is 5, but the language model in .* has [0-9]+; leave it out"),
        ({"min_count": 3}, "min_count is 3, but the language model in .* has its symbols already; leave it out"),
        ({"softmax": "adaptive"}, "softmax is 'adaptive', but the language model in .* has 'full'; leave it out"),
        ({"tied": True}, None),
        ({"unit": "word", "lowercase": True}, None),
    ],
)
def test_a_language_model_keeps_symbols_and_softmax_or_says_why(
    folder: Path, options: dict[str, object], sentence: str | None
) -> None:
    model = LanguageModel(init_from=str(folder), epochs=1, **options)  # type: ignore[arg-type]
    if sentence is None:
        assert model.fit(texts(24)[0]).codec_ == load(folder).codec_
    else:
        with pytest.raises(InputError, match=sentence):
            model.fit(texts(24)[0])
