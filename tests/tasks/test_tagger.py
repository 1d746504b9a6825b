"""The tagger: what it learns, what its spans and their confidence mean, and that bad input is one sentence."""

import itertools
import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

import treadle
from treadle import InputError, SequenceTagger
from treadle.data.tagging import TaggedSentences, convert, to_spans
from treadle.data.vocabulary import SPECIAL
from treadle.tasks.tagging.confidence import span_confidence
from treadle.tasks.tagging.features import LONGEST_WORD, shortened

NAMES = {"PER": ["Ada", "Bob Stone", "Eve"], "LOC": ["Rome", "New York", "Oslo"]}
PATTERNS = ["{PER} saw {LOC}", "from {LOC} to {LOC}", "{PER} and {PER} left", "nobody left", "where is {LOC} ?"]


def sentences(count: int, seed: int = 0) -> tuple[list[list[str]], list[list[str]], list[str]]:
    """Tokens, tags in IOB2, and as label whether a place is named."""
    draw = random.Random(seed)
    x, y, labels = [], [], []
    for _ in range(count):
        tokens, tags = [], []
        for word in draw.choice(PATTERNS).split():
            type_ = word.strip("{}")
            words = draw.choice(NAMES[type_]).split() if type_ in NAMES else [word]
            tokens += words
            tags += [f"{'I' if place else 'B'}-{type_}" if type_ in NAMES else "O" for place in range(len(words))]
        x.append(tokens)
        y.append(tags)
        labels.append("place" if any(tag.endswith("LOC") for tag in tags) else "none")
    return x, y, labels


def small(**options):
    """A tagger that learns `sentences` in a second."""
    fast = {"hidden_size": 10, "embedding_size": 10, "character_embedding_size": 6, "character_hidden_size": 6}
    quiet = {"dropout": 0.0, "embedding_dropout": 0.0, "word_dropout": 0.0}
    return SequenceTagger(**(fast | quiet | {"epochs": 12, "learning_rate": 0.03, "batch_size": 8} | options))


@pytest.fixture(scope="module")
def tagger():
    x, y, labels = sentences(80)
    return small().fit(x, y, labels=labels)


def test_it_learns_spans_and_labels_of_sentences(tagger):
    x, y, labels = sentences(40, seed=1)
    assert tagger.score(x, y) > 0.95
    assert np.mean([a == b for a, b in zip(tagger.predict_labels(x), labels, strict=True)]) > 0.95
    spans = tagger.predict_spans([["Bob", "Stone", "saw", "New", "York"]])[0]
    assert [(span.start, span.end, span.type, span.text) for span in spans] == [
        (0, 2, "PER", "Bob Stone"),
        (3, 5, "LOC", "New York"),
    ]


@pytest.mark.parametrize("text", ["Ada saw New York", "  Ada\tsaw\n New   York.", "«Ada» saw\u00a0Rome?", "", " "])
def test_offsets_point_into_the_string_that_was_given(tagger, text):
    (spans,) = tagger.predict_spans([text])
    assert all(text[span.start_char : span.end_char] == span.text for span in spans)
    assert bool(spans) == bool(text.strip())


def test_a_string_is_answered_as_its_tokens_are(tagger):
    of_text, of_tokens = tagger.predict_spans(["Ada saw Rome", ["Ada", "saw", "Rome"]])
    assert [replace(span, start_char=None, end_char=None) for span in of_text] == of_tokens
    assert all(span.start_char is None for span in of_tokens)


