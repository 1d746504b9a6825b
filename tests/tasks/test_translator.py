"""The translator: what it learns, what its alignments mean, and that bad input is one sentence."""

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from pairs_of_words import FAST, WORDS, word_pairs
from sklearn.base import clone

import treadle
from treadle.data.pairs import pairs_of_lists
from treadle.data.vocabulary import UNKNOWN
from treadle.errors import InputError
from treadle.nn.decoder import Encoded
from treadle.tasks.language.sampling import Sampling
from treadle.tasks.search import BeamSettings
from treadle.tasks.settings import check
from treadle.tasks.translate import Drawing, Translator
from treadle.tasks.translate.encoder import Encoder
from treadle.tasks.translate.features import PairFeatures
from treadle.tasks.translate.network import TranslationBatch, TranslationNetwork, shifted
from treadle.tasks.translate.settings import PairSettings, TranslatorSettings
from treadle.training import Interrupted, Silent


@pytest.fixture(scope="module")
def translator():
    return Translator(**FAST).fit(*word_pairs(200))


def tiny(**options) -> TranslatorSettings:
    small = {"hidden_size": 8, "embedding_size": 6, "dropout": 0.0, "embedding_dropout": 0.0}
    return check(TranslatorSettings, Translator(**(small | {"tied": True} | options)).get_params())


def batch(rows: int = 5) -> TranslationBatch:
    torch.manual_seed(0)
    lengths = torch.tensor([4, 1, 6, 3, 2])[:rows], torch.tensor([3, 5, 0, 2, 1])[:rows]
    source, target = torch.randint(1, 9, (rows, 6)), torch.randint(1, 9, (rows, 5))
    return TranslationBatch(source, lengths[0], target, lengths[1])


def test_it_learns_and_says_where_it_looked(translator):
    X, y = word_pairs(60, seed=1)
    found = [several[0] for several in translator.translate(X)]
    assert np.mean([one.text == truth for one, truth in zip(found, y, strict=True)]) > 0.8
    aligned = [place for one in found for place in one.alignment]
    assert np.mean([source == target for source, target in aligned]) > 0.7  # the languages have the same order
    for one in found:
        assert one.attention.shape == (len(one.tokens), len(one.source_tokens))
        np.testing.assert_allclose(one.attention.sum(1), 1, atol=1e-5)


def test_batch_mates_change_nothing(translator):
    X, y = word_pairs(12, seed=2, longest=7)
    together = translator.translate(X, beam_size=3, n_best=2)
    costs = translator.log_losses(X, y)
    for row, text in enumerate(X):
        alone = translator.translate([text], beam_size=3, n_best=2)[0]
        assert [one.text for one in alone] == [one.text for one in together[row]]
        for one, other in zip(alone, together[row], strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-4)
            np.testing.assert_allclose(one.attention, other.attention, atol=1e-4)
        np.testing.assert_allclose(translator.log_losses([text], [y[row]])[0], costs[row], atol=1e-4)


def test_a_score_is_the_likelihood_of_what_is_said(translator):
    X, _ = word_pairs(8, seed=3)
    for width in (1, 3):
        for text, (best, *_) in zip(X, translator.translate(X, beam_size=width), strict=True):
            cost = translator.log_losses([text], [best.text])[0]
            assert best.log_probability == pytest.approx(-cost.sum(), abs=1e-4)
            assert len(cost) == len(best.tokens) + 1


def test_a_score_is_the_same_whatever_found_the_answer(translator):
    X, _ = word_pairs(8, seed=3)
    for options in ({}, {"normalisation": "gnmt", "length_penalty": 0.6}, {"normalisation": "none"}):
        translator.set_params(**options)
        length = BeamSettings(**options).divisor
        for width in (1, 3):
            for best, *_ in translator.translate(X, beam_size=width):
                assert best.score == pytest.approx(best.log_probability / length(len(best.tokens) + 1), abs=1e-9)
        drawn = translator.translate(X, n_best=5, drawing=Drawing(Sampling(temperature=2.0)))
        for several in drawn:
            assert [one.score for one in several] == sorted((one.score for one in several), reverse=True)
    translator.set_params(normalisation="average", length_penalty=1.0)


