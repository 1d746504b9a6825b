"""What moved an answer: weights that add up to it, for every task that names them, and that find what matters."""

import json

import numpy as np
import pytest

from treadle import Forecaster, LanguageModel, SequenceClassifier, SequenceRegressor, SequenceTagger, Translator
from treadle.errors import InputError
from treadle.evaluation import render
from treadle.evaluation.saliency import Saliency
from treadle.tasks.tagging.inputs import to_tagged
from treadle.tasks.tagging.reporting import make_report

QUICK = {"hidden_size": 8, "epochs": 12, "learning_rate": 0.03, "seed": 0}


def adds_up(found: Saliency, rel: float = 0.02) -> None:
    """Completeness: the weights of a part add up to what it changed."""
    for part in found.parts:
        change = found.score - part.reference
        assert sum(part.weights) == pytest.approx(change, rel=rel, abs=2e-3)


@pytest.fixture(scope="module")
def classifier() -> SequenceClassifier:
    rng = np.random.default_rng(0)
    filler = ["the", "film", "was", "a", "plot"]
    texts = [" ".join([*rng.choice(filler, 4), word, *rng.choice(filler, 3)]) for word in ["fine", "dull"] * 30]
    return SequenceClassifier(embedding_size=8, **QUICK).fit(texts, ["good", "bad"] * 30)


@pytest.fixture(scope="module")
def tagger() -> SequenceTagger:
    sentences = [["we", "saw", name, "in", place] for name in ("Ann", "Bob") for place in ("Rome", "Oslo")] * 4
    tags = [["O", "O", "B-PER", "O", "B-LOC"]] * 16
    return SequenceTagger(character_hidden_size=4, embedding_size=8, dropout=0.0, **QUICK | {"epochs": 40}).fit(
        sentences, tags
    )


@pytest.fixture(scope="module")
def language() -> LanguageModel:
    return LanguageModel(layers=1, unit="char", **QUICK | {"hidden_size": 24}).fit(["abcabd" * 40], dev=["abcabd" * 4])


@pytest.fixture(scope="module")
def forecaster() -> Forecaster:
    y = np.sin(np.arange(120) * 2 * np.pi / 12) + np.arange(120) * 0.01
    return Forecaster(horizon=6, **QUICK | {"epochs": 3}).fit({"unique_id": ["a"] * 120, "ds": range(120), "y": y})


def test_the_word_that_tells_the_class_has_the_largest_weight(classifier):
    found = classifier.saliency("the film was fine a plot")
    adds_up(found)
    (part,) = found.parts
    assert found.answer == "good"
    assert part.tokens[int(np.argmax(part.weights))] == "fine"
    assert str(found).startswith("fine +")
    against = classifier.saliency("the film was fine a plot", answer="bad")
    assert against.parts[0].weights[3] < 0


def test_a_regressor_and_its_steps():
    rng = np.random.default_rng(0)
    series = [rng.normal(size=10) for _ in range(40)]
    model = SequenceRegressor(dropout=0.0, **QUICK).fit(series, [one[3] for one in series])
    found = model.saliency(series[0])
    adds_up(found)
    assert found.unit == "prediction"
    assert found.score == pytest.approx(found.parts[0].reference + sum(found.parts[0].weights), abs=0.02)
    assert len(found.parts[0].weights) == 10


def test_every_column_has_a_part_of_its_own():
    texts = {"title": ["a good one", "a bad one"] * 12, "body": ["b", "c d"] * 12}
    model = SequenceClassifier(embedding_size=4, **QUICK).fit(texts, ["x", "y"] * 12)
    found = model.saliency({"title": "a good one", "body": "c d"})
    assert [part.name for part in found.parts] == ["title", "body"]
    adds_up(found)


def test_the_tag_of_a_token(tagger):
    found = tagger.saliency(["we", "saw", "Ann", "in", "Rome"])
    adds_up(found)
    assert found.answer.startswith("S-PER of 'Ann'")
    assert int(np.argmax(found.parts[0].weights)) == 2
    adds_up(tagger.saliency("we saw Bob in Oslo", token=4, tag="S-LOC"))