def test_a_sentence_is_answered_alike_alone_and_among_others(tagger):
    x, _, _ = sentences(30, seed=2)
    x.append([])
    together, probable = tagger.predict(x), tagger.predict_proba(x)
    for row, tokens in enumerate(x):
        assert tagger.predict([tokens])[0] == together[row]
        np.testing.assert_allclose(tagger.predict_proba([tokens])[0], probable[row], atol=1e-5)
    assert together[-1] == []
    assert all(p.sum(1) == pytest.approx(np.ones(len(p)), abs=1e-5) for p in probable)


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_confidence_is_the_probability_of_all_taggings_with_this_span(decoder):
    x, y, _ = sentences(20)
    tagger = small(epochs=1, decoder=decoder).fit(x, [[tag.replace("LOC", "PER") for tag in tags] for tags in y])
    network, names = tagger.network_, tagger.features_.tags
    torch.manual_seed(3)
    emissions = torch.randn(1, 4, len(names), dtype=torch.float64) * 2
    lengths, best = torch.tensor([4]), torch.tensor([[names.index(tag) for tag in ["S-PER", "O", "B-PER", "E-PER"]]])
    every = torch.tensor(list(itertools.product(range(len(names)), repeat=4)))
    if decoder == "crf":
        many = torch.full((len(every),), 4)
        each = network.crf.log_likelihood(emissions.expand(len(every), -1, -1), every, many).detach().exp()
    else:
        each = emissions[0].log_softmax(1)[torch.arange(4), every].sum(1).exp()
    assert float(each.sum()) == pytest.approx(1)
    for start, end in ((0, 1), (2, 4)):
        agree = (every[:, start:end] == best[0, start:end]).all(1)
        if decoder == "crf":  # the taggings that have the span are those that agree with it there
            for row, probability in zip(every.tolist(), each.tolist(), strict=True):
                has = (start, end, "PER") in to_spans([names[tag] for tag in row], "bioes")
                assert probability == 0 or has == bool((torch.tensor(row)[start:end] == best[0, start:end]).all())
        found = span_confidence(network, emissions, lengths, best, [(0, start, end)])
        assert float(found) == pytest.approx(float(each[agree].sum()), rel=1e-6)


@pytest.mark.parametrize("scheme", ["iob1", "bioes", "bmewo"])
def test_answers_come_in_the_scheme_of_the_training_data(tagger, scheme):
    x, y, _ = sentences(30)
    given = [convert(tags, "iob2", scheme) for tags in y]
    other = small(epochs=1).fit(x, given)
    assert other.features_.tags == tagger.features_.tags  # what is learnt does not depend on the scheme
    other.network_ = tagger.network_
    fresh, true, _ = sentences(20, seed=5)
    read = tagger.features_
    other.features_ = replace(other.features_, words=read.words, characters=read.characters, labels=read.labels)
    assert other.predict(fresh) == [convert(tags, "iob2", scheme) for tags in tagger.predict(fresh)]
    assert other.score(fresh, [convert(tags, "iob2", scheme) for tags in true]) == tagger.score(fresh, true)


def test_parts_of_speech_are_tags_as_they_are():
    x, y, _ = sentences(40)
    speech = [["NAME" if tag != "O" else "word" for tag in tags] for tags in y]
    tagger = small(epochs=8).fit(x, speech)
    assert tagger.score(x, speech) > 0.95
    assert tagger.predict([["Ada", "left"]]) == [["NAME", "word"]]
    with pytest.raises(InputError, match="mark no spans, such as parts of speech; predict gives the tags"):
        tagger.predict_spans(x)
    with pytest.raises(InputError, match="labels no sentences; give fit labels="):
        tagger.predict_labels(x)


def test_a_word_that_training_did_not_hold_is_read_by_its_characters():
    draw = random.Random(0)
    stems = ["".join(draw.choices("abdegiklmnoprtu", k=draw.randint(2, 6))) for _ in range(300)]
    x = [[stem + draw.choice(["ing", "ed", "x"]) for stem in draw.sample(stems, 4)] for _ in range(60)]
    y = [["G" if word.endswith("ing") else "D" if word.endswith("ed") else "N" for word in words] for words in x]
    fresh = [["zzzing", "qqvwed", "wwqx"]]
    assert small(epochs=10).fit(x, y).predict(fresh) == [["G", "D", "N"]]
    assert small(epochs=2, character_hidden_size=0).fit(x, y).network_.characters is None