def test_no_answer_is_right_where_the_truth_is_unknown():
    X, y = word_pairs(60)
    rare = [f"{text} z{row}" for row, text in enumerate(y)]
    model = Translator(**FAST | {"epochs": 12}, min_count=2).fit(X[:50], rare[:50], dev=(X[50:], rare[50:]))
    figures = model.history_[-1]
    assert figures["dev_exact_match"] == 0
    assert figures["dev_token_accuracy"] < 1


def test_one_pair_is_learnt_and_measured():
    assert Translator(**FAST | {"epochs": 1}).fit(["eins zwei"], ["one two"]).dev_rows_.tolist() == [0]


def test_several_answers_come_in_order_and_draws_repeat(translator):
    several = translator.translate(["eins zwei drei"], n_best=4)[0]
    assert len({one.text for one in several}) == 4
    assert [one.score for one in several] == sorted((one.score for one in several), reverse=True)
    drawing = Drawing(Sampling(temperature=3.0), seed=1)
    drawn = [translator.translate(["eins zwei drei vier"], n_best=6, drawing=drawing)[0] for _ in range(2)]
    assert [one.text for one in drawn[0]] == [one.text for one in drawn[1]]
    assert len({one.text for one in drawn[0]}) > 1


def test_an_unknown_word_is_copied_from_where_the_model_looked(translator):
    features = translator.features_
    one = features.target.encode("one")[0]
    assert features.write([one, UNKNOWN], ["eins", "Zürich"]) == "one Zürich"
    assert features.write([one, UNKNOWN]) == "one <unk>"
    letters = PairFeatures.fit(
        pairs_of_lists(["ab"], ["ab"]), check(PairSettings, Translator(unit="char").get_params())
    )
    assert letters.write([UNKNOWN, *letters.target.encode("a")], ["ß", "a"]) == "ßa"
    pieces = PairFeatures.fit(
        pairs_of_lists(["ab ab"] * 3, ["cd cd"] * 3), check(PairSettings, Translator(unit="subword").get_params())
    )
    tokens = pieces.source.tokens("ж ab")
    assert [pieces.write([UNKNOWN], [token]) for token in tokens] == ["\ufffd", "ж", "ab"]
    assert letters.write([UNKNOWN], ["▁"]) == "▁"  # of characters, it is one


def test_translators_write_together(translator):
    X, _ = word_pairs(10, seed=5)
    alone, twice = translator.translate(X), translator.translate(X, beside=[translator])
    assert [found[0].text for found in twice] == [found[0].text for found in alone]
    for (one,), (other,) in zip(alone, twice, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-5)
    stranger = clone(translator)
    stranger.network_ = translator.network_
    stranger.features_ = replace(translator.features_, target=translator.features_.source)
    with pytest.raises(InputError, match="different target symbols cannot write together"):
        translator.translate(X, beside=[stranger])


def test_a_saved_model_answers_as_before(translator, tmp_path):
    X, _ = word_pairs(10, seed=6)
    translator.save(tmp_path)
    loaded = treadle.load(tmp_path)
    assert loaded.predict(X) == translator.predict(X)
    assert loaded.get_params() == translator.get_params() == clone(translator).get_params()
    assert loaded.features_ == translator.features_


def test_nothing_becomes_nothing_and_the_longest_is_still_answered(translator):
    long = " ".join(["eins"] * 60)
    empty, answer = translator.predict(["", long])
    assert empty == ""
    assert set(answer.split()) <= set(WORDS.values())