def test_what_follows_a_text(language):
    found = language.saliency("abcab")
    assert found.answer == "d"
    adds_up(found, rel=0.05)
    assert found.score == pytest.approx(float(language.next_log_probabilities("abcab").max()), abs=1e-5)
    other = language.saliency("abcab", "c")
    assert other.score < found.score
    adds_up(other, rel=0.05)


def test_a_long_text_begins_from_the_state_of_what_is_left_out(language, monkeypatch):
    monkeypatch.setattr("treadle.tasks.language.explanation.LONGEST_EXPLAINED", 5)
    text = "abcabd" * 3 + "abcab"
    found = language.saliency(text)
    assert found.parts[0].first == len(text) - 5
    assert found.score == pytest.approx(float(language.next_log_probabilities(text).max()), abs=1e-5)
    adds_up(found, rel=0.05)


@pytest.mark.parametrize("step", [1, 6])
def test_which_past_steps_moved_a_forecast(forecaster, step):
    found = forecaster.saliency(step=step)
    adds_up(found)
    (part,) = found.parts
    assert len(part.weights) == 120
    assert part.name == "a"
    # The score is the median, less the level of the last window and in its scale.
    windows = forecaster.features_.encode(forecaster.panel_, beyond=6)
    at = int(windows.first[0]) + 119
    median = forecaster.predict()["y"][step - 1]
    if forecaster.features_.transform == "none":
        assert found.score == pytest.approx((median - float(windows.level[at])) / float(windows.scale[at]), rel=0.05)


def test_what_moved_a_symbol_of_a_translation():
    sources = [" ".join(pair) for pair in [("ab", "cd"), ("cd", "ab"), ("ab", "ab"), ("cd", "cd")] * 6]
    targets = [one.replace("ab", "x").replace("cd", "y") for one in sources]
    options = {"unit": "word", "dropout": 0.0, "embedding_dropout": 0.0, "label_smoothing": 0.0, "embedding_size": 8}
    model = Translator(**options, **QUICK | {"epochs": 60, "hidden_size": 16}).fit(sources, targets)
    assert model.predict(["ab cd"]) == ["x y"]
    found = model.saliency("ab cd", 1)
    adds_up(found)
    assert found.answer == "y, token 1"
    assert found.score == pytest.approx(-model.log_losses(["ab cd"], ["x y"])[0][1], abs=1e-4)
    assert found.parts[0].tokens == ["ab", "cd"]


def test_a_page_says_what_moved_wrong_tags(tagger, tmp_path):
    wrong = to_tagged([["we", "saw", "Ann"]], [["O", "O", "B-LOC"]])
    page = make_report(tagger, "tags", {"test": wrong})
    html = render(page)
    assert "what moved the answer" in html
    assert "--weight:1.00" in html


def test_it_is_plain_json(classifier, tagger, language):
    for found in (classifier.saliency("fine"), tagger.saliency(["Ann"]), language.saliency("ab")):
        saved = json.loads(json.dumps(found.to_json()))
        assert saved["answer"] == found.answer
        assert saved["parts"][0]["weights"] == list(found.parts[0].weights)
        assert len(saved["parts"][0]["tokens"]) == len(found.parts[0].weights)


def test_what_is_not_there_is_refused(classifier, tagger, language, forecaster):
    with pytest.raises(InputError, match="did you mean 'good'"):
        classifier.saliency("fine", answer="godo")
    with pytest.raises(InputError, match="from 0 to 0 of 1 token"):
        tagger.saliency(["Ann"], token=1)
    with pytest.raises(InputError, match="no tag 'S-PRE'"):
        tagger.saliency(["Ann"], tag="S-PRE")
    with pytest.raises(InputError, match="has no token"):
        tagger.saliency([])
    with pytest.raises(InputError, match="expected one that may follow"):
        language.saliency("ab", "ab")
    with pytest.raises(InputError, match="expected a number from 1 to 6"):
        forecaster.saliency(step=7)
    with pytest.raises(InputError, match="no series 'b'"):
        forecaster.saliency(series="b")