def test_of_a_very_long_word_both_ends_are_read():
    word = "a" * LONGEST_WORD + "b" * LONGEST_WORD
    assert shortened(word) == "a" * (LONGEST_WORD // 2) + "b" * (LONGEST_WORD // 2)
    assert shortened("word") == "word"


@pytest.mark.parametrize("train", [False, True])
def test_word_vectors_come_from_a_file(tmp_path, train):
    x, y, _ = sentences(60)
    words = sorted({word.lower() for tokens in x for word in tokens})
    rng = np.random.default_rng(0)
    vectors = {word: rng.normal(size=5) for word in words}
    vectors["zembla"] = vectors["rome"]  # a word of the file that training does not hold
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"{word} {' '.join(f'{n:.6f}' for n in v)}\n" for word, v in vectors.items()))
    tagger = small(word_vectors=str(path), train_embedding=train, character_hidden_size=0).fit(x, y)
    assert tagger.score(x, y) > 0.95
    weight = tagger.network_.embedding.weight.detach().numpy()
    if train:
        assert "zembla" not in tagger.features_.words
        return
    assert tagger.predict_proba([["Ada", "saw", "Zembla"]])[0] == pytest.approx(
        tagger.predict_proba([["Ada", "saw", "Rome"]])[0]
    )
    for place, word in enumerate(tagger.features_.words.tokens, len(SPECIAL)):
        np.testing.assert_allclose(weight[place], vectors[word], atol=1e-5)  # frozen
    tagger.save(tmp_path / "model")
    path.unlink()  # a folder needs nothing outside it
    assert treadle.load(tmp_path / "model").predict(x) == tagger.predict(x)


def test_a_saved_model_answers_as_before(tagger, tmp_path):
    x, _, _ = sentences(20, seed=3)
    tagger.save(tmp_path)
    loaded = SequenceTagger.load(tmp_path)
    assert loaded.get_params() == tagger.get_params()
    assert loaded.predict_spans(x) == tagger.predict_spans(x)
    assert loaded.predict_labels(x) == tagger.predict_labels(x)
    with pytest.raises(InputError, match="holds a SequenceTagger, expected a SequenceClassifier"):
        treadle.SequenceClassifier.load(tmp_path)


def test_training_is_repeatable_and_keeps_the_best_epoch_on_dev():
    x, y, labels = sentences(40)
    dev = sentences(20, seed=4)
    first, second = (small(epochs=4, dropout=0.3).fit(x, y, labels=labels, dev=dev) for _ in range(2))
    assert [r | {"seconds": 0} for r in first.history_] == [r | {"seconds": 0} for r in second.history_]
    assert first.dev_rows_ is None
    merits = [r["dev_span_f1"] + r["dev_sentence_accuracy"] for r in first.history_]
    best = max(range(len(merits)), key=lambda epoch: (merits[epoch], -first.history_[epoch]["dev_loss"]))
    assert first.score(dev[0], dev[1]) == pytest.approx(first.history_[best]["dev_span_f1"])


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_the_score_of_o_is_moved_to_where_f1_of_spans_is_highest(decoder, tmp_path):
    """A word that is a name three times in ten is likelier O, but F1 is highest if it always is one: 6 / (3 + 10)."""
    x, y = [["Will", "ran"]] * 10, [["B-PER", "O"]] * 3 + [["O", "O"]] * 7
    plain, tuned = (
        small(decoder=decoder, tune_outside=tune, epochs=8).fit(x * 8, y * 8, dev=(x, y)) for tune in (False, True)
    )
    assert plain.score(x, y) == 0
    assert tuned.score(x, y) == pytest.approx(6 / 13)
    (span,) = tuned.predict_spans(["Will ran"])[0]
    assert span.confidence > 0.5  # goes by the moved score
    tuned.save(tmp_path)
    assert SequenceTagger.load(tmp_path).predict_spans(["Will ran"]) == [[span]]