def test_a_resumed_run_ends_in_the_same_bits(tmp_path):
    """E9, with one embedding for both sides and everything that draws."""
    noise = {"joint": True, "dropout": 0.3, "word_dropout": 0.2, "scheduled_sampling": 0.3, "epochs": 3}
    data = pairs_of_lists(*word_pairs(40))

    class Stop(Silent):
        def advance(self, *, epoch: int, step: int, loss: float) -> None:
            if step == 4:
                signal.raise_signal(signal.SIGINT)

    whole = Translator(**(FAST | noise)).fit_pairs(data)
    place = {"checkpoint": tmp_path / "last.safetensors"}
    with pytest.raises(Interrupted):
        Translator(**(FAST | noise)).fit_pairs(data, **place, progress=Stop())
    again = Translator(**(FAST | noise)).fit_pairs(data, **place, resume=True)
    for name, weight in whole.network_.state_dict().items():
        assert torch.equal(weight, again.network_.state_dict()[name]), name


NETWORKS = {
    "default": {},
    "joint, untied": {"tied": False},
    "coverage": {"coverage": True, "attention": "additive"},
    "fed": {"input_feeding": True},
    "heads": {"attention": "scaled", "heads": 2, "cell": "gru", "layers": 2},
    "causal": {"bidirectional": False, "attention": "dot"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_and_batch_mates_change_no_loss_and_no_gradient(name):
    torch.manual_seed(3)
    network = TranslationNetwork.of_text(tiny(**NETWORKS[name]), source=9, target=9, joint="joint" in name).double()
    network.eval()
    some = batch()
    loss = network(some)
    loss.backward()
    slopes = {key: p.grad.clone() for key, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    padded = TranslationBatch(
        torch.nn.functional.pad(some.source, (0, 3), value=7),
        some.source_lengths,
        torch.nn.functional.pad(some.target, (0, 2), value=5),
        some.target_lengths,
    )
    again = network(padded)
    again.backward()
    torch.testing.assert_close(again, loss)
    for key, p in network.named_parameters():
        if p.grad is not None:
            torch.testing.assert_close(p.grad, slopes[key])
    network.zero_grad()
    total, symbols = 0.0, float((some.target_lengths + 1).sum())
    for row in range(len(some.source_lengths)):
        one = TranslationBatch(*(part[row : row + 1] for part in vars(some).values()))
        own = network(one) * float(one.target_lengths + 1) / symbols
        own.backward()
        total += own.item()
    assert total == pytest.approx(loss.item())
    for key, p in network.named_parameters():
        if p.grad is not None:
            torch.testing.assert_close(p.grad, slopes[key])


def test_the_loss_is_torchs_smoothed_cross_entropy():
    network = TranslationNetwork.of_text(tiny(label_smoothing=0.2), source=9, target=9, joint=True).eval()
    some = batch()
    inputs, wanted, real = shifted(some)
    features, _ = network.read(network.encode(some.source, some.source_lengths), inputs, real)
    logits = network.project(features) @ network.softmax.weight.T + network.softmax.bias
    expected = torch.nn.functional.cross_entropy(logits[real], wanted[real], label_smoothing=0.2)
    torch.testing.assert_close(network(some), expected)
    costs, right = network.judge(some)
    nats = torch.nn.functional.cross_entropy(logits[real], wanted[real], reduction="none")
    torch.testing.assert_close(costs[real], nats)
    assert torch.equal(right[real], logits[real].argmax(1) == wanted[real])


@pytest.mark.parametrize("noise", [{"scheduled_sampling": 1.0}, {"word_dropout": 0.9}])
def test_noise_is_for_training_only(noise):
    torch.manual_seed(1)
    network = TranslationNetwork.of_text(tiny(**noise), source=9, target=9, joint=True)
    some = batch()
    assert network.train()(some) != network(some)
    network.eval()
    torch.testing.assert_close(network(some), network(some), rtol=0, atol=0)


def test_an_encoder_of_another_kind_takes_the_place_of_words():
    class Frames(Encoder):
        """Numeric frames, each a value to look at; the summary is their mean."""

        output_size = summary_size = 3

        def forward(self, inputs, lengths):
            return Encoded(inputs, lengths, inputs.mean(1))

    network = TranslationNetwork(Frames(), tiny(), vocabulary=9)
    some = batch()
    frames = TranslationBatch(torch.randn(5, 6, 3), some.source_lengths, some.target, some.target_lengths)
    network(frames).backward()
    assert network.decoder.bridge.weight.grad.any()


def test_units_follow_the_look_of_either_side():
    def fitted(sources: list[str], targets: list[str], **options) -> PairFeatures:
        return PairFeatures.fit(
            pairs_of_lists(sources, targets), check(PairSettings, Translator(**options).get_params())
        )

    english, german = ["a man in a hat", "two dogs run"] * 3, ["ein Mann mit Hut", "zwei Hunde rennen"] * 3
    both = fitted(english, german)
    assert (both.source.unit, both.joint, both.source is both.target, both.sentences) == ("subword", True, True, True)
    assert not fitted(english, german, joint=False).joint
    dates = fitted(["8 Feb 2012", "2012/03/04"], ["2012-02-08", "2012-03-04"])
    assert (dates.source.unit, dates.target.unit, dates.sentences) == ("char", "char", False)
    sounds = fitted(["cat", "act"] * 5, ["K AE T", "AE K T"] * 5)
    assert (sounds.source.unit, sounds.target.unit, sounds.joint) == ("char", "word", False)
    chinese = fitted(["你好。", "汤姆用跑的 (Hirevuny, awt)。"], ["Hi there.", "Run away."])
    assert (chinese.source.unit, chinese.target.unit, chinese.joint) == ("subword", "subword", False)
    assert fitted(["Hi there.", "Run away."], ["你好。", "你用跑的。"]).unspaced
    with pytest.raises(InputError, match="joint symbols need one unit, found 'char' and 'word'"):
        fitted(["cat", "act"] * 5, ["K AE T", "AE K T"] * 5, joint=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"hidden_size": 7}, "hidden_size is 7, expected an even number"),
        ({"attention": "bahdanau"}, "attention is 'bahdanau', expected 'additive', 'general', 'dot' or 'scaled'"),
        ({"heads": 2}, "attention 'general' with 2 heads is not possible"),
        ({"beam_size": 0}, "beam_size is 0, expected greater than or equal to 1"),
        ({"init_from": "x"}, "a translator cannot begin from"),
        ({"beem_size": 2}, "no argument 'beem_size'; did you mean 'beam_size'"),
        ({"batch_tokens": 2}, "a pair of 5 symbols, expected at most batch_tokens = 2"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, said):
    with pytest.raises(InputError, match=said):
        Translator(**(FAST | {"epochs": 1} | arguments)).fit(["a b c d"] * 4, ["a b c d"] * 4)


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (["a", "b"], ["c"], "there are 2 sources and 1 target, expected equally many"),
        (["a", " "], ["c", "d"], r"row 1 \(counted from 0\): the source is empty"),
        (["a", "b"], ["", "d"], r"row 0 \(counted from 0\): the target is empty"),
        ("a b", ["c"], "the sources are a str, expected a list of texts"),
        (["a", 3], ["c", "d"], r"row 1 \(counted from 0\) of the sources: found 3, expected a text"),
        ([], [], "found no pair"),
    ],
)
def test_bad_pairs_are_one_sentence(X, y, said):
    with pytest.raises(InputError, match=said):
        Translator(**FAST).fit(X, y)


def test_score_is_exact_match_of_words_and_bleu_of_sentences(translator):
    X, y = word_pairs(30, seed=9)
    assert translator.features_.sentences
    assert translator.score(X, y) > 80
    single = clone(translator)
    single.network_, single.features_ = translator.network_, replace(translator.features_, sentences=False)
    assert single.score(["eins", "zwei"], ["one", "three"]) == 0.5