def test_a_score_of_o_that_is_right_stays_where_it_is():
    x, y, _ = sentences(60)
    plain, tuned = (small(tune_outside=tune).fit(x, y, dev=sentences(20, seed=4)[:2]) for tune in (False, True))
    assert plain.score(*sentences(20, seed=4)[:2]) == 1
    assert all(np.array_equal(a, b) for a, b in zip(plain.predict_proba(x), tuned.predict_proba(x), strict=True))


def test_where_tags_mark_no_spans_there_is_no_score_of_o():
    fails("tune_outside is about spans", [["it", "rains"]], [["PRON", "VERB"]], options={"tune_outside": True})


def test_every_letter_of_a_type_can_be_answered_though_training_lacks_it():
    x, y = [["Ada", "left"], ["Bob", "left"]], [["B-PER", "O"], ["B-PER", "O"]]
    tagger = small(epochs=1).fit(x, y, dev=([["Ada", "Stone"]], [["B-PER", "I-PER"]]))
    assert set(tagger.features_.tags) == {"O", "B-PER", "I-PER", "E-PER", "S-PER"}


def test_dev_sentences_without_any_span_are_no_other_scheme():
    x, y, _ = sentences(20)
    tagger = small(epochs=1).fit(x, y, dev=([["nobody", "left"]], [["O", "O"]]))
    assert tagger.history_[0]["dev_span_f1"] == 0


def test_tools_of_scikit_learn_take_it():
    x, y, _ = sentences(45)
    grid = GridSearchCV(small(), {"epochs": [1, 8]}, cv=2).fit(x, y)
    assert grid.best_params_ == {"epochs": 8}
    copy = clone(small(decoder="softmax"))
    assert copy.decoder == "softmax"
    with pytest.raises(NotFittedError):
        copy.predict(x)


def fails(sentence, *arguments, options=None, **named):
    with pytest.raises(InputError, match=sentence):
        small(**({"epochs": 1} | (options or {}))).fit(*arguments, **named)


def test_bad_input_is_one_sentence():
    x, y, _ = sentences(10)
    fails("there are 10 sentences and 9 lists of tags, expected equally many", x, y[:-1])
    fails("row 0 .counted from 0.: found 2 tokens and 1 tag, expected a tag for each token", [["a", "b"]], [["O"]])
    fails("row 1 .counted from 0.: the sentence is empty", [["a"], []], [["O"], []])
    fails("row 0 .counted from 0.: found 'a text', expected a list of tokens", ["a text"], [["O", "O"]])
    fails("the sentences are a str, expected a list of them", "text", y)
    fails("row 0 .counted from 0.: found 3 in the list, expected strings", [["a", 3]], [["O", "O"]])
    fails("all tokens have one tag, 'O'; expected at least two", [["a"], ["b"]], [["O"], ["O"]])
    fails("there are 10 sentences and 2 labels, expected equally many", x, y, labels=["a", "b"])
    fails("the label of row 0 is 1, expected a string", x, y, labels=[1] * 10)
    fails("all sentences have one label, 'a'; expected at least two", x, y, labels=["a"] * 10)
    fails("dev is .*, expected .X, y. or .X, y, labels.", x, y, dev=(x,))


def test_dev_that_does_not_fit_the_training_data_is_refused():
    x, y, labels = sentences(10)
    sentence = "row 0 .counted from 0., token 2: found the tag 'NOUN', expected tags of the kind that the model gives"
    fails(sentence, x, y, dev=([["in", "Rome"]], [["O", "NOUN"]]))
    fails("found no labels of sentences, and the training data has them", x, y, labels=labels, dev=(x, y))


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_a_tag_or_label_that_only_dev_has_is_a_mistake(decoder):
    """Two of four dev sentences cannot be right: of spans, of parts of speech and of labels alike."""
    x, y, labels = sentences(40)
    known = [["Ada", "saw", "Rome"], ["nobody", "left"]]
    names, none = ["B-PER", "O", "B-LOC"], ["O", "O"]
    dev = [*known, ["Bob", "saw", "Shell"], ["Shell", "left"]]
    of_spans = small(decoder=decoder).fit(
        x, y, labels=labels,
        dev=(dev, [names, none, ["B-PER", "O", "B-ORG"], ["B-ORG", "O"]], ["place", "none", "news", "news"]),
    ).history_[-1]  # fmt: skip
    assert of_spans["dev_span_f1"] <= 2 * 3 / (3 + 5)  # three of five spans can be found at most
    assert of_spans["dev_sentence_accuracy"] <= 0.5
    assert 0 < of_spans["dev_loss"] < np.inf
    speech = [["N" if tag != "O" else "V" for tag in tags] for tags in y]
    record = small(decoder=decoder).fit(x, speech, dev=(known, [["N", "V", "X"], ["X", "V"]])).history_[-1]
    assert record["dev_token_accuracy"] == pytest.approx(3 / 5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"decoder": "beam"}, "decoder is 'beam', expected 'crf' or 'softmax'"),
        ({"character_cell": "lsmt"}, "there is no cell 'lsmt'; did you mean 'lstm'"),
        ({"word_dropout": 1.0}, "word_dropout is 1.0, expected less than 1"),
        ({"min_count": 0}, "min_count is 0, expected greater than or equal to 1"),
        ({"word_vectors": "no/such.txt"}, "no/such.txt: there is no such file"),
    ],
    ids=str,
)
def test_arguments_are_checked(options, sentence):
    x, y, _ = sentences(10)
    fails(sentence, x, y, options=options)


def test_the_page_has_every_argument_with_its_default():
    page = (Path(__file__).parents[2] / "docs/tagging.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", page, re.MULTILINE))
    ours = SequenceTagger.parameters()
    assert said == {name: f'"{ours[name]}"' if isinstance(ours[name], str) else repr(ours[name]) for name in said}
    assert set(SequenceTagger.parameters()) - set(said) <= set(treadle.SequenceClassifier.parameters())


def test_arguments_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match="SequenceTagger has no argument 'decodr'; did you mean 'decoder'"):
        SequenceTagger(decodr="crf")


def test_sentences_of_a_reader_are_named_by_file_and_line():
    data = TaggedSentences([["a", "b"]], [["O", "B-X"]], None, "t.conll", [4], "", "iob2", [[4, 5]])
    dev = TaggedSentences([["a"]], [["NOUN"]], None, "d.conll", [9], "", None, [[9]])
    with pytest.raises(InputError, match=r"d\.conll, line 9: found the tag 'NOUN', expected tags of the kind"):
        small(epochs=1).fit_sentences(data, dev=dev)


def test_a_tag_that_one_sentence_has_does_not_stop_training() -> None:
    """Whichever sentences are set aside to choose the epoch by."""
    x = [["a", "b"]] * 19 + [["c", "d"]]
    y = [["X", "Y"]] * 19 + [["X", "RARE"]]
    for seed in range(8):
        model = SequenceTagger(epochs=1, hidden_size=4, seed=seed).fit(x, y)
        assert "RARE" in model.features_.tags


def test_a_part_that_does_not_tell_its_scheme_has_that_of_the_model():
    words, tags = [["我", "爱", "北京"], ["北京", "大学", "好"]] * 6, [["S", "S", "S"], ["B", "E", "S"]] * 6
    dev = [["我", "爱"]], [["S", "S"]]
    model = small(epochs=2).fit(words, tags, dev=dev)
    found = model.predict(dev[0])[0]
    right = len(set(to_spans(found, "bioes")) & set(to_spans(["S", "S"], "bioes")))
    assert model.score(*dev) == pytest.approx(2 * right / (len(to_spans(found, "bioes")) + 2))
    with pytest.raises(InputError, match="found the tag 'DET', expected tags of the kind that the model gives"):
        small(epochs=1).fit(words, tags, dev=([["我"]], [["DET"]]))
